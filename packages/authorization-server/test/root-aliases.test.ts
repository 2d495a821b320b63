/** Endpoints where clients guess them: MCP 2025-03-26 had `/authorize`, `/token` and `/register` for a server without metadata. */
import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import t from 'tap'
import { buildServer, ORIGIN, openSignedIn } from './fixture.ts'

const form = { 'content-type': 'application/x-www-form-urlencoded' }

t.test('claude-ai-mcp 846, 900: a client that guesses gets to its tokens', async t => {
  const server = await buildServer(t, { options: { rootAliases: true } })
  const { app } = server
  const metadata = { client_name: 'Guesser', redirect_uris: ['https://claude.ai/api/mcp/auth_callback'] }
  const registered = await app.inject({
    method: 'POST',
    url: '/register',
    payload: { ...metadata, token_endpoint_auth_method: 'none' }
  })
  t.equal(registered.statusCode, 201)
  const { client_id: clientId, registration_client_uri: uri } = registered.json()
  t.ok(uri.startsWith(`${ORIGIN}/oauth/register/`), 'it is looked after where the metadata says')
  const client = server.client({ clientId, redirectUri: metadata.redirect_uris[0] ?? '' })
  const started = await client.start()
  const page = await openSignedIn(client, started.url.replace('/oauth/authorize', '/authorize'))
  const { leavesTo } = await client.decide(page)
  const answer = new URL(leavesTo ?? '')
  t.equal(answer.searchParams.get('iss'), ORIGIN)
  const tokens = await app.inject({
    method: 'POST',
    url: '/token',
    headers: form,
    payload: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: clientId,
      code: answer.searchParams.get('code') ?? '',
      code_verifier: started.codeVerifier
    }).toString()
  })
  t.equal(tokens.statusCode, 200)
  t.equal(tokens.headers['access-control-allow-origin'], '*')
  t.equal(tokens.headers['cache-control'], 'no-store')
  const told = (await app.inject('/.well-known/oauth-authorization-server')).json()
  t.equal(told.token_endpoint, `${ORIGIN}/oauth/token`, 'nobody is sent to them')
  t.equal((await app.inject('/authorize')).statusCode, 400)
  for (const url of ['/revoke', '/introspect', `/register/${clientId}`])
    t.equal((await app.inject({ method: 'POST', url })).statusCode, 404, url)
})

t.test('without the option the root of the host is its own', async t => {
  const { app } = await buildServer(t)
  for (const url of ['/authorize', '/token', '/register'])
    t.strictSame(
      [(await app.inject(url)).statusCode, (await app.inject({ method: 'POST', url })).statusCode],
      [404, 404],
      url
    )
})

t.test('EM-13: both places of an endpoint are counted as one', async t => {
  const { app } = await buildServer(t, { options: { rootAliases: true, rateLimit: { token: 2, authorize: 2 } } })
  const token = (url: string) =>
    app.inject({ method: 'POST', url, headers: form, payload: 'grant_type=refresh_token&client_id=x&refresh_token=y' })
  t.equal((await token('/oauth/token')).statusCode, 401)
  t.equal((await token('/token')).statusCode, 401)
  matchesOAuthError(t, await token('/token'), 'temporarily_unavailable', 429)
  t.equal((await token('/oauth/token')).statusCode, 429)
  t.strictSame(
    [(await app.inject('/authorize')).statusCode, (await app.inject('/oauth/authorize')).statusCode],
    [400, 400]
  )
  t.equal((await app.inject('/authorize')).statusCode, 429)
})
