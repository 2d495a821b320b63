/** How long a registration lives. */
import { randomBytes } from 'node:crypto'
import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import t from 'tap'
import { buildServer, ORIGIN, recordsOf } from '../fixture.ts'

const DAY = 86_400

async function openPage(server: Awaited<ReturnType<typeof buildServer>>, client: ReturnType<typeof server.client>) {
  const { url } = await client.start()
  return server.app.inject(url.slice(ORIGIN.length))
}

t.test(
  'supabase/mcp 355: a client that was pruned gets a page with a way out at authorize, and 401 invalid_client at token',
  async t => {
    const server = await buildServer(t)
    const client = server.client()
    await client.register({ client_name: 'Assistant' })
    server.clock.advance(7 * DAY)
    const page = await openPage(server, client)
    t.equal(page.statusCode, 410)
    t.equal(page.headers.location, undefined)
    t.match(page.body, '"reason":"client_forgotten","clientName":"Assistant"')
    matchesOAuthError(t, await client.refresh('x'), 'invalid_client', 401)
    t.match(await server.storage.counts(), { interactions: 0 })
    server.clock.advance(DAY + 1)
    await server.app.authorizationServer.cleanup()
    const later = await openPage(server, client)
    t.equal(later.statusCode, 400)
    t.match(later.body, '"reason":"unknown_client"')
    matchesOAuthError(t, await client.refresh('x'), 'invalid_client', 401)
  }
)

t.test('repo-harness 162: a client with a live grant is never pruned, however long it was last asked for', async t => {
  const server = await buildServer(t)
  const client = server.client()
  let { refresh_token: token = '' } = await client.connect()
  // 90 days are all that a grant can live, 30 at a time.
  for (const days of [29, 29, 29]) {
    server.clock.advance(days * DAY)
    await server.app.authorizationServer.cleanup()
    const refreshed = await client.refresh(token)
    t.equal(refreshed.statusCode, 200)
    token = refreshed.json<{ refresh_token: string }>().refresh_token
  }
  server.clock.advance(4 * DAY)
  matchesOAuthError(t, await client.refresh(token), 'invalid_grant')
  server.clock.advance(85 * DAY)
  t.equal((await client.authorize()).error, null, 'and it is still there when its person comes back')
})

t.test(
  'casdoor 5531: a client whose last grant has ended is forgotten after idleTtl; its name stays half a year',
  async t => {
    const server = await buildServer(t, { options: { dynamicRegistration: { idleTtl: 30 * DAY } } })
    const client = server.client()
    await client.register({ client_name: 'Assistant' })
    await client.connect()
    const kept = async () => ((await server.storage.counts())['clients'] ?? 0) > 0
    server.clock.advance(119 * DAY)
    await server.app.authorizationServer.cleanup()
    t.equal((await openPage(server, client)).statusCode, 303)
    server.clock.advance(2 * DAY)
    t.match((await openPage(server, client)).body, '"reason":"client_forgotten","clientName":"Assistant"')
    server.clock.advance(178 * DAY)
    await server.app.authorizationServer.cleanup()
    t.equal(await kept(), true)
    server.clock.advance(2 * DAY)
    await server.app.authorizationServer.cleanup()
    t.equal(await kept(), false)
  }
)

t.test('a new consent renews a client; one that finds enough time left writes nothing', async t => {
  const server = await buildServer(t)
  const { clients } = recordsOf(server)
  const client = server.client()
  await client.connect()
  const { clientId } = await client.credentials()
  const first = await clients.get(clientId)
  t.equal(first?.expiresAt, server.clock.now() + 180 * DAY)
  server.clock.advance(40 * DAY)
  await client.connect()
  t.equal((await clients.get(clientId))?.expiresAt, first?.expiresAt)
  server.clock.advance(10 * DAY)
  await client.connect()
  t.equal((await clients.get(clientId))?.expiresAt, server.clock.now() + 180 * DAY)
  t.equal((await clients.get(clientId))?.usedAt, server.clock.now())
})

t.test('consents at the same moment renew a client once, and never shorten it', async t => {
  const server = await buildServer(t)
  const { clients } = recordsOf(server)
  const { clientId } = await server.client().credentials()
  await Promise.all(Array.from({ length: 8 }, () => server.client({ clientId }).connect()))
  t.equal((await clients.get(clientId))?.expiresAt, server.clock.now() + 180 * DAY)
})

t.test('a registration that runs out while its person decides is not lost', async t => {
  const server = await buildServer(t)
  const client = server.client()
  await client.register()
  server.clock.advance(7 * DAY - 1)
  const page = await client.login(await client.browser.open((await client.start()).url))
  server.clock.advance(600)
  await server.app.authorizationServer.cleanup()
  t.match((await client.decide(page)).leavesTo, /code=/)
  t.ok((await client.connect()).access_token, 'from now on it is a client in use')
})

t.test(
  'supabase/mcp 355: a client that was removed while its person decides gets nothing, and the page says why',
  async t => {
    const server = await buildServer(t)
    const client = server.client()
    const events: string[] = []
    await client.register({ client_name: 'Assistant' })
    const { clientId } = await client.credentials()
    const page = await client.login(await client.browser.open((await client.start()).url))
    await server.app.authorizationServer.clients.remove(clientId)
    for (const type of ['authorization.approved', 'grant.created'] as const)
      server.app.authorizationServer.on(type, () => void events.push(type))
    for (let i = 0; i < 2; i++) {
      const answer = await client.decide(page)
      t.equal(answer.statusCode, 410)
      t.match(answer.body, '"reason":"client_forgotten","clientName":"Assistant"')
      t.equal(answer.leavesTo, null)
    }
    t.match(await server.storage.counts(), { grants: 0 })
    t.strictSame(events, [])
    t.match((await openPage(server, client)).body, 'client_forgotten', 'and it stays removed')
  }
)

t.test('nor is a grant stored for it that an outage kept from being stored before', async t => {
  const server = await buildServer(t)
  const client = server.client()
  const { clientId } = await client.credentials()
  const page = await client.login(await client.browser.open((await client.start()).url))
  server.storage.failNextInsert('grants')
  t.equal((await client.decide(page)).statusCode, 503)
  await server.app.authorizationServer.clients.remove(clientId)
  t.equal((await client.decide(page)).statusCode, 410)
  t.match(await server.storage.counts(), { grants: 0 })
})

t.test('nor does what was allowed before stand in for the page of a client that was removed', async t => {
  const redirectUri = 'https://web.example/cb'
  const server = await buildServer(t)
  const { clientId } = await server.app.authorizationServer.clients.register({
    client_name: 'Web',
    redirect_uris: [redirectUri],
    token_endpoint_auth_method: 'none'
  })
  await server.client({ clientId, redirectUri }).connect()
  const client = server.client({ clientId, redirectUri })
  const login = await client.browser.open((await client.start()).url)
  const kept = await recordsOf(server).clients.get(clientId)
  // As when the removal is interrupted before it gets to the consents.
  await recordsOf(server).clients.update(clientId, {}, { endedAt: server.clock.now() })
  const answer = await client.login(login)
  t.equal(answer.statusCode, 410)
  t.match(answer.body, 'client_forgotten')
  t.match(await server.storage.counts(), { grants: 1 }, 'the one from before')
  await recordsOf(server).clients.update(clientId, {}, { endedAt: kept?.endedAt ?? null })
  t.match((await client.browser.open(answer.url)).leavesTo, /code=/, 'the control')
})

t.test('mcphub 1174: clients that never led anywhere go in bounded batches, and those in use stay', async t => {
  const server = await buildServer(t)
  for (let i = 0; i < 30; i++) await server.client().register()
  const used = server.client()
  await used.connect()
  server.clock.advance(8 * DAY + 1)
  t.ok((await server.app.authorizationServer.cleanup()) >= 30)
  t.equal((await server.storage.counts())['clients'], 1)
  t.ok((await used.connect()).access_token)
})

t.test('clients that registered before registration was switched off go on', async t => {
  const options = { encryptionKeys: [randomBytes(32).toString('base64')] }
  const before = await buildServer(t, { options })
  const client = before.client()
  const { refresh_token: token = '' } = await client.connect()
  const { clientId } = await client.credentials()
  await before.app.close()
  const after = await buildServer(t, { storage: before.storage, options: { ...options, dynamicRegistration: false } })
  t.equal((await after.client({ clientId }).refresh(token)).statusCode, 200)
  t.ok((await after.client({ clientId }).connect()).access_token)
})
