/** Rules for operations on routes that only a hook protects. */
import fastifyAuth from '@fastify/auth'
import type { FastifyInstance, FastifyRequest, LightMyRequestResponse } from 'fastify'
import t from 'tap'
import type { ResourceServerOptions } from '../src/index.ts'
import { createApp, toolCall } from './app.ts'

const RULES = { operations: { 'tools/call:delete_*': ['admin'] } }

async function apiKey(request: FastifyRequest): Promise<void> {
  if (request.headers['x-api-key'] !== 'k') throw Object.assign(new Error('no key'), { statusCode: 401 })
}

interface Caller {
  call(scopes: string[] | null, payload: unknown, headers?: Record<string, string>): Promise<LightMyRequestResponse>
  calls(): number
}

/** `POST /mcp` behind hooks and nothing else, in an app with `@fastify/auth`. */
async function createCaller(
  t: Parameters<typeof createApp>[0],
  protection: (app: FastifyInstance) => object,
  options: Partial<ResourceServerOptions> = RULES
): Promise<Caller> {
  let calls = 0
  const { app, bearer } = await createApp(t, {
    options,
    before: async app => {
      await app.register(fastifyAuth)
      // Leaves the body to the handler, as some adapters want it.
      app.addContentTypeParser('application/raw', (_request, _payload, done) => done(null))
    },
    routes: app =>
      void app.post('/mcp', protection(app), async () => {
        calls++
        return { jsonrpc: '2.0', id: 1, result: { tools: [{ name: 'delete_all' }, { name: 'look' }] } }
      })
  })
  return {
    calls: () => calls,
    call: async (scopes, payload, headers = {}) =>
      app.inject({
        method: 'POST',
        url: '/mcp',
        headers: {
          'content-type': 'application/json',
          ...(scopes ? await bearer({ scopes }) : {}),
          ...headers
        },
        payload: JSON.stringify(payload)
      })
  }
}

for (const phase of ['onRequest', 'preValidation', 'preHandler']) {
  t.test(`RS-9: rules apply behind app.requireScopes as ${phase}`, async t => {
    const { call, calls } = await createCaller(t, app => ({ [phase]: app.requireScopes('mcp') }))
    const denied = await call(['mcp'], toolCall('delete_all'))
    t.equal(denied.statusCode, 403)
    t.match(denied.headers['www-authenticate'], /error="insufficient_scope".*scope="mcp admin"/)
    t.equal((await call(['mcp'], [toolCall('look'), toolCall('delete_all')])).statusCode, 403)
    t.equal((await call(['mcp'], { some: 'thing' })).statusCode, 400)
    const unread = { 'content-type': 'application/raw' }
    t.equal((await call(['mcp'], toolCall('delete_all'), unread)).statusCode, 400, 'a body that nobody parsed')
    t.equal(calls(), 0)
    t.equal((await call(['mcp'], toolCall('look'))).statusCode, 200)
    t.equal((await call(['mcp', 'admin'], toolCall('delete_all'))).statusCode, 200)
  })

  t.test(`RS-19: lists are filtered behind app.authenticate as ${phase}`, async t => {
    const options = { ...RULES, lists: 'allowed' } as const
    const { call } = await createCaller(t, app => ({ [phase]: app.authenticate }), options)
    const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
    t.strictSame((await call(['mcp'], list)).json().result.tools, [{ name: 'look' }])
    t.equal((await call(['admin'], list)).json().result.tools.length, 2)
  })

  t.test(`@fastify/auth: rules go by the hook that let the caller in, ${phase}`, async t => {
    const { call, calls } = await createCaller(t, app => ({
      [phase]: app.auth([app.requireScopes('other'), app.requireScopes('mcp')])
    }))
    const denied = await call(['mcp'], toolCall('delete_all'))
    t.equal(denied.statusCode, 403)
    t.match(denied.headers['www-authenticate'], 'scope="mcp admin"', 'nothing of the hook that he does not need')
    t.equal(calls(), 0)
    t.equal((await call(['mcp', 'admin'], toolCall('delete_all'))).statusCode, 200)
  })

  t.test(`@fastify/auth: rules are about tokens, not about whom another strategy lets in, ${phase}`, async t => {
    const byKey = { 'x-api-key': 'k' }
    for (const keyFirst of [true, false]) {
      const { call, calls } = await createCaller(t, app => ({
        [phase]: app.auth(keyFirst ? [apiKey, app.authenticate] : [app.authenticate, apiKey])
      }))
      t.equal((await call(null, toolCall('delete_all'))).statusCode, 401)
      // The key is tried as well while hooks run, and the last error is told.
      t.equal((await call(['mcp'], toolCall('delete_all'))).statusCode, phase === 'preHandler' && !keyFirst ? 401 : 403)
      t.equal(calls(), 0)
      t.equal((await call(null, toolCall('delete_all'), byKey)).statusCode, 200)
    }
  })
}

t.test('RS-9: one challenge names what two hooks and the operation need', async t => {
  const { call, calls } = await createCaller(t, app => ({
    onRequest: [app.requireScopes('a'), app.requireScopes('b')]
  }))
  const denied = await call(['a', 'b'], toolCall('delete_all'))
  t.match(denied.headers['www-authenticate'], 'scope="a b admin"')
  t.equal(calls(), 0)
})

t.test('rules apply when a key opened the way, and a token is asked for behind it', async t => {
  const { call, calls } = await createCaller(
    t,
    app => ({ onRequest: app.auth([app.requireScopes('other'), apiKey]), preHandler: app.authenticate }),
    { ...RULES, lists: 'allowed' }
  )
  const byKey = { 'x-api-key': 'k' }
  const hidden = await call(['mcp'], { jsonrpc: '2.0', id: 1, method: 'tools/list' }, byKey)
  t.strictSame(hidden.json().result.tools, [{ name: 'look' }])
  t.equal((await call(null, toolCall('look'), byKey)).statusCode, 401)
  t.equal(calls(), 1)
})

t.test('operations: false leaves the bodies of a route with a hook alone', async t => {
  const { call } = await createCaller(t, app => ({
    config: { mcpAuth: { operations: false } },
    onRequest: app.requireScopes('notes')
  }))
  t.equal((await call(['mcp'], { some: 'note' })).statusCode, 403)
  t.equal((await call(['notes'], { some: 'note' })).statusCode, 200)
})

t.test('RFC 6750 2: a second token in a form is refused behind a preHandler, too', async t => {
  const { app, bearer } = await createApp(t, {
    before: app =>
      void app.addContentTypeParser(
        'application/x-www-form-urlencoded',
        { parseAs: 'string' },
        (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(String(body))))
      ),
    routes: app => void app.post('/form', { preHandler: app.authenticate }, async () => 1)
  })
  const headers = { ...(await bearer()), 'content-type': 'application/x-www-form-urlencoded' }
  t.equal((await app.inject({ method: 'POST', url: '/form', headers, payload: 'access_token=x' })).statusCode, 400)
  t.equal((await app.inject({ method: 'POST', url: '/form', headers, payload: 'a=x' })).statusCode, 200)
})
