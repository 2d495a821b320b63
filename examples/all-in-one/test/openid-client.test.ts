/** openid-client: a certified client library that knows nothing of MCP. */
import { createBrowser, fetchTransport, visitAuthorization } from '@fastify-mcp-auth/testing'
import * as oidc from 'openid-client'
import t from 'tap'
import { ALICE, listen } from './running-app.ts'

const redirectUri = 'http://127.0.0.1:49152/callback'

t.test('openid-client: code with PKCE, refresh, revocation', async t => {
  const { origin, resource } = await listen(t)
  const config = await oidc.discovery(new URL(origin), 'demo-cli', {}, oidc.None(), {
    algorithm: 'oauth2',
    execute: [oidc.allowInsecureRequests]
  })
  t.ok(config.serverMetadata().supportsPKCE('S256'))

  const pkceCodeVerifier = oidc.randomPKCECodeVerifier()
  const expectedState = oidc.randomState()
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'mcp:tools notes:read',
    resource,
    state: expectedState,
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256'
  })
  const page = await visitAuthorization(createBrowser(fetchTransport()), url.href, ALICE)
  const callback = new URL(page.leavesTo ?? '')
  const first = await oidc.authorizationCodeGrant(config, callback, { pkceCodeVerifier, expectedState }, { resource })
  t.equal(first.token_type, 'bearer')
  t.equal(first.scope, 'mcp:tools notes:read')

  const second = await oidc.refreshTokenGrant(config, first.refresh_token ?? '', { resource })
  t.not(second.refresh_token, first.refresh_token)
  t.equal(await statusOf(resource, second.access_token), 200)

  await oidc.tokenRevocation(config, second.refresh_token ?? '')
  t.equal(await statusOf(resource, second.access_token), 401, 'a revoked grant bites at once')
  const refusal: unknown = await oidc
    .refreshTokenGrant(config, second.refresh_token ?? '')
    .catch((error: unknown) => error)
  t.ok(refusal instanceof oidc.ResponseBodyError)
  t.match(refusal, { error: 'invalid_grant', status: 400 })
})

async function statusOf(resource: string, accessToken: string): Promise<number> {
  const response = await fetch(resource, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${accessToken}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream'
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
  })
  await response.body?.cancel()
  return response.status
}
