import { exportJWK, generateKeyPair, type JWK } from 'jose'
import t from 'tap'
import { UnavailableError } from '../src/errors.ts'
import { createJwksSource, createStaticJwks, type JwksSourceOptions } from '../src/jwks.ts'
import type { SafeFetch } from '../src/safe-fetch.ts'

async function publicJwk(kid: string): Promise<JWK> {
  const { publicKey } = await generateKeyPair('ES256', { extractable: true })
  return { ...(await exportJWK(publicKey)), kid }
}

/** An endpoint whose answer can be changed, with the source that reads it and the events that it told. */
function issuer(keys: unknown[], options: Partial<JwksSourceOptions> = {}) {
  const endpoint = { keys, down: false, fetches: 0, now: 1_000_000, events: [] as string[] }
  const fetch: SafeFetch = async () => {
    endpoint.fetches++
    if (endpoint.down) throw new UnavailableError('down')
    return { status: 200, headers: {}, body: Buffer.from(JSON.stringify({ keys: endpoint.keys })) }
  }
  const clock = { now: () => endpoint.now }
  const onEvent: JwksSourceOptions['onEvent'] = event => endpoint.events.push(event.type)
  return { endpoint, source: createJwksSource({ uri: 'https://a.test/jwks', fetch, clock, onEvent, ...options }) }
}

const a = { kid: 'a', alg: 'ES256' }
const settled = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

t.test('known: nothing before it was found, then the same key object without waiting', async t => {
  const { endpoint, source } = issuer([await publicJwk('a')])
  t.equal(source.known(a), null)
  t.equal(source.generation(), null)
  await source.key(a)
  t.match(source.known(a), { type: 'public', asymmetricKeyType: 'ec' })
  t.equal(source.known(a), source.known(a))
  t.equal(source.known({ kid: 'b', alg: 'ES256' }), null)
  t.equal(source.known({ kid: 'a', alg: 'RS256' }), null)
  t.equal(source.known({ alg: 'ES256' }), null)
  t.equal(endpoint.fetches, 1, 'looking fetches nothing')
})

t.test('refresh ahead: near the end of maxAge the set is fetched, and nobody waits for it', async t => {
  const { endpoint, source } = issuer([await publicJwk('a')], { maxAge: 600, refreshAhead: 60 })
  await source.key(a)
  endpoint.now += 539
  t.ok(source.known(a))
  await settled()
  t.equal(endpoint.fetches, 1)
  endpoint.now += 1
  t.ok(source.known(a), 'the old one, at once')
  await settled()
  t.equal(endpoint.fetches, 2)
  endpoint.now += 500
  t.not(source.generation(), null, 'far beyond the age of the first')
})

t.test('generation: changes when a key is dropped or altered, not when one is added', async t => {
  const [first, second] = [await publicJwk('a'), await publicJwk('b')]
  const { endpoint, source } = issuer([first])
  const after = async (keys: unknown[]): Promise<number | null> => {
    endpoint.keys = keys
    endpoint.now += 600
    await source.key(a).catch(() => undefined)
    return source.generation()
  }
  const start = await after([first])
  t.equal(await after([first, second]), start)
  t.equal(await after([second, first]), start, 'their order says nothing')
  const dropped = await after([first])
  t.not(dropped, start)
  t.not(await after([{ ...second, kid: 'a' }]), dropped, 'another key under the same name')
})

t.test(
  'generation and known: null past maxAge, but for a refresh that has just failed, and never past the limit',
  async t => {
    const { endpoint, source } = issuer([await publicJwk('a')], { maxAge: 600, staleIfError: 3600, cooldown: 30 })
    await source.key(a)
    endpoint.down = true
    endpoint.now += 600
    t.equal(source.generation(), null, 'somebody has to ask first')
    await source.key(a)
    t.equal(source.generation(), 0)
    t.ok(source.known(a))
    endpoint.now += 30
    t.equal(source.known(a), null)
    endpoint.now += 3570
    await t.rejects(source.key(a))
    t.equal(source.generation(), null)
  }
)

t.test('events: one each way for an outage of an hour, and a listener that throws does no harm', async t => {
  const onError = (): never => {
    throw new Error('listener')
  }
  const { endpoint, source } = issuer([await publicJwk('a')], { onError })
  await source.key(a)
  endpoint.down = true
  for (let minute = 0; minute < 60; minute++) {
    endpoint.now += 60
    t.ok(await source.key(a))
  }
  t.match(source.health(), { state: 'down', age: 3600 })
  endpoint.down = false
  endpoint.now += 60
  await source.key(a)
  t.strictSame(endpoint.events, ['refreshed', 'failed', 'refreshed', 'recovered'])
  t.match(source.health(), { state: 'up', age: 0 })
})

t.test('prefetch: once, and its failure does not make the first token wait', async t => {
  const { endpoint, source } = issuer([await publicJwk('a')])
  endpoint.down = true
  await source.prefetch()
  t.equal(endpoint.fetches, 1)
  endpoint.down = false
  t.ok(await source.key(a))
  await source.prefetch()
  t.equal(endpoint.fetches, 2)
})

t.test('static keys: the same answers, without a fetch', async t => {
  const source = createStaticJwks({ keys: [await publicJwk('a')] })
  t.equal(source.known(a), null)
  t.match(await source.key(a), { type: 'public' })
  t.ok(source.known(a))
  await t.rejects(source.key({ kid: 'b', alg: 'ES256' }), { name: 'OAuthError', reason: 'unknown_key' })
  await t.rejects(source.key({ kid: 'a', alg: 'HS256' }), { name: 'OAuthError', reason: 'algorithm_not_allowed' })
  t.throws(() => createStaticJwks({ keys: [] }), { code: 'FST_OAUTH_OPTION' })
})
