/** A strict client of other people, over real HTTP. */
import type { AddressInfo } from 'node:net'
import { createBrowser, fetchTransport, settableClock, visitAuthorization } from '@fastify-mcp-auth/testing'
import { exportJWK, generateKeyPair } from 'jose'
import * as oauth from 'oauth4webapi'
import t, { type Test } from 'tap'
import { buildServer } from './fixture.ts'

const REDIRECT_URI = 'http://127.0.0.1:49152/callback'
const INSECURE = { [oauth.allowInsecureRequests]: true }

const { publicKey, privateKey } = await generateKeyPair('ES256')
const jwk = { ...(await exportJWK(publicKey)), kid: 'client-key' }

/** A server that listens, with an issuer that is its address; the clock is the present, because the client has its own. */
async function listening(t: Test) {
  const probe = await buildServer(t)
  const taken = await probe.app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = probe.app.server.address() as AddressInfo
  await probe.app.close()
  const issuer = `http://127.0.0.1:${port}`
  t.equal(issuer, taken)
  const resource = `${issuer}/mcp`
  const clock = settableClock()
  const server = await buildServer(t, {
    options: {
      issuer,
      clock,
      resources: { [resource]: { name: 'Notes', scopes: { 'notes:read': 'Read your notes' } } }
    }
  })
  await server.app.listen({ port, host: '127.0.0.1' })
  return { server, issuer: new URL(issuer), resource }
}

async function registered(issuer: URL, method: string) {
  const as = await oauth.processDiscoveryResponse(
    issuer,
    await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...INSECURE })
  )
  const client = await oauth.processDynamicClientRegistrationResponse(
    await oauth.dynamicClientRegistrationRequest(
      as,
      {
        client_name: 'oauth4webapi',
        redirect_uris: [REDIRECT_URI],
        token_endpoint_auth_method: method,
        ...(method === 'private_key_jwt' ? { jwks: { keys: [jwk] } } : {})
      },
      INSECURE
    )
  )
  return { as, client }
}

/** The person: signs in and allows. @returns the URL to which the browser is sent */
async function visit(as: oauth.AuthorizationServer, parameters: Record<string, string>): Promise<URL> {
  const url = new URL(as.authorization_endpoint ?? '')
  url.search = new URLSearchParams(parameters).toString()
  const page = await visitAuthorization(createBrowser(fetchTransport()), url.href, {
    username: 'alice',
    password: 'pw'
  })
  return new URL(page.leavesTo ?? '')
}

for (const [method, authentication] of [
  ['none', () => oauth.None()],
  ['client_secret_basic', (secret: string) => oauth.ClientSecretBasic(secret)],
  ['client_secret_post', (secret: string) => oauth.ClientSecretPost(secret)],
  ['private_key_jwt', () => oauth.PrivateKeyJwt({ key: privateKey, kid: jwk.kid })]
] as const)
  t.test(`GEN-3: oauth4webapi with ${method}: discovery, registration, code, refresh, revocation`, async t => {
    const { issuer, resource } = await listening(t)
    const { as, client } = await registered(issuer, method)
    const auth = authentication(String(client['client_secret'] ?? ''))
    const verifier = oauth.generateRandomCodeVerifier()
    const state = oauth.generateRandomState()
    const answered = await visit(as, {
      response_type: 'code',
      client_id: client.client_id,
      redirect_uri: REDIRECT_URI,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      resource,
      state
    })
    const parameters = oauth.validateAuthResponse(as, client, answered, state)
    const options = { ...INSECURE, additionalParameters: { resource } }
    const granted = await oauth.processAuthorizationCodeResponse(
      as,
      client,
      await oauth.authorizationCodeGrantRequest(as, client, auth, parameters, REDIRECT_URI, verifier, options)
    )
    t.equal(granted.token_type, 'bearer')
    t.equal(granted.scope, 'notes:read')
    t.match(await accessTokenClaims(as, granted.access_token, resource), { sub: 'sub-alice', aud: resource })

    const refreshed = await oauth.processRefreshTokenResponse(
      as,
      client,
      await oauth.refreshTokenGrantRequest(as, client, auth, granted.refresh_token ?? '', options)
    )
    t.not(refreshed.refresh_token, granted.refresh_token)

    const revoke = async () =>
      oauth.processRevocationResponse(
        await oauth.revocationRequest(as, client, auth, refreshed.refresh_token ?? '', INSECURE)
      )
    t.equal(await revoke(), undefined)
    t.equal(await revoke(), undefined, 'a second time is no error')
    const after = await oauth.refreshTokenGrantRequest(as, client, auth, refreshed.refresh_token ?? '', options)
    t.match((await after.json()) as object, { error: 'invalid_grant' })
  })

t.test('AZ-14: oauth4webapi accepts an error answer, which needs state and iss', async t => {
  const { issuer } = await listening(t)
  const { as, client } = await registered(issuer, 'none')
  const url = new URL(as.authorization_endpoint ?? '')
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: client.client_id,
    redirect_uri: REDIRECT_URI,
    state: 's'
  }).toString()
  const response = await fetch(url, { redirect: 'manual' })
  const answered = new URL(response.headers.get('location') ?? '')
  try {
    oauth.validateAuthResponse(as, client, answered, 's')
    t.fail('the answer is an error')
  } catch (error) {
    t.match(error, { name: 'AuthorizationResponseError', error: 'invalid_request' })
  }
})

/** Checked as a resource server would, by the same library. */
async function accessTokenClaims(as: oauth.AuthorizationServer, token: string, resource: string) {
  const request = new Request(resource, { headers: { authorization: `Bearer ${token}` } })
  return oauth.validateJwtAccessToken(as, request, resource, INSECURE)
}
