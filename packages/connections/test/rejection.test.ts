/** What the server of the tools refuses: tokens that are new, scopes that are few, an authorization server that is another one now. */
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import { createFakeAuthorizationServer, fault } from '@fastify-mcp-auth/testing/servers'
import t, { type Test } from 'tap'
import { COLLECTIONS } from '../src/index.ts'
import { alice, createWorld, type World } from './world.ts'

const connected = async (t: Test, options: Parameters<typeof createWorld>[1] = {}): Promise<World> => {
  const world = await createWorld(t, options)
  await world.connect()
  return world
}

const refreshes = ({ issuer }: World): number =>
  issuer.requests.filter(({ endpoint, body }) => endpoint === 'token' && body.includes('grant_type=refresh_token'))
    .length

t.test('item 30: a server that refuses what is new twice ends it, and once does not', async t => {
  const world = await connected(t)
  const { server, whoami, connections } = world
  server.behaviour.rejectsEveryToken = true
  await t.rejects(whoami(), { code: 'MCP_SERVER_UNAVAILABLE', reason: 'resource_rejects' })
  server.behaviour.rejectsEveryToken = false
  t.equal(await whoami(), 'alice')
  server.behaviour.rejectsEveryToken = true
  await t.rejects(whoami(), { code: 'MCP_SERVER_UNAVAILABLE' }, 'a call that went well in between ended the series')
  await t.rejects(whoami(), { code: 'MCP_NEEDS_REAUTH', reason: 'resource_rejects' })
  const asked = refreshes(world)
  await t.rejects(whoami(), { code: 'MCP_NEEDS_REAUTH' })
  t.equal(refreshes(world), asked)
  t.equal((await connections.status(alice, 'notes')).reason, 'resource_rejects')
})

t.test('5.4 step 9: a token that was refused is replaced by the newer one that somebody else got', async t => {
  const world = await connected(t)
  const other = await world.another()
  const { connections, issuer } = world
  const fetch = connections.fetchFor(alice, 'notes')
  const [old] = issuer.records.accessTokens.values()
  await other.refresh(alice, 'notes')
  if (old) (old as { revoked: boolean }).revoked = true
  t.equal(refreshes(world), 1)
  const response = await fetch(world.server.resource, { method: 'POST', body: '{}' })
  t.not(response.status, 401)
  t.equal(refreshes(world), 1)
})

t.test(
  'item 9: a server that moved to another authorization server: nothing of the old one is sent to the new one',
  async t => {
    const world = await connected(t)
    const next = await createFakeAuthorizationServer({ clock: world.clock })
    t.teardown(() => next.close())
    world.clock.advance(60)
    world.server.behaviour.authorizationServers = [next.issuer]
    world.server.behaviour.rejectsEveryToken = true
    await t.rejects(world.whoami(), { code: 'MCP_NEEDS_REAUTH', reason: 'issuer_changed' })
    t.equal(next.count('token'), 0)
    t.match(
      world.events.find(({ type }) => type === 'issuer.changed'),
      { from: world.issuer.issuer, to: next.issuer }
    )
    await world.connect()
    t.equal(next.records.clients.size, 1, 'a client of its own')
    t.equal((await world.connections.status(alice, 'notes')).issuer, next.issuer)
  }
)

t.test(
  'item 8: what a tool lacks is remembered for whoever connects next, asked for with the rest, and not for ever',
  async t => {
    const tools = [
      { name: 'whoami', call: (_input: unknown, { subject }: { subject: string }) => subject },
      { name: 'write', requiredScopes: ['notes:write'], call: () => 'written' }
    ]
    const world = await createWorld(t, { server: { tools, behaviour: { challengeScope: 'notes:read' } } })
    const { connections, issuer, events, whoami } = world
    await world.connect()
    const write = () => connections.withClient(alice, 'notes', client => client.callTool({ name: 'write' }))
    const missing = { code: 'MCP_NEEDS_SCOPE', missingScopes: ['notes:write'] }
    await t.rejects(write(), missing)
    await t.rejects(write(), missing)
    t.equal(events.filter(({ type }) => type === 'needs_scope').length, 1)
    t.match(await connections.status(alice, 'notes'), { status: 'needs_scope', action: 'allow_more' })
    t.equal(await whoami(), 'alice', 'what was allowed still is')
    const other = await world.another()
    const { addedScopes, url } = await other.start(alice, 'notes', { binding: 'x'.repeat(20) })
    t.strictSame(addedScopes, ['notes:write'])
    t.equal(new URL(url).searchParams.get('scope'), 'notes:read notes:write')
    issuer.behaviour.grantScopes = scopes => scopes.filter(scope => scope !== 'notes:write')
    await world.connect()
    await t.rejects(write(), missing)
    await t.rejects(world.connect(), { code: 'MCP_RATE_LIMITED', reason: 'step_up' })
    issuer.behaviour.grantScopes = scopes => scopes
    world.clock.advance(601)
    await world.connect()
    t.match(await write(), { content: [{ text: 'written' }] })
  }
)

t.test('item 8: a server that asks for something else each time is told of once, and fills no record', async t => {
  const storage = memoryStorage()
  const world = await createWorld(t, { app: { storage } })
  const { connection } = await world.connect()
  let asked = 0
  const more = (): string => Array.from({ length: 90 }, () => `scope-${asked++}`).join(' ')
  world.server.fail('mcp', () => fault.answer(403, '', challenge(more())), { times: Number.POSITIVE_INFINITY })
  for (let time = 0; time < 5; time++) await t.rejects(world.whoami(), { code: 'MCP_NEEDS_SCOPE' })
  const record = await storage.get(COLLECTIONS.connections, connection.id ?? '')
  t.equal((record as { challenge: { scopes: string[] } } | null)?.challenge.scopes.length, 100)
  t.equal(world.events.filter(({ type }) => type === 'needs_scope').length, 2, 'as long as it was news')
})

const challenge = (scope: string) => ({ 'www-authenticate': `Bearer error="insufficient_scope", scope="${scope}"` })

t.test('item 8: what is lacking is lacking after a refresh, too', async t => {
  const world = await connected(t)
  const { server, clock, connections, whoami } = world
  server.fail('mcp', fault.answer(403, '', challenge('notes:write')))
  await t.rejects(whoami(), { code: 'MCP_NEEDS_SCOPE' })
  clock.advance(3700)
  await connections.refresh(alice, 'notes')
  t.match(await connections.status(alice, 'notes'), { status: 'needs_scope', missingScopes: ['notes:write'] })
  const { addedScopes } = await connections.start(alice, 'notes', { binding: 'x'.repeat(20) })
  t.strictSame(addedScopes, ['notes:write'])
})

t.test(
  'item 9: a server that belongs to another issuer when its token has ended: the old one goes nowhere',
  async t => {
    const world = await connected(t)
    const next = await createFakeAuthorizationServer({ clock: world.clock })
    t.teardown(() => next.close())
    world.server.behaviour.authorizationServers = [next.issuer]
    const before = refreshes(world)
    world.clock.advance(86_400)
    await t.rejects(world.whoami(), { code: 'MCP_NEEDS_REAUTH', reason: 'issuer_changed' })
    t.equal(next.count('token'), 0)
    t.equal(refreshes(world), before)
  }
)

t.test(
  'item 32: what a job or a tool needs is told before anything is sent, and asked for at the next connect',
  async t => {
    const call = () => 'done'
    const tools = ['read', 'write_note', 'admin'].map(name => ({ name, call }))
    const ways: Record<string, (world: World) => Promise<unknown>> = {
      'by its tool': world =>
        world.connections.withClient(alice, 'notes', client => client.callTool({ name: 'write_note' })),
      'by the job': world =>
        world.connections.withClient(alice, 'notes', client => client.listTools(), { scopes: ['notes:write'] }),
      'by its fetch': world =>
        world.connections.fetchFor(alice, 'notes', { scopes: ['notes:write'] })(world.server.resource)
    }
    for (const [how, use] of Object.entries(ways)) {
      const world = await connected(t, {
        server: { tools, behaviour: { challengeScope: 'notes:read' } },
        definition: { oauth: { toolScopes: { 'write_*': ['notes:write'] } } }
      })
      const { connections, events, server } = world
      await connections.withClient(alice, 'notes', client => client.callTool({ name: 'read' }))
      const lack = { code: 'MCP_NEEDS_SCOPE', missingScopes: ['notes:write'], grantedScopes: ['notes:read'] }
      await t.rejects(use(world), lack, how)
      await t.rejects(use(world), lack)
      t.equal(server.calls.length, 1)
      t.equal(events.filter(({ type }) => type === 'needs_scope').length, 1, 'is told once')
      t.match(await connections.status(alice, 'notes'), { status: 'needs_scope', missingScopes: ['notes:write'] })
      const { addedScopes } = await connections.start(alice, 'notes', { binding: 'x'.repeat(20) })
      t.strictSame(addedScopes, ['notes:write'], 'who follows the action is asked for it')
      await world.connect()
      t.match(await connections.status(alice, 'notes'), { status: 'active' })
      await use(world)
    }
  }
)

t.test('AZ-22: a lack that is met at another issuer is asked for with what everybody is asked for there', async t => {
  const world = await connected(t, { server: { behaviour: { challengeScope: 'notes:read' } } })
  const { server, connections, clock, whoami } = world
  const scopeOf = async (): Promise<string | null> => {
    const { url } = await connections.start(alice, 'notes', { binding: 'x'.repeat(20) })
    return new URL(url).searchParams.get('scope')
  }
  server.fail('mcp', fault.answer(403, '', challenge('notes:write')))
  await t.rejects(whoami(), { code: 'MCP_NEEDS_SCOPE' })
  server.behaviour.challengeScope = 'notes:read notes:extra'
  t.equal(await scopeOf(), 'notes:read notes:write', 'no more than is lacking')
  const next = await createFakeAuthorizationServer({ clock })
  t.teardown(() => next.close())
  server.behaviour.authorizationServers = [next.issuer]
  t.equal(await scopeOf(), 'notes:read notes:extra notes:write')
})
