import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import { createTestIssuer } from '@fastify-mcp-auth/testing'
import fc from 'fast-check'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import resourceServer, { jwt, type Verifier } from '../src/index.ts'
import { isProtectedUrl, placeRoute } from '../src/protected-routes.ts'
import { createApp, RESOURCE } from './app.ts'

t.test('placeRoute: segments, parameters and wildcards', t => {
  const cases: [url: string, prefix: string, placement: string][] = [
    ['/mcp', '/mcp', 'inside'],
    ['/mcp/', '/mcp', 'inside'],
    ['/mcp/x/:id', '/mcp', 'inside'],
    ['/mcp/*', '/mcp/', 'inside'],
    ['/MCP', '/mcp', 'inside'],
    ['//mcp', '/mcp', 'inside'],
    ['/anything', '/', 'inside'],
    ['/mcpx', '/mcp', 'outside'],
    ['/mc', '/mcp', 'outside'],
    ['/', '/mcp', 'outside'],
    ['/api', '/api/mcp', 'outside'],
    ['/other/:id', '/mcp', 'outside'],
    ['/*', '/mcp', 'depends'],
    ['*', '/mcp', 'depends'],
    ['/:any', '/mcp', 'depends'],
    ['/api/:version/mcp', '/api/v1', 'depends'],
    ['/m*', '/mcp', 'depends']
  ]
  for (const [url, prefix, placement] of cases) t.equal(placeRoute(url, prefix), placement, `${url} under ${prefix}`)
  t.end()
})

t.test('a parameter with slashes in it, encoded or the other way round, does not lead past protect', async t => {
  let calls = 0
  const { app, bearer } = await createApp(t, {
    options: { protect: ['/files/admin'] },
    routes: app => {
      for (const url of ['/:name', '/:name/x', '/:area/:name', '/files/:name', '/files/admin'])
        app.get(url, async ({ params }) => ({ calls: ++calls, params }))
      app.get('/other/:name', async () => 'open')
    }
  })
  const urls = [
    '/files%2Fadmin',
    '/files%252fadmin',
    '/FILES%2fADMIN%2Fx',
    '/files%5Cadmin',
    '/files%2Fadmin/x',
    '/files%2Fadmin/y',
    '/x%2F..%2Ffiles/admin',
    '/files/admin%2Fy'
  ]
  for (const url of urls) t.equal((await app.inject(url)).statusCode, 401, url)
  t.equal(calls, 0)
  const headers = await bearer()
  for (const url of urls) t.equal((await app.inject({ url, headers })).statusCode, 200, url)
  for (const url of ['/files', '/files/other', '/filesadmin', '/other/files%2Fadmin'])
    t.equal((await app.inject(url)).statusCode, 200, `${url} lies elsewhere`)
})

t.test('a parameter that might hold a protected path does not show that protect is written right', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  const issuer = await createTestIssuer()
  const verify = jwt({ issuer: issuer.issuer, fetch: issuer.fetch })
  await app.register(resourceServer, { resource: RESOURCE, verify, protect: ['/fils/admin'] })
  app.get('/:name', async () => 'x')
  await t.rejects(async () => app.ready(), { message: /no route lies under \/fils\/admin/ })
})

t.test('protect covers routes of other plugins, however their URL is written', async t => {
  let calls = 0
  const { app } = await createApp(t, {
    options: { protect: ['/mcp'] },
    fastify: { routerOptions: { ignoreDuplicateSlashes: true, ignoreTrailingSlash: true, caseSensitive: false } },
    routes: app => {
      app.register(
        async child => {
          child.get('/', async () => ++calls)
          child.get('/x/:id', async () => ++calls)
        },
        { prefix: '/mcp' }
      )
      app.get('/mcpx', async () => 'open')
    }
  })
  for (const url of [
    '/mcp',
    '/mcp/',
    '//mcp',
    '/MCP',
    '/%6dcp',
    '/mcp?x=1',
    '/mcp/x/1',
    '/mcp//x/1',
    '/mcp/%78/1',
    '/mcp;a/'
  ])
    t.notOk([200].includes((await app.inject(url)).statusCode), url)
  t.equal(calls, 0)
  t.equal((await app.inject('/mcp')).statusCode, 401)
  t.equal((await app.inject('/%6dcp')).statusCode, 401)
  t.equal((await app.inject('/mcpx')).statusCode, 200)
})

t.test('protect and wildcard routes: nothing that a server behind could take for the prefix gets through', async t => {
  const reached: string[] = []
  const { app } = await createApp(t, {
    options: { protect: ['/mcp'] },
    routes: app => {
      app.get('/mcp', async () => 'mcp')
      app.get('/*', async request => reached.push(request.url))
    }
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const raw = (path: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () =>
        socket.end(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`)
      )
      let answer = ''
      socket.on('data', chunk => {
        answer += chunk
      })
      socket.on('close', () => resolve(answer.split(' ')[1] ?? '')).on('error', reject)
    })
  const tricks = [
    '/mcp/x',
    '//mcp/x',
    '/./mcp/x',
    '/a/../mcp/x',
    '/%2e/mcp/x',
    '/a/%2e%2e/mcp/x',
    '/%6dcp/x',
    '/%256dcp/x',
    '/MCP/x',
    '/mcp%2fx',
    '/mcp%5cx',
    '/\\mcp/x',
    '/mcp;v=1/x',
    '/mcp/x?a=1',
    '/x;/../mcp/y',
    '/x%3f/../mcp/y',
    '/mcp%3f/y',
    '/a/%252e%252e/mcp/y'
  ]
  for (const path of tricks) t.not(await raw(path), '200', path)
  t.strictSame(reached, [])
  for (const path of ['/', '/mcpx', '/site/mcp', '/mcp/../site']) {
    const status = await raw(path)
    t.ok(status === '200' || path.startsWith('/mcp/'), `${path}: ${status}`)
  }
})

t.test('isProtectedUrl: spellings that the router would not even let through', t => {
  for (const url of ['http://any.test/mcp/x', '/%zz/%2e%2e/mcp', '/mcp#x', '/%25252e%25252e/mcp', '\\mcp'])
    t.ok(isProtectedUrl(['/mcp'], url), url)
  for (const url of ['/', '/mcpx', '/x/mcp', '/?mcp', '/mc/p', '/x?y=/mcp', 'http://mcp/x'])
    t.notOk(isProtectedUrl(['/mcp'], url), url)
  t.end()
})

t.test('fast-check: a path whose segments begin with the prefix is never outside', t => {
  const segment = fc.stringMatching(/^[a-z0-9]{1,6}$/)
  fc.assert(
    fc.property(
      fc.array(segment, { minLength: 1, maxLength: 4 }),
      fc.array(segment, { maxLength: 3 }),
      (prefix, rest) => {
        const path = `/${[...prefix, ...rest].join('/')}`
        return (
          placeRoute(path, `/${prefix.join('/')}`) === 'inside' &&
          placeRoute('/*', `/${prefix.join('/')}`) === 'depends'
        )
      }
    )
  )
  t.end()
})

t.test('mcpAuth: false opens a route under a protected prefix', async t => {
  const { app } = await createApp(t, {
    options: { protect: ['/mcp'] },
    routes: app => {
      app.get('/mcp', async () => 1)
      app.get('/mcp/health', { config: { mcpAuth: false } }, async request => ({ auth: request.auth }))
    }
  })
  t.equal((await app.inject('/mcp')).statusCode, 401)
  t.strictSame((await app.inject('/mcp/health')).json(), { auth: null })
})

t.test('HEAD routes that Fastify adds are protected like their GET', async t => {
  const { app } = await createApp(t)
  t.equal((await app.inject({ method: 'HEAD', url: '/mcp' })).statusCode, 401)
})

t.test('routes that were declared before the plugin are protected too', async t => {
  const { app } = await createApp(t, {
    before: app => void app.post('/mcp', { config: { mcpAuth: {} } }, async () => 1),
    options: { protect: ['/mcp'] },
    routes: () => undefined
  })
  t.equal((await app.inject({ method: 'POST', url: '/mcp' })).statusCode, 401)
})

t.test('RS-17: nobody gets past a protected prefix by a path or method that no route has', async t => {
  let calls = 0
  const { app, bearer } = await createApp(t, {
    options: { protect: ['/mcp'], operations: { 'tools/call': ['x'] } },
    routes: app => {
      app.post('/mcp', async () => 'in')
      app.setNotFoundHandler(async (request, reply) => reply.code(404).send({ calls: ++calls, who: request.auth }))
    }
  })
  for (const [method, url] of [
    ['GET', '/mcp'],
    ['POST', '/mcp/other'],
    ['GET', '/x/..%2fmcp/other']
  ] as const)
    t.equal((await app.inject({ method, url })).statusCode, 401, `${method} ${url}`)
  t.equal(calls, 0)
  const known = await app.inject({ method: 'POST', url: '/mcp/other', headers: await bearer(), payload: 'x' })
  t.equal(known.statusCode, 404, 'and its body is nobody’s business')
  t.equal(known.json().who.subject, 'alice')
  t.strictSame((await app.inject('/other')).json(), { calls: 2, who: null })
})

t.test('a prefix that only another scope has a route under stops the boot', async t => {
  const issuer = await createTestIssuer()
  const options = { resource: RESOURCE, verify: jwt({ issuer: issuer.issuer, fetch: issuer.fetch }), protect: ['/mcp'] }
  const boot = async (declare: (root: FastifyInstance, scope: FastifyInstance) => void): Promise<FastifyInstance> => {
    const app = Fastify()
    t.teardown(() => app.close())
    app.register(async scope => {
      await scope.register(resourceServer, options)
      declare(app, scope)
    })
    return app.ready() as unknown as FastifyInstance
  }
  const early = Fastify()
  t.teardown(() => early.close())
  early.get('/mcp', async () => 'open')
  early.register(async scope => void (await scope.register(resourceServer, options)))
  await t.rejects(async () => early.ready(), { code: 'FST_OAUTH_OPTION', message: /"protect".*\/mcp/ })
  await t.rejects(
    boot(() => undefined),
    { code: 'FST_OAUTH_OPTION' }
  )
  await t.resolves(boot((_, scope) => void scope.get('/mcp', async () => 'in')))
})

t.test('anyOf: one is enough, none is 403', async t => {
  const { app, bearer } = await createApp(t, {
    routes: app => void app.get('/x', { config: { mcpAuth: { scopes: ['base'], anyOf: ['a', 'b'] } } }, async () => 1)
  })
  const inject = async (scopes: string[]): Promise<number> =>
    (await app.inject({ url: '/x', headers: await bearer({ scopes }) })).statusCode
  t.equal(await inject(['base', 'b']), 200)
  t.equal(await inject(['base']), 403)
  t.equal(await inject(['a', 'b']), 403)
  t.match((await app.inject({ url: '/x', headers: await bearer() })).headers['www-authenticate'], 'scope="base a"')
})

t.test('wrong wiring stops the boot and names what is wrong', async t => {
  const verify: Verifier = {
    issuers: [],
    verify: () => {
      throw new Error('not asked here')
    }
  }
  const boot = async (options: object, routes: (app: FastifyInstance) => void = () => undefined): Promise<unknown> => {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(resourceServer, { resource: 'https://api.example.com/mcp', verify, ...options })
    routes(app)
    return app.ready()
  }
  const withConfig = (mcpAuth: unknown) => (app: FastifyInstance) =>
    void app.get('/x', { config: { mcpAuth } as object }, async () => 1)
  const scopes = { a: 'A' }
  const wrong: [Promise<unknown>, RegExp][] = [
    [boot({ resource: undefined }), /"resource" is missing/],
    [boot({ resource: 'http://api.example.com/mcp' }), /"resource".*https/],
    [boot({ resource: 'https://api.example.com/mcp#x' }), /"resource"/],
    [boot({ resource: 'https://api.example.com/mcp?x' }), /"resource".*query/],
    [boot({ resource: 'https://api.example.com/*' }), /"resource"/],
    [boot({ resource: 'https://api.example.com/%zz' }), /"resource"/],
    [boot({ verify: undefined }), /"verify" is missing/],
    [boot({ verify: () => null }), /"verify"/],
    [boot({ audience: 'x' }), /"audience"/],
    [boot({ protect: ['mcp'] }), /"protect/],
    [boot({ protect: ['/mcp/*'] }), /"protect/],
    [boot({ protect: ['/mpc'] }, app => void app.get('/mcp', async () => 1)), /"protect".*\/mpc/],
    [boot({ protect: ['/mpc'] }, app => void app.options('*', async () => 1)), /"protect"/],
    [
      boot({ protect: ['/mcp'] }, app => void app.get('/mcp', { config: { mcpAuth: false } }, async () => 1)),
      /"protect"/
    ],
    [boot({ scopes, operations: { 'tools/call': ['b'] } }), /operations.*"b"/],
    [boot({ scopes, scopeHierarchy: { a: ['b'] } }), /scopeHierarchy.*"b"/],
    [boot({ scopes, advertisedScopes: ['b'] }), /advertisedScopes.*"b"/],
    [boot({ operations: { 'tools/cal': [] } }), /operations.*tools\/cal/],
    [boot({ operations: { 'tool/*': [] } }), /operations.*tool/],
    [boot({ operations: { 'tools/*:x': [] } }), /operations/],
    [boot({ operations: { 'to*/call': [] } }), /operations.*end of the method/],
    [boot({ operations: { 'tools/call': { anyOf: [] } } }), /operations/],
    [boot({ operations: { 'tools/call': { scope: ['a'] } } }), /operations/],
    [boot({ scopes, operations: { 'tools/call': { anyOf: ['a', 'b'] } } }), /operations.*"b"/],
    [boot({ anonymous: ['tools/lst'] }), /anonymous.*tools\/lst/],
    [boot({ anonymous: ['tools/list:x'] }), /anonymous.*tools\/list/],
    [boot({ operations: { 'tools/call:': [] } }), /operations/],
    [boot({ operations: { 'ping:x': [] } }), /operations.*ping/],
    [boot({ operations: { 'tools/call': ['a b'] } }), /operations.*a b/],
    [boot({ unknownOperations: [] }), /unknownOperations/],
    [boot({ scopes, unknownOperations: ['b'] }), /unknownOperations.*"b"/],
    [boot({ scopes, scopeHierarchy: { a: ['b:*'] } }), /scopeHierarchy.*b:\*/],
    [boot({ scopes: { ab: '' }, scopeHierarchy: { ab: ['a*'] } }), /scopeHierarchy.*a\*/],
    [boot({ scopeHierarchy: { a: ['a:*'] } }), /scopeHierarchy.*a:\*/],
    // What is written and applies to nothing.
    [boot({ operations: { 'tools/call': ['a'] } }), /"operations": there is no protected route/],
    [boot({ anonymous: ['ping'] }, withConfig({ operations: false })), /"anonymous": there is no protected route/],
    [boot({ unknownOperations: 'deny' }, withConfig(false)), /"unknownOperations": there is no protected route/],
    [boot({ lists: 'allowed' }, app => void app.get('/', async () => 1)), /"lists": there is no protected route/],
    [boot({ obtainable: () => true }), /"obtainable" does nothing unless/],
    [boot({ sessionStorage: memoryStorage(), sessionBinding: false }), /"sessionStorage" does nothing unless/],
    [boot({ allowedHosts: ['https://x'] }), /"allowedHosts/],
    [boot({ allowedHosts: [] }), /"allowedHosts/],
    [boot({ allowedOrigins: ['x.test'] }), /"allowedOrigins/],
    [boot({ scopes }, withConfig({ scopes: ['b'] })), /\/x.*"b"/],
    [boot({}, withConfig({ scope: ['a'] })), /mcpAuth.*\/x/],
    [boot({}, withConfig({ scopes: 'a' })), /mcpAuth.*\/x/],
    [boot({}, withConfig(true)), /mcpAuth.*\/x/],
    [boot({}, withConfig(null)), /mcpAuth.*\/x/],
    [boot({ scopes }, app => void app.requireScopes('b')), /requireScopes.*"b"/]
  ]
  for (const [attempt, message] of wrong) await t.rejects(attempt, { code: 'FST_OAUTH_OPTION', message })
})

t.test('a second resource in the same scope stops the boot', async t => {
  const verify: Verifier = {
    issuers: [],
    verify: () => {
      throw new Error('not asked here')
    }
  }
  const boot = async (prepare: (app: FastifyInstance) => unknown): Promise<void> => {
    const app = Fastify()
    t.teardown(() => app.close())
    await prepare(app)
    await app.register(resourceServer, { resource: 'https://api.example.com/b', verify })
    await app.ready()
  }
  await t.rejects(
    boot(app => app.register(resourceServer, { resource: 'https://api.example.com/a', verify })),
    { code: 'FST_OAUTH_OPTION', message: /scope of its own/ }
  )
  await t.rejects(
    boot(app => app.decorateRequest('auth', null)),
    { code: 'FST_OAUTH_OPTION', message: /request\.auth/ }
  )
})

t.test('RS-5, RS-6: two resources in sibling scopes do not take tokens of each other', async t => {
  const issuer = await createTestIssuer()
  const app = Fastify()
  t.teardown(() => app.close())
  for (const name of ['a', 'b'])
    app.register(
      async scope => {
        const resource = `http://127.0.0.1:3000/${name}`
        await scope.register(resourceServer, { resource, verify: jwt({ issuer: issuer.issuer, fetch: issuer.fetch }) })
        scope.get('/', { config: { mcpAuth: {} } }, async () => name)
      },
      { prefix: `/${name}` }
    )
  app.get('/', async () => 'open')
  await app.ready()
  const authorization = `Bearer ${await issuer.mint({ resource: 'http://127.0.0.1:3000/a' })}`
  t.equal((await app.inject({ url: '/a', headers: { authorization } })).statusCode, 200)
  const other = await app.inject({ url: '/b', headers: { authorization } })
  t.equal(other.statusCode, 401)
  t.match(other.headers['www-authenticate'], 'oauth-protected-resource/b"')
  t.equal((await app.inject('/')).statusCode, 200)
  const preflight = { origin: 'http://127.0.0.1:3000', 'access-control-request-method': 'GET' }
  t.equal((await app.inject({ method: 'OPTIONS', url: '/b', headers: preflight })).statusCode, 204)
})
