/** What a person sees of what they connected, and does with it. */
import t from 'tap'
import type { McpConnectionsOptions } from '../../src/index.ts'
import { buildWorld, PREFIX, personOf } from '../app.ts'

t.test('features 38, 86, 87: list, detail and badge; every state has one action', async t => {
  const { app } = await buildWorld(t)
  const alice = personOf(app, 'alice')
  const empty = await alice.get('')
  t.equal(empty.statusCode, 200)
  t.match(empty.body, 'Not connected')
  await alice.post('credentials/keyed', { secret: 'key-of-alice' })
  const list = await alice.get('')
  t.match(list.body, /badge-good">Connected/)
  const json = (await personOf(app, 'alice', 'application/json').get('')).json()
  const { id } = json.connections.find(({ server }: { server: string }) => server === 'keyed')
  const detail = await alice.get(id)
  t.equal(detail.statusCode, 200)
  t.match(detail.body, `${PREFIX}/${id}/disconnect`)
  const badge = await alice.get('badge/keyed')
  t.match(badge.body, /^<div class="mcp-auth-badge">/)
})

t.test('5.7: the connection of somebody else is not there, whatever is done to it', async t => {
  const { app, keyed } = await buildWorld(t)
  const alice = personOf(app, 'alice')
  await alice.post('credentials/keyed', { secret: 'key-of-alice' })
  const owner = { type: 'user', id: 'alice' } as const
  const { id } = await app.mcpConnections.status(owner, 'keyed')
  const bob = personOf(app, 'bob')
  t.equal((await bob.get(`${id}`)).statusCode, 404)
  for (const act of ['disconnect', 'refresh', 'sync', 'approve', 'tools', 'params'])
    t.equal((await bob.post(`${id}/${act}`)).statusCode, 404, act)
  t.equal((await app.mcpConnections.status(owner, 'keyed')).status, 'active')
  t.equal(keyed.calls.length, 0)
})

t.test('features 37, 90: tools are looked at and chosen; disconnecting forgets', async t => {
  const { app } = await buildWorld(t)
  const alice = personOf(app, 'alice')
  const owner = { type: 'user', id: 'alice' } as const
  await alice.post('credentials/keyed', { secret: 'key-of-alice' })
  const { id } = await app.mcpConnections.status(owner, 'keyed')
  t.equal((await alice.post(`${id}/sync`)).statusCode, 303)
  t.match((await alice.get(`${id}`)).body, /name="allow" value="echo" checked/)
  t.equal((await alice.post(`${id}/tools`, { allow: 'whoami' })).statusCode, 303)
  t.notMatch((await alice.get(`${id}`)).body, /name="allow" value="echo" checked/)
  await app.mcpConnections.withClient(owner, 'keyed', async client => {
    t.strictSame(
      (await client.listTools()).tools.map(({ name }) => name),
      ['whoami']
    )
  })
  const gone = await alice.post(`${id}/disconnect`)
  t.equal(gone.headers.location, PREFIX)
  t.equal((await app.mcpConnections.status(owner, 'keyed')).status, 'not_connected')
})

t.test('feature 12: a proxy that the app does not trust is told of, once', async t => {
  const told = async (trustProxy: boolean, headers: Record<string, string>) => {
    const { app, log } = await buildWorld(t, {}, () => undefined, { trustProxy })
    for (let time = 0; time < 2; time++) await personOf(app, 'alice').get('', headers)
    return log.filter(line => line.includes('trustProxy')).length
  }
  t.equal(await told(false, { 'x-forwarded-for': '192.0.2.7' }), 1)
  t.equal(await told(true, { 'x-forwarded-for': '192.0.2.7' }), 0)
  t.equal(await told(false, {}), 0)
})

const guard: NonNullable<McpConnectionsOptions['admin']> = async (request, reply) => {
  if (request.headers['x-user'] !== 'root') return reply.code(403).send('not you')
}

t.test('feature 23: what everybody shares is changed by administrators, and by a link that the app made', async t => {
  const { keyed, mcp } = await buildWorld(t)
  const servers = {
    office: { url: keyed.resource, auth: 'bearer', mode: 'shared' },
    desk: { url: mcp.resource, mode: 'shared', acknowledgeShared: true }
  } as const
  const thrower: typeof guard = request => {
    if (request.headers['x-user'] !== 'root') throw Object.assign(new Error('no'), { statusCode: 403 })
  }
  for (const admin of [guard, thrower]) {
    const { app } = await buildWorld(t, { servers, admin })
    const [root, mallory] = [personOf(app, 'root'), personOf(app, 'mallory')]
    const status = () => app.mcpConnections.status({ type: 'user', id: 'alice' }, 'office')
    t.equal((await mallory.post('credentials/office', { secret: 'key-of-mallory' })).statusCode, 403)
    t.equal((await mallory.post('connect/desk')).statusCode, 403)
    t.match(await status(), { status: 'not_connected' })
    t.equal((await root.post('credentials/office', { secret: 'key-of-office' })).statusCode, 303)
    t.equal((await root.post('connect/desk')).statusCode, 303)
    const { id } = await status()
    for (const act of ['disconnect', 'tools', 'approve', 'params']) {
      const refused = await mallory.post(`${id}/${act}`)
      t.equal(refused.statusCode, 403, act)
    }
    t.equal((await mallory.post('credentials/office', { secret: 'key-of-mallory' })).statusCode, 403)
    t.equal((await mallory.post(`${id}/sync`)).statusCode, 303)
    const called = await app.mcpConnections.withClient({ type: 'user', id: 'alice' }, 'office', client =>
      client.callTool({ name: 'whoami' })
    )
    t.match(called.content, [{ text: 'office' }])
    const link = await app.mcpConnections.createConnectLink({ type: 'user', id: 'bob' }, 'office')
    const secret = link.url.split('/').pop() ?? ''
    const replaced = await personOf(app, 'bob').post('credentials/office', { secret: 'key-of-bob', link: secret })
    t.equal(replaced.statusCode, 303)
    t.equal((await root.post(`${id}/disconnect`)).statusCode, 303)
    t.match(await status(), { status: 'not_connected' })
  }
  const { app } = await buildWorld(t, { servers })
  t.match((await personOf(app, 'root').get('')).body, 'Ask your administrator')
  const refused = await personOf(app, 'root', 'application/json').post('credentials/office', { secret: 'key-of-root' })
  t.match(refused, { statusCode: 403 })
  t.match(refused.json(), { error: 'MCP_NOT_ALLOWED' })
})
