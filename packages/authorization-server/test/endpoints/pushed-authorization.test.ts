/** Pushed authorization requests. */
import { createHash } from 'node:crypto'
import type { Bends, OAuthClient } from '@fastify-mcp-auth/testing'
import t from 'tap'
import { createSigner } from '../clients/signer.ts'
import {
  type BuildOptions,
  buildServer,
  CALLBACK,
  modelOf,
  ORIGIN,
  openSignedIn,
  RESOURCE,
  RESOURCES,
  type TestServer
} from '../fixture.ts'

const secretDigest = createHash('sha256').update('s3cret').digest('base64url')
const clients = [
  { client_id: 'cli', client_name: 'CLI', redirect_uris: [CALLBACK] },
  { client_id: 'other', client_name: 'Other', redirect_uris: [CALLBACK] },
  { client_id: 'web', client_name: 'Web', redirect_uris: [CALLBACK], client_secret_digest: secretDigest }
]
const build: BuildOptions = { options: { clients } }

function toFormBody(parameters: Bends): string {
  const entries = Object.entries(parameters).flatMap(([name, value]) =>
    [value ?? []].flat().map((one): [string, string] => [name, one])
  )
  return new URLSearchParams(entries).toString()
}

/** Pushes what the client would have asked by the browser. */
async function push(server: TestServer, client: OAuthClient, bends: Bends = {}, headers = {}) {
  const started = await client.start()
  const parameters = Object.fromEntries(new URL(started.url).searchParams)
  const response = await server.app.inject({
    method: 'POST',
    url: '/oauth/par',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    payload: toFormBody({ ...parameters, ...bends })
  })
  return { response, started, requestUri: String(response.json().request_uri) }
}

const visit = (clientId: string, requestUri: string, more: Bends = {}) =>
  `${ORIGIN}/oauth/authorize?${toFormBody({ client_id: clientId, request_uri: requestUri, ...more })}`

t.test('RFC 9126 2.2: a pushed request leads to a grant, once', async t => {
  const server = await buildServer(t, build)
  const client = server.client({ clientId: 'cli' })
  const { response, requestUri, started } = await push(server, client)
  t.equal(response.statusCode, 201)
  t.equal(response.headers['cache-control'], 'no-store')
  t.match(response.json(), { request_uri: /^urn:ietf:params:oauth:request_uri:[\w-]{43}$/, expires_in: 60 })
  const page = await openSignedIn(client, visit('cli', requestUri))
  const { searchParams } = new URL((await client.decide(page)).leavesTo ?? '')
  t.equal(searchParams.get('state'), started.state)
  const answer = { ...started, code: searchParams.get('code'), error: null, parameters: searchParams }
  t.equal((await client.redeem(answer)).statusCode, 200)
  const again = await client.browser.open(visit('cli', requestUri))
  t.equal(again.statusCode, 400)
  t.match(again.body, '"reason":"invalid_request"')
  t.match(await server.storage.counts(), { interactions: 1, grants: 1 })
})

t.test('RFC 9126 4: of twenty parallel visits one is taken', async t => {
  const server = await buildServer(t, build)
  const { requestUri } = await push(server, server.client({ clientId: 'cli' }))
  const url = visit('cli', requestUri).slice(ORIGIN.length)
  const codes = await Promise.all(Array.from({ length: 20 }, async () => (await server.app.inject(url)).statusCode))
  t.equal(codes.filter(code => code === 303).length, 1)
  t.match(await server.storage.counts(), { interactions: 1 })
})

t.test('RFC 9126 4: nothing that the browser adds changes what was pushed', async t => {
  const server = await buildServer(t, build)
  const client = server.client({ clientId: 'cli' })
  const { requestUri } = await push(server, client, { scope: 'notes:read' })
  const more = { scope: 'notes:admin', redirect_uri: 'http://127.0.0.1:1/evil', state: 'x', code_challenge: 'y' }
  const page = await openSignedIn(client, visit('cli', requestUri, more))
  t.match(modelOf(page), { redirect: { uri: CALLBACK }, scopes: [{ scope: 'notes:read' }] })
  t.equal(modelOf(page).scopes.length, 1)
})

t.test('RFC 6749 3.1: what means nothing is not kept, and what means something is, in full', async t => {
  const server = await buildServer(t, {
    options: { ...build.options, resources: { ...RESOURCES, [`${RESOURCE}/2`]: { name: '2', scopes: { two: 'Two' } } } }
  })
  const client = server.client({ clientId: 'cli' })
  const parameters = {
    scope: 'notes:read two',
    resource: [RESOURCE, `${RESOURCE}/2`],
    prompt: 'login',
    max_age: '60',
    login_hint: 'bob@example',
    ui_locales: 'de',
    acr_values: 'gold',
    display: 'popup',
    response_mode: 'query',
    nonce: 'n-1'
  }
  const before = (await server.storage.dump()).length
  const junk = Object.fromEntries(Array.from({ length: 7 }, (_, i) => [`junk${i}`, 'x'.repeat(8000)]))
  const { response, requestUri, started } = await push(server, client, { ...parameters, ...junk })
  t.equal(response.statusCode, 201)
  t.ok((await server.storage.dump()).length - before < 4000)
  const login = await client.browser.open(visit('cli', requestUri))
  t.match(Object.fromEntries(new URL(login.url).searchParams), {
    prompt: 'login',
    loginHint: 'bob@example',
    uiLocales: 'de',
    acrValues: 'gold',
    display: 'popup'
  })
  const page = await client.login(login)
  t.strictSame(
    modelOf(page).resources.map(({ resource }) => resource),
    [RESOURCE, `${RESOURCE}/2`]
  )
  t.equal(new URL((await client.decide(page)).leavesTo ?? '').searchParams.get('state'), started.state)
})

const UNUSABLE: [string, (uri: string) => string, number][] = [
  ['another client', uri => visit('other', uri), 400],
  ['no client', uri => visit('', uri), 400],
  [
    'a request_uri that was never issued',
    () => visit('cli', `urn:ietf:params:oauth:request_uri:${'a'.repeat(43)}`),
    400
  ]
]
for (const [what, url, status] of UNUSABLE)
  t.test(`RFC 9126 4: ${what} is an error page, and uses nothing up`, async t => {
    const server = await buildServer(t, build)
    const client = server.client({ clientId: 'cli' })
    const { requestUri } = await push(server, client)
    const response = await server.app.inject(url(requestUri).slice(ORIGIN.length))
    t.equal(response.statusCode, status)
    t.equal(response.headers.location, undefined)
    t.match(await server.storage.counts(), { interactions: 0 })
    t.equal((await client.browser.open(visit('cli', requestUri))).statusCode, 200, 'the right one still works')
  })

t.test('RFC 9126 2.2: a request_uri lives for a minute, and is cleaned up', async t => {
  const server = await buildServer(t, build)
  const { requestUri } = await push(server, server.client({ clientId: 'cli' }))
  server.clock.advance(60)
  const late = await server.app.inject(visit('cli', requestUri).slice(ORIGIN.length))
  t.equal(late.statusCode, 410)
  t.match(late.body, '"reason":"interaction_expired"')
  server.clock.advance(1)
  t.equal(await server.app.authorizationServer.cleanup(), 1)
})

const REFUSED: [string, Bends, string][] = [
  ['a request_uri inside', { request_uri: `urn:ietf:params:oauth:request_uri:${'a'.repeat(43)}` }, 'invalid_request'],
  ['a request object inside', { request: 'e30.e30.' }, 'request_not_supported'],
  ['a redirect_uri that is not registered', { redirect_uri: 'https://evil.example/' }, 'invalid_request'],
  ['no redirect_uri', { redirect_uri: null }, 'invalid_request'],
  ['no code_challenge', { code_challenge: null }, 'invalid_request'],
  ['an unknown scope', { scope: 'x' }, 'invalid_scope'],
  ['an unknown resource', { resource: 'https://other.example' }, 'invalid_target'],
  ['response_type token', { response_type: 'token' }, 'unsupported_response_type'],
  ['a repeated parameter', { scope: ['notes:read', 'notes:write'] }, 'invalid_request'],
  ['an unknown client', { client_id: 'nobody' }, 'invalid_client'],
  ['no client', { client_id: null }, 'invalid_client'],
  ['a secret of a client that has none', { client_secret: 'x' }, 'invalid_client']
]
for (const [what, bends, error] of REFUSED)
  t.test(`RFC 9126 2.3: ${what}: ${error}, told as JSON, and nothing is kept`, async t => {
    const server = await buildServer(t, build)
    const { response } = await push(server, server.client({ clientId: 'cli' }), bends)
    t.equal(response.json().error, error)
    t.equal(response.statusCode, error === 'invalid_client' ? 401 : 400)
    t.notMatch(response.headers, { location: /./ })
    t.equal((await server.storage.counts())['pushed_requests'] ?? 0, 0)
  })

t.test('RFC 9126 2: a confidential client proves itself, and its secret is not kept with the request', async t => {
  const server = await buildServer(t, build)
  const client = server.client({ clientId: 'web' })
  t.equal((await push(server, client)).response.statusCode, 401)
  t.equal((await push(server, client, { client_secret: 'wrong' })).response.statusCode, 401)
  t.equal((await server.storage.counts())['pushed_requests'] ?? 0, 0)
  const authorization = `Basic ${Buffer.from('web:s3cret').toString('base64')}`
  const { response, requestUri } = await push(server, client, {}, { authorization })
  t.equal(response.statusCode, 201)
  const dump = await server.storage.dump()
  for (const secret of ['s3cret', requestUri.slice(-43), RESOURCE, CALLBACK].slice(0, 2)) t.notMatch(dump, secret)
  t.equal((await client.browser.open(visit('web', requestUri))).statusCode, 200)
})

t.test(
  'RFC 9126 2: an assertion may be made for this very endpoint, for the issuer or the token endpoint, and for no other',
  async t => {
    const signer = await createSigner(
      () => 'signer',
      () => server.clock.now()
    )
    const signing = {
      client_id: 'signer',
      client_name: 'Signer',
      redirect_uris: [CALLBACK],
      jwks: { keys: [{ ...signer.jwk }] }
    }
    const server = await buildServer(t, { options: { clients: [signing] } })
    const client = server.client({ clientId: 'signer' })
    for (const [aud, status] of [
      [`${ORIGIN}/oauth/par`, 201],
      [`${ORIGIN}/oauth/token`, 201],
      [ORIGIN, 201],
      [`${ORIGIN}/oauth/introspect`, 401]
    ] as const)
      t.equal((await push(server, client, await signer.proof({ aud }))).response.statusCode, status, aud)
  }
)

t.test('RFC 9126 5: required is told in the metadata, and a request by the browser is refused by redirect', async t => {
  const server = await buildServer(t, { options: { clients, pushedAuthorizationRequests: 'required' } })
  const client = server.client({ clientId: 'cli' })
  const { url } = await client.start()
  const response = await server.app.inject(url.slice(ORIGIN.length))
  t.match(response.headers.location, /error=invalid_request&error_description=a\+pushed/)
  t.match(await server.storage.counts(), { interactions: 0 })
  const { requestUri } = await push(server, client)
  t.equal((await client.browser.open(visit('cli', requestUri))).statusCode, 200)
  t.match((await server.app.inject('/.well-known/oauth-authorization-server')).json(), {
    pushed_authorization_request_endpoint: `${ORIGIN}/oauth/par`,
    require_pushed_authorization_requests: true
  })
})

t.test('RFC 9126 6: a client that said that it pushes its requests is not believed to have sent another', async t => {
  const pushes = { require_pushed_authorization_requests: true }
  const server = await buildServer(t, {
    options: { clients: [{ client_id: 'cli', client_name: 'CLI', redirect_uris: [CALLBACK], ...pushes }] }
  })
  const registered = server.client()
  const answer = (await registered.register(pushes)).json()
  t.equal(answer['require_pushed_authorization_requests'], true, 'echoed')
  for (const client of [server.client({ clientId: 'cli' }), registered]) {
    const { url } = await client.start()
    const { headers } = await server.app.inject(url.slice(ORIGIN.length))
    t.match(headers.location, /error=invalid_request&error_description=a\+pushed/)
    t.match(await server.storage.counts(), { interactions: 0 })
  }
  for (const client of [server.client({ clientId: 'cli' }), registered]) {
    const { requestUri } = await push(server, client)
    const { clientId } = await client.credentials()
    t.equal((await client.browser.open(visit(clientId, requestUri))).statusCode, 200)
  }
  const others = server.client()
  t.match((await others.browser.open((await others.start()).url)).url, '/login', 'others may go on as they did')
})

t.test('RFC 9126 6: the word is no text, and not to be had where nothing can be pushed', async t => {
  const server = await buildServer(t)
  const refused = await server.client().register({ require_pushed_authorization_requests: 'true' })
  t.equal(refused.json()['error'], 'invalid_client_metadata')
  const client = {
    client_id: 'cli',
    client_name: 'CLI',
    redirect_uris: [CALLBACK],
    require_pushed_authorization_requests: true
  }
  await t.rejects(
    buildServer(t, { options: { clients: [client], pushedAuthorizationRequests: 'off' } }),
    /option "clients".*pushedAuthorizationRequests/
  )
})

t.test('EM-13: pushed requests are counted alone: too many of them keep nobody from tokens', async t => {
  const server = await buildServer(t, { options: { clients, rateLimit: { token: 2 } } })
  const client = server.client({ clientId: 'cli' })
  const statuses = []
  for (let i = 0; i < 3; i++) statuses.push((await push(server, client)).response.statusCode)
  t.strictSame(statuses, [201, 201, 429])
  t.equal((await client.redeem(await client.authorize())).statusCode, 200)
})

t.test('RFC 9101 5: request objects are refused by redirect, also by reference, and nothing is fetched', async t => {
  for (const mode of ['optional', 'off'] as const) {
    const server = await buildServer(t, { options: { clients, pushedAuthorizationRequests: mode } })
    const client = server.client({ clientId: 'cli' })
    for (const [parameters, error] of [
      [{ request: 'e30.e30.' }, 'request_not_supported'],
      [{ request_uri: 'https://client.example/request.jwt' }, 'request_uri_not_supported'],
      [{ request_uri: 'urn:ietf:params:oauth:request_uri:short' }, 'request_uri_not_supported']
    ] as const) {
      const { url } = await client.start({ parameters })
      t.match((await server.app.inject(url.slice(ORIGIN.length))).headers.location, `error=${error}`)
    }
    t.match(await server.storage.counts(), { interactions: 0 })
  }
})

t.test('RFC 9126 5: switched off, there is no endpoint and no word of it', async t => {
  const server = await buildServer(t, { options: { clients, pushedAuthorizationRequests: 'off' } })
  t.equal((await push(server, server.client({ clientId: 'cli' }))).response.statusCode, 404)
  const metadata = (await server.app.inject('/.well-known/oauth-authorization-server')).json()
  t.equal('pushed_authorization_request_endpoint' in metadata, false)
  t.equal('require_pushed_authorization_requests' in metadata, false)
})
