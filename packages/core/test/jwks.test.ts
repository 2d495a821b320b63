import { type CryptoKey, exportJWK, generateKeyPair, type JWK } from 'jose'
import t from 'tap'
import { UnavailableError } from '../src/errors.ts'
import { ASYMMETRIC_ALGORITHMS, createJwksSource, type JwksSourceOptions } from '../src/jwks.ts'
import type { SafeFetch } from '../src/safe-fetch.ts'

const URL = 'https://auth.example.com/jwks.json'

async function publicJwk(alg: string, extra: JWK = {}): Promise<JWK> {
  const { publicKey } = await generateKeyPair(alg, { extractable: true })
  return { ...(await exportJWK(publicKey)), ...extra }
}

/** An endpoint whose answer can be changed, with the source that reads it and the time it lives in. */
function issuer(keys: unknown[], options: Partial<JwksSourceOptions> = {}) {
  const endpoint = { keys, status: 200, down: false, fetched: [] as string[], now: 1_000_000 }
  const fetch: SafeFetch = async url => {
    endpoint.fetched.push(url)
    if (endpoint.down) throw new UnavailableError('down')
    return { status: endpoint.status, headers: {}, body: Buffer.from(JSON.stringify({ keys: endpoint.keys })) }
  }
  const clock = { now: () => endpoint.now }
  return { endpoint, source: createJwksSource({ uri: URL, fetch, clock, ...options }) }
}

const describe = (key: CryptoKey): unknown => ({ type: key.type, name: key.algorithm.name })

t.test('RFC 7517 5: finds the key of the kid, for each kind of key', async t => {
  const algorithms: [string, string][] = [
    ['RS256', 'RSASSA-PKCS1-v1_5'],
    ['PS256', 'RSA-PSS'],
    ['ES256', 'ECDSA'],
    ['ES384', 'ECDSA'],
    ['EdDSA', 'Ed25519']
  ]
  const keys = await Promise.all(algorithms.map(([alg]) => publicJwk(alg, { kid: alg, use: 'sig' })))
  const { endpoint, source } = issuer(keys)
  for (const [alg, name] of algorithms)
    t.strictSame(describe(await source.key({ kid: alg, alg })), { type: 'public', name }, alg)
  t.strictSame(endpoint.fetched, [URL], 'one fetch for all')
})

t.test('RFC 8725 3.1: the algorithm must be asymmetric, allowed, and fit the key', async t => {
  const keys = [
    await publicJwk('RS256', { kid: 'rsa' }),
    await publicJwk('ES256', { kid: 'ec' }),
    await publicJwk('ES256', { kid: 'alg', alg: 'ES384' })
  ]
  const { endpoint, source } = issuer(keys, { algorithms: ['ES256', 'RS256'] })
  for (const alg of ['none', 'None', 'HS256', 'HS512', '', 'es256', 'PS256', 'ES256K', 'dir', 'constructor'])
    await t.rejects(
      source.key({ kid: 'rsa', alg }),
      { name: 'OAuthError', error: 'invalid_token', reason: 'algorithm_not_allowed' },
      alg
    )
  t.equal(endpoint.fetched.length, 0, 'nothing is fetched for those')
  await t.rejects(source.key({ kid: 'rsa', alg: 'ES256' }), {
    name: 'OAuthError',
    error: 'invalid_token',
    reason: 'unknown_key'
  })
  await t.rejects(source.key({ kid: 'ec', alg: 'RS256' }), {
    name: 'OAuthError',
    error: 'invalid_token',
    reason: 'unknown_key'
  })
  await t.rejects(source.key({ kid: 'alg', alg: 'ES256' }), {
    name: 'OAuthError',
    error: 'invalid_token',
    reason: 'unknown_key'
  })
})

t.test('createJwksSource: a symmetric algorithm in the options stops the boot', async t => {
  for (const alg of ['HS256', 'none', 'A256KW'])
    t.throws(() => issuer([], { algorithms: ['RS256', alg] }), { code: 'FST_OAUTH_OPTION' }, alg)
  t.notOk(ASYMMETRIC_ALGORITHMS.some(alg => alg.startsWith('HS') || alg === 'none'))
})

t.test('RFC 7517 4: keys that are not public signature keys are never used', async t => {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const keys = [
    null,
    'text',
    { kid: 'empty' },
    { kty: 'oct', k: 'c2VjcmV0', kid: 'oct', alg: 'ES256' },
    { ...(await exportJWK(privateKey)), kid: 'private' },
    await publicJwk('ES256', { kid: 'enc', use: 'enc' }),
    await publicJwk('ES256', { kid: 'ops', key_ops: ['encrypt'] }),
    { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'broken' },
    {
      kty: 'RSA',
      n: 'sXchDaQebHnPiGvyDOAT4saGEUetSyo9MKLOoWFsueri23bOdgWp4Dy1WlUzewbgBHod5pcM9H95GQRV3JDXboIRROSBigeC5yjU1hGzHHyXss8UDprecbAYxknTcQkhslANGRUZmdTOQ5qTRsLAt6BTYuyvVRdhS8exSZEy_c4',
      e: 'AQAB',
      kid: 'short'
    },
    await publicJwk('ES256', { kid: 'good', use: 'sig', key_ops: ['verify'] })
  ]
  const { source } = issuer(keys)
  t.match(await source.key({ kid: 'good', alg: 'ES256' }), { type: 'public' }, 'the bad ones do not spoil the good one')
  for (const kid of ['empty', 'oct', 'private', 'enc', 'ops', 'broken'])
    await t.rejects(source.key({ kid, alg: 'ES256' }), { name: 'OAuthError', error: 'invalid_token' }, kid)
  await t.rejects(
    source.key({ kid: 'short', alg: 'RS256' }),
    { name: 'OAuthError', error: 'invalid_token' },
    'RSA with 1024 bits'
  )
})

t.test('kid: only compared, bounded, and needed where it tells keys apart', async t => {
  const [a, b] = [await publicJwk('ES256', { kid: 'a' }), await publicJwk('ES256', { kid: 'x'.repeat(256) })]
  const { endpoint, source } = issuer([a, b])
  await t.rejects(source.key({ kid: 'x'.repeat(257), alg: 'ES256' }), { name: 'OAuthError', reason: 'kid_malformed' })
  await t.rejects(source.key({ kid: 7 as unknown as string, alg: 'ES256' }), {
    name: 'OAuthError',
    reason: 'kid_malformed'
  })
  t.equal(endpoint.fetched.length, 0)
  t.ok(await source.key({ kid: 'x'.repeat(256), alg: 'ES256' }))
  for (const kid of ['', 'A', '__proto__', 'constructor', '../a', "' or 1=1"])
    await t.rejects(source.key({ kid, alg: 'ES256' }), { name: 'OAuthError', reason: 'unknown_key' }, kid)
  await t.rejects(source.key({ alg: 'ES256' }), { name: 'OAuthError', error: 'invalid_token', reason: 'key_ambiguous' })
  t.ok(await issuer([a]).source.key({ alg: 'ES256' }), 'a lone key needs no kid')
})

t.test('cooldown: a flood of unknown kids makes one more fetch per cooldown', async t => {
  const { endpoint, source } = issuer([await publicJwk('ES256', { kid: 'a' })], { cooldown: 30 })
  await source.key({ kid: 'a', alg: 'ES256' })
  const flood = (): Promise<unknown> =>
    Promise.allSettled(Array.from({ length: 50 }, (_, n) => source.key({ kid: `k${n}`, alg: 'ES256' })))
  await flood()
  t.equal(endpoint.fetched.length, 1, 'within the cooldown: none')
  endpoint.now += 29
  await flood()
  t.equal(endpoint.fetched.length, 1)
  endpoint.now += 1
  await flood()
  t.equal(endpoint.fetched.length, 2, 'after it: one for all fifty')
})

t.test('single flight: callers that arrive together share one fetch', async t => {
  const { endpoint, source } = issuer([await publicJwk('ES256', { kid: 'a' })])
  const keys = await Promise.all(Array.from({ length: 20 }, () => source.key({ kid: 'a', alg: 'ES256' })))
  t.equal(new Set(keys).size, 1)
  t.equal(endpoint.fetched.length, 1)
})

t.test('rotation: a new key is found at once after the cooldown, a removed one stops after the refresh', async t => {
  const [first, second] = [await publicJwk('ES256', { kid: '1' }), await publicJwk('ES256', { kid: '2' })]
  const { endpoint, source } = issuer([first], { cooldown: 30, maxAge: 600 })
  await source.key({ kid: '1', alg: 'ES256' })
  endpoint.keys = [second]
  endpoint.now += 30
  t.ok(await source.key({ kid: '1', alg: 'ES256' }), 'nobody has asked yet')
  t.ok(await source.key({ kid: '2', alg: 'ES256' }))
  await t.rejects(source.key({ kid: '1', alg: 'ES256' }), { name: 'OAuthError', error: 'invalid_token' })
})

t.test('maxAge: a removed key works no longer than that', async t => {
  const { endpoint, source } = issuer([await publicJwk('ES256', { kid: '1' })], { maxAge: 600 })
  await source.key({ kid: '1', alg: 'ES256' })
  endpoint.keys = []
  endpoint.now += 599
  t.ok(await source.key({ kid: '1', alg: 'ES256' }))
  endpoint.now += 1
  await t.rejects(source.key({ kid: '1', alg: 'ES256' }), {
    name: 'OAuthError',
    error: 'invalid_token',
    reason: 'unknown_key'
  })
})

t.test('outage: without a set it is 503, and the cooldown holds after a failure too', async t => {
  const { endpoint, source } = issuer([await publicJwk('ES256', { kid: 'a' })], { cooldown: 30 })
  endpoint.down = true
  const ask = (): Promise<unknown> => source.key({ kid: 'a', alg: 'ES256' })
  await t.rejects(ask(), { code: 'FST_OAUTH_UNAVAILABLE', statusCode: 503, retryAfter: 30 })
  endpoint.now += 10
  await t.rejects(ask(), { code: 'FST_OAUTH_UNAVAILABLE', retryAfter: 20 })
  await Promise.allSettled(Array.from({ length: 20 }, ask))
  t.equal(endpoint.fetched.length, 1)
  endpoint.down = false
  endpoint.now += 20
  t.ok(await ask(), 'and it recovers by itself')
})

t.test('outage: known keys keep working, but not for ever', async t => {
  const errors: unknown[] = []
  const options = { maxAge: 600, staleIfError: 3600, onError: (error: unknown) => errors.push(error) }
  const { endpoint, source } = issuer([await publicJwk('ES256', { kid: 'a' })], options)
  const ask = (kid = 'a'): Promise<unknown> => source.key({ kid, alg: 'ES256' })
  await ask()
  endpoint.down = true
  endpoint.now += 600
  t.ok(await ask())
  t.match(errors, [{ code: 'FST_OAUTH_UNAVAILABLE' }], 'the operator is told')
  await t.rejects(ask('new'), { code: 'FST_OAUTH_UNAVAILABLE' }, 'an unknown key may be a new one: no verdict')
  endpoint.now += 3599
  t.ok(await ask())
  endpoint.now += 1
  await t.rejects(ask(), { code: 'FST_OAUTH_UNAVAILABLE' })
})

t.test('outage: an answer that is no key set counts as one', async t => {
  const { endpoint, source } = issuer([await publicJwk('ES256', { kid: 'a' })])
  endpoint.status = 500
  await t.rejects(source.key({ kid: 'a', alg: 'ES256' }), { code: 'FST_OAUTH_UNAVAILABLE' })
  for (const body of ['', '<html>', '[]', 'null', '{"keys":{}}']) {
    const fetch: SafeFetch = async () => ({ status: 200, headers: {}, body: Buffer.from(body) })
    await t.rejects(
      createJwksSource({ uri: URL, fetch }).key({ alg: 'ES256' }),
      { code: 'FST_OAUTH_UNAVAILABLE' },
      body
    )
  }
})

t.test('clock: set back, it prolongs neither the cooldown nor the set', async t => {
  const { endpoint, source } = issuer([await publicJwk('ES256', { kid: '1' })])
  await source.key({ kid: '1', alg: 'ES256' })
  endpoint.keys = []
  endpoint.now -= 100_000
  await t.rejects(source.key({ kid: '1', alg: 'ES256' }), { name: 'OAuthError', error: 'invalid_token' })
})

t.test('discovery: run lazily, remembered while it works, run again after a failure', async t => {
  let discovered = 0
  const uri = async (): Promise<string> => `${URL}?${++discovered}`
  const { endpoint, source } = issuer([await publicJwk('ES256', { kid: 'a' })], { uri, maxAge: 60, cooldown: 30 })
  t.equal(discovered, 0)
  const ask = (): Promise<unknown> => source.key({ kid: 'a', alg: 'ES256' })
  await ask()
  endpoint.now += 60
  await ask()
  t.strictSame(endpoint.fetched, [`${URL}?1`, `${URL}?1`])
  endpoint.down = true
  endpoint.now += 60
  await ask()
  endpoint.down = false
  endpoint.now += 60
  await ask()
  t.strictSame(endpoint.fetched.slice(2), [`${URL}?1`, `${URL}?2`])
})

t.test('discovery: its outage is an outage', async t => {
  const { endpoint, source } = issuer([], { uri: () => Promise.reject(new UnavailableError('no metadata')) })
  await t.rejects(source.key({ alg: 'ES256' }), { code: 'FST_OAUTH_UNAVAILABLE', cause: { message: 'no metadata' } })
  t.equal(endpoint.fetched.length, 0)
})
