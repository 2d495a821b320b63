/** Parameters of a credential: headers that one connection carries, of those that its server may have. */
import { randomBytes } from 'node:crypto'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import t from 'tap'
import { COLLECTIONS, createConnections } from '../src/index.ts'
import { BASE, buildWorld, personOf } from './app.ts'
import { alice, bob, createWorld } from './world.ts'

const definition = { params: { 'X-Workspace-Id': 'clear', 'X-Second-Key': 'secret' } } as const
const key = () => randomBytes(32).toString('base64')

t.test('feature 101: each connection carries its own parameters, with its credential, to its server', async t => {
  const world = await createWorld(t, { definition })
  const { connections, server, connect, whoami, events, clock } = world
  await connect()
  await connect(alice, 'work')
  await connect(bob)
  await connections.setParams(alice, 'notes', { 'X-Workspace-Id': 'w-alice', 'X-Second-Key': 'second-of-alice' })
  await connections.setParams(alice, 'notes', { 'X-Workspace-Id': 'w-work' }, { account: 'work' })
  const sent = async (act: () => Promise<unknown>) => {
    const before = server.requests.length
    await act()
    const carried = server.requests.slice(before).map(({ headers }) => ({
      hasCredential: headers.authorization !== undefined,
      text: `${headers['x-workspace-id']} ${headers['x-second-key']}`
    }))
    // Discovery asks without a credential.
    t.ok(carried.every(({ hasCredential, text }) => hasCredential || text === 'undefined undefined'))
    const made = carried.filter(({ hasCredential }) => hasCredential)
    t.ok(made.length > 0)
    return made.map(({ text }) => text)
  }
  const all = (texts: string[], expected: string) => t.strictSame([...new Set(texts)], [expected])
  all(await sent(() => whoami()), 'w-alice second-of-alice')
  all(await sent(() => whoami(bob)), 'undefined undefined')
  const work = connections.fetchFor(alice, 'notes', { account: 'work' })
  all(await sent(() => work(server.resource, { method: 'GET' })), 'w-work undefined')
  const own = connections.fetchFor(alice, 'notes')
  const headers = { 'X-Workspace-Id': 'w-bob', authorization: 'Bearer of-bob' }
  all(await sent(() => own(server.resource, { headers })), 'w-alice second-of-alice')
  clock.advance(3700)
  all(await sent(() => whoami()), 'w-alice second-of-alice')
  server.behaviour.rejectsEveryToken = true
  all(await sent(() => t.rejects(whoami())), 'w-alice second-of-alice')
  server.behaviour.rejectsEveryToken = false
  await connect()
  all(await sent(() => whoami()), 'w-alice second-of-alice')
  await connect()
  all(await sent(() => whoami()), 'w-alice second-of-alice')
  t.equal(await whoami(), 'alice')
  t.match(await connections.status(alice, 'notes'), { params: { 'X-Workspace-Id': 'w-alice' } })
  t.strictSame((await connections.status(alice, 'notes')).params, { 'X-Workspace-Id': 'w-alice' })
  t.notMatch(JSON.stringify([await connections.exportOwner(alice), events]), 'second-of-alice')
  const less = await world.another({
    servers: { notes: { url: server.resource, params: { 'X-Second-Key': 'secret' } } }
  })
  all(await sent(() => less.withClient(alice, 'notes', client => client.listTools())), 'undefined second-of-alice')
  const discreet = await world.another({
    servers: { notes: { url: server.resource, params: { 'X-Workspace-Id': 'secret' } } }
  })
  t.strictSame((await discreet.status(alice, 'notes')).params, {}, 'what is a secret by now is not shown any more')
  await connections.setParams(alice, 'notes', null)
  all(await sent(() => whoami()), 'undefined undefined')
})

t.test('feature 101: nothing but what the server has, and nothing that ends a header', async t => {
  const { connections, connect, server } = await createWorld(t, { definition })
  await t.rejects(connections.setParams(alice, 'notes', { 'X-Workspace-Id': 'w' }), { code: 'MCP_NOT_CONNECTED' })
  await connect()
  await connections.setParams(alice, 'notes', { 'X-Workspace-Id': 'kept' })
  for (const given of [
    { authorization: 'Bearer x' },
    { host: 'evil.example' },
    { 'x-workspace-id': 'other case' },
    { constructor: 'x' },
    JSON.parse('{"__proto__":"x"}'),
    { 'X-Workspace-Id': '' },
    { 'X-Workspace-Id': 'a\r\nAuthorization: Bearer x' },
    { 'X-Workspace-Id': ' a' },
    { 'X-Workspace-Id': 'ä' },
    { 'X-Workspace-Id': 'a'.repeat(2049) },
    { 'X-Workspace-Id': 7 },
    { 'X-Second-Key': 'sec\nret' },
    ['X-Workspace-Id'],
    'X-Workspace-Id'
  ])
    await t.rejects(
      connections.setParams(alice, 'notes', given as never),
      { code: 'MCP_INVALID_INPUT', message: /^(?![\s\S]*(?:Bearer|sec\n))/ },
      JSON.stringify(given)
    )
  t.match(await connections.status(alice, 'notes'), { params: { 'X-Workspace-Id': 'kept' } })
  await t.rejects(connections.setParams(bob, 'notes', { 'X-Workspace-Id': 'w' }), { code: 'MCP_NOT_CONNECTED' })
  await t.rejects(connections.setParams(null, 'notes', { 'X-Workspace-Id': 'w' }), { code: 'MCP_OWNER_REQUIRED' })
  t.ok(server.requests.every(({ headers }) => headers['x-workspace-id'] === undefined))
})

t.test('feature 101: a header that is not for owners stops the boot', async t => {
  const open = (given: object) =>
    createConnections({
      baseUrl: BASE,
      client: { name: 'Acme' },
      servers: { notes: { url: 'https://mcp.example/', ...given } }
    })
  for (const name of [
    'Authorization',
    'authorization',
    'Host',
    'DPoP',
    'Cookie',
    'Content-Length',
    'Transfer-Encoding',
    'Mcp-Session-Id',
    'MCP-Protocol-Version',
    'Proxy-Authorization',
    'X-Forwarded-For',
    'Forwarded',
    'Last-Event-ID',
    'Origin',
    'Accept',
    'X Space',
    ''
  ])
    await t.rejects(
      open({ params: { [name]: 'clear' } }),
      { code: 'FST_OAUTH_OPTION', message: /servers\.notes.*params/ },
      name
    )
  for (const given of [
    { params: { 'X-A': 'open' } },
    { params: { 'X-A': 'clear', 'x-a': 'clear' } },
    { auth: 'none', params: { 'X-A': 'clear' } },
    { auth: 'header', header: { name: 'X-Api-Key' }, params: { 'x-api-key': 'clear' } }
  ])
    await t.rejects(open(given), { code: 'FST_OAUTH_OPTION', message: /notes.*params/ }, JSON.stringify(given))
})

t.test('feature 101: secret ones are encrypted with what they belong to, and rotated', async t => {
  const storage = memoryStorage()
  const [first, second] = [key(), key()]
  const world = await createWorld(t, { definition, app: { storage, encryptionKeys: [first] } })
  const { connections, connect, server } = world
  await connect()
  await connect(bob)
  await connections.setParams(alice, 'notes', { 'X-Second-Key': 'second-of-alice' })
  const [ofAlice, ofBob] = [(await connections.list(alice))[0]?.id, (await connections.list(bob))[0]?.id]
  const read = async (id: string | null = '') => storage.get(COLLECTIONS.connections, id ?? '')
  const stored = (await read(ofAlice)) as { sealedParams: string; sealed: string }
  t.notMatch(JSON.stringify(stored), 'second-of-alice')

  const both = await world.another({ encryptionKeys: [second, first] })
  t.strictSame(await both.keyStatus(), { current: 0, outdated: 4, unreadable: 0 }, 'two people, a parameter, a client')
  t.strictSame(await both.rotateKeys(), { resealed: 4, remaining: 0 })
  const after = await world.another({ encryptionKeys: [second] })
  await after.withClient(alice, 'notes', client => client.listTools())
  t.equal(server.requests.at(-1)?.headers['x-second-key'], 'second-of-alice')

  const { sealedParams } = (await read(ofAlice)) as { sealedParams: string }
  await storage.update(COLLECTIONS.connections, ofBob ?? '', {}, { sealedParams })
  const before = server.requests.length
  await t.rejects(
    after.withClient(bob, 'notes', client => client.listTools()),
    { code: 'MCP_NEEDS_REAUTH', reason: 'key_unavailable' }
  )
  t.equal(server.requests.length, before, 'moved to somebody else it is not read, and nothing is sent without it')
})

t.test('feature 101: what was meant for one address does not go to another one', async t => {
  const world = await createWorld(t, { definition })
  await world.connect()
  await world.connections.setParams(alice, 'notes', { 'X-Workspace-Id': 'w', 'X-Second-Key': 'second' })
  const elsewhere = await createWorld(t)
  const moved = await world.another({
    servers: { notes: { url: elsewhere.server.resource, auth: 'bearer', params: definition.params } }
  })
  await t.rejects(moved.setParams(alice, 'notes', { 'X-Workspace-Id': 'w' }), { code: 'MCP_NOT_CONNECTED' })
  t.match(await moved.setCredential(alice, 'notes', { secret: 'key' }), { params: {} })
  t.strictSame((await moved.status(alice, 'notes')).params, {})
  await t.rejects(moved.withClient(alice, 'notes', client => client.listTools()))
  t.ok(elsewhere.server.requests.length > 0)
  for (const { headers } of elsewhere.server.requests)
    t.strictSame([headers['x-workspace-id'], headers['x-second-key']], [undefined, undefined])
})

t.test('feature 101: a route sets them for whoever asks, and the page shows what is no secret', async t => {
  const { app, keyed, log } = await buildWorld(t, { servers: {}, allowCustomServers: true, admin: () => undefined })
  const { mcpConnections } = app
  await mcpConnections.registry.add('keyed', { url: keyed.resource, auth: 'bearer', ...definition })
  await mcpConnections.setCredential(alice, 'keyed', { secret: 'key-of-alice' })
  const [connection] = await mcpConnections.list(alice)
  const send = (user: string, payload: object) =>
    app.inject({
      method: 'POST',
      url: `/mcp/connections/${connection?.id}/params`,
      headers: { 'x-user': user, accept: 'application/json' },
      payload
    })
  const params = { 'X-Workspace-Id': '<b>w1', 'X-Second-Key': 'second-key' }
  t.equal((await send('bob', { params })).statusCode, 404)
  const missing = await send('alice', {})
  t.match(missing, { statusCode: 400 })
  t.equal((await send('alice', { params: { host: 'x' } })).statusCode, 400)
  const done = await send('alice', { params })
  t.strictSame(done.json().connection.params, { 'X-Workspace-Id': '<b>w1' })
  const page = await personOf(app, 'alice').get(`${connection?.id}`)
  t.match(page.body, '&lt;b&gt;w1')
  t.notMatch(page.body + done.body + log.join(''), 'second-key')
  t.match((await send('alice', { params: null })).json(), { connection: { params: {} } })
})

t.test('feature 101: the page has a form for them, and never what is a secret', async t => {
  const { app, keyed, log } = await buildWorld(t, { servers: {}, allowCustomServers: true, admin: () => undefined })
  const { mcpConnections } = app
  await mcpConnections.registry.add('keyed', { url: keyed.resource, auth: 'bearer', ...definition })
  await mcpConnections.setCredential(alice, 'keyed', { secret: 'key-of-alice' })
  const [connection] = await mcpConnections.list(alice)
  const person = personOf(app, 'alice')
  const page = async (): Promise<string> => (await person.get(`${connection?.id}`)).body
  const save = async (form: Record<string, string>) => {
    const saved = await person.post(`${connection?.id}/params`, form)
    return saved.statusCode === 303 ? sent() : saved.statusCode
  }
  const sent = async () => {
    await mcpConnections.syncTools(alice, 'keyed')
    const { headers } = keyed.requests.at(-1) ?? { headers: {} as Record<string, string> }
    return [headers['x-workspace-id'], headers['x-second-key']]
  }
  t.match(await page(), /<label for="param\.X-Second-Key">X-Second-Key<\/label>\s*<input [^>]*type="password" value=""/)
  const both = { 'param.X-Workspace-Id': 'w1', 'param.X-Second-Key': 'second-key' }
  t.strictSame(await save(both), ['w1', 'second-key'])
  t.match(await page(), /name="param\.X-Workspace-Id" type="text" value="w1"/)
  t.strictSame(await save({ ...both, 'param.X-Second-Key': '' }), ['w1', 'second-key'], 'left empty it stays')
  t.strictSame(await save({ 'param.X-Workspace-Id': '', 'param.X-Second-Key': '' }), [undefined, 'second-key'])
  t.strictSame(await save({ ...both, 'param.X-Second-Key': 'another' }), ['w1', 'another'])
  t.equal(await save({ ...both, 'param.X-Second-Key': 'no\nheader' }), 400)
  t.equal(await save({ forget: 'X-Second-Key' }), 400, 'a form without a field says nothing')
  t.notMatch((await page()) + log.join(''), /second-key|another/)
  const forgotten = await save({ ...both, 'param.X-Second-Key': '', forget: 'X-Second-Key' })
  t.strictSame(forgotten, ['w1', undefined])
  t.notMatch(await (await person.get('')).body, 'param.')
})

t.test(
  'feature 101: a secret is kept without being known, unless it cannot be read or is changed meanwhile',
  async t => {
    const { connections, another, connect } = await createWorld(t, { definition })
    await connect()
    await connections.setParams(alice, 'notes', { 'X-Workspace-Id': 'w1', 'X-Second-Key': 'one' })
    await connections.setParams(alice, 'notes', { 'X-Second-Key': 'two' }, { keep: ['X-Workspace-Id', 'X-Second-Key'] })
    t.strictSame((await connections.status(alice, 'notes')).params, { 'X-Workspace-Id': 'w1' })
    const keep = { keep: ['X-Second-Key', 'Host'] }
    await connections.setParams(alice, 'notes', {}, keep)
    t.strictSame((await connections.status(alice, 'notes')).params, {})
    const keyless = await another({ encryptionKeys: [Buffer.alloc(32, 'another').toString('base64')] })
    await t.rejects(keyless.setParams(alice, 'notes', {}, keep), {
      code: 'MCP_NEEDS_REAUTH',
      reason: 'key_unavailable'
    })
    const outcomes = await Promise.allSettled([
      connections.setParams(alice, 'notes', { 'X-Second-Key': 'three' }),
      connections.setParams(alice, 'notes', { 'X-Workspace-Id': 'w2' }, keep)
    ])
    const lost = outcomes.filter(({ status }) => status === 'rejected')
    t.ok(lost.length <= 1)
    for (const each of lost) t.match(each, { reason: { code: 'MCP_STORE_CONFLICT' } })
  }
)
