/** The routes of administrators. */
import t from 'tap'
import type { ConnectionEvent } from '../../src/index.ts'
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
  for (const url of [
    'admin',
    'admin/servers',
    'admin/new',
    'admin/servers/notes',
    'admin/servers/notes/doctor',
    'admin/servers/notes/tools',
    'admin/issuers'
  ])
    t.equal((await personOf(other, 'alice').get(url)).statusCode, 403, url)
  for (const url of ['admin/servers', 'admin/servers/notes/wipe', 'admin/servers/notes/remove', 'admin/issuers/block'])
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

t.test('feature 92: the overview says how many people there are and what was connected last, and no key', async t => {
  const { app } = await buildWorld(t, guarded)
  const root = personOf(app, 'root')
  t.match((await root.get('admin')).body, 'People: 0')
  const owners = [{ id: 'alice' }, { id: '<b>bob</b>' }].map(owner => ({ type: 'user', ...owner }) as const)
  for (const owner of owners) await app.mcpConnections.setCredential(owner, 'keyed', { secret: 'key-of-somebody' })
  const { body } = await root.get('admin')
  t.match(body, 'People: 2')
  t.match(body, /Connected last<\/h2>[\s\S]*<bdi>Keyed<\/bdi> · <bdi>alice<\/bdi> · \w/)
  t.notMatch(body, '<b>bob')
  const { stats } = (await personOf(app, 'root', 'application/json').get('admin')).json()
  t.match(stats, { people: 2, recent: [{ server: 'keyed' }, { server: 'keyed' }] })
  t.notMatch(JSON.stringify(stats) + body, 'key-of-somebody')
  t.equal((await personOf(app, 'alice').get('admin')).statusCode, 403)
})

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

const actsOf = (events: readonly ConnectionEvent[]) =>
  events
    .filter(event => 'actor' in event)
    .map(({ type, server, connection, owner, at, ...rest }) => [type, server, rest] as const)

t.test('feature 26: every change of the registry is told, with who made it and without a secret', async t => {
  const events: ConnectionEvent[] = []
  const { app, mcp, authorizationServer } = await buildWorld(t, { ...guarded, onEvent: event => events.push(event) })
  const root = personOf(app, 'root')
  const origin = new URL(mcp.resource).origin
  const form = {
    id: 'linear',
    url: `${mcp.resource}?key=secret-in-the-url`,
    auth: 'oauth',
    mode: 'per-user',
    issuer: authorizationServer.issuer,
    client_id: 'acme',
    client_secret: 'the-client-secret'
  }
  await root.post('admin/servers', form)
  await root.post('admin/servers', form)
  await root.post('admin/servers/linear/update', { ...form, name: 'Linear', client_secret: 'another-secret' })
  await root.post('admin/servers/linear/update', { ...form, url: 'file:///etc/passwd' })
  await root.post('admin/servers/linear/disable')
  await root.post('admin/servers/linear/enable')
  await app.mcpConnections.setCredential({ type: 'user', id: 'alice' }, 'keyed', { secret: 'key-of-alice' })
  await root.post('admin/servers/keyed/wipe')
  await root.post('admin/servers/linear/reset-registration')
  await root.post('admin/issuers/block', { issuer: authorizationServer.issuer })
  await root.post('admin/issuers/unblock', { issuer: authorizationServer.issuer })
  await root.post('admin/servers/linear/remove')
  await root.post('admin/servers/linear/remove')
  const actor = { type: 'user', id: 'root' }
  t.strictSame(actsOf(events), [
    ['server.added', 'linear', { actor, origin, auth: 'oauth', mode: 'per-user' }],
    ['server.changed', 'linear', { actor, origin, changed: ['name', 'oauth'] }],
    ['server.disabled', 'linear', { actor }],
    ['server.enabled', 'linear', { actor }],
    ['server.wiped', 'keyed', { actor, disconnected: 1 }],
    ['issuer.blocked', '*', { actor, issuer: authorizationServer.issuer }],
    ['issuer.unblocked', '*', { actor, issuer: authorizationServer.issuer }],
    ['server.removed', 'linear', { actor, disconnected: 0 }]
  ])
  t.notMatch(JSON.stringify(events), /secret/)
  await app.mcpConnections.registry.add('other', { url: mcp.resource })
  t.match(events.at(-1), { type: 'server.added', actor: null }, 'a program that names nobody')
})

t.test('a server of the options is not removed, and nobody is disconnected on the way to saying so', async t => {
  const { app } = await buildWorld(t, guarded)
  const owner = { type: 'user', id: 'alice' } as const
  await app.mcpConnections.setCredential(owner, 'keyed', { secret: 'key-of-alice' })
  t.equal((await personOf(app, 'root').post('admin/servers/keyed/remove')).statusCode, 403)
  t.equal((await app.mcpConnections.status(owner, 'keyed')).status, 'active')
})

t.test('feature 88: a form leaves alone what it has no field for', async t => {
  const { app, mcp } = await buildWorld(t, guarded)
  const root = personOf(app, 'root')
  await app.mcpConnections.registry.add('linear', {
    url: mcp.resource,
    name: 'Linear',
    transport: 'sse',
    tools: { deny: ['delete_*'], anonymous: 'try' },
    oauth: { resource: 'omit', scopes: ['read'] }
  })
  const form = { url: mcp.resource, auth: 'oauth', mode: 'per-user', scopes: 'read write' }
  t.equal((await root.post('admin/servers/linear/update', form)).statusCode, 303)
  const { definition } = await app.mcpConnections.registry.get('linear')
  t.strictSame(definition, {
    url: mcp.resource,
    auth: 'oauth',
    mode: 'per-user',
    transport: 'sse',
    tools: { deny: ['delete_*'] },
    oauth: { resource: 'omit', scopes: ['read', 'write'] }
  })
})

t.test('feature 88: a secret stays with its client at its address, and goes nowhere else', async t => {
  const { app, mcp, keyed, authorizationServer } = await buildWorld(t, guarded)
  const root = personOf(app, 'root')
  const client = {
    issuer: authorizationServer.issuer,
    clientId: 'acme',
    clientSecret: 's3cret',
    authMethod: 'client_secret_post'
  } as const
  const definition = { url: mcp.resource, oauth: { client } }
  await app.mcpConnections.registry.add('linear', definition)
  const form = { url: mcp.resource, auth: 'oauth', mode: 'per-user', issuer: client.issuer, client_id: 'acme' }
  const save = async (changes: Record<string, string>) => {
    await app.mcpConnections.registry.update('linear', definition)
    t.equal((await root.post('admin/servers/linear/update', { ...form, ...changes })).statusCode, 303)
    return (await app.mcpConnections.registry.get('linear')).definition.oauth?.client
  }
  t.strictSame(await save({ name: 'Linear' }), client)
  t.strictSame(await save({ client_secret: 'new' }), { ...client, clientSecret: 'new' })
  for (const changes of [{ url: keyed.resource }, { issuer: 'https://else.example' }, { client_id: 'other' }])
    t.equal((await save(changes))?.clientSecret, undefined, JSON.stringify(changes))
})

t.test('feature 26: issuers are blocked and allowed again on a page', async t => {
  const { app, authorizationServer } = await buildWorld(t, guarded)
  const root = personOf(app, 'root')
  const { issuer } = authorizationServer
  t.match((await root.get('admin/issuers')).body, 'None is blocked')
  t.match((await root.get('admin')).body, 'href="/mcp/connections/admin/issuers"')
  for (const wrong of ['', 'no url', 'javascript:alert(1)', ` ${issuer}`])
    t.equal((await root.post('admin/issuers/block', { issuer: wrong })).statusCode, 400, wrong)
  t.strictSame(await app.mcpConnections.blockedIssuers(), [])
  const blocked = await root.post('admin/issuers/block', { issuer })
  t.match(blocked, { statusCode: 303, headers: { location: '/mcp/connections/admin/issuers' } })
  const page = await root.get('admin/issuers')
  t.match(page.body, `name="issuer" value="${issuer}"`)
  t.equal((await personOf(app, 'alice').post('connect/notes')).statusCode, 502)
  t.strictSame((await personOf(app, 'root', 'application/json').get('admin/issuers')).json(), { blocked: [issuer] })
  t.equal((await root.post('admin/issuers/unblock', { issuer })).statusCode, 303)
  t.equal((await personOf(app, 'alice').post('connect/notes')).statusCode, 303)
})

t.test('feature 84: what a server shows to strangers is seen on a page, before anybody connects', async t => {
  const { app, mcp } = await buildWorld(t, guarded)
  const root = personOf(app, 'root')
  t.equal((await root.get('admin/servers/notes/tools')).statusCode, 403, 'the options do not allow it')
  t.notMatch((await root.get('admin/servers/notes')).body, 'See its tools')
  mcp.behaviour.publicMethods = ['initialize', 'notifications/initialized', 'server/discover', 'tools/list']
  await root.post('admin/servers', { id: 'open', url: mcp.resource, auth: 'oauth', mode: 'per-user', anonymous: '1' })
  t.match((await root.get('admin/servers/open')).body, 'href="/mcp/connections/admin/servers/open/tools"')
  const page = await root.get('admin/servers/open/tools')
  t.match(page.body, '<bdi>whoami</bdi>')
  t.match((await personOf(app, 'root', 'application/json').get('admin/servers/open/tools')).json(), {
    tools: [{ name: 'whoami' }],
    leftOut: []
  })
  mcp.behaviour.publicMethods = []
  t.match((await root.get('admin/servers/open/tools')).body, 'only to those who have connected')
})

t.test(
  'feature 91: the list of servers says how many tools there were at the last look, and forgets a server that is gone',
  async t => {
    const { app, keyed } = await buildWorld(t, guarded)
    const root = personOf(app, 'root')
    await root.post('admin/servers', {
      id: 'more',
      url: keyed.resource,
      name: 'More',
      auth: 'bearer',
      mode: 'per-user'
    })
    t.notMatch((await root.get('admin/servers')).body, 'Tools: ')
    const owner = { type: 'user', id: 'alice' } as const
    await app.mcpConnections.setCredential(owner, 'more', { secret: 'key-of-alice' })
    const { tools } = await app.mcpConnections.syncTools(owner, 'more')
    t.match((await root.get('admin/servers')).body, `Tools: ${tools.length} · Seen `)
    t.match((await app.mcpConnections.stats()).servers['more'], { tools: { count: tools.length, syncedAt: Number } })
    await root.post('admin/servers/more/remove')
    await root.post('admin/servers', {
      id: 'more',
      url: keyed.resource,
      name: 'More',
      auth: 'bearer',
      mode: 'per-user'
    })
    t.notMatch((await root.get('admin/servers')).body, 'Tools: ')
  }
)
