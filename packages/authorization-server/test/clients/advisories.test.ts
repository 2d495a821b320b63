/**
 * What went wrong at others with clients, registrations and redirect URIs, as tests that it cannot go wrong here. Those of keys,
 * policies and management are where these are tested.
 */
import type { SafeResponse } from '@fastify-mcp-auth/core'
import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import t, { type Test } from 'tap'
import { buildServer, CALLBACK, modelOf, ORIGIN, type TestServer } from '../fixture.ts'

const METADATA = { redirect_uris: [CALLBACK], token_endpoint_auth_method: 'none' }

const register = (server: TestServer, metadata: object) =>
  server.app.inject({ method: 'POST', url: '/oauth/register', payload: metadata })

/** A page, no redirect, and nothing frozen for later. */
async function isPage(t: Test, server: TestServer, url: string, reason: string): Promise<void> {
  const before = await server.storage.counts()
  const response = await server.app.inject(url.slice(ORIGIN.length))
  t.equal(response.statusCode, 400)
  t.equal(response.headers.location, undefined)
  t.match(response.body, `"reason":"${reason}"`)
  t.strictSame(await server.storage.counts(), before)
}

t.test('CVE-2025-4143: a redirect URI is held against the registration before anybody is asked', async t => {
  const server = await buildServer(t)
  const client = server.client()
  for (const redirect_uri of [
    'https://evil.example/callback',
    `${CALLBACK}/x`,
    `${CALLBACK}?x=1`,
    `${CALLBACK}#x`,
    CALLBACK.toUpperCase(),
    CALLBACK.replace('/callback', '/../callback'),
    CALLBACK.replace('127.0.0.1', '127.0.0.1@evil.example'),
    CALLBACK.replace('127.0.0.1', 'localhost'),
    ''
  ]) {
    const { url } = await client.start({ parameters: { redirect_uri } })
    await isPage(t, server, url, 'redirect_uri')
  }
})

t.test('CVE-2025-4144: a client cannot talk its way out of PKCE by what it registers or leaves out', async t => {
  const server = await buildServer(t)
  for (const token_endpoint_auth_method of ['none', 'client_secret_basic', 'client_secret_post']) {
    const client = server.client()
    await client.register({ token_endpoint_auth_method, require_pkce: false, code_challenge_method: 'plain' })
    for (const parameters of [
      { code_challenge: null, code_challenge_method: null },
      { code_challenge: null },
      { code_challenge_method: null },
      { code_challenge_method: 'plain' }
    ]) {
      const { url } = await client.start({ parameters })
      const { location = '' } = (await server.app.inject(url.slice(ORIGIN.length))).headers
      t.match(new URL(location).searchParams.get('error'), 'invalid_request')
    }
    matchesOAuthError(t, await client.redeem(await client.authorize(), { code_verifier: null }), 'invalid_request')
  }
  t.equal(JSON.parse(await server.storage.dump()).filter(({ name }: { name: string }) => name === 'grants').length, 3)
})

t.test('CVE-2026-22752: scripts are no place to send an answer to, nor to log out to', async t => {
  const server = await buildServer(t)
  for (const uri of [
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'blob:https://a.example/x'
  ]) {
    matchesOAuthError(t, await register(server, { ...METADATA, redirect_uris: [uri] }), 'invalid_redirect_uri')
    const kept = await register(server, { ...METADATA, post_logout_redirect_uris: [uri] })
    t.notMatch(kept.body, uri, 'not kept, whatever it means elsewhere')
  }
  t.notMatch(await server.storage.dump(), 'alert')
})

t.test('CVE-2026-22752: a scope in a registration gives nothing; people give', async t => {
  const server = await buildServer(t)
  const client = server.client()
  await client.register({ scope: 'notes:read notes:write notes:admin' })
  const page = await client.login(await client.browser.open((await client.start()).url))
  t.strictSame(
    modelOf(page).scopes.map(({ scope }) => scope),
    ['notes:read', 'notes:write'],
    'the default, and no more'
  )
})

t.test('CVE-2026-4634: a very long scope costs nothing, at registration and at authorize', async t => {
  const server = await buildServer(t)
  const scope = 'a '.repeat(20_000)
  matchesOAuthError(t, await register(server, { ...METADATA, scope }), 'invalid_client_metadata')
  const { url } = await server.client().start({ scope: 'a '.repeat(4_000) })
  const { location = '' } = (await server.app.inject(url.slice(ORIGIN.length))).headers
  t.equal(new URL(location).searchParams.get('error'), 'invalid_scope')
})

t.test('CVE-2026-9689: a parameter that comes twice is not read as either of the two', async t => {
  const server = await buildServer(t)
  const client = server.client()
  for (const [name, value] of [
    ['redirect_uri', 'https://evil.example/cb'],
    ['redirect_uri', CALLBACK],
    ['client_id', 'other']
  ] as const) {
    const { url } = await client.start()
    await isPage(
      t,
      server,
      `${url}&${name}=${encodeURIComponent(value)}`,
      name === 'client_id' ? 'invalid_request' : 'redirect_uri'
    )
  }
})

t.test(
  'CVE-2026-7571: what a client asked for is frozen; a change of its registration changes no pending request',
  async t => {
    const server = await buildServer(t)
    const client = server.client()
    const { client_id, registration_access_token } = (await client.register()).json<Record<string, string>>()
    const page = await client.login(await client.browser.open((await client.start()).url))
    const updated = await server.app.inject({
      method: 'PUT',
      url: `/oauth/register/${client_id}`,
      headers: { authorization: `Bearer ${registration_access_token}` },
      payload: { ...METADATA, client_id, client_name: 'Evil', redirect_uris: ['https://evil.example/cb'] }
    })
    t.equal(updated.statusCode, 200)
    const again = modelOf(await client.browser.open(page.url))
    t.match(again, { client: { name: 'Test client' }, redirect: { uri: CALLBACK } })
    const { leavesTo } = await client.decide(page)
    t.ok(leavesTo?.startsWith(`${CALLBACK}?code=`), 'the answer goes where the person was told it would')
  }
)

t.test('GHSA-6x8h-498w-gv8c: a client with a metadata document is never answered without asking', async t => {
  const id = 'https://client.example/client.json'
  const document = { client_id: id, client_name: 'x', redirect_uris: [CALLBACK] }
  const fetch = async (): Promise<SafeResponse> => ({
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(document))
  })
  const server = await buildServer(t, { options: { fetch } })
  const client = server.client({ clientId: id })
  await client.connect()
  const page = await client.browser.open((await client.start()).url)
  t.equal(page.leavesTo, null, 'the same person, the same browser, the same client: asked again')
  t.equal(modelOf(page).status, 'consent')
})

t.test('GHSA-c2jp-c369-7pvx: a yes to one registration is no yes to another of the same name', async t => {
  const server = await buildServer(t)
  const first = server.client()
  await first.connect()
  const { clientId } = await server.client().credentials()
  const { url } = await first.start({ parameters: { client_id: clientId } })
  const page = await first.browser.open(url)
  t.equal(modelOf(page).status, 'consent')
  t.equal(modelOf(page).stepUp, false)
  t.strictSame(
    modelOf(page).scopes.map(({ granted }) => granted),
    [false, false]
  )
})

t.test('mcp-auth (Rails) 0.4: a code is bound to its client, and revocation asks who is there', async t => {
  const server = await buildServer(t)
  const [owner, thief] = [server.client(), server.client()]
  const answer = await owner.authorize()
  const { clientId } = await thief.credentials()
  matchesOAuthError(t, await owner.redeem(answer, { client_id: clientId }), 'invalid_grant')
  const tokens = (await owner.redeem(answer)).json<Record<string, string>>()
  t.ok(tokens['access_token'], 'and the owner can still use it')
  matchesOAuthError(t, await thief.refresh(tokens['refresh_token'] ?? ''), 'invalid_grant')
  matchesOAuthError(t, await thief.revoke(tokens['refresh_token'] ?? ''), 'invalid_grant')
  matchesOAuthError(t, await owner.revoke(tokens['refresh_token'] ?? '', { client_id: null }), 'invalid_client', 401)
  t.equal((await owner.refresh(tokens['refresh_token'] ?? '')).statusCode, 200)
})

t.test('oidc-provider 9.11.4: metadata of the wrong kind is refused, and nothing of it is stored', async t => {
  const server = await buildServer(t)
  const sparse: unknown[] = []
  sparse[1] = CALLBACK
  for (const [member, value] of [
    ['redirect_uris', { 0: CALLBACK }],
    ['redirect_uris', sparse],
    ['redirect_uris', [[CALLBACK]]],
    ['grant_types', { authorization_code: true }],
    ['grant_types', ['authorization_code', ['refresh_token']]],
    ['response_types', 'code'],
    ['client_name', ['x']],
    ['contacts', 'a@b.example'],
    ['scope', ['notes:read']],
    ['token_endpoint_auth_method', ['none']],
    ['jwks', 'x'],
    ['software_id', 7]
  ] as const) {
    const code = member === 'redirect_uris' ? 'invalid_redirect_uri' : 'invalid_client_metadata'
    matchesOAuthError(t, await register(server, { ...METADATA, [member]: value }), code)
  }
  t.equal((await server.storage.counts())['clients'], 0)
  const twice = await register(server, { ...METADATA, grant_types: ['authorization_code', 'authorization_code'] })
  t.strictSame(twice.json().grant_types, ['authorization_code'])
})
