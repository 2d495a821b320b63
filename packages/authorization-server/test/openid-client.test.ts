/** The certified client of other people, over real HTTP: code, OpenID Connect, introspection, revocation. */
import type { AddressInfo } from 'node:net'
import { createSafeFetch, digest } from '@fastify-mcp-auth/core'
import {
  assertingIssuer,
  createBrowser,
  createTestIssuer,
  decide,
  fetchTransport,
  settableClock,
  signIn,
  visitAuthorization
} from '@fastify-mcp-auth/testing'
import { exportJWK, generateKeyPair } from 'jose'
import * as client from 'openid-client'
import t, { type Test } from 'tap'
import { JWT_BEARER } from '../src/assertions/trusted-issuers.ts'
import type { AuthorizationServerOptions } from '../src/index.ts'
import { DEVICE_CODE } from './devices.ts'
import { buildServer } from './fixture.ts'

const CALLBACK = 'http://127.0.0.1:49152/callback'
const GOODBYE = 'https://web.example/bye'
const SECRET = 'a-secret-that-is-long-enough-to-be-one'

const { publicKey, privateKey } = await generateKeyPair('ES256')
const jwk = { ...(await exportJWK(publicKey)), kid: 'client-key', alg: 'ES256' }
const signed = client.PrivateKeyJwt({ key: privateKey, kid: jwk.kid })

function proofOf(id: string): client.ClientAuth {
  if (id === 'tv') return client.None()
  return id.startsWith('sign') ? signed : client.ClientSecretBasic(SECRET)
}

/** What openid-client throws for an error of the server. */
const refusal = (error: string): Error & { error: string } => Object.assign(new Error(), { error })

async function listening(
  t: Test,
  { format, more }: { format: 'jwt' | 'opaque'; more?: (resource: string) => Partial<AuthorizationServerOptions> }
) {
  const probe = await buildServer(t)
  await probe.app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = probe.app.server.address() as AddressInfo
  await probe.app.close()
  const issuer = `http://127.0.0.1:${port}`
  const resource = `${issuer}/mcp`
  const own = { [resource]: ['notes:read'] }
  const { clients = [], ...options } = more?.(resource) ?? {}
  const server = await buildServer(t, {
    options: {
      issuer,
      clock: settableClock(),
      deviceAuthorization: { interval: 1 },
      openid: { scopes: { profile: 'See your name', email: 'See your e-mail address' } },
      resources: {
        [resource]: { name: 'Notes', scopes: { 'notes:read': 'Read your notes' }, accessToken: { format } }
      },
      clients: [
        {
          client_id: 'web',
          client_name: 'Web',
          redirect_uris: [CALLBACK],
          post_logout_redirect_uris: [GOODBYE],
          client_secret_digest: digest(SECRET)
        },
        { client_id: 'signer', client_name: 'Signer', redirect_uris: [CALLBACK], jwks: { keys: [jwk] } },
        { client_id: 'tv', client_name: 'Television', grant_types: [DEVICE_CODE, 'refresh_token'] },
        { client_id: 'job', client_name: 'Job', client_secret_digest: digest(SECRET), client_credentials: own },
        { client_id: 'signing-job', client_name: 'Job', jwks: { keys: [jwk] }, client_credentials: own },
        { client_id: 'rs', client_name: 'API', client_secret_digest: digest(SECRET), introspects: [resource] },
        ...clients
      ],
      ...options
    },
    users: {
      claims: user => ({ name: user, email: `${user}@example.com` }),
      find: subject => (subject.startsWith('sub-') ? subject.slice(4) : null),
      signOut: (_request, reply) => void reply.header('set-cookie', 'session=; Max-Age=0; Path=/')
    }
  })
  await server.app.listen({ port, host: '127.0.0.1' })
  const as = (id: string, algorithm: 'oauth2' | 'oidc' = 'oidc') =>
    client.discovery(new URL(issuer), id, undefined, proofOf(id), {
      algorithm,
      execute: [client.allowInsecureRequests]
    })
  return { server, issuer, resource, as }
}

for (const [clientId, format] of [
  ['web', 'jwt'],
  ['web', 'opaque'],
  ['signer', 'jwt'],
  ['signer', 'opaque']
] as const)
  t.test(
    `OpenID Connect Core 3.1: openid-client, ${clientId === 'web' ? 'by secret' : 'by private_key_jwt, RFC 9126 pushed request'}, ${format} tokens: code, id_token, userinfo, refresh, introspection, revocation`,
    async t => {
      const { as, resource } = await listening(t, { format })
      const config = await as(clientId)
      const pkceCodeVerifier = client.randomPKCECodeVerifier()
      const [expectedState, expectedNonce] = [client.randomState(), client.randomNonce()]
      const asked = {
        redirect_uri: CALLBACK,
        scope: 'openid profile email notes:read',
        resource,
        code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
        code_challenge_method: 'S256',
        state: expectedState,
        nonce: expectedNonce
      }
      const isPushed = clientId === 'signer'
      const url = isPushed
        ? await client.buildAuthorizationUrlWithPAR(config, asked)
        : client.buildAuthorizationUrl(config, asked)
      t.equal(url.searchParams.has('request_uri'), isPushed)
      t.equal(url.searchParams.has('scope'), !isPushed)
      const page = await visitAuthorization(createBrowser(fetchTransport()), url.href, {
        username: 'alice',
        password: 'pw'
      })
      const checks = { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true, maxAge: 600 }
      const tokens = await client.authorizationCodeGrant(config, new URL(page.leavesTo ?? ''), checks)
      const { sub = '' } = tokens.claims() ?? {}
      t.equal(sub, 'sub-alice')
      t.match(await client.fetchUserInfo(config, tokens.access_token, sub), {
        sub,
        name: 'alice',
        email: 'alice@example.com'
      })

      const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token ?? '')
      t.equal(refreshed.claims()?.sub, sub)
      const api = await as('rs')
      for (const asker of [config, api])
        t.match(await client.tokenIntrospection(asker, refreshed.access_token), {
          active: true,
          sub,
          aud: resource,
          client_id: clientId
        })
      client.enableNonRepudiationChecks(config)
      t.match(await client.tokenIntrospection(api, 'invented'), { active: false })

      await client.tokenRevocation(config, refreshed.access_token)
      t.match(await client.tokenIntrospection(api, refreshed.access_token), { active: false })
      await t.rejects(client.refreshTokenGrant(config, refreshed.refresh_token ?? ''), {
        error: 'invalid_grant'
      } as never)
      await t.rejects(client.fetchUserInfo(config, refreshed.access_token, sub))
    }
  )

t.test(
  'RFC 9126 2: openid-client pushes its request, over HTTP; what it pushed is good once, and only for it',
  async t => {
    const { as, resource, server } = await listening(t, { format: 'jwt' })
    const config = await as('web')
    const pkceCodeVerifier = client.randomPKCECodeVerifier()
    const expectedState = client.randomState()
    const request = {
      redirect_uri: CALLBACK,
      scope: 'notes:read',
      resource,
      code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
      state: expectedState
    }
    await t.rejects(client.buildAuthorizationUrlWithPAR(config, { ...request, scope: 'unknown' }), {
      error: 'invalid_scope'
    } as never)
    const url = await client.buildAuthorizationUrlWithPAR(config, request)
    t.strictSame(
      [...url.searchParams.keys()].toSorted(),
      ['client_id', 'request_uri'],
      'the browser carries nothing else'
    )
    const stranger = new URL(url)
    stranger.searchParams.set('client_id', 'rs')
    t.equal((await fetch(stranger)).status, 400)
    const person = { username: 'alice', password: 'pw' }
    const page = await visitAuthorization(createBrowser(fetchTransport()), url.href, person)
    const tokens = await client.authorizationCodeGrant(config, new URL(page.leavesTo ?? ''), {
      pkceCodeVerifier,
      expectedState
    })
    t.equal(tokens.scope, 'notes:read')
    t.equal((await fetch(url)).status, 400, 'it was used')
    t.match(await server.storage.counts(), { pushed_requests: 1, interactions: 1, grants: 1 })
  }
)

t.test(
  'RFC 8628 3: openid-client polls as a device does: pending, slower when it is told so, tokens, refresh, userinfo',
  async t => {
    const { server, as, resource } = await listening(t, { format: 'jwt' })
    const config = await as('tv')
    const device = await client.initiateDeviceAuthorization(config, { scope: 'openid profile notes:read', resource })
    t.match(device, { interval: 1, expires_in: 600 })
    const browser = createBrowser(fetchTransport())
    const polled = client.pollDeviceAuthorizationGrant(config, device)
    const person = { username: 'alice', password: 'pw' }
    const page = await browser.open(String(device.verification_uri_complete))
    const entry = await signIn(browser, page, person)
    const end = await decide(browser, await browser.submit(entry))
    t.match(end.body, /device_finished/)
    const tokens = await polled
    t.match(tokens.claims(), { sub: 'sub-alice', aud: 'tv' })
    t.match(await client.fetchUserInfo(config, tokens.access_token, 'sub-alice'), { name: 'alice' })
    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token ?? '')
    await client.tokenRevocation(config, refreshed.refresh_token ?? '')
    t.strictSame((await server.app.authorizationServer.grants.list('sub-alice')).grants, [])
  }
)

t.test('RFC 8628 3.5: openid-client tells a device that the person said no', async t => {
  const { as, resource } = await listening(t, { format: 'jwt' })
  const config = await as('tv')
  const device = await client.initiateDeviceAuthorization(config, { resource })
  const browser = createBrowser(fetchTransport())
  const page = await browser.open(String(device.verification_uri_complete))
  const entry = await signIn(browser, page, { username: 'alice', password: 'pw' })
  await decide(browser, await browser.submit(entry), { decision: 'deny' })
  await t.rejects(client.pollDeviceAuthorizationGrant(config, device), refusal('access_denied'))
})

for (const clientId of ['job', 'signing-job'])
  t.test(
    `CC-1, CC-5: openid-client gets a token for itself, as ${clientId}, looks at it and takes it back`,
    async t => {
      const { as, resource, server } = await listening(t, { format: 'opaque' })
      const config = await as(clientId, 'oauth2')
      const tokens = await client.clientCredentialsGrant(config, { resource, scope: 'notes:read' })
      t.match(tokens, { scope: 'notes:read', refresh_token: undefined })
      t.match(await client.tokenIntrospection(config, tokens.access_token), { active: true, sub: clientId })
      await client.tokenRevocation(config, tokens.access_token)
      t.strictSame(await client.tokenIntrospection(config, tokens.access_token), { active: false })
      await t.rejects(client.clientCredentialsGrant(config, { resource, scope: 'openid' }), refusal('invalid_scope'))
      t.notOk(server.log.some(line => line.includes(tokens.access_token)))
    }
  )

t.test('RP-Initiated Logout 2: openid-client builds the address that signs the person out', async t => {
  const { as, issuer, resource } = await listening(t, { format: 'jwt' })
  const web = await as('web')
  t.equal(web.serverMetadata().end_session_endpoint, `${issuer}/oauth/end_session`)
  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const request = client.buildAuthorizationUrl(web, {
    redirect_uri: CALLBACK,
    scope: 'openid notes:read',
    resource,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256'
  })
  const browser = createBrowser(fetchTransport())
  const end = await visitAuthorization(browser, request.href, { username: 'alice', password: 'pw' })
  const answer = new URL(end.leavesTo ?? '')
  const tokens = await client.authorizationCodeGrant(web, answer, { pkceCodeVerifier }, { resource })
  const logout = client.buildEndSessionUrl(web, {
    id_token_hint: tokens.id_token ?? '',
    post_logout_redirect_uri: GOODBYE,
    state: 'kept'
  })
  t.equal((await browser.open(logout.href)).leavesTo, `${GOODBYE}?state=kept`)
  t.notMatch(browser.cookies.header(request.href), /session=alice/)
})

t.test(
  'EM-4, WI-3: openid-client, and fetch without any client, trade assertions of an issuer whose keys are found over HTTP',
  async t => {
    const idp = await createTestIssuer()
    const listener = await idp.listen()
    const says = assertingIssuer(idp)
    t.teardown(() => listener.close())
    const agent = { client_name: 'Agent', grant_types: [JWT_BEARER] }
    const { as, issuer, resource, server } = await listening(t, {
      format: 'opaque',
      more: uri => ({
        fetch: createSafeFetch({ addresses: 'any' }),
        clients: [
          { client_id: 'agent', client_secret_digest: digest(SECRET), ...agent },
          { client_id: 'signing-agent', jwks: { keys: [jwk] }, ...agent }
        ],
        jwtBearer: says.trusted({ [uri]: ['notes:read'] })
      })
    })
    const api = await as('rs', 'oauth2')
    for (const clientId of ['agent', 'signing-agent']) {
      const config = await as(clientId, 'oauth2')
      t.match(config.serverMetadata(), {
        authorization_grant_profiles_supported: ['urn:ietf:params:oauth:grant-profile:id-jag']
      })
      const about = { subject: 'alice', audience: issuer, clientId, resource, scopes: ['notes:read'] }
      const assertion = await says.idJag(about)
      const tokens = await client.genericGrantRequest(config, JWT_BEARER, { assertion, resource, scope: 'notes:read' })
      t.match(tokens, { token_type: 'bearer', scope: 'notes:read' })
      t.notOk('refresh_token' in tokens)
      const told = { active: true, sub: 'sub-alice', client_id: clientId, aud: resource }
      t.match(await client.tokenIntrospection(api, tokens.access_token), told)
      await t.rejects(client.genericGrantRequest(config, JWT_BEARER, { assertion }), refusal('invalid_grant'))
      await client.tokenRevocation(config, tokens.access_token)
      t.match(await client.tokenIntrospection(api, tokens.access_token), { active: false })
    }
    const assertion = await says.workload({ audience: `${issuer}/oauth/token` })
    const body = new URLSearchParams({ grant_type: JWT_BEARER, assertion, resource })
    const answer = await fetch(`${issuer}/oauth/token`, { method: 'POST', body })
    t.equal(answer.status, 200)
    const { access_token } = (await answer.json()) as { access_token: string }
    t.match(await client.tokenIntrospection(api, access_token), { active: true, sub: 'nightly', client_id: 'nightly' })
    t.equal((await fetch(`${issuer}/oauth/token`, { method: 'POST', body })).status, 400, 'once')
    t.equal(await server.app.authorizationServer.grants.revokeAll({ clientId: 'nightly' }), 1)
    t.match(await client.tokenIntrospection(api, access_token), { active: false })
  }
)
