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

t.test('a client that was removed while its person decides stays removed', async t => {
  const server = await buildServer(t)
  const client = server.client()
  const { clientId } = await client.credentials()
  const started = await client.start()
  const page = await client.login(await client.browser.open(started.url))
  await server.app.authorizationServer.clients.remove(clientId)
  const { leavesTo } = await client.decide(page)
  const code = new URL(leavesTo ?? '').searchParams.get('code')
  const redeemed = await client.redeem({ code, codeVerifier: started.codeVerifier, redirectUri: client.redirectUri })
  matchesOAuthError(t, redeemed, 'invalid_client', 401)
  t.match((await openPage(server, client)).body, 'client_forgotten')
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
