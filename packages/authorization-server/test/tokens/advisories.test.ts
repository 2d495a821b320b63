/** Advisories of other servers about codes, tokens and keys: each is a thing that must not happen here. */
import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import t from 'tap'
import { buildServer, ORIGIN, RESOURCE, RESOURCES, refusalOf } from '../fixture.ts'

const OTHER = `${ORIGIN}/other`
const NOTES = RESOURCES[RESOURCE] as (typeof RESOURCES)[string]
const TWO = { [RESOURCE]: { ...NOTES, default: true }, [OTHER]: NOTES }

interface Tokens {
  access_token: string
  refresh_token: string
}

t.test('GHSA-p2fr-6hmx-4528: the audience is what a person allowed, not what the token request says', async t => {
  const server = await buildServer(t, { options: { resources: TWO } })
  const client = server.client()
  const answer = await client.authorize()
  const before = await server.storage.dump()
  matchesOAuthError(t, await client.redeem(answer, { resource: OTHER }), 'invalid_target')
  t.equal(await server.storage.dump(), before, 'the code is not consumed')
  const { access_token: token, refresh_token: refresh } = (await client.redeem(answer)).json<Tokens>()
  t.equal((await server.app.authorizationServer.verifyAccessToken(token, RESOURCE)).claims.aud, RESOURCE)
  matchesOAuthError(t, await client.refresh(refresh, { resource: OTHER }), 'invalid_target')
  const aud = (await client.refresh(refresh, { audience: OTHER })).json<Tokens>().access_token.split('.')[1] ?? ''
  t.equal(JSON.parse(Buffer.from(aud, 'base64url').toString()).aud, RESOURCE)
})

t.test(
  'GHSA-7w99-5wm4-3g79, CVE-2026-53518: of parallel redemptions of a code one gets tokens, and they die',
  async t => {
    const server = await buildServer(t)
    const client = server.client()
    const answer = await client.authorize()
    const responses = await Promise.all(Array.from({ length: 20 }, () => client.redeem(answer)))
    const good = responses.filter(({ statusCode }) => statusCode === 200)
    t.equal(good.length, 1)
    const { access_token: token = '', refresh_token: refresh = '' } = good[0]?.json<Tokens>() ?? {}
    t.equal(await refusalOf(server.app.authorizationServer.verifyAccessToken(token, RESOURCE)), 'grant_revoked')
    matchesOAuthError(t, await client.refresh(refresh), 'invalid_grant')
  }
)

t.test('GHSA-392p-2q2v-4372: parallel rotations do not fork the family', async t => {
  const server = await buildServer(t)
  const client = server.client()
  const { refresh_token: token = '' } = await client.connect()
  const responses = await Promise.all(Array.from({ length: 20 }, () => client.refresh(token)))
  t.equal(new Set(responses.map(({ body }) => body)).size, 1)
  const record = JSON.parse(await server.storage.dump()).filter(({ name }: { name: string }) => name === 'grants')
  t.equal(record.length, 1)
  const next = responses[0]?.json<Tokens>().refresh_token ?? ''
  const last = (await client.refresh(next)).json<Tokens>().refresh_token
  matchesOAuthError(t, await client.refresh(token), 'invalid_grant')
  matchesOAuthError(t, await client.refresh(last), 'invalid_grant')
})

t.test('CVE-2025-4144: PKCE cannot be left out at the token endpoint', async t => {
  const server = await buildServer(t)
  const client = server.client()
  const answer = await client.authorize()
  const before = await server.storage.dump()
  matchesOAuthError(t, await client.redeem(answer, { code_verifier: null }), 'invalid_request')
  matchesOAuthError(t, await client.redeem(answer, { code_verifier: '' }), 'invalid_request')
  matchesOAuthError(t, await client.redeem(answer, { code_verifier: 'a'.repeat(43) }), 'invalid_grant')
  t.equal(await server.storage.dump(), before)
})

t.test('CVE-2025-4143: redirect_uri of the token request must be that of the authorization request', async t => {
  const server = await buildServer(t)
  const client = server.client()
  const answer = await client.authorize()
  const before = await server.storage.dump()
  for (const redirect_uri of ['http://127.0.0.1:1/callback', `${answer.redirectUri}/`, 'https://evil.example/'])
    matchesOAuthError(t, await client.redeem(answer, { redirect_uri }), 'invalid_grant')
  t.equal(await server.storage.dump(), before)
})

t.test('CVE-2026-4634: a scope of thousands of words at the token endpoint is refused at once', async t => {
  const server = await buildServer(t)
  const client = server.client()
  const { refresh_token: token = '' } = await client.connect()
  const before = await server.storage.dump()
  for (const scope of ['a '.repeat(4000).trim(), 'notes:read x'.repeat(600), 'x'.repeat(60_000)]) {
    t.equal((await client.refresh(token, { scope })).statusCode, 400)
    t.equal(await server.storage.dump(), before)
  }
})

t.test('formbricks 8829: a token is for one resource, and one that begins like it is another', async t => {
  const server = await buildServer(t, { options: { resources: TWO } })
  const { access_token: token } = await server.client().connect()
  for (const resource of [OTHER, ORIGIN, `${RESOURCE}/x`, RESOURCE.slice(0, -1)])
    t.equal(await refusalOf(server.app.authorizationServer.verifyAccessToken(token, resource)), 'audience')
})

t.test('FlowFuse 8270: a repeated response never hands out an access token that is dead', async t => {
  const resources = { [RESOURCE]: { ...NOTES, accessToken: { lifetime: 30, format: 'opaque' as const } } }
  const server = await buildServer(t, { options: { resources, refreshGrace: 300 } })
  const client = server.client()
  const { refresh_token: token = '' } = await client.connect()
  await client.refresh(token)
  server.clock.advance(29)
  const { access_token: repeated } = (await client.refresh(token)).json<Tokens>()
  t.equal(await refusalOf(server.app.authorizationServer.verifyAccessToken(repeated, RESOURCE)), 'accepted')
  server.clock.advance(1)
  matchesOAuthError(t, await client.refresh(token), 'invalid_grant')
})

t.test('Rails gem 0.4.0: a failure to store fails the request, and no token leaves', async t => {
  const server = await buildServer(t)
  const client = server.client()
  const answer = await client.authorize()
  const { update } = server.storage
  Object.assign(server.storage, { update: () => Promise.reject(new Error('disk full')) })
  const response = await client.redeem(answer)
  t.ok(response.statusCode >= 500)
  t.notMatch(response.body, 'access_token')
  Object.assign(server.storage, { update })
  t.equal((await client.redeem(answer)).statusCode, 200)
})
