/** Beside the plugins that hosts really have: nothing of ours leaks to them, and theirs keeps working on our routes. */
import fastifyAuth from '@fastify/auth'
import cookie from '@fastify/cookie'
import helmet from '@fastify/helmet'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import t from 'tap'
import { createApp, METADATA_URL } from './app.ts'

async function apiKey(request: FastifyRequest): Promise<void> {
  if (request.headers['x-api-key'] !== 'k') throw Object.assign(new Error('no key'), { statusCode: 401 })
}

/** `/either`: a token or a key, in both orders. */
async function withAuth(app: FastifyInstance): Promise<void> {
  await app.register(fastifyAuth)
  app.after(() => {
    const handler = async (request: FastifyRequest): Promise<object> => ({ subject: request.auth?.subject ?? null })
    app.get('/either', { onRequest: app.auth([app.authenticate, apiKey]) }, handler)
    app.get('/other-way', { onRequest: app.auth([apiKey, app.authenticate]) }, handler)
    app.get('/refuses', { onRequest: app.auth([app.authenticate, apiKey]) }, async (_request, reply) =>
      reply.code(403).send('no')
    )
    app.get('/both', { onRequest: app.auth([app.requireScopes('a'), apiKey], { relation: 'and' }) }, handler)
  })
}

t.test('@fastify/auth: a strategy that failed leaves no challenge on a response that succeeded', async t => {
  const { app, bearer } = await createApp(t, { routes: withAuth })
  for (const url of ['/either', '/other-way']) {
    const byKey = await app.inject({ url, headers: { 'x-api-key': 'k' } })
    t.equal(byKey.statusCode, 200, url)
    t.notOk(byKey.headers['www-authenticate'])
    const byToken = await app.inject({ url, headers: await bearer() })
    t.strictSame(byToken.json(), { subject: 'alice' }, url)
    t.notOk(byToken.headers['www-authenticate'])
  }
})

t.test('@fastify/auth: a refusal by the handler is not about the token that another strategy made up for', async t => {
  const { app } = await createApp(t, { routes: withAuth })
  const response = await app.inject({ url: '/refuses', headers: { 'x-api-key': 'k' } })
  t.equal(response.statusCode, 403)
  t.notOk(response.headers['www-authenticate'])
})

t.test('@fastify/auth: when all fail, the challenge is there whichever came last', async t => {
  const { app } = await createApp(t, { routes: withAuth })
  for (const url of ['/either', '/other-way']) {
    const response = await app.inject(url)
    t.equal(response.statusCode, 401, url)
    t.match(response.headers['www-authenticate'], METADATA_URL)
    const bad = await app.inject({ url, headers: { authorization: 'Bearer bad' } })
    t.match(bad.headers['www-authenticate'], 'error="invalid_token"')
  }
  t.equal((await app.inject('/either')).json().message, 'no key', 'the last error keeps its own body')
})

t.test('RS-9: app.requireScopes on a route of its own', async t => {
  const { app, bearer } = await createApp(t, { routes: withAuth })
  const send = async (scopes: string[]): Promise<Awaited<ReturnType<typeof app.inject>>> =>
    app.inject({ url: '/both', headers: { ...(await bearer({ scopes })), 'x-api-key': 'k' } })
  t.equal((await send(['a'])).statusCode, 200)
  const denied = await send(['b'])
  t.equal(denied.statusCode, 403)
  t.match(denied.headers['www-authenticate'], /error="insufficient_scope".*scope="a", resource_metadata=/)
  t.strictSame(denied.json(), { error: 'insufficient_scope', error_description: 'this operation needs the scope a' })
  const none = await app.inject({ url: '/both', headers: { 'x-api-key': 'k' } })
  t.match(none.headers['www-authenticate'], /^Bearer scope="a"/)
  t.equal((await app.inject({ url: '/both', headers: { host: 'evil.test' } })).statusCode, 403)
  t.equal((await app.inject({ url: '/both', headers: { origin: 'https://evil.test' } })).statusCode, 403)
})

t.test('RS-9: app.requireScopes as a preHandler of a protected route', async t => {
  const { app, bearer } = await createApp(t, {
    options: { scopeHierarchy: { admin: ['write'] } },
    routes: app =>
      void app.get('/x', { config: { mcpAuth: {} }, preHandler: app.requireScopes('write') }, async () => 1)
  })
  const status = async (scopes: string[]): Promise<number> =>
    (await app.inject({ url: '/x', headers: await bearer({ scopes }) })).statusCode
  t.equal(await status(['write']), 200)
  t.equal(await status(['admin']), 200)
  t.equal(await status(['read']), 403)
})

t.test("the app's own error handler draws the body, the challenge stays", async t => {
  const { app } = await createApp(t, {
    before: app =>
      void app.setErrorHandler((error, _request, reply) => {
        const { statusCode = 500, name } = error as { statusCode?: number; name: string }
        return reply.code(statusCode).type('text/plain').send(`sorry: ${name}`)
      })
  })
  const response = await app.inject('/mcp')
  t.equal(response.statusCode, 401)
  t.equal(response.body, 'sorry: OAuthError')
  t.match(response.headers['www-authenticate'], METADATA_URL)
})

t.test('an error handler that decides otherwise gets no challenge', async t => {
  const { app } = await createApp(t, {
    before: app => void app.setErrorHandler(async (_error, _request, reply) => reply.code(404).send('hidden'))
  })
  const response = await app.inject('/mcp')
  t.equal(response.statusCode, 404)
  t.notOk(response.headers['www-authenticate'])
})

t.test('a challenge of somebody else is kept, ours comes behind it', async t => {
  const { app } = await createApp(t, {
    before: app =>
      void app.addHook('onRequest', async (_request, reply) => void reply.header('www-authenticate', 'Basic realm="x"'))
  })
  t.match((await app.inject('/mcp')).headers['www-authenticate'], /^Basic realm="x", Bearer scope=/)
})

t.test('errors of handlers keep their own shape, also with our status', async t => {
  const { app, bearer } = await createApp(t, {
    routes: app =>
      void app.get('/x', { config: { mcpAuth: {} } }, async () => {
        throw Object.assign(new Error('mine'), { statusCode: 403 })
      })
  })
  const response = await app.inject({ url: '/x', headers: await bearer() })
  t.equal(response.statusCode, 403)
  t.equal(response.json().message, 'mine')
  t.notOk(response.headers['www-authenticate'])
})

t.test('@fastify/helmet and @fastify/cookie work on our routes, and ours changes nothing on theirs', async t => {
  const { app, bearer } = await createApp(t, {
    before: async app => {
      await app.register(helmet)
      await app.register(cookie)
    },
    routes: app => {
      app.get('/mcp', { config: { mcpAuth: {} } }, async (_request, reply) => reply.setCookie('a', 'b').send({}))
      app.get('/', async (request, reply) => reply.setCookie('a', 'b').send({ auth: request.auth }))
      app.post('/form', async request => request.body)
    }
  })
  const ours = await app.inject({ url: '/mcp', headers: await bearer() })
  t.equal(ours.statusCode, 200)
  t.ok(ours.headers['content-security-policy'])
  t.match(ours.headers['set-cookie'], /^a=b/)
  const theirs = await app.inject({ url: '/', headers: { origin: 'https://web.test', host: 'web.test' } })
  t.strictSame(theirs.json(), { auth: null })
  t.match(theirs.headers['set-cookie'], /^a=b/)
  for (const name of Object.keys(theirs.headers)) t.notMatch(name, /access-control|www-authenticate|vary/)
  const form = {
    method: 'POST',
    url: '/form',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: 'a=b'
  } as const
  t.equal((await app.inject(form)).statusCode, 415, 'no form parser slipped in')
})
