/** A new token before the old one ends: once, whoever asks, and never at the price of the connection. */
import { UnavailableError } from '@fastify-mcp-auth/core'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import { fault } from '@fastify-mcp-auth/testing/servers'
import t, { type Test } from 'tap'
import { openConnections } from '../src/connections.ts'
import { COLLECTIONS } from '../src/index.ts'
import { uncoordinated } from './coordination/uncoordinated.ts'
import { onlooker, stoppable } from './onlooker.ts'
import { alice, bob, createWorld, type World } from './world.ts'

const connected = async (t: Test, options: Parameters<typeof createWorld>[1] = {}): Promise<World> => {
  const world = await createWorld(t, options)
  await world.connect()
  return world
}

const refreshes = ({ issuer }: World): number =>
  issuer.requests.filter(({ endpoint, body }) => endpoint === 'token' && body.includes('grant_type=refresh_token'))
    .length

t.test('item 7: refreshed before its end, and not at every use', async t => {
  const world = await connected(t)
  const { clock, whoami } = world
  clock.advance(3600 - 301)
  await whoami()
  t.equal(refreshes(world), 0)
  clock.advance(2)
  await whoami()
  t.equal(refreshes(world), 1)
  const short = await connected(t, { issuer: { behaviour: { accessTokenLifetime: 60 } } })
  for (let second = 0; second < 45; second += 15) {
    await short.whoami()
    short.clock.advance(15)
  }
  t.equal(refreshes(short), 0, 'a token of a minute is used for most of it')
})

t.test('5.4: fifty uses and three processes at once refresh once', async t => {
  const world = await connected(t)
  const { connections, clock, issuer } = world
  const others = await Promise.all([world.another(), world.another()])
  clock.advance(3590)
  issuer.fail('token', fault.slow(50))
  const ask = (from: World['connections']) =>
    from.withClient(alice, 'notes', client => client.callTool({ name: 'whoami' }))
  const all = [connections, ...others].flatMap(from => Array.from({ length: 6 }, () => ask(from)))
  const results = await Promise.all(all)
  t.ok(results.every(({ content }) => JSON.stringify(content).includes('alice')))
  t.equal(refreshes(world), 1)
  t.notOk([...issuer.records.grants.values()].some(({ endedBy }) => endedBy !== null))
})

t.test('5.4: after the end of the token, too, three processes refresh once', async t => {
  const world = await connected(t)
  const others = await Promise.all([world.another(), world.another()])
  world.clock.advance(4000)
  world.issuer.fail('token', fault.slow(100))
  const ask = (from: World['connections']) => from.withClient(alice, 'notes', client => client.listTools())
  await Promise.all([world.connections, ...others].map(ask))
  t.equal(refreshes(world), 1)
})

t.test('negative control: without coordination the same uses destroy the connection', async t => {
  const world = await connected(t)
  const apps = await Promise.all([1, 2, 3].map(() => openConnections(world.options, { refresher: uncoordinated })))
  t.teardown(() => Promise.all(apps.map(app => app.close())))
  world.clock.advance(4000)
  world.issuer.fail('token', fault.slow(100), { times: 3 })
  const ask = (from: World['connections']) => from.withClient(alice, 'notes', client => client.listTools())
  await Promise.allSettled(apps.map(ask))
  t.ok(refreshes(world) > 1)
  t.ok(
    [...world.issuer.records.grants.values()].some(({ endedBy }) => endedBy !== null),
    'the family is dead'
  )
})

t.test('5.4 step 7: what may pass keeps the tokens, in their life and after', async t => {
  const faults = [
    fault.unavailable(7),
    fault.tooManyRequests(7),
    fault.html(403),
    fault.html(200),
    fault.oauthError('temporarily_unavailable'),
    fault.oauthError('server_error'),
    fault.redirect('https://login.example/'),
    fault.oversized(100_000)
  ]
  const world = await connected(t)
  const { clock, issuer, whoami, connections, events } = world
  for (const what of faults) {
    clock.advance(3600 - 200)
    issuer.fail('token', what, { times: 1 })
    t.equal(await whoami(), 'alice', 'a token that is still good is used')
    t.match(await connections.status(alice, 'notes'), { status: 'degraded', action: 'wait' })
    const asked = refreshes(world)
    t.equal(await whoami(), 'alice')
    t.equal(refreshes(world), asked, 'nobody is asked again in the cooldown')
    clock.advance(60)
    t.equal(await whoami(), 'alice')
    t.equal((await connections.status(alice, 'notes')).status, 'active')
  }
  clock.advance(4000)
  issuer.fail('token', fault.unavailable(90))
  await t.rejects(whoami(), { code: 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE', retryAfter: 90, retryable: true })
  await t.rejects(whoami(), { code: 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE' })
  clock.advance(90)
  t.equal(await whoami(), 'alice')
  t.notOk(events.some(({ type }) => type === 'needs_reauth'))
})

t.test('5.4 step 7: the words of the server that end it, and what they are called by others', async t => {
  for (const error of ['invalid_grant', 'invalid_refresh_token', 'bad_refresh_token']) {
    const world = await connected(t)
    const { clock, issuer, whoami, connections, events } = world
    clock.advance(3700)
    issuer.fail('token', fault.oauthError(error))
    await t.rejects(whoami(), { code: 'MCP_NEEDS_REAUTH', reason: 'invalid_grant' })
    const asked = refreshes(world)
    await t.rejects(whoami(), { code: 'MCP_NEEDS_REAUTH' })
    t.equal(refreshes(world), asked, 'it is not asked again')
    t.match(await connections.status(alice, 'notes'), {
      status: 'needs_reauth',
      reason: 'invalid_grant',
      action: 'reconnect'
    })
    t.equal(events.filter(({ type }) => type === 'needs_reauth').length, 1)
    await world.connect()
    t.equal(await whoami(), 'alice')
  }
})

t.test(
  '5.4 step 7: a client that is gone ends grants of a dynamic one, and is a fault of the setup otherwise',
  async t => {
    const world = await connected(t)
    world.issuer.forgetClient([...world.issuer.records.clients.keys()][0] ?? '')
    world.clock.advance(3700)
    await t.rejects(world.whoami(), { code: 'MCP_NEEDS_REAUTH', reason: 'client_replaced' })
    await world.connect()
    t.equal(await world.whoami(), 'alice')
    t.equal(world.issuer.records.clients.size, 1)
    t.ok(world.events.some(({ type }) => type === 'registration.replaced'))
  }
)

t.test('5.4: rotation that says nothing of a refresh token keeps the old one', async t => {
  for (const rotation of ['omitted', 'same', 'always'] as const) {
    const world = await connected(t, { issuer: { behaviour: { rotation } } })
    for (let round = 0; round < 3; round++) {
      world.clock.advance(3700)
      t.equal(await world.whoami(), 'alice', rotation)
    }
    t.equal(refreshes(world), 3)
  }
})

t.test(
  'item 29: an answer that got lost is asked for again at once, and a grace period saves the connection',
  async t => {
    const world = await connected(t, { issuer: { behaviour: { reuseGrace: 30 } } })
    world.clock.advance(3700)
    world.issuer.fail('token', fault.lost())
    t.equal(await world.whoami(), 'alice')
    t.equal(refreshes(world), 2)
  }
)

t.test('item 29: without a grace period it is lost, and is told as that', async t => {
  const world = await connected(t)
  world.clock.advance(3700)
  world.issuer.fail('token', fault.lost())
  await t.rejects(world.whoami(), { code: 'MCP_NEEDS_REAUTH', reason: 'lost_rotation' })
})

t.test('item 29: a process that died in the middle leaves its intent, and the next one goes on from there', async t => {
  for (const [reuseGrace, verdict] of [
    [3600, null],
    [0, 'lost_rotation']
  ] as const) {
    const inner = memoryStorage()
    const world = await connected(t, { issuer: { behaviour: { reuseGrace } }, app: { storage: inner } })
    // What a process does in the middle of a refresh never reaches the storage when it dies there.
    const { storage, hasAsked } = stoppable(inner)
    const dead = await world.another({ storage })
    const view = onlooker(inner)
    const survivor = await world.another({ storage: view.storage })
    world.clock.advance(3700)
    void dead.refresh(alice, 'notes')
    await hasAsked
    const asked = survivor.withClient(alice, 'notes', client => client.listTools())
    asked.catch(() => undefined)
    await view.looks()
    world.clock.advance(31)
    if (verdict === null) t.equal((await asked).tools.length, 2)
    else await t.rejects(asked, { code: 'MCP_NEEDS_REAUTH', reason: verdict })
  }
})

t.test('5.7: a connection that is ended while it is refreshed stays ended', async t => {
  const world = await connected(t)
  const { connections, clock, issuer, whoami } = world
  clock.advance(3700)
  issuer.fail('token', fault.slow(150))
  const refreshing = whoami().catch((error: unknown) => error)
  while (refreshes(world) === 0) await new Promise(resolve => setTimeout(resolve, 5))
  t.equal(await connections.disconnect(alice, 'notes'), true)
  t.match(await refreshing, { code: 'MCP_NOT_CONNECTED' })
  t.equal((await connections.status(alice, 'notes')).status, 'not_connected')
  clock.advance(60)
  await connections.sweep()
  t.notOk(
    [...issuer.records.accessTokens.keys()].some(token => issuer.verify(token)),
    'no token is good any more'
  )
})

t.test('5.7: an owner who is deleted while a refresh is under way stays deleted', async t => {
  const world = await connected(t)
  await world.connect(bob)
  const { connections, clock, issuer, whoami } = world
  clock.advance(3700)
  issuer.fail('token', fault.slow(150))
  const refreshing = whoami().catch((error: unknown) => error)
  while (refreshes(world) === 0) await new Promise(resolve => setTimeout(resolve, 5))
  t.equal(await connections.deleteOwner(alice), 1)
  t.match(await refreshing, { code: 'MCP_NOT_CONNECTED' })
  t.strictSame(await connections.list(alice), [])
  t.equal(await whoami(bob), 'bob')
})

t.test('5.4: an attempt that was too slow does not take the lease away from whoever has it now', async t => {
  const inner = memoryStorage()
  const world = await connected(t, { app: { storage: inner } })
  const { storage, hasFailed, goOn } = stoppable(inner)
  const slow = await world.another({ storage })
  const view = onlooker(inner)
  const next = await world.another({ storage: view.storage })
  const { clock, issuer, connections } = world
  clock.advance(3700)
  issuer.fail('token', fault.unavailable())
  const first = slow.refresh(alice, 'notes').catch((error: unknown) => error)
  await hasFailed
  issuer.fail('token', fault.slow(300))
  const second = next.refresh(alice, 'notes')
  await view.looks()
  clock.advance(31)
  while (refreshes(world) === 1) await new Promise(resolve => setTimeout(resolve, 5))
  goOn()
  t.match(await first, { code: 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE' })
  t.equal((await connections.status(alice, 'notes')).status, 'refreshing')
  t.match(await second, { status: 'active' })
})

t.test('5.4 step 9: a token that its server refuses is not good until its end, also while nobody may ask', async t => {
  const world = await connected(t)
  const { issuer, whoami } = world
  issuer.records.accessTokens.clear()
  issuer.fail('token', fault.unavailable())
  await t.rejects(whoami(), { code: 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE', reason: 'status_503' })
  await t.rejects(whoami(), { code: 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE', reason: 'status_503' })
  t.equal(refreshes(world), 1, 'the second is told without asking')
  world.clock.advance(31)
  t.equal(await whoami(), 'alice')
})

t.test('5.4 step 3: who asks for a new token by hand waits for whoever is getting one', async t => {
  const inner = memoryStorage()
  const world = await connected(t, { app: { storage: inner } })
  const { storage, hasAsked, goOn } = stoppable(inner)
  const first = await world.another({ storage })
  const view = onlooker(inner)
  const second = await world.another({ storage: view.storage })
  world.clock.advance(60)
  const one = first.refresh(alice, 'notes')
  await hasAsked
  const looks = view.looks()
  const other = second.refresh(alice, 'notes')
  await Promise.race([looks, other])
  goOn()
  const lastRefreshAt = world.clock.now()
  t.match(await Promise.all([one, other]), [{ lastRefreshAt }, { lastRefreshAt }])
  t.equal(refreshes(world), 1)
})

t.test('5.4 step 7: who asks for a new token by hand does not wait for the end of a pause', async t => {
  const world = await connected(t)
  world.issuer.fail('token', fault.unavailable())
  await t.rejects(world.connections.refresh(alice, 'notes'), { code: 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE' })
  t.match(await world.connections.refresh(alice, 'notes'), { status: 'active' })
  t.equal(refreshes(world), 2)
})

t.test('5.4: a refresh token that is over is not sent as long as there is a token', async t => {
  const storage = memoryStorage()
  const world = await createWorld(t, { app: { storage } })
  const { connection } = await world.connect()
  const refreshExpiresAt = world.clock.now() + 60
  t.ok(await storage.update(COLLECTIONS.connections, connection.id ?? '', {}, { refreshExpiresAt }))
  world.clock.advance(3600 - 60)
  t.equal(await world.whoami(), 'alice')
  t.equal(refreshes(world), 0)
})

t.test('5.7: a connection that was made anew in the meantime is not refreshed with what was there before', async t => {
  const inner = memoryStorage()
  const world = await connected(t, { app: { storage: inner } })
  let isNew = false
  const storage = {
    ...inner,
    update: (async (...args) => {
      if (!isNew && typeof args[3]['leaseHolder'] === 'string') {
        isNew = true
        await world.connections.disconnect(alice, 'notes')
        await world.connect()
      }
      return inner.update(...args)
    }) as typeof inner.update
  }
  const slow = await world.another({ storage })
  world.clock.advance(3700)
  t.equal((await slow.withClient(alice, 'notes', client => client.listTools())).tools.length, 2)
  t.equal(refreshes(world), 0)
  t.match(await world.connections.status(alice, 'notes'), { status: 'active' })
})

t.test('5.4: who comes to an end in the last moment is not followed by somebody with the same token', async t => {
  const inner = memoryStorage()
  const world = await connected(t, { app: { storage: inner } })
  const { storage, hasAsked, goOn } = stoppable(inner)
  const first = await world.another({ storage })
  const view = onlooker(inner)
  let one: Promise<unknown> = Promise.resolve()
  const late = {
    ...view.storage,
    update: (async (...args) => {
      if (typeof args[3]['leaseHolder'] === 'string') {
        goOn()
        await one
      }
      return inner.update(...args)
    }) as typeof inner.update
  }
  const second = await world.another({ storage: late })
  world.clock.advance(3700)
  one = first.refresh(alice, 'notes')
  await hasAsked
  const other = second.withClient(alice, 'notes', client => client.listTools())
  await view.looks()
  world.clock.advance(31)
  t.equal((await other).tools.length, 2)
  t.equal(refreshes(world), 1)
  t.notOk([...world.issuer.records.grants.values()].some(({ endedBy }) => endedBy !== null))
})

t.test('item 29: that an answer may have been lost is remembered until there is another one', async t => {
  const world = await connected(t)
  world.clock.advance(3700)
  world.issuer.fail('token', fault.lost(), { times: 2 })
  await t.rejects(world.whoami(), { code: 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE', reason: 'no_answer' })
  world.clock.advance(31)
  await t.rejects(world.whoami(), { code: 'MCP_NEEDS_REAUTH', reason: 'lost_rotation' })
})

t.test('5.4 step 7: a verdict about a token that somebody has replaced by now ends nothing', async t => {
  const storage = memoryStorage()
  const world = await createWorld(t, { app: { storage } })
  const { connection } = await world.connect()
  const { clock, issuer, events, whoami } = world
  clock.advance(3700)
  issuer.fail('token', () => {
    const saved = { generation: 2, accessExpiresAt: clock.now() + 3600, leaseHolder: null }
    void storage.update(COLLECTIONS.connections, connection.id ?? '', {}, saved)
    return fault.oauthError('invalid_grant')
  })
  t.equal(await whoami(), 'alice')
  t.notOk(events.some(({ type }) => type === 'needs_reauth'))
})

t.test('5.4 step 6: a storage that is away for a moment does not cost the token that has just come', async t => {
  const inner = memoryStorage()
  let outages = 1
  const storage = {
    ...inner,
    update: (async (...args) => {
      if ('generation' in args[3] && outages-- > 0) throw new UnavailableError('the database did not answer')
      return inner.update(...args)
    }) as typeof inner.update
  }
  const world = await connected(t, { app: { storage } })
  world.clock.advance(3700)
  t.equal(await world.whoami(), 'alice')
  t.equal(refreshes(world), 1)
})

t.test('5.7: what is rotated while a connection is ended is revoked, too', async t => {
  const world = await connected(t)
  const { connections, clock, issuer, whoami } = world
  clock.advance(3700)
  issuer.fail('token', fault.slow(100))
  const refreshing = whoami().catch((error: unknown) => error)
  while (refreshes(world) === 0) await new Promise(resolve => setTimeout(resolve, 5))
  await connections.disconnect(alice, 'notes')
  t.match(await refreshing, { code: 'MCP_NOT_CONNECTED' })
  const [newest] = [...issuer.records.refreshTokens.values()].filter(({ spentAt }) => spentAt === null)
  t.ok(newest)
  clock.advance(61)
  await connections.sweep()
  const told = issuer.requests
    .filter(({ endpoint }) => endpoint === 'revoke')
    .map(({ body }) => new URLSearchParams(body))
  t.ok(told.some(form => form.get('token') === newest?.token))
})

t.test('item 29: whoever sent it first may be about to keep the answer: a refusal is looked at twice', async t => {
  const inner = memoryStorage()
  let isRefused = false
  const storage = {
    ...inner,
    get: (async (collection, key) => {
      const record = await inner.get(collection, key)
      if (!isRefused || collection.name !== COLLECTIONS.connections.name) return record
      isRefused = false
      // The other one comes to its end between the first look and the second.
      const saved = { generation: 2, accessExpiresAt: world.clock.now() + 3600, leaseHolder: null }
      await inner.update(collection, key, {}, saved)
      return record
    }) as typeof inner.get
  }
  const world = await connected(t, { app: { storage } })
  world.clock.advance(3700)
  let asked = 0
  const answers = () => {
    if (asked++ === 0) return fault.reset()
    isRefused = true
    return fault.oauthError('invalid_grant')
  }
  world.issuer.fail('token', answers, { times: 2 })
  t.match(await world.connections.refresh(alice, 'notes'), { status: 'active' })
  t.notOk(world.events.some(({ type }) => type === 'needs_reauth'))
})

t.test('5.4: a refresh token that stays keeps its end', async t => {
  const storage = memoryStorage()
  const world = await createWorld(t, { issuer: { behaviour: { rotation: 'omitted' } }, app: { storage } })
  const { connection } = await world.connect()
  const key = connection.id ?? ''
  const refreshExpiresAt = world.clock.now() + 5000
  t.ok(await storage.update(COLLECTIONS.connections, key, {}, { refreshExpiresAt }))
  world.clock.advance(3700)
  await world.connections.refresh(alice, 'notes')
  t.match(await storage.get(COLLECTIONS.connections, key), { refreshExpiresAt, generation: 2 })
})

t.test('5.7: what comes of a refresh does not take the place of a connection that was made meanwhile', async t => {
  const storage = memoryStorage()
  const world = await createWorld(t, { app: { storage } })
  const { connection } = await world.connect()
  const { connections, clock, issuer, whoami } = world
  clock.advance(3700)
  issuer.fail('token', fault.slow(200))
  const refreshing = whoami()
  while (refreshes(world) === 0) await new Promise(resolve => setTimeout(resolve, 5))
  await world.connect()
  const made = await storage.get(COLLECTIONS.connections, connection.id ?? '')
  t.equal(await refreshing, 'alice', 'goes on with the new one')
  t.match(await storage.get(COLLECTIONS.connections, connection.id ?? ''), { sealed: made?.['sealed'], generation: 1 })
  clock.advance(61)
  await connections.sweep()
  const good = [...issuer.records.accessTokens.keys()].filter(token => issuer.verify(token))
  t.equal(good.length, 1, 'what came too late is revoked')
})
