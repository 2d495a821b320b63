import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import t from 'tap'
import { createTestIssuer, settableClock } from '../src/index.ts'

const RESOURCE = 'https://api.example.com/mcp'

t.test('RFC 9068 2: a minted token verifies with a foreign library, for every algorithm', async t => {
  const issuer = await createTestIssuer()
  const keys = createLocalJWKSet(await issuer.jwks())
  for (const algorithm of ['ES256', 'RS256', 'EdDSA'] as const) {
    const token = await issuer.mint({ resource: RESOURCE, subject: 'bob', scopes: ['a', 'b'], algorithm })
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      issuer: issuer.issuer,
      audience: RESOURCE,
      typ: 'at+jwt',
      requiredClaims: ['jti', 'iat', 'exp', 'client_id']
    })
    t.match(payload, { sub: 'bob', scope: 'a b', client_id: 'test-client' })
    t.equal(protectedHeader.alg, algorithm)
  }
})

t.test('RFC 7517 4: the key set has public members only', async t => {
  const { keys } = await (await createTestIssuer()).jwks()
  t.equal(keys.length, 3)
  for (const key of keys) for (const secret of ['d', 'p', 'q', 'k']) t.notOk(secret in key)
})

t.test('claims and header can be replaced, added and taken away', async t => {
  const clock = settableClock(1000)
  const issuer = await createTestIssuer({ issuer: 'https://as.test/tenant', clock })
  const token = await issuer.mint({
    resource: RESOURCE,
    expiresIn: -1,
    claims: { sub: undefined, x: 1 },
    header: { typ: undefined }
  })
  t.match(decodeJwt(token), { iss: 'https://as.test/tenant', iat: 1000, exp: 999, x: 1 })
  t.notOk('sub' in decodeJwt(token))
  t.notOk('typ' in decodeProtectedHeader(token))
})

t.test('no wrong token is accepted by a foreign library that is told the profile', async t => {
  const issuer = await createTestIssuer()
  const keys = createLocalJWKSet(await issuer.jwks())
  const wrong = await issuer.wrong({ resource: RESOURCE })
  t.equal(new Set(wrong.map(({ name }) => name)).size, wrong.length, 'each has a name of its own')
  t.equal(new Set(wrong.map(({ token }) => token)).size, wrong.length)
  // What a library leaves to its caller: types of claims that it does not know, and presence of `b64`.
  const beyond = /^(sub|client_id|scope) |^aud is an array with a number|^exp has|^b64|^kid has/
  for (const { name, token } of wrong.filter(candidate => !beyond.test(candidate.name)))
    await t.rejects(
      jwtVerify(token, keys, {
        issuer: issuer.issuer,
        audience: RESOURCE,
        typ: 'at+jwt',
        requiredClaims: ['sub', 'iat', 'exp', 'jti', 'client_id'],
        algorithms: ['ES256', 'RS256', 'EdDSA']
      }),
      name
    )
})

t.test('rotate: new keys, and the old ones stay only when asked to', async t => {
  const issuer = await createTestIssuer()
  const before = await issuer.mint({ resource: RESOURCE })
  await issuer.rotate({ keep: true })
  const both = createLocalJWKSet(await issuer.jwks())
  await t.resolves(jwtVerify(before, both))
  const after = await issuer.mint({ resource: RESOURCE })
  t.not(decodeProtectedHeader(after).kid, decodeProtectedHeader(before).kid)
  await t.resolves(jwtVerify(after, both))
  await issuer.rotate()
  await t.rejects(jwtVerify(before, createLocalJWKSet(await issuer.jwks())))
})

t.test('RFC 8414 3: listen serves metadata and keys under its own address, counts, and can be down', async t => {
  const issuer = await createTestIssuer()
  const http = await issuer.listen()
  t.teardown(() => http.close())
  t.equal(issuer.issuer, http.url)
  const response = await fetch(`${http.url}/.well-known/oauth-authorization-server`)
  const metadata = (await response.json()) as { jwks_uri: string }
  t.match(metadata, { issuer: http.url, jwks_uri: `${http.url}/jwks.json` })
  t.strictSame(await (await fetch(metadata.jwks_uri)).json(), await issuer.jwks())
  t.equal((await fetch(`${http.url}/nothing`)).status, 404)
  t.equal(http.requests.get('/jwks.json'), 1)
  t.equal(issuer.fetches, 3)
  issuer.outage = true
  t.equal((await fetch(metadata.jwks_uri)).status, 503)
  await t.rejects(issuer.fetch(metadata.jwks_uri), { code: 'FST_OAUTH_UNAVAILABLE' })
})
