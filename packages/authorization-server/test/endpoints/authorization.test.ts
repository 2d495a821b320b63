import { randomSecret } from '@fastify-mcp-auth/core'
import type { Bends, OAuthClient } from '@fastify-mcp-auth/testing'
import t, { type Test } from 'tap'
import { type BuildOptions, buildServer, CALLBACK, ORIGIN, RESOURCE, type TestServer } from '../fixture.ts'

const CLIENTS = {
  clients: [
    { client_id: 'web', client_name: 'Web', redirect_uris: ['https://app.example/cb'] },
    { client_id: 'query', client_name: 'Query', redirect_uris: ['https://app.example/cb?tenant=1'] },
    { client_id: 'two', client_name: 'Two', redirect_uris: ['https://app.example/cb', 'https://app.example/other'] },
    { client_id: 'cli', client_name: 'CLI', redirect_uris: ['http://127.0.0.1/callback'] },
    { client_id: 'local', client_name: 'Local', redirect_uris: ['http://localhost/callback'] },
    { client_id: 'six', client_name: 'IPv6', redirect_uris: ['http://[::1]/callback'] },
    { client_id: 'app', client_name: 'App', redirect_uris: ['cursor://anysphere.cursor-mcp/oauth/callback'] }
  ]
}

/** Opens the authorization endpoint once, without a browser. */
async function ask(server: TestServer, client: OAuthClient, parameters: Bends, more = '') {
  const { url } = await client.start({ parameters })
  const { pathname, search } = new URL(url)
  return server.app.inject({ method: 'GET', url: `${pathname}${search}${more}` })
}

/** The parameters of a redirect to the client. */
function answerOf(response: { statusCode: number; headers: { location?: unknown } }): Record<string, string> {
  return response.statusCode === 303 ? Object.fromEntries(new URL(String(response.headers.location)).searchParams) : {}
}

const build: BuildOptions = { options: CLIENTS }

t.test('RFC 6749 4.1.1: a good request is frozen and the person is sent to sign in', async t => {
  const server = await buildServer(t, build)
  const response = await ask(server, server.client({ clientId: 'cli' }), {})
  t.equal(response.statusCode, 303)
  t.match(response.headers.location, /^\/login\?returnTo=%2Foauth%2Finteraction%2F[\w-]{43}$/)
  t.equal(response.headers['cache-control'], 'no-store')
  t.match(response.headers['set-cookie'], /^mcp-browser=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/)
  t.match(await server.storage.counts(), { interactions: 1, grants: 0 })
})

t.test('PX-4: with https the cookie is bound to the host', async t => {
  const server = await buildServer(t, { options: { ...CLIENTS, issuer: 'https://auth.example' } })
  const response = await ask(server, server.client({ clientId: 'cli' }), {})
  t.match(response.headers['set-cookie'], /^__Host-mcp-browser=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Secure$/)
})

t.test('RFC 6749 4.1.1: a person who is signed in goes straight to the page; login_hint reaches the login', async t => {
  const server = await buildServer(t, build)
  const { url } = await server.client({ clientId: 'cli' }).start({ parameters: { login_hint: 'bob@example' } })
  const path = url.slice(ORIGIN.length)
  t.match((await server.app.inject(path)).headers.location, /loginHint=bob%40example/)
  const signedIn = await server.app.inject({ url: path, headers: { cookie: 'session=alice' } })
  t.match(signedIn.headers.location, /^\/oauth\/interaction\/[\w-]{43}$/)
})

const UNTRUSTED: [string, string, Bends, string][] = [
  ['no client_id', 'web', { client_id: null }, 'invalid_request'],
  ['two client_ids', 'web', { client_id: ['web', 'cli'] }, 'invalid_request'],
  ['a client_id with a NUL', 'web', { client_id: 'web\0' }, 'invalid_request'],
  ['an unknown client_id', 'web', { client_id: 'nobody' }, 'unknown_client'],
  ['a client_id of 300 characters', 'web', { client_id: 'x'.repeat(300) }, 'unknown_client'],
  [
    'an unknown client with a redirect_uri',
    'web',
    { client_id: 'nobody', redirect_uri: 'https://evil.example' },
    'unknown_client'
  ],
  ...[
    'https://evil.example/cb',
    'https://app.example/cb/',
    'https://app.example/cb?x=1',
    'https://app.example/CB',
    'https://app.example/cb/../cb',
    'https://app.example/%63b',
    'https://APP.example/cb',
    'https://app.example:443/cb',
    'https://app.example:8443/cb',
    'http://app.example/cb',
    'https://app.example.evil.example/cb',
    'https://app.example@evil.example/cb',
    'https://user@app.example/cb',
    'https://app.example/cb#fragment',
    'https://app.example\\@evil.example/cb',
    '//app.example/cb',
    '/cb',
    'javascript:alert(1)//https://app.example/cb',
    'data:text/html,x',
    'https://app.example/cb%0d%0aset-cookie:x=1',
    'https://app.example/cb\r\nlocation: https://evil.example',
    ' https://app.example/cb',
    'https://app.example/cb '
  ].map((uri): [string, string, Bends, string] => [
    `redirect_uri ${JSON.stringify(uri)}`,
    'web',
    { redirect_uri: uri },
    'redirect_uri'
  ]),
  ['two redirect_uris', 'web', { redirect_uri: ['https://app.example/cb', 'https://evil.example/'] }, 'redirect_uri'],
  [
    'the same redirect_uri twice',
    'web',
    { redirect_uri: ['https://app.example/cb', 'https://app.example/cb'] },
    'redirect_uri'
  ],
  ['no redirect_uri where there are two', 'two', { redirect_uri: null }, 'redirect_uri'],
  ['an empty redirect_uri where there are two', 'two', { redirect_uri: '' }, 'redirect_uri'],
  ['no redirect_uri where it has no port', 'cli', { redirect_uri: null }, 'redirect_uri'],
  ['localhost for 127.0.0.1', 'cli', { redirect_uri: 'http://localhost:5000/callback' }, 'redirect_uri'],
  ['127.0.0.1 for localhost', 'local', { redirect_uri: 'http://127.0.0.1:5000/callback' }, 'redirect_uri'],
  ['another loopback address', 'cli', { redirect_uri: 'http://127.0.0.2:5000/callback' }, 'redirect_uri'],
  ['another loopback path', 'cli', { redirect_uri: 'http://127.0.0.1:5000/callback/x' }, 'redirect_uri'],
  ['a loopback port that is none', 'cli', { redirect_uri: 'http://127.0.0.1:99999/callback' }, 'redirect_uri'],
  ['a user in a loopback URI', 'cli', { redirect_uri: 'http://127.0.0.1:80@evil.example/callback' }, 'redirect_uri'],
  ['https for http on loopback', 'cli', { redirect_uri: 'https://127.0.0.1/callback' }, 'redirect_uri'],
  ['another app of a scheme', 'app', { redirect_uri: 'cursor://evil/oauth/callback' }, 'redirect_uri']
]
t.test('AZ-13, AZ-10: before client and redirect URI are trusted an error is a page, never a redirect', async t => {
  const server = await buildServer(t, build)
  for (const [what, clientId, parameters, reason] of UNTRUSTED)
    await t.test(`${what}: ${reason}`, async t => {
      const client = server.client({ clientId, redirectUri: 'https://app.example/cb' })
      const response = await ask(server, client, parameters)
      t.equal(response.statusCode, 400)
      t.equal(response.headers.location, undefined)
      t.equal(response.headers['set-cookie'], undefined)
      t.match(response.headers['content-type'], /^text\/html/)
      t.match(response.body, `"reason":"${reason}"`)
      t.match(await server.storage.counts(), { interactions: 0, grants: 0 })
    })
})

for (const [clientId, redirect_uri] of [
  ['cli', 'http://127.0.0.1:1/callback'],
  ['cli', 'http://127.0.0.1:65535/callback'],
  ['cli', 'http://127.0.0.1/callback'],
  ['local', 'http://localhost:49152/callback'],
  ['six', 'http://[::1]:49152/callback'],
  ['app', 'cursor://anysphere.cursor-mcp/oauth/callback'],
  ['web', 'https://app.example/cb'],
  ['web', null],
  ['web', '']
] as const)
  t.test(
    `AZ-10, RFC 8252 7.3: ${clientId} is answered at ${redirect_uri || `its only URI, for ${redirect_uri}`}`,
    async t => {
      const server = await buildServer(t, build)
      const response = await ask(server, server.client({ clientId }), { redirect_uri, response_type: 'token' })
      t.equal(response.statusCode, 303)
      t.equal(String(response.headers.location).split('?')[0], redirect_uri || 'https://app.example/cb')
    }
  )

t.test('RFC 6749 4.1.2: a redirect URI with a query keeps it', async t => {
  const server = await buildServer(t, build)
  const response = await ask(server, server.client({ clientId: 'query' }), {
    redirect_uri: 'https://app.example/cb?tenant=1',
    scope: 'nothing'
  })
  t.match(response.headers.location, 'https://app.example/cb?tenant=1&error=invalid_scope&')
})

type Refused = [what: string, parameters: Bends, error: string]

/** Each is told to the client, which gets its state and the issuer back, and nothing is stored. */
async function areRefused(t: Test, rows: readonly Refused[]): Promise<void> {
  const server = await buildServer(t, build)
  for (const [what, parameters, error] of rows)
    await t.test(`${what}: ${error}`, async t => {
      const response = await ask(server, server.client({ clientId: 'cli' }), { state: 'the state', ...parameters })
      t.equal(response.headers['cache-control'], 'no-store')
      t.match(response.headers.location, new RegExp(`^${CALLBACK}\\?`))
      const answer = answerOf(response)
      t.match(answer, { error, state: 'the state', iss: ORIGIN })
      t.match(answer['error_description'], /^[\x20-\x21\x23-\x5B\x5D-\x7E]+$/)
      t.strictSame(Object.keys(answer).sort(), ['error', 'error_description', 'iss', 'state'])
      t.match(await server.storage.counts(), { interactions: 0, grants: 0 })
    })
}

const S256 = randomSecret()
t.test('GEN-4, AZ-14: response types of other flows are refused by redirect', t =>
  areRefused(t, [
    ['response_type token', { response_type: 'token' }, 'unsupported_response_type'],
    ['response_type code id_token', { response_type: 'code id_token' }, 'unsupported_response_type']
  ])
)

t.test('AZ-4, AZ-14, RFC 7636 4.4.1: without a proper S256 challenge a request is refused by redirect', t =>
  areRefused(t, [
    ['no code_challenge', { code_challenge: null }, 'invalid_request'],
    ['no code_challenge and no method', { code_challenge: null, code_challenge_method: null }, 'invalid_request'],
    ['no code_challenge_method, which would mean plain', { code_challenge_method: null }, 'invalid_request'],
    ['code_challenge_method plain', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['code_challenge_method s256', { code_challenge_method: 's256' }, 'invalid_request'],
    ['an empty code_challenge', { code_challenge: '' }, 'invalid_request'],
    ['a code_challenge that is too short', { code_challenge: S256.slice(1) }, 'invalid_request'],
    ['a code_challenge that is too long', { code_challenge: `${S256}a` }, 'invalid_request'],
    ['a code_challenge with padding', { code_challenge: `${S256.slice(1)}=` }, 'invalid_request'],
    ['two code_challenges', { code_challenge: [S256, S256] }, 'invalid_request']
  ])
)

t.test('AZ-8, AZ-14: a resource that is not ours is refused by redirect', t =>
  areRefused(t, [
    ['an unknown resource', { resource: 'https://other.example/mcp' }, 'invalid_target'],
    ['a resource with a longer path', { resource: `${RESOURCE}/more` }, 'invalid_target'],
    ['a resource with a fragment', { resource: `${RESOURCE}#x` }, 'invalid_target'],
    ['two resources', { resource: [RESOURCE, 'https://other.example/mcp'] }, 'invalid_target']
  ])
)

t.test('AZ-14, RFC 6749 3.3: a scope that cannot be granted is refused by redirect', t =>
  areRefused(t, [
    ['only unknown scopes', { scope: 'everything else' }, 'invalid_scope'],
    ['a scope with a forbidden character', { scope: 'notes:read "' }, 'invalid_scope'],
    ['CVE-2026-4634: a scope of 5,000 characters', { scope: 'x'.repeat(5000) }, 'invalid_scope'],
    ['CVE-2026-4634: 101 scopes', { scope: Array.from({ length: 101 }, (_, i) => `s${i}`).join(' ') }, 'invalid_scope']
  ])
)

t.test('AZ-14, RFC 6749 4.1.2.1: other requests that are not acceptable are refused by redirect', t =>
  areRefused(t, [
    ['no response_type', { response_type: null }, 'invalid_request'],
    ['two response_types', { response_type: ['code', 'code'] }, 'invalid_request'],
    ['response_mode fragment', { response_mode: 'fragment' }, 'invalid_request'],
    ['two scopes parameters', { scope: ['notes:read', 'notes:write'] }, 'invalid_request'],
    ['a request object', { request: 'eyJ' }, 'request_not_supported'],
    ['a request_uri', { request_uri: 'https://evil.example/r' }, 'request_uri_not_supported'],
    ['registration', { registration: '{}' }, 'registration_not_supported']
  ])
)

t.test('RFC 6749 3.1: a state that is repeated, too long or no text is refused and not sent back', async t => {
  const server = await buildServer(t, build)
  for (const state of [['a', 'b'], 'x'.repeat(8193), 'a\0b']) {
    const answer = answerOf(await ask(server, server.client({ clientId: 'cli' }), { state }))
    t.match(answer, { error: 'invalid_request', iss: ORIGIN })
    t.equal('state' in answer, false)
  }
  t.match(await server.storage.counts(), { interactions: 0 })
})

t.test('RFC 6749 4.1.2: state comes back exactly, and only when it was sent', async t => {
  const server = await buildServer(t, build)
  const client = server.client({ clientId: 'cli' })
  for (const state of ['a b+c&d=e#f', '"<>\\', '\u00e4\u{1f600}', '%0d%0a', 'x'.repeat(4000)])
    t.equal(answerOf(await ask(server, client, { state, scope: 'nothing' }))['state'], state)
  for (const state of [null, ''])
    t.equal('state' in answerOf(await ask(server, client, { state, scope: 'nothing' })), false)
})

t.test('AZ-7: a resource in another spelling is the same resource', async t => {
  const server = await buildServer(t, build)
  for (const resource of ['HTTP://127.0.0.1:3000/mcp', null, [RESOURCE, RESOURCE]])
    t.match((await ask(server, server.client({ clientId: 'cli' }), { resource })).headers.location, /^\/login/)
})

t.test('RFC 6749 3.1: parameters that nobody knows are ignored, also those that an object is born with', async t => {
  const server = await buildServer(t, build)
  const more = '&__proto__=x&constructor=y&toString=z&nonce=1&prompt=consent&a%5Bb%5D=c'
  t.match((await ask(server, server.client({ clientId: 'cli' }), {}, more)).headers.location, /^\/login/)
  t.equal(Object.hasOwn(Object.prototype, 'x'), false)
})

t.test('RFC 6749 3.1: a client whose metadata leaves the code out cannot use it', async t => {
  const id = 'https://client.example/app.json'
  const document = { client_id: id, client_name: 'x', redirect_uris: [CALLBACK], grant_types: ['client_credentials'] }
  const fetch = async () => ({
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(document))
  })
  const server = await buildServer(t, { options: { fetch } })
  t.match(answerOf(await ask(server, server.client({ clientId: id }), {})), { error: 'unauthorized_client' })
  t.match(await server.storage.counts(), { interactions: 0 })
})

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

t.test(
  'OpenID Connect Core 3.1.2.1: a POST is the same request once more, as a link, and starts nothing itself',
  async t => {
    const server = await buildServer(t, { options: { ...CLIENTS, openid: {} } })
    const { url } = await server.client({ clientId: 'cli' }).start({ scope: 'openid notes:read' })
    const post = (payload: string, headers: Record<string, string> = FORM) =>
      server.app.inject({ method: 'POST', url: '/oauth/authorize', headers, payload })
    const good = new URL(url).search.slice(1)
    for (const payload of [
      good,
      `${good}&state=other`,
      `${good}&client_id=cli`,
      `client_id=nobody&${good}`,
      `${good}&x=%00`
    ]) {
      const response = await post(payload)
      t.equal(response.statusCode, 303)
      t.equal(response.headers['cache-control'], 'no-store')
      const { pathname, searchParams } = new URL(String(response.headers.location), ORIGIN)
      t.equal(pathname, '/oauth/authorize')
      t.strictSame([...searchParams].sort(), [...new URLSearchParams(payload)].sort())
      t.equal(response.headers['set-cookie'], undefined)
      t.match(await server.storage.counts(), { interactions: 0 })
    }
    for (const payload of ['', `${good}&x=${'x'.repeat(13_000)}`, `${good}&${'x=y&'.repeat(4000)}`]) {
      const response = await post(payload)
      const end = response.statusCode === 303 ? await server.app.inject(String(response.headers.location)) : response
      t.equal(end.statusCode, 400, payload.slice(0, 100))
      t.match(end.headers['content-type'], 'text/html')
    }
    t.equal((await post('{}', { 'content-type': 'application/json' })).statusCode, 415)
    const { headers } = await post(good)
    t.match((await server.app.inject(String(headers.location))).headers.location, /^\/login\?returnTo=/)
    t.equal((await server.app.inject({ method: 'HEAD', url: url.slice(ORIGIN.length) })).statusCode, 404)
  }
)

t.test('RFC 9110 9.3.2: HEAD and POST start nothing', async t => {
  const server = await buildServer(t, build)
  const { url } = await server.client({ clientId: 'cli' }).start()
  for (const method of ['HEAD', 'POST'] as const)
    t.equal((await server.app.inject({ method, url: url.slice(ORIGIN.length) })).statusCode, 404)
  t.match(await server.storage.counts(), { interactions: 0 })
})
