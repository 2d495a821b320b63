/** Clients that the app keeps itself. */
import { OAuthError } from '@fastify-mcp-auth/core'
import t, { type Test } from 'tap'
import type { ClientInformation, ClientSource } from '../../src/index.ts'
import { buildServer, CALLBACK, openSignedIn, recordsOf, type TestServer } from '../fixture.ts'

const KNOWN = 'old-client'

type Kept = ClientInformation & { [member: string]: unknown }

/** A server whose app keeps one client; `source` is asked anew for every request. */
async function withSource(t: Test, kept: Partial<Kept> | null, more: Partial<ClientSource> = {}) {
  const asked: string[] = []
  const table = new Map<string, unknown>()
  if (kept) table.set(KNOWN, { client_id: KNOWN, client_name: 'Old', redirect_uris: [CALLBACK], ...kept })
  const clientSource: ClientSource = {
    find(clientId) {
      asked.push(clientId)
      return table.get(clientId) as ClientInformation | undefined
    },
    ...more
  }
  const server = await buildServer(t, { options: { clientSource } })
  return { ...server, table, asked }
}

async function tokenRequest(
  { app }: Pick<TestServer, 'app'>,
  form: Record<string, string>
): Promise<{ status: number; error: string; retryAfter: unknown }> {
  const response = await app.inject({
    method: 'POST',
    url: '/oauth/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: 'x',
      client_id: KNOWN,
      ...form
    }).toString()
  })
  return {
    status: response.statusCode,
    error: response.json<{ error: string }>().error,
    retryAfter: response.headers['retry-after']
  }
}

const SECRET = 'a-secret-of-the-old-server'

t.test('RFC 6749 2.3.1: a client that has a secret must prove it, whatever its method says', async t => {
  for (const method of ['none', undefined, 'client_secret_post', 'private_key_jwt']) {
    const server = await withSource(t, { client_secret: SECRET, token_endpoint_auth_method: method })
    t.match(await tokenRequest(server, {}), { status: 401, error: 'invalid_client' }, `${method}: none`)
    t.match(await tokenRequest(server, { client_secret: 'wrong' }), { status: 401, error: 'invalid_client' })
    t.match(await tokenRequest(server, { client_secret: SECRET }), { status: 400, error: 'invalid_grant' })
  }
})

t.test('RFC 7591 3.2.1: a secret is refused from client_secret_expires_at on; 0 is never', async t => {
  const server = await withSource(t, { client_secret: SECRET, client_secret_expires_at: 1_800_000_010 })
  t.match(await tokenRequest(server, { client_secret: SECRET }), { error: 'invalid_grant' })
  server.clock.advance(10)
  t.match(await tokenRequest(server, { client_secret: SECRET }), { status: 401, error: 'invalid_client' })
  t.match(await tokenRequest(server, {}), { status: 401, error: 'invalid_client' })
  const everlasting = await withSource(t, { client_secret: SECRET, client_secret_expires_at: 0 })
  t.match(await tokenRequest(everlasting, { client_secret: SECRET }), { error: 'invalid_grant' })
})

t.test('a client whose secret was lost is no public client', async t => {
  const server = await withSource(t, { token_endpoint_auth_method: 'client_secret_post' })
  for (const form of [{}, { client_secret: '' }, { client_secret: 'x' }])
    t.match(await tokenRequest(server, form), { status: 401, error: 'invalid_client' })
  t.match(await tokenRequest(await withSource(t, {}), {}), { error: 'invalid_grant' }, 'one that never had any is')
})

t.test('AZ-6: a database that finds somebody else has found nobody', async t => {
  const server = await withSource(t, null, {
    find: clientId => ({ client_id: clientId.toUpperCase(), redirect_uris: [CALLBACK] })
  })
  t.match(await tokenRequest(server, {}), { status: 401, error: 'invalid_client' })
  const page = await server
    .client({ clientId: KNOWN })
    .browser.open((await server.client({ clientId: KNOWN }).start()).url)
  t.equal(page.statusCode, 400)
  t.match(page.body, /unknown_client/)
  t.equal((await server.storage.counts())['interactions'], 0)
})

t.test('AZ-6: of what the app keeps, only redirect URIs that we stand by can be used', async t => {
  const evil = 'http://app.example/callback'
  const server = await withSource(t, { redirect_uris: [evil, CALLBACK] })
  const client = server.client({ clientId: KNOWN })
  const page = await client.browser.open((await client.start({ parameters: { redirect_uri: evil } })).url)
  t.equal(page.statusCode, 400)
  t.equal((await server.storage.counts())['interactions'], 0)
  t.match(await client.connect(), { access_token: /./ })
})

for (const [what, kept] of [
  ['no redirect URI', { redirect_uris: [] }],
  ['only redirect URIs that are not acceptable', { redirect_uris: ['javascript:alert(1)'] }],
  ['an endless secret', { client_secret: 'x'.repeat(1025) }],
  ['an expiry that is no number', { client_secret: SECRET, client_secret_expires_at: 'tomorrow' as never }],
  ['an endless name', { client_name: 'x'.repeat(201) }]
] as const)
  t.test(`a client with ${what} cannot be used, and nothing is stored`, async t => {
    const server = await withSource(t, kept)
    const client = server.client({ clientId: KNOWN })
    const page = await client.browser.open((await client.start()).url)
    t.equal(page.statusCode, 400)
    t.match(await tokenRequest(server, {}), { status: 401, error: 'invalid_client' })
    t.strictSame(await server.storage.counts(), { clients: 0, interactions: 0, grants: 0 })
  })

t.test('GEN-7: a source that fails is an outage, never a refusal', async t => {
  let failure: unknown = Object.assign(new Error('no connection'), { statusCode: 400 })
  const fail = (): never => {
    throw failure
  }
  const server = await withSource(t, null, { find: fail, register: fail })
  const client = server.client({ clientId: KNOWN })
  const { url } = await client.start()
  for (failure of [failure, new OAuthError('invalid_client', 'x')]) {
    t.match(await tokenRequest(server, {}), { status: 503, error: 'temporarily_unavailable', retryAfter: '5' })
    const page = await client.browser.open(url)
    t.equal(page.statusCode, 503)
    t.ok(page.headers['retry-after'])
  }
  failure = new Error('no connection')
  t.equal((await server.client().register()).statusCode, 503)
  t.strictSame(await server.storage.counts(), { clients: 0, interactions: 0, grants: 0 })
})

t.test('a secret of the source is in no record, log or summary', async t => {
  const server = await withSource(t, { client_secret: SECRET, token_endpoint_auth_method: 'client_secret_post' })
  const client = server.client({ clientId: KNOWN, clientSecret: SECRET })
  t.match(await client.connect(), { refresh_token: /./ })
  const summary = await server.app.authorizationServer.clients.get(KNOWN)
  t.match(summary, { registeredBy: 'source', name: 'Old', secrets: [] })
  for (const text of [await server.storage.dump(), server.log.join(''), JSON.stringify(summary)])
    t.notOk(text.includes(SECRET))
})

t.test(
  'GEN-5: identifiers that no client can have are not asked for, nor are those of options and documents',
  async t => {
    const server = await withSource(t, {})
    for (const clientId of ['x'.repeat(256), 'a\u0000b', 'ü', 'https://client.example/metadata.json'])
      await tokenRequest(server, { client_id: clientId })
    t.strictSame(server.asked, [])
  }
)

t.test('a client that is gone from the source is gone at once', async t => {
  const server = await withSource(t, {})
  const { refresh_token: token = '' } = await server.client({ clientId: KNOWN }).connect()
  server.table.delete(KNOWN)
  t.match(await tokenRequest(server, { refresh_token: token }), { status: 401, error: 'invalid_client' })
})

t.test(
  'a client that goes from the source while its person decides gets nothing; one that stays is asked about once more',
  async t => {
    for (const goes of [true, false]) {
      const { client: newClient, table, storage } = await withSource(t, {})
      const client = newClient({ clientId: KNOWN })
      const page = await openSignedIn(client, (await client.start()).url)
      if (goes) table.clear()
      const answer = await client.decide(page)
      if (goes) t.match(answer.body, '"reason":"unknown_client"')
      else t.match(answer.leavesTo, /code=/)
      t.match(await storage.counts(), { grants: goes ? 0 : 1 })
    }
  }
)

t.test('RFC 7591 3.2.1: a registration is kept by the source, and by nobody else', async t => {
  const given: Kept[] = []
  const server = await withSource(t, null, {
    find: clientId => given.find(client => client.client_id === clientId),
    register(client) {
      given.push({ ...client })
      return { ...client, client_name: 'As the app calls it' }
    }
  })
  const client = server.client()
  const response = await client.register({ token_endpoint_auth_method: 'client_secret_post' })
  t.equal(response.statusCode, 201)
  t.match(response.json(), {
    client_id: given[0]?.client_id,
    client_secret: /^[\w-]{43}$/,
    client_secret_expires_at: 0,
    client_id_issued_at: 1_800_000_000,
    client_name: 'As the app calls it'
  })
  t.notOk('registration_access_token' in response.json<object>(), 'RFC 7592 is not promised')
  t.equal((await recordsOf(server).clients.list('registeredBy', 'client')).records.length, 0)
  t.match(await client.connect(), { access_token: /./ })
})

t.test('RFC 7591 3.2.2: the app refuses a registration in its own words; our rules stand before it', async t => {
  const given: unknown[] = []
  const server = await withSource(t, null, {
    register(client) {
      given.push(client)
      throw new OAuthError('invalid_client_metadata', 'not you')
    }
  })
  const refused = await server.client().register()
  t.equal(refused.statusCode, 400)
  t.match(refused.json(), { error: 'invalid_client_metadata', error_description: 'not you' })
  t.equal((await server.client().register({ redirect_uris: ['http://evil.example/'] })).statusCode, 400)
  t.equal(given.length, 1)
})

t.test('a source that answers a registration with something else is a fault of the app', async t => {
  for (const answer of [
    null,
    {},
    { client_id: '', redirect_uris: [CALLBACK] },
    { client_id: 'x', redirect_uris: [] }
  ]) {
    const server = await withSource(t, null, { register: () => answer as never })
    const response = await server.client().register()
    t.equal(response.statusCode, 500)
    t.equal(response.json<{ error: string }>().error, 'server_error')
  }
})
