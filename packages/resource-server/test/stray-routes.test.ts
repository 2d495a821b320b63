import { createTestIssuer } from '@fastify-mcp-auth/testing'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import resourceServer, { jwt } from '../src/index.ts'
import { createApp, RESOURCE } from './app.ts'

const route = (app: FastifyInstance, url: string): void =>
  void app.get(url, { config: { mcpAuth: { scopes: ['a'] } } }, async () => 'secret')

async function build(t: { teardown(done: () => unknown): void }) {
  const issuer = await createTestIssuer()
  const app = Fastify()
  t.teardown(() => app.close())
  const protect = (scope: FastifyInstance, path = '/mcp') =>
    scope.register(resourceServer, {
      resource: RESOURCE.replace('/mcp', path),
      verify: jwt({ issuer: issuer.issuer, fetch: issuer.fetch })
    })
  return { app, protect }
}

t.test('config.mcpAuth where no resource server sees it stops the boot, and names the route', async t => {
  const { app, protect } = await build(t)
  await app.register(async child => {
    await protect(child)
    route(child, '/mcp')
  })
  route(app, '/outside')
  await t.rejects(async () => app.ready(), { code: 'FST_OAUTH_OPTION', message: /\/outside: no resource server/ })
})

t.test('config.mcpAuth in a scope beside the resource server stops the boot', async t => {
  const { app, protect } = await build(t)
  await app.register(async child => {
    await protect(child)
    route(child, '/mcp')
  })
  await app.register(async child => route(child, '/beside'))
  await t.rejects(async () => app.ready(), { code: 'FST_OAUTH_OPTION', message: /\/beside: no resource server/ })
})

t.test(
  'what is seen to is no stray: two resources, children, an open route, one that came before its plugin',
  async t => {
    const { app, protect } = await build(t)
    await app.register(async child => {
      await protect(child, '/one')
      route(child, '/one')
      await child.register(async grandchild => route(grandchild, '/one/below'))
    })
    await app.register(async child => {
      route(child, '/two/before')
      await protect(child, '/two')
      route(child, '/two')
    })
    app.get('/open', { config: { mcpAuth: false } }, async () => 'open')
    await app.ready()
    for (const url of ['/one', '/one/below', '/two', '/two/before']) {
      const response = await app.inject(url)
      t.equal(response.statusCode, 401, url)
      t.equal((await app.inject({ method: 'HEAD', url })).statusCode, 401, url)
    }
    t.equal((await app.inject('/open')).body, 'open')
  }
)

t.test('TR-1: a preflight is answered for a prefix whose routes came before the plugin', async t => {
  const { app } = await createApp(t, {
    before: app => void app.post('/mcp', async () => 'secret'),
    options: { protect: ['/mcp'], allowedOrigins: ['https://web.test'] },
    routes: () => undefined
  })
  const headers = { origin: 'https://web.test', 'access-control-request-method': 'POST' }
  const response = await app.inject({ method: 'OPTIONS', url: '/mcp', headers })
  t.equal(response.statusCode, 204)
  t.equal(response.headers['access-control-allow-origin'], 'https://web.test')
  t.match(response.headers['access-control-allow-headers'], 'Authorization')
  t.equal((await app.inject({ method: 'POST', url: '/mcp' })).statusCode, 401)
  const foreign = { ...headers, origin: 'https://evil.test' }
  t.equal((await app.inject({ method: 'OPTIONS', url: '/mcp', headers: foreign })).statusCode, 403)
})
