import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import t from 'tap'
import { withAuth } from '../src/index.ts'
import { createApp } from './app.ts'

declare module '../src/types.ts' {
  interface McpAuthClaims {
    tenant?: string
  }
}

t.test('withAuth: the caller is there, also on routes that let strangers in', async t => {
  let calls = 0
  const handler = withAuth(request => {
    calls++
    // The types know that there is a caller, and what a claim is.
    const tenant: string | undefined = request.auth.claims.tenant
    return { subject: request.auth.subject, tenant: tenant ?? null }
  })
  const { app, bearer } = await createApp(t, {
    routes: app => {
      app.get('/closed', { config: { mcpAuth: {} } }, handler)
      app.get('/half', { config: { mcpAuth: { optional: true } } }, handler)
      app.get('/open', handler)
    }
  })
  for (const url of ['/closed', '/half', '/open']) {
    const response = await app.inject({ url, headers: await bearer({ claims: { tenant: 'acme' } }) })
    t.strictSame(response.json(), { subject: 'alice', tenant: 'acme' }, url)
    const before = calls
    const stranger = await app.inject(url)
    t.equal(stranger.statusCode, 401, url)
    t.match(stranger.headers['www-authenticate'], /^Bearer .*resource_metadata=/)
    t.equal(calls, before)
  }
})

t.test('@fastify/swagger: every protected route says its scopes', async t => {
  const { app } = await createApp(t, {
    options: { openapiScheme: 'mcp', protect: ['/under'] },
    before: async app =>
      void (await app.register(swagger, {
        openapi: {
          openapi: '3.1.0',
          components: {
            securitySchemes: {
              other: { type: 'http', scheme: 'basic' },
              mcp: { type: 'openIdConnect', openIdConnectUrl: 'https://issuer.test/.well-known/openid-configuration' }
            }
          }
        }
      })),
    routes: app => {
      const ok = async (): Promise<string> => 'ok'
      app.get('/all', { config: { mcpAuth: { scopes: ['a', 'b'] } } }, ok)
      app.get('/any', { config: { mcpAuth: { scopes: ['a'], anyOf: ['b', 'c'] } }, schema: { summary: 'kept' } }, ok)
      app.get('/half', { config: { mcpAuth: { optional: true } } }, ok)
      app.get('/under/x', ok)
      app.get('/hook', { onRequest: app.requireScopes('h') }, ok)
      app.get('/valid', { onRequest: app.authenticate }, ok)
      app.get('/own', { config: { mcpAuth: { scopes: ['a'] } }, schema: { security: [{ other: [] }] } }, ok)
      app.get('/open', ok)
    }
  })
  const { paths = {} } = app.swagger() as { paths?: Record<string, { get?: { security?: unknown; summary?: string } }> }
  const security = Object.fromEntries(
    Object.entries(paths)
      .filter(([path]) => !path.startsWith('/.well-known'))
      .map(([path, { get }]) => [path, get?.security])
  )
  t.strictSame(security, {
    '/all': [{ mcp: ['a', 'b'] }],
    '/any': [{ mcp: ['a', 'b'] }, { mcp: ['a', 'c'] }],
    '/half': [{ mcp: [] }, {}],
    '/under/x': [{ mcp: [] }],
    '/hook': [{ mcp: ['h'] }],
    '/valid': [{ mcp: [] }],
    '/own': [{ other: [] }],
    '/open': undefined
  })
  t.equal(paths['/any']?.get?.summary, 'kept')
})

t.test('@fastify/rate-limit: counts by caller', async t => {
  const { app, bearer } = await createApp(t, {
    before: async app =>
      void (await app.register(rateLimit, {
        global: false,
        hook: 'preHandler',
        keyGenerator: request => request.auth?.subject ?? request.ip
      })),
    routes: app => {
      const limited = { rateLimit: { max: 1 } }
      app.get('/mcp', { config: { mcpAuth: {}, ...limited } }, async request => request.auth?.subject)
    }
  })
  const status = async (url: string, subject?: string): Promise<number> =>
    (await app.inject({ url, headers: subject ? await bearer({ subject }) : {} })).statusCode
  t.equal(await status('/mcp', 'alice'), 200)
  t.equal(await status('/mcp', 'alice'), 429)
  t.equal(await status('/mcp', 'bob'), 200)
  t.equal(await status('/mcp'), 401)
})

t.test('@fastify/rate-limit: as a hook before us it slows strangers down, too', async t => {
  const { app } = await createApp(t, {
    before: async app => {
      await app.register(rateLimit, { global: false })
      app.addHook('onRequest', app.rateLimit({ max: 1 }))
    }
  })
  t.equal((await app.inject('/mcp')).statusCode, 401)
  t.equal((await app.inject('/mcp')).statusCode, 429)
})
