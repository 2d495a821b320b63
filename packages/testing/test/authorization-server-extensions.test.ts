import { decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose'
import * as oauth from 'oauth4webapi'
import t, { type Test } from 'tap'
import { createTestIssuer } from '../src/index.ts'
import {
  type AuthorizationServerBehaviour,
  createFakeAuthorizationServer,
  createFakeMcpServer,
  walkAuthorization
} from '../src/servers.ts'

const REDIRECT_URI = 'http://127.0.0.1:49152/callback'
const insecure = { [oauth.allowInsecureRequests]: true }
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'

async function arrange(
  t: Test,
  behaviour: Partial<AuthorizationServerBehaviour> = {},
  documents = new Map<string, Record<string, unknown>>()
) {
  const server = await createFakeAuthorizationServer({ behaviour, documents })
  t.teardown(() => server.close())
  const issuer = new URL(server.issuer)
  const response = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure })
  return { server, as: await oauth.processDiscoveryResponse(issuer, response) }
}

function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no error',
    (error: { error?: unknown; cause?: unknown }) => error.error ?? error
  )
}

async function authorizationParameters(clientId: string, verifier: string): Promise<URLSearchParams> {
  return new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    state: 'a-state',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256'
  })
}

t.test('RFC 9126: a pushed request is used once it is required, and only by its client', async t => {
  const { server, as } = await arrange(t, { pushedAuthorization: 'required' })
  const client = server.addClient({ clientId: 'c', metadata: { redirect_uris: [REDIRECT_URI] } })
  const verifier = oauth.generateRandomCodeVerifier()
  const parameters = await authorizationParameters(client.clientId, verifier)
  await t.rejects(walkAuthorization(`${as.authorization_endpoint}?${parameters}`), /pushed/)
  const oauthClient = { client_id: client.clientId }
  const pushed = await oauth.processPushedAuthorizationResponse(
    as,
    oauthClient,
    await oauth.pushedAuthorizationRequest(as, oauthClient, oauth.None(), parameters, insecure)
  )
  const query = (id: string): string => `${new URLSearchParams({ client_id: id, request_uri: pushed.request_uri })}`
  await t.rejects(walkAuthorization(`${as.authorization_endpoint}?${query('other')}`), /not known/)
  const answer = await walkAuthorization(`${as.authorization_endpoint}?${query('c')}`)
  const validated = oauth.validateAuthResponse(as, oauthClient, answer, 'a-state')
  const response = await oauth.authorizationCodeGrantRequest(
    as,
    oauthClient,
    oauth.None(),
    validated,
    REDIRECT_URI,
    verifier,
    insecure
  )
  t.ok((await oauth.processAuthorizationCodeResponse(as, oauthClient, response)).access_token)
})

t.test('CIMD: a URL is a client if its document says so, and proves itself by its keys', async t => {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const clientId = 'https://app.example/client.json'
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256' }] }
  const documents = new Map<string, Record<string, unknown>>([
    [
      clientId,
      { client_id: clientId, token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://app.example/jwks.json' }
    ],
    ['https://app.example/jwks.json', jwks],
    ['https://app.example/liar.json', { client_id: clientId }]
  ])
  const { server, as } = await arrange(t, { clientIdMetadataDocuments: true }, documents)
  const ask = async (id: string, key = privateKey): Promise<oauth.TokenEndpointResponse> => {
    const auth = oauth.PrivateKeyJwt(key)
    const response = await oauth.clientCredentialsGrantRequest(as, { client_id: id }, auth, {}, insecure)
    return oauth.processClientCredentialsResponse(as, { client_id: id }, response)
  }
  t.ok((await ask(clientId)).access_token)
  t.equal(await errorOf(ask('https://app.example/liar.json')), 'invalid_client')
  const stranger = await generateKeyPair('ES256')
  t.equal(await errorOf(ask(clientId, stranger.privateKey)), 'invalid_client')
  server.behaviour.clientIdMetadataDocuments = false
  t.equal(await errorOf(ask(clientId)), 'invalid_client')
  t.equal(server.records.accessTokens.size, 1)
})

t.test('RFC 9449: tokens are bound to a key, at both servers, with nonces', async t => {
  const behaviour = { dpop: 'required', dpopNonceLifetime: 3600, expiresIn: false } as const
  const { server, as } = await arrange(t, behaviour)
  const mcp = await createFakeMcpServer({
    authorizationServer: server,
    behaviour: { dpopNonceLifetime: 3600, sessions: false }
  })
  t.teardown(() => mcp.close())
  server.addClient({ clientId: 'c', clientSecret: 's' })
  const client = { client_id: 'c' }
  const keys = await oauth.generateKeyPair('ES256')
  const proof = oauth.DPoP({}, keys)
  const ask = async (DPoP?: oauth.DPoPHandle): Promise<oauth.TokenEndpointResponse> => {
    const options = { ...insecure, ...(DPoP ? { DPoP } : {}) }
    const response = await oauth.clientCredentialsGrantRequest(as, client, oauth.ClientSecretPost('s'), {}, options)
    return oauth.processClientCredentialsResponse(as, client, response)
  }
  t.equal(await errorOf(ask()), 'invalid_dpop_proof')
  t.equal(await errorOf(ask(proof)), 'use_dpop_nonce')
  const { access_token: token, token_type: type } = await ask(proof)
  t.equal(type, 'dpop')

  const use = (options: oauth.ProtectedResourceRequestOptions): Promise<Response> =>
    oauth.protectedResourceRequest(
      token,
      'POST',
      new URL(mcp.resource),
      new Headers({ 'content-type': 'application/json', accept: 'application/json, text/event-stream' }),
      JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'whoami' } }),
      { ...insecure, ...options }
    )
  await t.rejects(use({}), 'as a bearer token')
  await t.rejects(use({ DPoP: oauth.DPoP({}, await oauth.generateKeyPair('ES256')) }), 'with another key')
  await use({ DPoP: proof }).catch(() => undefined)
  t.equal((await use({ DPoP: proof })).status, 200, 'with the nonce of the resource')
  t.equal(mcp.calls.length, 1)
})

t.test('ID-JAG: an identity token becomes an assertion, and the assertion an access token, once', async t => {
  const login = await createTestIssuer()
  const loginAddress = await login.listen()
  t.teardown(() => loginAddress.close())
  const { server: idp, as: idpMetadata } = await arrange(t)
  const { server, as } = await arrange(t)
  idp.addClient({ clientId: 'app', clientSecret: 's' })
  idp.trust(login.issuer, login.jwksUri)
  server.addClient({ clientId: 'app', clientSecret: 's' })
  const identity = await login.mint({ resource: 'app', subject: 'bob' })
  const exchange = {
    requested_token_type: 'urn:ietf:params:oauth:token-type:id-jag',
    subject_token: identity,
    subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    audience: server.issuer,
    resource: 'https://mcp.example/mcp',
    scope: 'read'
  }
  const { access_token: assertion } = await grant(idpMetadata, TOKEN_EXCHANGE, exchange)
  t.match(decodeJwt(assertion), { iss: idp.issuer, aud: server.issuer, sub: 'bob', scope: 'read' })
  t.equal(await errorOf(grant(as, JWT_BEARER, { assertion })), 'invalid_grant', 'nobody trusts that issuer')
  server.trust(idp.issuer, `${idp.issuer}/jwks.json`)
  const tokens = await grant(as, JWT_BEARER, { assertion })
  t.match(server.verify(tokens.access_token)?.grant, { subject: 'bob', resource: 'https://mcp.example/mcp' })
  t.equal(tokens.refresh_token, undefined)
  t.equal(await errorOf(grant(as, JWT_BEARER, { assertion })), 'invalid_grant', 'a second time')
  t.equal(server.records.accessTokens.size, 1)
})

t.test('RFC 7523 2.1: the assertion of a workload is taken only for this server and while it lives', async t => {
  const { server, as } = await arrange(t)
  const keys = await createTestIssuer()
  const address = await keys.listen()
  t.teardown(() => address.close())
  server.trust(keys.issuer, keys.jwksUri)
  server.addClient({ clientId: 'app', clientSecret: 's' })
  const assertionFor = (resource: string, expiresIn = 60): Promise<string> => keys.mint({ resource, expiresIn })
  t.ok((await grant(as, JWT_BEARER, { assertion: await assertionFor(server.issuer) })).access_token)
  for (const assertion of [
    await assertionFor('https://other.example'),
    await assertionFor(server.issuer, -1),
    await new SignJWT({ sub: 'x' }).setProtectedHeader({ alg: 'HS256' }).sign(new Uint8Array(32))
  ])
    t.equal(await errorOf(grant(as, JWT_BEARER, { assertion })), 'invalid_grant')
})

t.test('RFC 9068: access tokens may be JWTs that a foreign library reads', async t => {
  const { server, as } = await arrange(t, { accessTokenFormat: 'jwt', expiresIn: false, accessTokenLifetime: 120 })
  server.addClient({ clientId: 'app', clientSecret: 's' })
  const tokens = await grant(as, 'client_credentials', { scope: 'read', resource: 'https://mcp.example/mcp' })
  const claims = decodeJwt(tokens.access_token)
  t.match(claims, { iss: server.issuer, aud: 'https://mcp.example/mcp', client_id: 'app', scope: 'read' })
  t.equal((claims.exp ?? 0) - (claims.iat ?? 0), 120)
  t.equal(tokens.expires_in, undefined)
})

async function grant(
  as: oauth.AuthorizationServer,
  grantType: string,
  parameters: Record<string, string>
): Promise<oauth.TokenEndpointResponse> {
  const client = { client_id: 'app' }
  const response = await oauth.genericTokenEndpointRequest(
    as,
    client,
    oauth.ClientSecretPost('s'),
    grantType,
    parameters,
    insecure
  )
  const options = { recognizedTokenTypes: { n_a: () => undefined } }
  return oauth.processGenericTokenEndpointResponse(as, client, response, options)
}
