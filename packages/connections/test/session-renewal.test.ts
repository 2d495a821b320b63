/** Clients that live long: sessions that their server forgets, and what is remembered of a server's revision. */
import { fault } from '@fastify-mcp-auth/testing/servers'
import t from 'tap'
import { renewingSessions } from '../src/session-renewal.ts'
import { alice, createWorld, type World } from './world.ts'

const legacy = { server: { behaviour: { revisions: ['2025-11-25'] } } } as const

const initializes = ({ server }: World): number =>
  server.requests.filter(({ endpoint, body }) => endpoint === 'mcp' && body.includes('"initialize"')).length

t.test('feature 82: a session that the server forgot begins anew, once for all calls that notice', async t => {
  for (const answers of ['json', 'sse'] as const) {
    const world = await createWorld(t, { server: { behaviour: { ...legacy.server.behaviour, answers } } })
    const { connections, server } = world
    await world.connect()
    const client = await connections.clientFor(alice, 'notes')
    await client.callTool({ name: 'whoami' })
    const before = initializes(world)
    for (let round = 0; round < 2; round++) {
      server.dropSessions()
      const called = await Promise.all([1, 2, 3].map(() => client.callTool({ name: 'whoami' })))
      t.match(
        called.map(({ content }) => (content as { text: string }[])[0]?.text),
        ['alice', 'alice', 'alice']
      )
    }
    t.equal(initializes(world) - before, 2, 'one for each time')
    t.equal(server.sessions.size, 1)
    await client[Symbol.asyncDispose]()
  }
})

t.test('feature 82: a server that begins no other session is told as it is, and is not asked in a loop', async t => {
  const world = await createWorld(t, legacy)
  await world.connect()
  const client = await world.connections.clientFor(alice, 'notes')
  const before = initializes(world)
  world.server.dropSessions()
  world.server.fail('mcp', fault.html(404), { times: 10 })
  await t.rejects(client.callTool({ name: 'whoami' }))
  t.equal(initializes(world) - before, 1)
  await client[Symbol.asyncDispose]()
})

t.test('feature 82: a session is closed by the id that it has by then', async t => {
  const world = await createWorld(t, legacy)
  await world.connect()
  const client = await world.connections.clientFor(alice, 'notes')
  world.server.dropSessions()
  await client.callTool({ name: 'whoami' })
  t.equal(world.server.sessions.size, 1)
  await client[Symbol.asyncDispose]()
  t.equal(world.server.sessions.size, 0)
})

t.test('feature 82: a new session is told the log level and the subscriptions of the old one', async t => {
  const sessions = new Set<string>()
  const heard: { session: string; method: string; params: Record<string, unknown> }[] = []
  let count = 0
  let refused = ''
  const send = renewingSessions(async (_url, init = {}) => {
    const { id, method, params = {} } = JSON.parse(String(init.body))
    const session = new Headers(init.headers).get('mcp-session-id') ?? ''
    if (method === 'initialize') {
      sessions.add(`s${++count}`)
      return Response.json({ jsonrpc: '2.0', id, result: {} }, { headers: { 'mcp-session-id': `s${count}` } })
    }
    if (!sessions.has(session)) return new Response(null, { status: 404 })
    heard.push({ session, method, params })
    if (method === refused) return new Response(null, { status: 500 })
    return id === undefined ? new Response(null, { status: 202 }) : Response.json({ jsonrpc: '2.0', id, result: {} })
  })
  let id = 0
  const call = async (method: string, params: object, session: string | null = 's1') => {
    const headers = session === null ? new Headers() : new Headers({ 'mcp-session-id': session })
    const body = JSON.stringify({ jsonrpc: '2.0', id: ++id, method, params })
    return (await send('https://mcp.example/mcp', { method: 'POST', headers, body })).status
  }
  const told = (session: string) =>
    heard.filter(message => message.session === session).map(({ method, params }) => [method, params])
  await call('initialize', {}, null)
  await call('logging/setLevel', { level: 'debug' })
  await call('logging/setLevel', { level: 'error' })
  for (const uri of ['note:1', 'note:2', 'note:3']) await call('resources/subscribe', { uri })
  await call('resources/unsubscribe', { uri: 'note:2' })
  refused = 'resources/subscribe'
  t.equal(await call('resources/subscribe', { uri: 'note:4' }), 500)
  await call('tools/call', { name: 'echo', uri: 'note:1', arguments: { text: 'resources/subscribe' } })
  sessions.clear()
  t.equal(await call('tools/list', {}), 200, 'what the server does not take any more is no reason to fail')
  const settings = [
    ['logging/setLevel', { level: 'error' }],
    ['resources/subscribe', { uri: 'note:1' }],
    ['resources/subscribe', { uri: 'note:3' }]
  ]
  t.strictSame(told('s2'), [['notifications/initialized', {}], ...settings, ['tools/list', {}]])
  refused = ''
  await call('initialize', {}, null)
  sessions.clear()
  await call('tools/list', {}, 's3')
  t.strictSame(
    told('s4'),
    [
      ['notifications/initialized', {}],
      ['tools/list', {}]
    ],
    'a client that begins anew says by itself what it wants'
  )
})

t.test('feature 55: the revision of a server is found out once for each connection', async t => {
  const old = await createWorld(t, legacy)
  await old.connect()
  const probes = () => old.server.requests.filter(({ body }) => body.includes('server/discover')).length
  await old.whoami()
  t.equal(probes(), 1)
  await old.whoami()
  t.equal(probes(), 1, 'an old server is not asked again')
  old.clock.advance(3601)
  await old.whoami()
  t.equal(probes(), 2, 'but once an hour: it may have been renewed')

  const modern = await createWorld(t, { server: { behaviour: { revisions: ['2026-07-28'] } } })
  await modern.connect()
  await modern.whoami()
  const before = modern.server.count('mcp')
  await modern.whoami()
  t.equal(modern.server.count('mcp') - before, 1, 'the call itself')
})

t.test(
  'feature 55: what is remembered does not hide that there is no connection, nor that the server changed',
  async t => {
    const world = await createWorld(t, { server: { behaviour: { revisions: ['2026-07-28'] } } })
    const { connections, server } = world
    await world.connect()
    await world.whoami()
    await connections.disconnect(alice, 'notes')
    await t.rejects(connections.clientFor(alice, 'notes'), { code: 'MCP_NOT_CONNECTED' })
    await world.connect()
    server.behaviour.revisions = ['2025-11-25']
    const first = await world.whoami().catch(() => null)
    t.equal(first ?? (await world.whoami()), 'alice', 'at most one call finds it out')
  }
)
