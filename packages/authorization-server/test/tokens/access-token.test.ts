import { randomBytes } from 'node:crypto'
import { createKeyRing } from '@fastify-mcp-auth/core'
import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import { createLocalJWKSet, decodeProtectedHeader, exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import t, { type Test } from 'tap'
import { signJwt } from '../../src/tokens/signer.ts'
import { loadSigningKeys } from '../../src/tokens/signing-keys.ts'
import { buildServer, ORIGIN, RESOURCE, recordsOf, refusalOf, type TestServer } from '../fixture.ts'

const KEY = randomBytes(32).toString('base64')

async function issued(t: Test, build?: Parameters<typeof buildServer>[1]) {
  const server = await buildServer(t, build)
  const { access_token: token } = await server.client().connect()
  const verify = (given: string, resource = RESOURCE) =>
    refusalOf(server.app.authorizationServer.verifyAccessToken(given, resource))
  return { server, token, verify }
}

const claimsOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())

async function published(server: TestServer) {
  return createLocalJWKSet((await server.app.inject('/.well-known/jwks.json')).json())
}

t.test('RFC 9068 2: a foreign resource server can check the token with the published keys', async t => {
  const { server, token } = await issued(t)
  const { payload, protectedHeader } = await jwtVerify(token, await published(server), {
    issuer: ORIGIN,
    audience: RESOURCE,
    typ: 'at+jwt',
    algorithms: ['ES256'],
    currentDate: new Date(server.clock.now() * 1000),
    requiredClaims: ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti']
  })
  t.strictSame(Object.keys(protectedHeader).sort(), ['alg', 'kid', 'typ'])
  const now = server.clock.now()
  t.match(payload, {
    iss: ORIGIN,
    sub: 'sub-alice',
    aud: RESOURCE,
    scope: 'notes:read notes:write',
    auth_time: now,
    iat: now,
    exp: now + 900,
    client_id: /^[\w-]{22}$/,
    grant_id: /^[\w-]{22}$/,
    jti: /^[\w-]{22}$/
  })
})

t.test('RFC 9068 2.2: claims of the app are added, but never in the place of what the protocol says', async t => {
  const { token } = await issued(t)
  const claims = claimsOf(token)
  t.match(claims, { name: 'alice', sub: 'sub-alice', aud: RESOURCE, iss: ORIGIN, scope: 'notes:read notes:write' })
  for (const claim of ['nbf', 'cnf', 'act', 'may_act']) t.equal(claim in claims, false, claim)
})

t.test('RFC 9068 2.2: two tokens are never the same', async t => {
  const { server, token } = await issued(t)
  const { access_token: other } = await server.client().connect()
  t.not(claimsOf(other)['jti'], claimsOf(token)['jti'])
})

t.test('RS-4: the token is accepted until its exp, and not one second longer', async t => {
  const { server, token, verify } = await issued(t)
  server.clock.advance(899)
  t.equal(await verify(token), 'accepted')
  server.clock.advance(1)
  t.equal(await verify(token), 'not_acceptable')
})

t.test('TK-1, RFC 6749 5.1: no token is made when access ends while the app is asked', async t => {
  for (const left of [0, 1])
    for (const how of ['code', 'refresh token']) {
      let seconds = 0
      const server: TestServer = await buildServer(t, {
        options: { grantTtl: 60, refreshTokenTtl: 60 },
        users: {
          allowedScopes(_user, scopes) {
            server.clock.advance(seconds)
            return scopes
          }
        }
      })
      const client = server.client()
      const { refresh_token: token = '' } = await client.connect()
      const answer = await client.authorize()
      seconds = 60 - left
      const response = await (how === 'code' ? client.redeem(answer) : client.refresh(token))
      if (left === 0) matchesOAuthError(t, response, 'invalid_grant')
      else t.match(response.json(), { expires_in: 1 }, 'the control')
    }
})

t.test('RS-5: the token is for one resource only', async t => {
  const { verify, token } = await issued(t)
  for (const resource of ['https://other.example/mcp', `${RESOURCE}/`, `${RESOURCE}/more`, ORIGIN])
    t.equal(await verify(token, resource), 'audience')
})

t.test('RS-4: whatever is not exactly ours is refused', async t => {
  const { server, token, verify } = await issued(t)
  const { kid } = decodeProtectedHeader(token) as { kid: string }
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const claims = claimsOf(token)
  const forged = (header: object, body: object = claims) =>
    new SignJWT(body as Record<string, unknown>).setProtectedHeader({ alg: 'ES256', ...header }).sign(privateKey)
  const [head, body, signature] = token.split('.')
  const b64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const bad: [string, string][] = [
    ['nothing', ''],
    ['no JWT', 'x.y.z'],
    ['a cut signature', `${head}.${body}.${signature?.slice(0, -2)}`],
    ['no signature', `${head}.${body}.`],
    ['alg none', `${b64({ alg: 'none', typ: 'at+jwt' })}.${body}.`],
    ['HS256 with the public key', `${b64({ alg: 'HS256', kid, typ: 'at+jwt' })}.${body}.${signature}`],
    ['other claims', `${head}.${b64({ ...claims, sub: 'sub-bob' })}.${signature}`],
    ['a foreign key with our kid', await forged({ kid, typ: 'at+jwt' })],
    ['a foreign key without kid', await forged({ typ: 'at+jwt' })],
    ['a key in the header', await forged({ typ: 'at+jwt', jwk: await exportJWK(publicKey) })],
    ['9,000 characters', 'a'.repeat(9000)]
  ]
  for (const [what, candidate] of bad) t.not(await verify(candidate), 'accepted', what)
  t.equal(await verify(token), 'accepted')
  t.match(await server.storage.counts(), { grants: 1 })
})

t.test('RFC 9068 4: a token of ours with another type, issuer or missing claim is refused', async t => {
  const { server, token, verify } = await issued(t, { options: { encryptionKeys: [KEY] } })
  const claims = claimsOf(token)
  for (const changes of [
    { typ: 'JWT' },
    { typ: 'at+jwt', iss: 'https://evil.example' },
    { typ: 'at+jwt', sub: undefined },
    { typ: 'at+jwt', exp: undefined },
    { typ: 'at+jwt', client_id: undefined },
    { typ: 'at+jwt', client_id: 'somebody-else' },
    { typ: 'at+jwt', sub: 'sub-bob' },
    { typ: 'at+jwt', grant_id: undefined },
    { typ: 'at+jwt', grant_id: 'a'.repeat(22) }
  ]) {
    const { typ, ...bend } = changes
    t.not(await verify(await signedByUs(server, typ, { ...claims, ...bend })), 'accepted', JSON.stringify(changes))
  }
  t.equal(await verify(await signedByUs(server, 'at+jwt', claims)), 'accepted', 'the control is accepted')
})

/** With the very key of the server, which no client has: it is loaded from the storage as another process would. */
async function signedByUs(server: TestServer, typ: string, claims: Record<string, unknown>): Promise<string> {
  const keys = await loadSigningKeys({
    records: recordsOf(server),
    keyRing: createKeyRing([KEY]),
    clock: server.clock,
    issuer: ORIGIN,
    algorithms: ['ES256'],
    external: [],
    rotateAfter: 0,
    emit: () => undefined
  })
  return signJwt(await keys.signer('ES256'), typ, claims)
}
