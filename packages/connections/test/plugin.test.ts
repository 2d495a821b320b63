/** The plugin beside the host: its routes, what it leaves alone, and what stops the boot. */
import formbody from '@fastify/formbody'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import mcpConnections, { type ConnectionSummary } from '../src/index.ts'
import { BASE, buildWorld, PREFIX, personOf } from './app.ts'

t.test(
  'CD-1: the metadata document and the keys are there for everybody, small, cacheable, without redirect',
  async t => {
    const { app } = await buildWorld(t)
    const document = await app.inject(`${PREFIX}/client.json`)
    t.equal(document.statusCode, 200)
    t.match(document.headers['content-type'], /^application\/json/)
    t.match(document.headers['cache-control'], /public, max-age=\d+/)
    t.match(document.json(), {
      client_id: `${BASE}${PREFIX}/client.json`,
      redirect_uris: [`${BASE}${PREFIX}/callback`]
    })
    const jwks = await app.inject(`${PREFIX}/jwks.json`)
    t.equal(jwks.statusCode, 200)
    t.notMatch(jwks.body, '"d":')
  }
)

t.test('the host keeps its parsers, error handler and headers', async t => {
  const { app } = await buildWorld(t)
  app.post('/own', async request => ({ body: request.body }))
  app.get('/broken', async () => {
    throw new Error('broken')
  })
  const form = await app.inject({
    method: 'POST',
    url: '/own',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: 'a=1'
  })
  t.equal(form.statusCode, 415)
  const broken = await app.inject('/broken')
  t.match(broken.json(), { error: 'Internal Server Error' })
  t.equal(broken.headers['referrer-policy'], undefined)
  t.equal((await app.inject('/nowhere')).json().error, 'Not Found')
})

t.test("a host with a parser for forms, and one that keeps JSON as bytes, is in nobody's way", async t => {
  const { app } = await buildWorld(t, {}, async host => {
    await host.register(formbody)
    host.removeContentTypeParser('application/json')
    host.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
    host.post('/own', async request => ({ isBuffer: Buffer.isBuffer(request.body) }))
  })
  const alice = personOf(app, 'alice')
  t.equal((await alice.post('credentials/keyed', { secret: 'key-of-alice' })).statusCode, 303)
  const headers = { 'content-type': 'application/json', 'x-user': 'bob', accept: 'application/json' }
  const payload = JSON.stringify({ secret: 'key-of-bob' })
  const stored = await app.inject({ method: 'POST', url: `${PREFIX}/credentials/keyed`, headers, payload })
  t.match(stored.json(), { connection: { status: 'active' } })
  t.match((await app.inject({ method: 'POST', url: '/own', headers, payload })).json(), { isBuffer: true })
})

t.test('feature 94: a limiter of the app is told of as ours is, and its own time to wait stays', async t => {
  const { app } = await buildWorld(t, {}, host =>
    host.addHook('onRequest', async (_request, reply) => {
      reply.header('retry-after', '7')
      throw Object.assign(new Error('slow down'), { statusCode: 429 })
    })
  )
  const refused = await personOf(app, 'alice', 'application/json').get('')
  t.match(refused, { statusCode: 429, headers: { 'retry-after': '7' } })
  t.match(refused.json(), { error: 'MCP_RATE_LIMITED', retryable: true, retryAfter: 7 })
  t.match((await personOf(app, 'alice').get('')).body, 'Too many attempts')
})

t.test('feature 6: without pages everybody is given JSON', async t => {
  const { app } = await buildWorld(t, { ui: false })
  const list = await personOf(app, 'alice').get('')
  t.match(list.headers['content-type'], /^application\/json/)
  t.match(list.json(), { connections: [{ server: String, status: String }] })
})

t.test('an option that is wrong stops the boot and is named', async t => {
  const good = { baseUrl: BASE, client: { name: 'Acme' }, owner: () => null }
  for (const [name, options] of Object.entries({
    owner: { ...good, owner: 'alice' },
    'background.every': { ...good, background: { every: 1 } },
    'ui.brand.accent': { ...good, ui: { brand: { accent: 'red' } } },
    'ui.templates': { ...good, ui: { templates: '/nowhere' } },
    redirectMode: { ...good, redirectMode: 'popup' },
    baseUrl: { ...good, baseUrl: 'https://app.example.com/path' },
    admin: { ...good, routes: false, admin: () => undefined },
    ui: { ...good, routes: false, ui: {} },
    unknown: { ...good, unknown: 1 }
  })) {
    const app = Fastify()
    t.teardown(() => app.close())
    await t.rejects(
      async () => app.register(mcpConnections, options as never),
      { code: 'FST_OAUTH_OPTION', message: new RegExp(name.split('.').pop() ?? '') },
      name
    )
  }
})

t.test('feature 5: without routes a process uses connections, and leaves pages and callback to another', async t => {
  const { app, keyed, log } = await buildWorld(t, { routes: false }, host => {
    host.get(
      '/use',
      { preHandler: (request, reply) => host.mcpConnections.require('keyed').call(host, request, reply) },
      async request => request.mcp('keyed').callTool({ name: 'whoami' })
    )
  })
  for (const path of ['', '/callback', '/client.json', '/connect/notes', '/assets/x.css'])
    t.equal((await personOf(app, 'alice').get(`${PREFIX}${path}`)).statusCode, 404, path)
  await app.mcpConnections.setCredential({ type: 'user', id: 'alice' }, 'keyed', { secret: 'key-of-alice' })
  t.match((await personOf(app, 'alice').get('/use')).body, 'alice')
  const led = await personOf(app, 'bob').get('/use')
  t.match(led, { statusCode: 303, headers: { location: `${BASE}${PREFIX}/connect/keyed?returnTo=%2Fuse` } })
  t.notMatch(log.join(''), 'key-of-alice')
  t.ok(keyed.count('mcp') > 0)
})

t.test('features 3 and 4: two registrations in two scopes know nothing of each other', async t => {
  const host = Fastify()
  t.teardown(() => host.close())
  const scopes: Record<string, FastifyInstance> = {}
  for (const [name, prefix] of [
    ['partner', '/partner/connections'],
    ['staff', '/staff/connections']
  ] as const)
    await host.register(async scope => {
      await scope.register(mcpConnections, {
        baseUrl: BASE,
        prefix,
        client: { name },
        owner: () => ({ type: 'user', id: 'alice' }),
        servers: {
          [name]: { url: 'https://mcp.example/mcp', auth: 'bearer' },
          both: { url: 'https://mcp.example/mcp', auth: 'bearer' }
        }
      })
      scopes[name] = scope
    })
  t.notOk(host.hasDecorator('mcpConnections'))
  const alice = { type: 'user', id: 'alice' } as const
  await scopes['partner']?.mcpConnections.setCredential(alice, 'both', { secret: 'key' })
  for (const [name, status] of [
    ['partner', 'active'],
    ['staff', 'not_connected']
  ] as const) {
    const list = await personOf(host, 'alice', 'application/json').get(`/${name}/connections`)
    const seen = (list.json().connections as ConnectionSummary[]).map(({ server, status }) => [server, status])
    t.strictSame(Object.fromEntries(seen), { [name]: 'not_connected', both: status })
    t.equal((await host.inject(`/${name}/connections/client.json`)).json().client_name, name)
  }
})

t.test('feature 3: below a prefix of Fastify its routes would not be where it says that they are', async t => {
  const host = Fastify()
  t.teardown(() => host.close())
  const good = { baseUrl: BASE, client: { name: 'Acme' }, owner: () => null }
  await t.rejects(async () => host.register(async scope => scope.register(mcpConnections, good), { prefix: '/app' }), {
    code: 'FST_OAUTH_OPTION',
    message: /"\/app".*option "prefix"/
  })
})
