/** The routes of administrators. */
import t from 'tap'
import { buildWorld, personOf } from '../app.ts'

const guarded = {
  allowCustomServers: true,
  admin: async (request: { headers: Record<string, unknown> }) => {
    if (request.headers['x-user'] !== 'root') throw Object.assign(new Error('no'), { statusCode: 403 })
  }
}

t.test('without a guard there are no such routes; with one they are for whom it lets pass', async t => {
  const { app } = await buildWorld(t)
  t.equal((await personOf(app, 'root').get('admin')).statusCode, 404)
  const { app: other } = await buildWorld(t, guarded)
  for (const url of ['admin', 'admin/servers', 'admin/new', 'admin/servers/notes', 'admin/servers/notes/doctor'])
    t.equal((await personOf(other, 'alice').get(url)).statusCode, 403, url)
  for (const url of ['admin/servers', 'admin/servers/notes/wipe', 'admin/servers/notes/remove'])
    t.equal((await personOf(other, 'alice').post(url)).statusCode, 403, url)
  t.equal((await personOf(other, 'root').get('admin')).statusCode, 200)
})

t.test(
  'features 88, 91, 92: a server is added, changed, checked, switched off and removed; its secret is never shown',
  async t => {
    const { app, mcp, authorizationServer, log } = await buildWorld(t, guarded)
    const root = personOf(app, 'root')
    const form = {
      id: 'linear',
      url: mcp.resource,
      name: 'Linear',
      auth: 'oauth',
      mode: 'per-user',
      issuer: authorizationServer.issuer,
      client_id: 'acme',
      client_secret: 'the-client-secret',
      scopes: 'read write'
    }
    const added = await root.post('admin/servers', form)
    t.equal(added.statusCode, 303)
    t.equal(added.headers.location, '/mcp/connections/admin/servers/linear')
    const page = await root.get('admin/servers/linear')
    t.match(page.body, 'value="read write"')
    const json = await personOf(app, 'root', 'application/json').get('admin/servers/linear')
    t.match(json.json(), { server: { definition: { oauth: { client: { clientId: 'acme', hasSecret: true } } } } })
    for (const { body } of [page, json, await root.get('admin/servers'), await root.get('admin')])
      t.notMatch(body, 'the-client-secret')
    t.notMatch(log.join(''), 'the-client-secret')
    const doctor = await root.get('admin/servers/linear/doctor')
    t.equal(doctor.statusCode, 200)
    t.match(doctor.body, authorizationServer.issuer)
    const download = await root.get('admin/servers/linear/doctor?download=1')
    t.match(download.headers['content-disposition'], 'linear-doctor.json')
    t.match(download.json(), { auth: 'oauth', steps: Array })

    t.equal((await root.post('admin/servers/linear/disable')).statusCode, 303)
    t.equal((await personOf(app, 'alice').post('connect/linear')).statusCode, 403)
    t.equal((await root.post('admin/servers/linear/enable')).statusCode, 303)
    t.equal((await root.post('admin/servers/linear/remove')).statusCode, 303)
    t.equal((await root.get('admin/servers/linear')).statusCode, 404)
  }
)

t.test('a form that cannot be meant is refused and stores nothing', async t => {
  const { app, mcp } = await buildWorld(t, guarded)
  const root = personOf(app, 'root')
  const good = { id: 'other', url: mcp.resource, auth: 'bearer', mode: 'per-user' }
  for (const wrong of [
    { id: '' },
    { id: '../x' },
    { url: 'file:///etc/passwd' },
    { url: 'http://169.254.169.254/' },
    { auth: 'magic' },
    { mode: 'everybody' },
    { auth: 'header' },
    { auth: 'oauth', client_id: 'x' }
  ])
    t.equal((await root.post('admin/servers', { ...good, ...wrong })).statusCode >= 400, true, JSON.stringify(wrong))
  t.strictSame((await app.mcpConnections.registry.list()).map(({ id }) => id).toSorted(), ['agents', 'keyed', 'notes'])
})

t.test('a guard that answers itself keeps the route from running, however slowly the answer leaves', async t => {
  const { app } = await buildWorld(
    t,
    { admin: async (_request, reply) => reply.code(403).send('no') },
    // What the host does to every answer takes a while.
    host => host.addHook('onSend', async () => new Promise<void>(done => setTimeout(done, 50)))
  )
  const owner = { type: 'user', id: 'alice' } as const
  await app.mcpConnections.setCredential(owner, 'keyed', { secret: 'key-of-alice' })
  t.equal((await personOf(app, 'mallory').post('admin/servers/keyed/wipe')).statusCode, 403)
  t.equal((await app.mcpConnections.status(owner, 'keyed')).status, 'active')
})
