/** What a person has connected, page by page. */
import { randomBytes } from 'node:crypto'
import { isUnavailableError } from '@fastify-mcp-auth/core'
import t from 'tap'
import { buildServer, CALLBACK, ORIGIN, RESOURCE, recordsOf } from '../fixture.ts'

t.test('a list of grants is bounded: pages together have every live grant once', async t => {
  const server = await buildServer(t)
  const { grants } = server.app.authorizationServer
  const client = server.client()
  for (let i = 0; i < 5; i++) await client.connect()
  await client.authorize()
  const found: string[] = []
  let cursor: string | null = null
  do {
    const page: Awaited<ReturnType<typeof grants.list>> = await grants.list('sub-alice', { limit: 2, cursor })
    t.ok(page.grants.length <= 2)
    found.push(...page.grants.map(({ grantId }) => grantId))
    cursor = page.cursor
  } while (cursor !== null)
  t.equal(found.length, 5, 'without the code that nobody redeemed')
  t.equal(new Set(found).size, 5)
  t.strictSame(await grants.list('sub-alice', { cursor: 'not a cursor of ours \u{10ffff}' }), {
    grants: [],
    cursor: null
  })
  t.equal((await grants.list('sub-alice', { limit: 5000 })).grants.length, 5)
  for (const limit of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
    await t.rejects(grants.list('sub-alice', { limit }), RangeError)
})

t.test('a grant in the list says what, for whom, since when and until when, and nothing secret', async t => {
  const users = { organizations: () => [{ id: 'acme', name: 'Acme' }] }
  const server = await buildServer(t, { users })
  const now = server.clock.now()
  const client = server.client()
  const { refresh_token = '' } = await client.connect({ scope: 'notes:read' })
  server.clock.advance(100)
  await client.refresh(refresh_token)
  const [grant] = (await server.app.authorizationServer.grants.list('sub-alice')).grants
  t.match(grant, { subject: 'sub-alice', clientName: 'Test client', organization: 'acme', scopes: ['notes:read'] })
  t.match(grant, { createdAt: now, lastUsedAt: now + 100, endsAt: now + 90 * 86_400 })
  t.equal(grant?.expiresAt, now + 100 + 30 * 86_400)
  t.strictSame(
    Object.keys(grant ?? {}).filter(name => /digest|challenge|token|props|replay|nonce/i.test(name)),
    []
  )
})

t.test('in words for the person: names in place of identifiers, for the page of connected apps', async t => {
  const users = { organizations: () => [{ id: 'acme', name: 'Acme Inc.' }] }
  const server = await buildServer(t, { users })
  const now = server.clock.now()
  await server.client().connect({ scope: 'notes:read notes:admin', scopes: ['notes:read', 'notes:admin'] })
  const { grants } = server.app.authorizationServer
  const { apps, cursor } = await grants.describe('sub-alice')
  t.equal(cursor, null)
  t.equal(apps.length, 1)
  t.match(apps[0], {
    client: { name: 'Test client', verifiedHost: null },
    resources: [{ resource: RESOURCE, name: 'Notes' }],
    organization: { id: 'acme', name: 'Acme Inc.' },
    createdAt: now,
    lastUsedAt: now
  })
  t.strictSame(apps[0]?.scopes, [
    { scope: 'notes:read', description: 'Read your notes', destructive: false },
    { scope: 'notes:admin', description: 'Delete notes', destructive: true }
  ])
  t.strictSame(await grants.describe('sub-bob'), { apps: [], now, cursor: null }, 'nothing of somebody else')
})

t.test('RFC 7591 2.2: names in other languages are those of the consent, whatever comes afterwards', async t => {
  const name = { en: 'Notes', de: 'Notizen' }
  const resources = { [RESOURCE]: { name, scopes: { 'notes:read': 'Read your notes' } } }
  const server = await buildServer(t, { options: { resources } })
  const metadata = { redirect_uris: [CALLBACK], token_endpoint_auth_method: 'none', client_name: 'Helper' }
  const { clientId } = await server.app.authorizationServer.clients.register({
    ...metadata,
    'client_name#de': 'Helferlein'
  })
  await server.client({ clientId }).connect()
  const renamed = { ...metadata, 'client_name#de': 'Deine Bank' }
  t.ok(await recordsOf(server).clients.update(clientId, {}, { metadata: renamed }))
  const [app] = (await server.app.authorizationServer.grants.describe('sub-alice')).apps
  t.strictSame(app?.client, { clientId, name: 'Helper', names: { de: 'Helferlein' }, verifiedHost: null })
  t.strictSame(app?.resources, [{ resource: RESOURCE, name }])
})

t.test('in words for the person: what the options and the app do not know any more', async t => {
  let organizations = [{ id: 'acme', name: 'Acme Inc.' }]
  const users = { organizations: () => organizations }
  const encryptionKeys = [randomBytes(32).toString('base64')]
  const before = await buildServer(t, { users, options: { encryptionKeys } })
  await before.client().connect({ scope: 'notes:read notes:write' })
  organizations = []
  const resources = { [RESOURCE]: { name: 'Notes', scopes: { 'notes:read': 'Read your notes' } } }
  const fewer = await buildServer(t, { users, storage: before.storage, options: { encryptionKeys, resources } })
  const [app] = (await fewer.app.authorizationServer.grants.describe('sub-alice')).apps
  t.strictSame(app?.organization, { id: 'acme', name: 'acme' })
  t.strictSame(
    app?.scopes.map(({ scope }) => scope),
    ['notes:read'],
    'a permission that nobody knows opens nothing'
  )
  const other = { 'http://127.0.0.1:3000/other': { name: 'Other', scopes: { 'notes:read': 'Read' } } }
  const moved = await buildServer(t, { users, storage: before.storage, options: { encryptionKeys, resources: other } })
  const [lost] = (await moved.app.authorizationServer.grants.describe('sub-alice')).apps
  t.strictSame(lost?.resources, [{ resource: RESOURCE, name: RESOURCE }])
  t.strictSame(lost?.scopes, [])
})

t.test('in words for the person: who vouches for the name is what it was at consent', async t => {
  const configured = { client_id: 'cli', client_name: 'Our CLI', redirect_uris: [CALLBACK] }
  const server = await buildServer(t, { options: { clients: [configured] } })
  await server.client({ clientId: 'cli' }).connect()
  const [app] = (await server.app.authorizationServer.grants.describe('sub-alice')).apps
  t.match(app?.client, { clientId: 'cli', name: 'Our CLI', verifiedHost: new URL(ORIGIN).host })
})

t.test('who is signed in, for pages beside the consent page', async t => {
  const server = await buildServer(t, {
    after: app => {
      app.get('/who', async request => ({ person: await app.authorizationServer.people.current(request) }))
      app.setErrorHandler(async (error, _request, reply) =>
        reply.code(503).send({ isOutage: isUnavailableError(error) })
      )
    }
  })
  const { people } = server.app.authorizationServer
  const who = async (cookie?: string): Promise<unknown> =>
    (await server.app.inject({ url: '/who', headers: cookie === undefined ? {} : { cookie } })).json()
  t.strictSame(await who(), { person: null })
  t.strictSame(await who('session=alice'), { person: { subject: 'sub-alice', displayName: 'alice' } })
  server.accounts.failure = new Error('the database is down')
  t.strictSame(await who('session=alice'), { isOutage: true })
  t.equal(people.loginUrl({ returnTo: '/connected-apps' }), '/login?returnTo=%2Fconnected-apps')
})
