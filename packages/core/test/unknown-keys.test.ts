import { exportJWK, generateKeyPair, type JWK } from 'jose'
import t from 'tap'
import { createJwksSource, type JwksSourceOptions } from '../src/jwks.ts'
import { UnknownKeys } from '../src/unknown-keys.ts'

const START = 1_000_000

/** An endpoint whose answer can be changed, with the source that reads it and the time it lives in. */
function issuer(keys: unknown[], options: Partial<JwksSourceOptions> = {}) {
  const endpoint = { keys, down: false, fetches: 0, now: START }
  const fetch = async () => {
    endpoint.fetches++
    return {
      status: endpoint.down ? 500 : 200,
      headers: {},
      body: Buffer.from(JSON.stringify({ keys: endpoint.keys }))
    }
  }
  const clock = { now: () => endpoint.now }
  return { endpoint, source: createJwksSource({ uri: 'https://a.test/jwks', fetch, clock, ...options }) }
}

async function publicJwk(kid: string): Promise<JWK> {
  const { publicKey } = await generateKeyPair('ES256', { extractable: true })
  return { ...(await exportJWK(publicKey)), kid }
}

const header = (kid: string) => ({ kid, alg: 'ES256' })
const UNKNOWN = { name: 'OAuthError', error: 'invalid_token', reason: 'unknown_key' }

t.test('RFC 8725 3.10: one unknown key id, asked for every second, makes fewer and fewer fetches', async t => {
  const { endpoint, source } = issuer([await publicJwk('a')], { cooldown: 30, maxAge: 10_000 })
  await source.key(header('a'))
  const fetchedAt: number[] = []
  for (let second = 0; second < 1000; second++) {
    const before = endpoint.fetches
    await t.rejects(source.key(header('gone')), UNKNOWN)
    if (endpoint.fetches > before) fetchedAt.push(second)
    endpoint.now++
  }
  t.strictSame(fetchedAt, [30, 90, 210, 450, 930])
})

t.test('RFC 7517 5: a key that comes with a fetch for another reason works at once', async t => {
  const { endpoint, source } = issuer([], { cooldown: 30, maxAge: 600, refreshAhead: 0 })
  for (const wait of [0, 30, 60, 120]) {
    endpoint.now += wait
    await t.rejects(source.key(header('late')), UNKNOWN)
  }
  endpoint.keys = [await publicJwk('late')]
  endpoint.now += 30
  await t.rejects(source.key(header('late')), UNKNOWN)
  await t.rejects(source.key(header('other')), UNKNOWN, 'which has the set fetched')
  t.match(await source.key(header('late')), { type: 'public' })
})

t.test('RFC 7517 5: a key that is published a moment late waits for one cooldown', async t => {
  const { endpoint, source } = issuer([], { cooldown: 30 })
  await t.rejects(source.key(header('new')), UNKNOWN)
  endpoint.keys = [await publicJwk('new')]
  endpoint.now += 29
  await t.rejects(source.key(header('new')), UNKNOWN)
  endpoint.now += 1
  t.match(await source.key(header('new')), { type: 'public' })
})

t.test('architecture rule 6: in an outage an unknown key is no verdict, remembered or not', async t => {
  const { endpoint, source } = issuer([await publicJwk('a')], { cooldown: 30 })
  await t.rejects(source.key(header('gone')), UNKNOWN)
  endpoint.now += 30
  await t.rejects(source.key(header('gone')), UNKNOWN)
  endpoint.down = true
  endpoint.now += 30
  await t.rejects(source.key(header('other')), { code: 'FST_OAUTH_UNAVAILABLE' })
  await t.rejects(source.key(header('gone')), { code: 'FST_OAUTH_UNAVAILABLE' })
  endpoint.down = false
  endpoint.keys = [await publicJwk('gone')]
  endpoint.now += 30
  t.match(await source.key(header('gone')), { type: 'public' }, 'the first to ask after it has the set fetched')
})

t.test('RFC 8725 3.10: a flood of key ids pushes none of the good keys out, and fetches nothing', async t => {
  const { endpoint, source } = issuer([await publicJwk('a')], { cooldown: 30 })
  await source.key(header('a'))
  const known = source.known(header('a'))
  await Promise.allSettled(Array.from({ length: 3000 }, (_, n) => source.key(header(`k${n}`))))
  t.equal(source.known(header('a')), known)
  t.equal(endpoint.fetches, 1)
})

t.test('UnknownKeys: bounded in number, and in time by `longest`', async t => {
  const clock = { time: START, now: () => clock.time }
  const keys = new UnknownKeys({ cooldown: 30, longest: 100, clock })
  t.notOk(keys.has('a'))
  for (const seconds of [30, 60, 100, 100]) {
    keys.add('a', clock.now())
    clock.time += seconds - 1
    t.ok(keys.has('a'), `${seconds}`)
    clock.time += 1
    t.notOk(keys.has('a'), `${seconds}`)
  }
  keys.add('b', clock.now())
  clock.time += 10
  keys.add('b', clock.now())
  clock.time += 20
  t.notOk(keys.has('b'), 'being asked for again does not make it longer')
  keys.add('c', clock.now())
  for (let n = 0; n < 1000; n++) keys.add(`k${n}`, clock.now())
  t.notOk(keys.has('c'))
  t.ok(keys.has('k0'))
  clock.time -= 1
  t.notOk(keys.has('k0'), 'a clock that was set back ends it')
})
