/** `app.authenticate` and `app.requireScopes`, alone and among other strategies of `@fastify/auth`. */
import fastifyAuth from '@fastify/auth'
import cors from '@fastify/cors'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import t from 'tap'
import { createApp, type TestApp } from './app.ts'

const INITIALIZE = { jsonrpc: '2.0', id: 1, method: 'initialize' }

async function apiKey(request: FastifyRequest): Promise<void> {
  if (request.headers['x-api-key'] !== 'k') throw Object.assign(new Error('no key'), { statusCode: 401 })
}

/** An app with `@fastify/auth`. */
async function createHost(
  t: Parameters<typeof createApp>[0],
  routes: (app: FastifyInstance) => void,
  options: NonNullable<Parameters<typeof createApp>[1]>['options'] = {}
): Promise<TestApp> {
  return createApp(t, { options, before: async app => void (await app.register(fastifyAuth)), routes })
}

for (const phase of ['onRequest', 'preHandler'])
  t.test(`RS-17: @fastify/auth: a session of somebody else is not taken by asking twice, ${phase}`, async t => {
    let calls = 0
    const { app, bearer } = await createHost(t, app => {
      app.post('/mcp', { config: { mcpAuth: {} } }, async (_request, reply) =>
        reply.header('mcp-session-id', 's1').send({})
      )
      const either = app.auth([app.requireScopes('a'), app.requireScopes('b'), app.authenticate])
      app.post('/either', { [phase]: either }, async () => ++calls)
    })
    const as = async (subject: string): Promise<{ authorization: string }> => bearer({ subject, scopes: ['a', 'b'] })
    await app.inject({ method: 'POST', url: '/mcp', headers: await as('alice'), payload: INITIALIZE })
    const use = async (subject: string): Promise<number> =>
      (
        await app.inject({
          method: 'POST',
          url: '/either',
          headers: { ...(await as(subject)), 'mcp-session-id': 's1' }
        })
      ).statusCode
    t.equal(await use('mallory'), 404)
    t.equal(calls, 0)
    t.equal(await use('alice'), 200)
  })

for (const phase of ['onRequest', 'preHandler'])
  t.test(
    `@fastify/auth: who was refused by token is not the caller whom another strategy lets in, ${phase}`,
    async t => {
      const { app, bearer } = await createHost(t, app => {
        app.get('/either', { [phase]: app.auth([app.requireScopes('admin'), apiKey]) }, async request => ({
          caller: request.auth,
          hasRaw: 'auth' in request.raw
        }))
      })
      const nobody = { caller: null, hasRaw: false }
      const headers = { ...(await bearer({ scopes: ['a'] })), 'x-api-key': 'k' }
      t.strictSame((await app.inject({ url: '/either', headers })).json(), nobody, 'too little allowed')
      const foreign = { ...(await bearer({ scopes: ['admin'] })), 'x-api-key': 'k', 'mcp-session-id': 'other' }
      t.strictSame((await app.inject({ url: '/either', headers: foreign })).json(), nobody, 'session of somebody else')
    }
  )

t.test('RS-9: a hook that refuses leaves the caller whom the route has found', async t => {
  const { app, bearer } = await createHost(t, app => {
    const either = app.auth([app.requireScopes('admin'), apiKey])
    app.get('/both', { config: { mcpAuth: {} }, onRequest: either }, async request => request.auth?.subject)
  })
  const headers = { ...(await bearer({ scopes: ['a'] })), 'x-api-key': 'k' }
  t.equal((await app.inject({ url: '/both', headers })).body, 'alice')
})

t.test('an event tells whom a hook has refused', async t => {
  const { app, bearer } = await createHost(
    t,
    app => void app.get('/x', { onRequest: app.requireScopes('admin') }, async () => 1)
  )
  const callers: unknown[] = []
  app.mcpAuth.on('scope.denied', ({ caller }) => callers.push(caller?.subject))
  t.equal((await app.inject({ url: '/x', headers: await bearer() })).statusCode, 403)
  t.strictSame(callers, ['alice'])
})

t.test(
  'RS-17: @fastify/auth: a session that another strategy opened is not there for whoever signs in first',
  async t => {
    const { app, bearer } = await createHost(t, app => {
      app.post('/either', { onRequest: app.auth([app.authenticate, apiKey]) }, async (_request, reply) =>
        reply.header('mcp-session-id', 's1').send({})
      )
    })
    const byKey = { 'x-api-key': 'k' }
    await app.inject({ method: 'POST', url: '/either', headers: byKey, payload: INITIALIZE })
    const headers = { ...(await bearer()), 'mcp-session-id': 's1' }
    t.equal((await app.inject({ method: 'POST', url: '/either', headers, payload: {} })).statusCode, 401)
    const again = { ...byKey, 'mcp-session-id': 's1' }
    t.equal((await app.inject({ method: 'POST', url: '/either', headers: again, payload: {} })).statusCode, 200)
  }
)

for (const phase of ['onRequest', 'preHandler'] as const)
  t.test(`PRM-9: a hook before all routes does not stand before the metadata and the preflights, ${phase}`, async t => {
    const origin = 'https://page.test'
    const { app, bearer } = await createHost(
      t,
      app => {
        app.addHook(phase, app.authenticate)
        app.get('/x', { config: { mcpAuth: {} } }, async () => 1)
        app.get('/false', { config: { mcpAuth: false } }, async () => 1)
      },
      { allowedOrigins: [origin] }
    )
    const metadata = await app.inject('/.well-known/oauth-protected-resource/mcp')
    t.equal(metadata.json().resource, 'http://127.0.0.1:3000/mcp')
    t.equal((await app.inject('/.well-known/oauth-protected-resource')).statusCode, 200)
    t.equal((await app.inject({ method: 'HEAD', url: '/.well-known/oauth-protected-resource' })).statusCode, 200)
    const headers = { origin, 'access-control-request-method': 'GET' }
    for (const url of ['/x', '/.well-known/oauth-protected-resource/mcp'])
      t.equal((await app.inject({ method: 'OPTIONS', url, headers })).statusCode, 204, url)
    t.equal((await app.inject('/nowhere')).statusCode, 401)
    t.equal((await app.inject('/false')).statusCode, 401, 'where the hook may be all that protects')
    t.equal((await app.inject({ url: '/false', headers: await bearer() })).statusCode, 200)
  })

t.test('@fastify/auth: what a prefix leaves to a hook by mcpAuth: false is not left open', async t => {
  const { app } = await createHost(
    t,
    app => {
      app.get('/mcp', async () => 1)
      const onRequest = app.auth([app.authenticate, apiKey])
      app.get('/mcp/either', { config: { mcpAuth: false }, onRequest }, async () => 1)
    },
    { protect: ['/mcp'] }
  )
  t.equal((await app.inject('/mcp/either')).statusCode, 401)
  t.equal((await app.inject({ url: '/mcp/either', headers: { 'x-api-key': 'k' } })).statusCode, 200)
})

t.test(
  'TR-1: preflights of a route that a hook protects are answered by our list, beside the CORS plugin of the host',
  async t => {
    const { app, bearer } = await createApp(t, {
      options: { allowedOrigins: ['https://page.test'] },
      before: async app => {
        await app.register(cors, { origin: 'https://host.test' })
        await app.register(fastifyAuth)
      },
      routes: app => {
        app.get('/one', { onRequest: app.requireScopes('a') }, async () => 1)
        app.get('/several', { preHandler: [apiKey, app.authenticate] }, async () => 1)
        const within = { config: { mcpAuth: { optional: true } }, onRequest: app.auth([app.authenticate, apiKey]) }
        app.get('/within', within, async () => 1)
        app.get('/theirs', { preHandler: apiKey }, async () => 1)
      }
    })
    const ask = async (url: string, origin: string): Promise<unknown[]> => {
      const headers = {
        origin,
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'authorization'
      }
      const { statusCode, headers: answer } = await app.inject({ method: 'OPTIONS', url, headers })
      return [statusCode, answer['access-control-allow-origin']]
    }
    for (const url of ['/one', '/several', '/within']) {
      t.strictSame(await ask(url, 'https://evil.test'), [403, undefined], url)
      t.strictSame(await ask(url, 'https://page.test'), [204, 'https://page.test'], url)
    }
    t.strictSame(await ask('/theirs', 'https://page.test'), [204, 'https://host.test'])
    t.equal((await app.inject('/within')).statusCode, 401)
    const headers = { ...(await bearer({ scopes: ['a'] })), origin: 'https://page.test' }
    t.equal((await app.inject({ url: '/one', headers })).headers['access-control-allow-origin'], 'https://page.test')
  }
)
