import { createTestIssuer, settableClock } from '@fastify-mcp-auth/testing'
import t from 'tap'
import { jwt } from '../../src/index.ts'
import { RESOURCE, reasonOf } from '../app.ts'

const context = { resource: RESOURCE, request: null }
const plain = { typ: 'JWT' }

type Members = Record<string, unknown>

async function lenient(options: object = {}) {
  const issuer = await createTestIssuer()
  const verifier = jwt({ issuer: issuer.issuer, fetch: issuer.fetch, profile: 'lenient', ...options })
  return { issuer, verifier }
}

t.test('RFC 9068 6: the lenient profile takes what older issuers send', async t => {
  const { issuer, verifier } = await lenient()
  const none = { client_id: undefined, jti: undefined, iat: undefined }
  const shapes: [string, Members, Members, object][] = [
    ['Auth0', plain, { ...none, azp: 'web', scope: 'a b' }, { clientId: 'web', scopes: ['a', 'b'] }],
    ['Okta', { typ: undefined }, { ...none, cid: 'web', scp: ['a', 'b'] }, { clientId: 'web', scopes: ['a', 'b'] }],
    ['Entra v2', plain, { ...none, azp: 'web', scp: 'a b' }, { clientId: 'web', scopes: ['a', 'b'] }],
    ['Entra v1', plain, { ...none, appid: 'web', scp: 'a' }, { clientId: 'web', scopes: ['a'] }],
    ['Keycloak', plain, { ...none, azp: 'web', typ: 'Bearer', nonce: 'n', scope: 'a' }, { clientId: 'web' }],
    ['Cognito', plain, { token_use: 'access', scope: 'a' }, { clientId: 'test-client', scopes: ['a'] }],
    ['RFC 9068', {}, { scope: 'a' }, { clientId: 'test-client', scopes: ['a'] }],
    ['scope as a list', plain, { scope: ['a', 'b'] }, { scopes: ['a', 'b'] }]
  ]
  for (const [name, header, claims, expected] of shapes)
    t.match(await verifier.verify(await issuer.mint({ resource: RESOURCE, header, claims }), context), expected, name)
})

t.test('RS-5: the lenient profile refuses ID tokens and says so, and other tokens of the issuer', async t => {
  const { issuer, verifier } = await lenient()
  const wrong: [Members, Members, string][] = [
    [plain, { nonce: 'n' }, 'id_token'],
    [plain, { at_hash: 'n' }, 'id_token'],
    [plain, { c_hash: 'n' }, 'id_token'],
    [plain, { token_use: 'id' }, 'id_token'],
    [plain, { typ: 'ID' }, 'id_token'],
    [{ typ: 'ID' }, {}, 'id_token'],
    [plain, { typ: 'Refresh' }, 'type'],
    [plain, { typ: 'Offline' }, 'type'],
    [plain, { token_use: 'refresh' }, 'type'],
    [plain, { events: {} }, 'type'],
    [{ typ: 'logout+jwt' }, {}, 'type'],
    [{ typ: 'dpop+jwt' }, {}, 'type'],
    [plain, { client_id: undefined }, 'claim_client_id'],
    [plain, { client_id: ['a'] }, 'claim_client_id'],
    [plain, { sub: undefined }, 'claim_sub'],
    [plain, { sub: ['alice'] }, 'claim_sub'],
    [plain, { aud: undefined }, 'claim_aud'],
    [plain, { exp: undefined }, 'claim_exp'],
    [plain, { exp: '9999999999' }, 'claim_exp'],
    [plain, { iat: 'now' }, 'claim_iat'],
    [plain, { scp: [1] }, 'claim_scp'],
    [plain, { scope: 'a"b' }, 'claim_scope'],
    [plain, { iss: ['https://issuer.test'] }, 'issuer']
  ]
  for (const [header, claims, reason] of wrong) {
    const token = await issuer.mint({ resource: RESOURCE, header, claims })
    t.equal(await reasonOf(() => verifier.verify(token, context)), reason, JSON.stringify({ header, claims }))
  }
})

t.test('RS-5: a signature is as strict in the lenient profile', async t => {
  const { issuer, verifier } = await lenient()
  const types = new Set(['typ is missing', 'typ is JWT', 'jti is missing', 'iat is missing', 'scope is an array'])
  // Their audience is for the plugin to refuse.
  const later = /^aud (of|is only|goes)/
  for (const { name, token } of await issuer.wrong({ resource: RESOURCE })) {
    if (types.has(name) || later.test(name)) continue
    t.type(await reasonOf(() => verifier.verify(token, context)), 'string', name)
  }
})

t.test('mapScopes reads the scopes from anywhere, once for each token, and cannot let rubbish through', async t => {
  let calls = 0
  const mapScopes = (claims: { readonly [name: string]: unknown }): string[] => {
    calls++
    return claims['permissions'] as string[]
  }
  for (const profile of ['lenient', 'rfc9068'] as const) {
    const { issuer, verifier } = await lenient({ mapScopes, profile })
    const good = await issuer.mint({ resource: RESOURCE, claims: { permissions: ['p:read'], scope: 'openid' } })
    calls = 0
    t.strictSame((await verifier.verify(good, context)).scopes, ['p:read'])
    t.equal(calls, 1, 'CVE-2026-35041, CVE-2026-35040: once')
    for (const permissions of [undefined, 'p:read', [1], ['a b'], {}]) {
      const token = await issuer.mint({ resource: RESOURCE, claims: { permissions } })
      t.equal(await reasonOf(() => verifier.verify(token, context)), 'map_scopes')
    }
  }
})

t.test('requiredClaims', async t => {
  const { issuer, verifier } = await lenient({ requiredClaims: ['tid'] })
  const good = await issuer.mint({ resource: RESOURCE, claims: { tid: 't1' } })
  t.equal((await verifier.verify(good, context)).claims['tid'], 't1')
  for (const claims of [{}, { tid: null }]) {
    const token = await issuer.mint({ resource: RESOURCE, claims })
    t.equal(await reasonOf(() => verifier.verify(token, context)), 'required_claim')
  }
})

t.test('CVE-2025-59936: issuers have keys of their own, also when their key ids are the same', async t => {
  const a = await createTestIssuer({ issuer: 'https://a.test' })
  const b = await createTestIssuer({ issuer: 'https://b.test' })
  const verifier = jwt({
    issuers: [
      { issuer: a.issuer, jwks: await a.jwks() },
      { issuer: b.issuer, jwks: await b.jwks() }
    ]
  })
  t.strictSame(verifier.issuers, ['https://a.test', 'https://b.test'])
  for (const issuer of [a, b])
    t.match(await verifier.verify(await issuer.mint({ resource: RESOURCE }), context), { issuer: issuer.issuer })
  const crossed = await a.mint({ resource: RESOURCE, claims: { iss: b.issuer } })
  t.equal(await reasonOf(() => verifier.verify(crossed, context)), 'signature')
  t.equal(await reasonOf(() => verifier.verify(crossed, context)), 'signature', 'now that the key is known')
  t.equal(a.fetches + b.fetches, 0)
})

t.test('CVE-2025-30144: an array of issuers with a trusted one in it is no issuer', async t => {
  const { issuer, verifier } = await lenient()
  const token = await issuer.mint({ resource: RESOURCE, claims: { iss: [issuer.issuer] } })
  t.equal(await reasonOf(() => verifier.verify(token, context)), 'issuer')
})

t.test('options of several issuers and static keys that cannot work stop the boot', async t => {
  const { keys } = await (await createTestIssuer()).jwks()
  const issuer = 'https://issuer.test'
  const wrong: object[] = [
    { issuer, issuers: [issuer] },
    { issuers: [] },
    { issuers: [issuer, issuer] },
    { issuers: ['http://issuer.test'] },
    { issuers: [issuer], jwks: { keys } },
    { issuer, jwks: { keys: [] } },
    { issuer, jwks: { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] } },
    { issuer, jwks: { keys: [{ ...keys[0], d: 'private' }] } },
    { issuer, jwks: [] },
    { issuer, jwks: { keys }, jwksUri: 'https://issuer.test/jwks' },
    { issuer, profile: 'none' }
  ]
  for (const options of wrong) t.throws(() => jwt(options), { code: 'FST_OAUTH_OPTION' }, JSON.stringify(options))
})

t.test('health and events tell of an outage once each way', async t => {
  const clock = settableClock(1_800_000_000)
  const issuer = await createTestIssuer({ clock })
  const verifier = jwt({ issuer: issuer.issuer, fetch: issuer.fetch, clock })
  const events: string[] = []
  verifier.observe?.(event => events.push(event.type))
  const token = await issuer.mint({ resource: RESOURCE, expiresIn: 7200 })
  t.match(verifier.health?.(), [{ dependency: 'jwks', issuer: issuer.issuer, state: 'unknown', age: null }])
  await verifier.prepare?.()
  t.match(verifier.health?.(), [{ state: 'up', age: 0 }])
  issuer.outage = true
  for (let minute = 0; minute < 60; minute++) {
    clock.advance(60)
    t.equal((await verifier.verify(token, context)).subject, 'alice')
    const stranger = await issuer.mint({ resource: RESOURCE, header: { kid: `new-${minute}` } })
    if (verifier.health?.()[0]?.state === 'down')
      t.match(await reasonOf(() => verifier.verify(stranger, context)), /had/)
  }
  t.match(verifier.health?.(), [{ state: 'down', age: 3600 }])
  issuer.outage = false
  clock.advance(60)
  await verifier.verify(token, context)
  t.strictSame(events, ['jwks.refreshed', 'jwks.failed', 'jwks.refreshed', 'jwks.recovered'])
})
