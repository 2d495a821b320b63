import * as oauth from 'oauth4webapi'
import t, { type Test } from 'tap'
import { settableClock } from '../src/index.ts'
import {
  type AuthorizationServerBehaviour,
  createFakeAuthorizationServer,
  type FakeAuthorizationServer,
  fault,
  walkAuthorization
} from '../src/servers.ts'

const REDIRECT_URI = 'http://127.0.0.1:49152/callback'
const RESOURCE = 'http://127.0.0.1:1/mcp'
const insecure = { [oauth.allowInsecureRequests]: true }

/** A client that we did not write, in front of a fresh server. */
async function arrange(t: Test, behaviour: Partial<AuthorizationServerBehaviour> = {}, path = '') {
  const clock = settableClock()
  const server = await createFakeAuthorizationServer({ behaviour, clock, path })
  t.teardown(() => server.close())
  const issuer = new URL(server.issuer)
  const as = await oauth.processDiscoveryResponse(
    issuer,
    await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure })
  )
  const client = await oauth.processDynamicClientRegistrationResponse(
    await oauth.dynamicClientRegistrationRequest(
      as,
      { redirect_uris: [REDIRECT_URI], token_endpoint_auth_method: 'none' },
      insecure
    )
  )
  const refresh = async (token: string): Promise<oauth.TokenEndpointResponse> =>
    oauth.processRefreshTokenResponse(
      as,
      client,
      await oauth.refreshTokenGrantRequest(as, client, oauth.None(), token, insecure)
    )
  return { clock, server, as, client, refresh }
}

async function connect(
  { as, client }: { as: oauth.AuthorizationServer; client: oauth.OmitSymbolProperties<oauth.Client> },
  { subject = 'alice', resource = RESOURCE as string | null, decision = 'allow' as 'allow' | 'deny' } = {}
): Promise<oauth.TokenEndpointResponse> {
  const verifier = oauth.generateRandomCodeVerifier()
  const url = new URL(as.authorization_endpoint ?? '')
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: client.client_id,
    redirect_uri: REDIRECT_URI,
    state: 'a-state',
    scope: 'read offline_access',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...(resource === null ? {} : { resource })
  }).toString()
  const answer = oauth.validateAuthResponse(
    as,
    client,
    await walkAuthorization(url.href, { username: subject, decision }),
    'a-state'
  )
  const options = { ...insecure, ...(resource === null ? {} : { additionalParameters: { resource } }) }
  const response = await oauth.authorizationCodeGrantRequest(
    as,
    client,
    oauth.None(),
    answer,
    REDIRECT_URI,
    verifier,
    options
  )
  return oauth.processAuthorizationCodeResponse(as, client, response)
}

/** The `error` of the answer that a promise fails with. */
function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no error',
    (error: { error?: unknown }) => error.error ?? error
  )
}

t.test('a foreign client discovers, registers, is let in and gets tokens of the person who signed in', async t => {
  const { server, ...arranged } = await arrange(t, {}, '/tenant')
  const tokens = await connect(arranged, { subject: 'bob' })
  t.match(tokens, { token_type: 'bearer', expires_in: 3600, scope: 'read offline_access' })
  t.match(server.verify(tokens.access_token)?.grant, { subject: 'bob', resource: RESOURCE, endedBy: null })
  t.same(
    server.records.events.map(({ type }) => type),
    ['client.registered', 'authorization.granted', 'code.redeemed', 'token.issued']
  )
  t.equal(server.count('token'), 1)
})

t.test('a person may say no', async t => {
  const { server, ...arranged } = await arrange(t)
  t.equal(await errorOf(connect(arranged, { decision: 'deny' })), 'access_denied')
  t.equal(server.records.grants.size, 0)
})

t.test('RFC 9700 4.14.2: a spent refresh token ends the grant, and the newest tokens with it', async t => {
  const { server, refresh, ...arranged } = await arrange(t)
  const first = await connect(arranged)
  const second = await refresh(first.refresh_token ?? '')
  t.not(second.refresh_token, first.refresh_token)
  t.equal(await errorOf(refresh(first.refresh_token ?? '')), 'invalid_grant')
  t.equal(await errorOf(refresh(second.refresh_token ?? '')), 'invalid_grant')
  t.equal(server.verify(second.access_token), null)
  t.equal([...server.records.grants.values()][0]?.endedBy, 'reuse')
})

t.test('two refreshes at the same moment: one wins, and the other ends the grant', async t => {
  const { server, refresh, ...arranged } = await arrange(t)
  const { refresh_token: token = '' } = await connect(arranged)
  const results = await Promise.allSettled([refresh(token), refresh(token)])
  t.same(results.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
  t.equal([...server.records.grants.values()][0]?.endedBy, 'reuse')
})

t.test('within the grace a spent refresh token works once more; after it, no longer', async t => {
  const { clock, server, refresh, ...arranged } = await arrange(t, { reuseGrace: 30 })
  const { refresh_token: token = '' } = await connect(arranged)
  await refresh(token)
  clock.advance(29)
  t.ok((await refresh(token)).access_token)
  clock.advance(1)
  t.equal(await errorOf(refresh(token)), 'invalid_grant')
  t.equal(server.records.events.filter(({ type }) => type === 'token.reused_in_grace').length, 1)
})

t.test('rotation may be off, with the token said again or left out', async t => {
  const { server, refresh, ...arranged } = await arrange(t, { rotation: 'same' })
  const { refresh_token: token = '' } = await connect(arranged)
  t.equal((await refresh(token)).refresh_token, token)
  server.behaviour.rotation = 'omitted'
  t.equal((await refresh(token)).refresh_token, undefined)
  t.ok((await refresh(token)).access_token, 'it stays good')
})

t.test('RFC 6749 4.1.2: a code that comes twice ends what it had bought', async t => {
  const { server, ...arranged } = await arrange(t)
  const tokens = await connect(arranged)
  const used = [...server.records.codes.values()][0]
  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    code: used?.code ?? '',
    client_id: arranged.client.client_id
  })
  const response = await fetch(`${server.issuer}/token`, { method: 'POST', body })
  t.equal(response.status, 400)
  t.equal(server.verify(tokens.access_token), null)
})

t.test('RFC 8707: resource is required, refused, or refused in the words of Entra', async t => {
  const { server, ...arranged } = await arrange(t, { resource: 'required' })
  t.equal(await errorOf(connect(arranged, { resource: null })), 'invalid_target')
  server.behaviour.resource = 'refused'
  t.equal(await errorOf(connect(arranged)), 'invalid_target')
  server.behaviour.resource = 'refused-as-entra'
  t.equal(await errorOf(connect(arranged)), 'invalid_request')
  t.equal(server.records.codes.size, 0)
  t.ok((await connect(arranged, { resource: null })).access_token)
})

t.test('RFC 9207: the issuer of the answer may be right, missing or another', async t => {
  const { server, ...arranged } = await arrange(t)
  t.ok((await connect(arranged)).access_token)
  for (const iss of ['missing', 'https://attacker.example']) {
    server.behaviour.iss = iss
    await t.rejects(connect(arranged), /iss/, iss)
  }
})

t.test('a client whose secret has expired, or who was forgotten, is refused', async t => {
  const { clock, server } = await arrange(t, { clientSecretLifetime: 60 })
  const registered = await registerConfidential(server)
  const ask = async (): Promise<number> => (await askForClientCredentials(server, registered)).status
  t.equal(await ask(), 200)
  clock.advance(60)
  t.equal(await ask(), 401)
  const other = await registerConfidential(server)
  server.forgetClient(other.client_id)
  t.equal((await askForClientCredentials(server, other)).status, 401)
  server.behaviour.unknownClientStatus = 400
  t.equal((await askForClientCredentials(server, other)).status, 400)
})

t.test('RFC 7009: revoking a refresh token ends the grant', async t => {
  const { server, as, client, ...arranged } = await arrange(t)
  const tokens = await connect({ as, client })
  const response = await oauth.revocationRequest(as, client, oauth.None(), tokens.refresh_token ?? '', insecure)
  await oauth.processRevocationResponse(response)
  t.equal(server.verify(tokens.access_token), null)
  t.equal(await errorOf(arranged.refresh(tokens.refresh_token ?? '')), 'invalid_grant')
})

t.test('faults: each goes wrong in its own way, as often as it was told, and then the server works again', async t => {
  const { server, refresh, ...arranged } = await arrange(t)
  const { refresh_token: token = '' } = await connect(arranged)
  const answer = (): Promise<number> =>
    fetch(`${server.issuer}/token`, { method: 'POST', body: new URLSearchParams({ grant_type: 'none' }) }).then(
      ({ status }) => status,
      () => 0
    )
  server.fail('token', fault.unavailable(5))
  server.fail('token', fault.tooManyRequests(), { times: 2 })
  server.fail('token', fault.html(403))
  server.fail('token', fault.reset())
  t.same([await answer(), await answer(), await answer(), await answer(), await answer()], [503, 429, 429, 403, 0])
  t.equal(await answer(), 401, 'no fault is left')

  server.fail('token', fault.lost())
  await t.rejects(refresh(token), /fetch failed/)
  t.ok(
    [...server.records.refreshTokens.values()].some(({ spentAt }) => spentAt !== null),
    'rotated, and nobody heard of it'
  )
  t.equal(server.requests.at(-1)?.fault, 'lost')

  server.fail('token', ({ body }) => (body.includes('none') ? fault.oauthError('invalid_scope') : null), {
    times: Number.POSITIVE_INFINITY
  })
  t.equal(await answer(), 400)
  server.heal()
  t.equal(await answer(), 401)
})

t.test('RFC 8414 3: metadata is where it is told to be, and says what it is told to say', async t => {
  const server = await createFakeAuthorizationServer({ path: '/tenant' })
  t.teardown(() => server.close())
  const found = async (): Promise<string[]> => {
    const paths = [
      '/.well-known/oauth-authorization-server/tenant',
      '/.well-known/openid-configuration/tenant',
      '/tenant/.well-known/openid-configuration'
    ]
    const answers = await Promise.all(
      paths.map(async path => ({ path, status: (await fetch(server.url + path)).status }))
    )
    return answers.filter(({ status }) => status === 200).map(({ path }) => path)
  }
  t.same(await found(), ['/.well-known/oauth-authorization-server/tenant'])
  server.behaviour.metadataAt = ['openid-configuration-appended']
  t.same(await found(), ['/tenant/.well-known/openid-configuration'])
  server.behaviour.metadataAt = []
  t.same(await found(), [])
  server.behaviour.metadata = { issuer: 'https://attacker.example', code_challenge_methods_supported: undefined }
  t.equal(server.metadata()['issuer'], 'https://attacker.example')
  t.notOk('code_challenge_methods_supported' in server.metadata())
})

async function registerConfidential(server: FakeAuthorizationServer) {
  const body = JSON.stringify({ redirect_uris: [REDIRECT_URI], token_endpoint_auth_method: 'client_secret_basic' })
  const response = await fetch(`${server.issuer}/register`, { method: 'POST', body })
  return (await response.json()) as { client_id: string; client_secret: string }
}

function askForClientCredentials(
  server: FakeAuthorizationServer,
  client: { client_id: string; client_secret: string }
) {
  const authorization = `Basic ${Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64')}`
  const body = new URLSearchParams({ grant_type: 'client_credentials' })
  return fetch(`${server.issuer}/token`, { method: 'POST', body, headers: { authorization } })
}
