import { createHash } from 'node:crypto'
import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import { createLocalJWKSet, jwtVerify } from 'jose'
import t, { type Test } from 'tap'
import { sectorOf } from '../../src/openid/pairwise.ts'
import {
  type BuildOptions,
  buildServer,
  modelOf,
  ORIGIN,
  openSignedIn,
  RESOURCE,
  RESOURCES,
  refusalOf
} from '../fixture.ts'

const SALT = 'a salt that stays the same for ever and ever'
const OPENID = { scopes: { profile: 'See your name and picture', email: 'See your e-mail address' } }
const PERSON = {
  email: 'alice@example.com',
  email_verified: true,
  name: 'Alice',
  phone_number: '1',
  team: 'red',
  picture: null,
  sub: 'forged',
  iss: 'x'
}

async function connected(
  t: Test,
  { options, scope = 'openid email notes:read' }: { options?: BuildOptions['options']; scope?: string } = {}
) {
  const server = await buildServer(t, { options: { openid: OPENID, ...options }, users: { claims: () => PERSON } })
  const client = server.client()
  const tokens = await client.connect({ scope, parameters: { nonce: 'n-1' } })
  const { clientId } = await client.credentials()
  return { server, client, clientId, tokens, idToken: tokens.id_token ?? '' }
}

const userinfo = (server: Awaited<ReturnType<typeof buildServer>>, token: string | null, more = {}) =>
  server.app.inject({
    url: '/oauth/userinfo',
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
    ...more
  })

const claimsOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())

t.test(
  'OpenID Connect Core 2: an ID token is for the client, with nonce, auth_time and at_hash, and nothing else',
  async t => {
    const { server, clientId, tokens, idToken } = await connected(t)
    const now = server.clock.now()
    const set = createLocalJWKSet((await server.app.inject('/.well-known/jwks.json')).json())
    const { payload, protectedHeader } = await jwtVerify(idToken, set, { currentDate: new Date(now * 1000) })
    t.equal(protectedHeader.alg, 'RS256')
    t.equal(protectedHeader.typ, 'JWT')
    const at_hash = createHash('sha256').update(tokens.access_token).digest().subarray(0, 16).toString('base64url')
    t.strictSame(payload, {
      iss: ORIGIN,
      sub: 'sub-alice',
      aud: clientId,
      iat: now,
      exp: now + 900,
      auth_time: now,
      nonce: 'n-1',
      at_hash
    })
  }
)

t.test('OpenID Connect Core 3.1.3.6: at_hash of EdDSA is half of a SHA-512', async t => {
  const { tokens, idToken } = await connected(t, { options: { openid: { ...OPENID, algorithm: 'EdDSA' } } })
  const at_hash = createHash('sha512').update(tokens.access_token).digest().subarray(0, 32).toString('base64url')
  t.equal(claimsOf(idToken)['at_hash'], at_hash)
})

t.test('OpenID Connect Core 12.2: a refresh gives an ID token about the same sign-in, without nonce', async t => {
  const { server, client, tokens, idToken } = await connected(t)
  server.clock.advance(100)
  const next = (await client.refresh(tokens.refresh_token ?? '')).json<{
    id_token: string
    access_token: string
    refresh_token: string
  }>()
  const { iat, exp, at_hash, ...rest } = claimsOf(next.id_token)
  const { nonce, iat: before, exp: _exp, at_hash: other, ...same } = claimsOf(idToken)
  t.strictSame(rest, same)
  t.equal(iat, Number(before) + 100)
  t.not(at_hash, other)
  const narrowed = (await client.refresh(next.refresh_token, { scope: 'notes:read' })).json()
  t.equal('id_token' in narrowed, false, 'not without the scope')
})

t.test('RFC 9068 4, RFC 8725 3.12: an ID token is never accepted as an access token', async t => {
  for (const algorithm of ['RS256', 'ES256'] as const) {
    const { server, clientId, idToken } = await connected(t, { options: { openid: { ...OPENID, algorithm } } })
    const { verifyAccessToken } = server.app.authorizationServer
    for (const resource of [RESOURCE, clientId, ORIGIN])
      t.equal(await refusalOf(verifyAccessToken(idToken, resource)), 'not_acceptable')
    matchesOAuthError(t, await userinfo(server, idToken), 'invalid_token', 401)
  }
})

t.test('OpenID Connect Core 5.3: userinfo tells what the scopes open, by GET and POST, and nothing else', async t => {
  const { server, tokens } = await connected(t)
  const token = tokens.access_token
  const expected = { email: 'alice@example.com', email_verified: true, sub: 'sub-alice' }
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  for (const response of [
    await userinfo(server, token),
    await userinfo(server, token, { method: 'POST' }),
    await userinfo(server, null, { method: 'POST', headers: form, payload: `access_token=${token}` }),
    await userinfo(server, null, { headers: { authorization: `bearer ${token}` } })
  ]) {
    t.equal(response.statusCode, 200)
    t.equal(response.headers['cache-control'], 'no-store')
    t.strictSame(response.json(), expected)
  }
  const both = await connected(t, { scope: 'openid profile email' })
  t.strictSame((await userinfo(both.server, both.tokens.access_token)).json(), { ...expected, name: 'Alice' })
})

t.test('RFC 6750 3.1: userinfo refuses with a challenge, and tells nothing about anybody', async t => {
  const { server, client, tokens } = await connected(t)
  const token = tokens.access_token
  const none = await userinfo(server, null)
  matchesOAuthError(t, none, 'invalid_token', 401)
  t.equal(none.headers['www-authenticate'], 'Bearer')
  const wrong: [string, object][] = [
    ['an invented token', { headers: { authorization: 'Bearer x.y.z' } }],
    ['another scheme', { headers: { authorization: `Basic ${token}` } }],
    ['a token in the URL', { url: `/oauth/userinfo?access_token=${token}`, headers: {} }],
    ['a refresh token', { headers: { authorization: `Bearer ${tokens.refresh_token}` } }]
  ]
  for (const [what, more] of wrong) {
    t.comment(what)
    matchesOAuthError(t, await userinfo(server, null, more), 'invalid_token', 401)
  }
  const twice = await userinfo(server, token, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-www-form-urlencoded' },
    payload: `access_token=${token}`
  })
  matchesOAuthError(t, twice, 'invalid_request')
  t.equal(twice.headers['www-authenticate'], 'Bearer error="invalid_request"')
  const { access_token: narrow } = await client.connect({ scope: 'notes:read' })
  const insufficient = await userinfo(server, narrow)
  matchesOAuthError(t, insufficient, 'insufficient_scope', 403)
  t.equal(insufficient.headers['www-authenticate'], 'Bearer error="insufficient_scope"')
  await client.revoke(tokens.refresh_token ?? '')
  const revoked = await userinfo(server, token)
  matchesOAuthError(t, revoked, 'invalid_token', 401)
  t.match(revoked.headers['www-authenticate'], 'Bearer error="invalid_token"')
  for (const response of [none, twice, insufficient, revoked]) t.notMatch(response.body, 'alice')
})

t.test('OpenID Connect Core 5.3: a user that is gone, and an app that does not answer', async t => {
  const { server, tokens } = await connected(t)
  server.accounts.failure = new Error('database')
  t.equal((await userinfo(server, tokens.access_token)).statusCode, 503)
  server.accounts.failure = null
  server.accounts.gone.add('sub-alice')
  matchesOAuthError(t, await userinfo(server, tokens.access_token), 'invalid_token', 401)
})

t.test('claims about the person are for the client: access tokens carry them only where a resource asks', async t => {
  const { tokens } = await connected(t)
  const claims = claimsOf(tokens.access_token)
  t.equal(claims['team'], 'red')
  for (const name of ['email', 'email_verified', 'name', 'phone_number']) t.equal(name in claims, false, name)
  const notes = RESOURCES[RESOURCE] as (typeof RESOURCES)[string]
  const resources = { [RESOURCE]: { ...notes, accessToken: { claims: ['email'] } } }
  const wanted = claimsOf((await connected(t, { options: { resources } })).tokens.access_token)
  t.strictSame([wanted['email'], wanted['team']], ['alice@example.com', undefined])
})

t.test('a person is asked for each identity scope in words, and may leave it out', async t => {
  const server = await buildServer(t, { options: { openid: OPENID }, users: { claims: () => PERSON } })
  const client = server.client()
  const { url } = await client.start({ scope: 'openid email notes:read' })
  const { scopes } = modelOf(await openSignedIn(client, url))
  t.strictSame(
    scopes.map(({ description }) => (typeof description === 'string' ? description : description['en'])),
    ['Know who you are', 'See your e-mail address', 'Read your notes']
  )
  const answer = await client.authorize({ scope: 'openid email notes:read', scopes: ['openid', 'notes:read'] } as never)
  const tokens = (await client.redeem(answer)).json<{ access_token: string }>()
  t.strictSame((await userinfo(server, tokens.access_token)).json(), { sub: 'sub-alice' })
})

t.test('OpenID Connect Discovery 3: one document says it all, where both kinds of clients look', async t => {
  const issuer = `${ORIGIN}/tenant`
  const server = await buildServer(t, { options: { openid: OPENID, issuer } })
  const oauth = (await server.app.inject('/.well-known/oauth-authorization-server/tenant')).json()
  for (const url of ['/tenant/.well-known/openid-configuration', '/.well-known/openid-configuration/tenant'])
    t.strictSame((await server.app.inject(url)).json(), oauth)
  t.match(oauth, {
    issuer,
    userinfo_endpoint: `${ORIGIN}/oauth/userinfo`,
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    claims_supported: ['sub', 'iss', 'aud', 'exp', 'iat', 'auth_time', 'name']
  })
  for (const scope of ['openid', 'profile', 'email']) t.ok(oauth.scopes_supported.includes(scope))
  t.equal(oauth.scopes_supported.includes('phone'), false)
})

t.test('without the option there is no OpenID Connect anywhere', async t => {
  const server = await buildServer(t)
  const tokens = await server.client().connect({ scope: 'openid profile notes:read', parameters: { nonce: 'n' } })
  t.equal('id_token' in tokens, false)
  t.equal(tokens.scope, 'notes:read')
  t.equal((await server.app.inject('/.well-known/openid-configuration')).statusCode, 404)
  t.equal((await userinfo(server, tokens.access_token)).statusCode, 404)
  const metadata = (await server.app.inject('/.well-known/oauth-authorization-server')).body
  t.notMatch(metadata, /userinfo|id_token|subject_types|openid/)
})

t.test(
  'OpenID Connect Core 8: pairwise: one name for a person in every token and answer, another at another site',
  async t => {
    const { server, client, clientId, tokens, idToken } = await connected(t, {
      options: { pairwiseSubjects: { salt: SALT } }
    })
    const { sub } = claimsOf(idToken)
    t.match(sub, /^[\w-]{43}$/)
    t.equal(claimsOf(tokens.access_token)['sub'], sub)
    t.equal((await userinfo(server, tokens.access_token)).json().sub, sub)
    const refreshed = (await client.refresh(tokens.refresh_token ?? '')).json<{ id_token: string }>()
    t.equal(claimsOf(refreshed.id_token)['sub'], sub)
    const { claims, subject } = await server.app.authorizationServer.verifyAccessToken(tokens.access_token, RESOURCE)
    t.strictSame([claims.sub, subject], [sub, 'sub-alice'], 'the app itself knows who it is')
    t.equal((await server.app.authorizationServer.grants.list('sub-alice')).grants.length, 1)
    const again = await server.client({ clientId }).connect({ scope: 'openid notes:read' })
    t.equal(claimsOf(again.access_token)['sub'], sub, 'the same client, the same name')
    const other = await server.client().connect({ scope: 'openid notes:read' })
    t.not(claimsOf(other.access_token)['sub'], sub, 'another client on the same loopback address')
    const bob = await server.client({ clientId, username: 'bob' }).connect({ scope: 'openid notes:read' })
    t.not(claimsOf(bob.access_token)['sub'], sub)
    t.match((await server.app.inject('/.well-known/openid-configuration')).json(), {
      subject_types_supported: ['pairwise']
    })
    await t.rejects(buildServer(t, { options: { pairwiseSubjects: { salt: 'short' } } }), { code: 'FST_OAUTH_OPTION' })
  }
)

t.test(
  'OpenID Connect Core 8.1: clients of one https site share a sector; no two programs on a computer do',
  async t => {
    const sector = (...redirectUris: string[]) => sectorOf({ clientId: 'me', redirectUris })
    t.equal(sector('https://a.example/cb', 'https://a.example/other'), 'a.example')
    t.equal(sector('https://a.example:8443/cb'), 'a.example:8443')
    t.equal(sector('https://a.example/cb', 'https://b.example/cb'), 'me')
    t.equal(sector('http://127.0.0.1/cb'), 'me')
    t.equal(sector('https://a.example/cb', 'http://localhost/cb'), 'me')
    t.equal(sector('cursor://anysphere.cursor-mcp/oauth/callback'), 'me')
    t.equal(sector(), 'me')
  }
)

t.test('a resource scope with the name of an identity scope stops the boot', async t => {
  const resources = { [RESOURCE]: { name: 'x', scopes: { email: 'Read your mail' } } }
  await t.rejects(buildServer(t, { options: { openid: OPENID, resources } }), {
    code: 'FST_OAUTH_OPTION',
    message: /"email"/
  })
  await t.resolves(buildServer(t, { options: { resources } }))
})
