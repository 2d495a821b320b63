/** Plugins that hosts really have, registered before ours and after it: neither may depend on the order. */
import fastifyAuth from '@fastify/auth'
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import { createTestIssuer } from '@fastify-mcp-auth/testing'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import t from 'tap'
import resourceServer, { jwt } from '../../src/index.ts'
import { METADATA_URL, RESOURCE } from '../app.ts'

const HOST = 'https://web.test'

async function neighbours(app: FastifyInstance): Promise<void> {
  await app.register(helmet)
  await app.register(cors, { origin: HOST })
  await app.register(rateLimit, { max: 4, keyGenerator: request => String(request.headers['x-visitor'] ?? 'anybody') })
  await app.register(fastifyAuth)
  await app.register(swagger, {
    openapi: { components: { securitySchemes: { mcp: { type: 'openIdConnect', openIdConnectUrl: `${HOST}/c` } } } }
  })
}

async function apiKey(request: FastifyRequest): Promise<void> {
  if (request.headers['x-api-key'] !== 'k') throw Object.assign(new Error('no key'), { statusCode: 401 })
}

async function build(t: { teardown(done: () => unknown): void }, order: 'before' | 'after') {
  const issuer = await createTestIssuer()
  const app = Fastify()
  t.teardown(() => app.close())
  if (order === 'before') await neighbours(app)
  await app.register(resourceServer, {
    resource: RESOURCE,
    verify: jwt({ issuer: issuer.issuer, fetch: issuer.fetch }),
    allowedOrigins: ['https://inspector.test'],
    openapiScheme: 'mcp'
  })
  if (order === 'after') await neighbours(app)
  app.get('/mcp', { config: { mcpAuth: { scopes: ['a'] } } }, async request => request.auth?.subject)
  app.get('/either', { onRequest: app.auth([app.requireScopes('a'), apiKey]) }, async () => 'either')
  app.get('/both', { onRequest: app.auth([app.requireScopes('a'), apiKey], { relation: 'and' }) }, async () => 'both')
  app.get('/open', async request => ({ auth: request.auth }))
  await app.ready()
  const bearer = async (scopes: string[]) => ({
    authorization: `Bearer ${await issuer.mint({ resource: RESOURCE, scopes })}`
  })
  return { app, bearer }
}

for (const order of ['before', 'after'] as const) {
  t.test(
    `RS-1: neighbours ${order} us: a refusal has its challenge and their headers, a success has no challenge`,
    async t => {
      const { app, bearer } = await build(t, order)
      const refused = await app.inject({ url: '/mcp', headers: { origin: 'https://inspector.test', 'x-visitor': 'a' } })
      t.equal(refused.statusCode, 401)
      t.match(refused.headers['www-authenticate'], METADATA_URL)
      t.equal(refused.headers['access-control-allow-origin'], 'https://inspector.test')
      t.ok(
        refused.headers['content-security-policy'] || order === 'after',
        'a hook behind ours does not run for a refusal'
      )
      const passed = await app.inject({ url: '/mcp', headers: { ...(await bearer(['a'])), 'x-visitor': 'a' } })
      t.equal(passed.body, 'alice')
      t.notOk(passed.headers['www-authenticate'])
      t.ok(passed.headers['content-security-policy'])
      t.ok(passed.headers['x-ratelimit-limit'])
    }
  )

  t.test(`neighbours ${order} us: their own routes stay theirs`, async t => {
    const { app } = await build(t, order)
    const open = await app.inject({ url: '/open', headers: { origin: HOST, host: 'web.test' } })
    t.strictSame(open.json(), { auth: null })
    t.equal(open.headers['access-control-allow-origin'], HOST)
    t.ok(open.headers['content-security-policy'])
    const headers = { origin: HOST, 'access-control-request-method': 'GET' }
    const theirs = await app.inject({ method: 'OPTIONS', url: '/open', headers })
    t.equal(theirs.headers['access-control-allow-origin'], HOST)
    const status: number[] = []
    for (let index = 0; index < 5; index++)
      status.push((await app.inject({ url: '/open', headers: { 'x-visitor': 'busy' } })).statusCode)
    t.strictSame(status, [200, 200, 200, 200, 429])
  })

  t.test(`TR-1: neighbours ${order} us: a preflight of our route is answered by our list`, async t => {
    const { app, bearer } = await build(t, order)
    const ask = (origin: string) =>
      app.inject({ method: 'OPTIONS', url: '/mcp', headers: { origin, 'access-control-request-method': 'GET' } })
    const ours = await ask('https://inspector.test')
    t.equal(ours.statusCode, 204)
    t.equal(ours.headers['access-control-allow-origin'], 'https://inspector.test')
    t.match(ours.headers['access-control-allow-headers'], /Authorization.*Mcp-Session-Id/)
    t.equal((await ask('https://evil.test')).statusCode, 403)
    t.equal((await ask(HOST)).statusCode, 403, 'what the host allows for its own routes is not allowed for ours')
    const answer = await app.inject({
      url: '/mcp',
      headers: { origin: 'https://inspector.test', ...(await bearer(['a'])) }
    })
    t.equal(answer.statusCode, 200)
    t.equal(answer.headers['access-control-allow-origin'], 'https://inspector.test')
    const metadata = await app.inject({
      method: 'OPTIONS',
      url: METADATA_URL,
      headers: { origin: 'https://anybody.test', 'access-control-request-method': 'GET', 'x-visitor': 'm' }
    })
    t.equal(metadata.headers['access-control-allow-origin'], '*')
    t.match(metadata.headers['access-control-allow-headers'], 'MCP-Protocol-Version')
  })

  t.test(`@fastify/auth ${order} us: one of two, both of two, and no challenge is left on a 200`, async t => {
    const { app, bearer } = await build(t, order)
    const send = async (url: string, headers: Record<string, string>) => {
      const response = await app.inject({ url, headers: { ...headers, 'x-visitor': crypto.randomUUID() } })
      return [response.statusCode, String(response.headers['www-authenticate'] ?? '').split(' ', 1)[0]]
    }
    const key = { 'x-api-key': 'k' }
    const token = await bearer(['a'])
    const weak = await bearer(['b'])
    t.strictSame(await send('/either', key), [200, ''])
    t.strictSame(await send('/either', token), [200, ''])
    t.strictSame(await send('/either', { ...key, ...weak }), [200, ''])
    t.strictSame(await send('/either', {}), [401, 'Bearer'])
    t.strictSame(await send('/either', weak), [401, 'Bearer'])
    t.strictSame(await send('/both', { ...key, ...token }), [200, ''])
    t.strictSame(await send('/both', token), [401, ''])
    t.strictSame(await send('/both', key), [401, 'Bearer'])
    t.strictSame(await send('/both', { ...key, ...weak }), [403, 'Bearer'])
  })

  t.test(`@fastify/swagger ${order} us: routes say their scopes`, async t => {
    const { app } = await build(t, order)
    const { paths = {} } = app.swagger() as { paths?: Record<string, { get?: { security?: unknown } }> }
    const described = Object.entries(paths).map(([path, { get }]) => [path, get?.security])
    t.strictSame(Object.fromEntries(described)['/mcp'], [{ mcp: ['a'] }])
    t.equal(Object.fromEntries(described)['/open'], undefined)
  })
}
