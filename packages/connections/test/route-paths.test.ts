/** Names and paths that an app chooses itself. */
import { walkAuthorization } from '@fastify-mcp-auth/testing/servers'
import Fastify from 'fastify'
import t from 'tap'
import mcpConnections, { createConnections, type McpConnectionsDecorator, type RequiredClient } from '../src/index.ts'
import { BASE, buildWorld, PREFIX, personOf } from './app.ts'

const routes = { callback: '/oauth/callback', connect: '/integrations' }

const boot = async (options: object, prepare: (app: ReturnType<typeof Fastify>) => unknown = () => undefined) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await prepare(app)
  await app.register(mcpConnections, { baseUrl: BASE, client: { name: 'Acme' }, owner: () => null, ...options })
  return app
}

t.test('feature 4: callback and connect page are where the app says, and nowhere else', async t => {
  const { app, authorizationServer } = await buildWorld(t, {
    routes,
    loginUrl: ({ returnTo }) => `/login?to=${returnTo}`
  })
  const { urls } = app.mcpConnections
  t.equal(urls.callback, `${BASE}/oauth/callback`)
  t.equal(urls.connect('notes', { account: 'work' }), `${BASE}/integrations/notes?account=work`)
  const document = (await app.inject(`${PREFIX}/client.json`)).json()
  t.strictSame(document.redirect_uris, [`${BASE}/oauth/callback`])

  const alice = personOf(app, 'alice')
  t.match((await alice.get('')).body, 'action="/integrations/notes"', 'the list leads there')
  const page = await alice.get('/integrations/notes')
  t.equal(page.statusCode, 200)
  t.match(page.body, 'action="/integrations/notes"')
  t.match(page.headers, { 'cache-control': 'no-store' })
  t.match((await alice.get('/integrations/keyed')).body, `action="${PREFIX}/credentials/keyed"`)
  const start = await alice.post('/integrations/notes')
  const authorize = new URL(start.headers.location as string)
  t.equal(authorize.searchParams.get('redirect_uri'), `${BASE}/oauth/callback`, 'one exact value')
  const answer = await walkAuthorization(authorize.href, { username: 'a' })
  t.equal((await alice.get(`callback?${answer}`)).statusCode, 404, 'the path before is nobody')
  t.equal((await alice.get('/oauth/callback/more')).statusCode, 404)
  t.equal((await alice.get('/oauth/callback/')).statusCode, 404)
  t.equal((await alice.get(`/oauth/callback?${answer}`)).statusCode, 303)
  t.equal((await app.mcpConnections.status({ type: 'user', id: 'alice' }, 'notes')).status, 'active')
  t.equal((await alice.get('connect/notes')).statusCode, 404)
  t.equal((await alice.post('connect/notes')).statusCode, 404)
  t.equal(authorizationServer.count('token'), 1)

  const stranger = await personOf(app, null).post('/integrations/notes')
  t.equal(stranger.headers.location, '/login?to=/integrations/notes')
  const crossSite = await alice.post('/integrations/notes', {}, { origin: 'https://evil.example' })
  t.equal(crossSite.statusCode, 403, 'is guarded as the others are')
})

t.test('feature 4: a code that came to a moved callback is not in the way to sign in', async t => {
  const { app } = await buildWorld(t, { routes, loginUrl: ({ returnTo }) => `/login?to=${returnTo}` })
  const stranger = personOf(app, null, 'application/json')
  const failed = await stranger.get('/oauth/callback?code=secret-code&state=secret-state')
  t.match(failed.json(), { error: 'MCP_FLOW_EXPIRED', loginUrl: `/login?to=${PREFIX}` })
  t.notMatch(failed.body, 'secret-code')
})

t.test('feature 4: workers, and processes without routes, lead to the same paths', async t => {
  const worker = await createConnections({ baseUrl: BASE, client: { name: 'Acme' }, routes })
  t.equal(worker.urls.callback, `${BASE}/oauth/callback`)
  await worker.close()
  const app = await boot({ routes: { ...routes, serve: false } })
  t.equal(app.mcpConnections.urls.connect('notes'), `${BASE}/integrations/notes`)
  t.equal((await app.inject('/oauth/callback')).statusCode, 404)
  t.equal((await app.inject(PREFIX)).statusCode, 404)
})

t.test('feature 4: a path that cannot be ours stops the boot and is named', async t => {
  for (const [name, given] of [
    ['callback', { callback: 'oauth/callback' }],
    ['callback', { callback: '/oauth/callback/' }],
    ['callback', { callback: '/oauth/../callback' }],
    ['callback', { callback: '/call back' }],
    ['callback', { callback: '/:callback' }],
    ['callback', { callback: 'https://elsewhere.example/callback' }],
    ['callback', { callback: PREFIX }],
    ['callback', { callback: `${PREFIX}/client.json` }],
    ['callback', { callback: '/mcp' }],
    ['connect', { connect: `${PREFIX}/admin` }],
    ['connect', { connect: '/mcp' }],
    ['connect', { callback: '/a/notes', connect: '/a' }],
    ['connect', { callback: '/a', connect: '/a' }],
    ['start', { start: '/start' }]
  ] as const)
    await t.rejects(
      boot({ routes: given }),
      { code: 'FST_OAUTH_OPTION', message: new RegExp(`routes.*${name}`) },
      JSON.stringify(given)
    )
  await t.rejects(boot({ prefix: '/mcp/..' }), { code: 'FST_OAUTH_OPTION', message: /prefix/ })
  await t.rejects(
    boot({ routes }, app => app.get('/oauth/callback', async () => 'own')),
    { code: 'FST_OAUTH_OPTION', message: /routes\.callback/ }
  )
  for (const method of ['GET', 'POST'] as const)
    await t.rejects(
      boot({ routes }, app => app.route({ method, url: '/integrations/:server', handler: async () => 'own' })),
      { code: 'FST_OAUTH_OPTION', message: /routes\.connect/ }
    )
  await t.rejects(boot({ routes: { serve: false }, ui: {} }), { code: 'FST_OAUTH_OPTION', message: /"ui"/ })
})

declare module 'fastify' {
  interface FastifyInstance {
    partners: McpConnectionsDecorator
  }
  interface FastifyRequest {
    partner: RequiredClient
  }
}

t.test('feature 4: two registrations in one app, each by its own name and with its own clients', async t => {
  const { app, keyed } = await buildWorld(t)
  const servers = { keyed: { url: keyed.resource, auth: 'bearer' as const } }
  await app.register(mcpConnections, {
    baseUrl: BASE,
    prefix: '/partners',
    client: { name: 'Partners' },
    network: { allowLoopback: true },
    owner: () => ({ type: 'user', id: 'alice' }),
    servers,
    decoratorName: 'partners',
    requestDecoratorName: 'partner'
  })
  const alice = { type: 'user', id: 'alice' } as const
  await app.mcpConnections.setCredential(alice, 'keyed', { secret: 'key-of-own' })
  await app.partners.setCredential(alice, 'keyed', { secret: 'key-of-partner' })
  const preHandler = [app.mcpConnections.require('keyed'), app.partners.require('keyed')]
  app.get('/both', { preHandler }, async request => ({
    own: await request.mcp('keyed').callTool({ name: 'whoami' }),
    partner: await request.partner('keyed').callTool({ name: 'whoami' })
  }))
  app.get('/own', { preHandler: preHandler.slice(0, 1) }, async request => request.partner('keyed').listTools())
  const answer = await personOf(app, 'alice').get('/both')
  t.match(answer.json(), { own: { content: [{ text: 'own' }] }, partner: { content: [{ text: 'partner' }] } })
  const other = await personOf(app, 'alice').get('/own')
  t.equal(other.statusCode, 409)
  t.match(other.json().message, 'request.partner("keyed")')
})

t.test('feature 4: a name that is taken stops the boot and is named', async t => {
  for (const decoratorName of ['mcp-connections', '', 'get', 'constructor', '__proto__', 'taken'])
    await t.rejects(
      boot({ decoratorName }, app => app.decorate('taken', 1)),
      { code: 'FST_OAUTH_OPTION', message: /decoratorName/ },
      decoratorName
    )
  for (const requestDecoratorName of [
    '1',
    'headers',
    'params',
    'query',
    'raw',
    'log',
    'body',
    'id',
    'constructor',
    'taken'
  ])
    await t.rejects(
      boot({ requestDecoratorName }, app => app.decorateRequest('taken')),
      { code: 'FST_OAUTH_OPTION', message: /requestDecoratorName/ },
      requestDecoratorName
    )
  const twice = Fastify()
  t.teardown(() => twice.close())
  const options = { baseUrl: BASE, client: { name: 'Acme' }, owner: () => null }
  await twice.register(mcpConnections, options)
  await t.rejects(async () => twice.register(mcpConnections, { ...options, prefix: '/other' }), {
    code: 'FST_OAUTH_OPTION',
    message: /decoratorName/
  })
})
