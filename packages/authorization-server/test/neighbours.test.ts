/** The plugin beside what a host has of its own: nothing leaks in, nothing leaks out. */
import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import formbody from '@fastify/formbody'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { buildServer, type TestServer } from './fixture.ts'

const SITE = 'https://inspector.example'
const METADATA = '/.well-known/oauth-authorization-server'
const MACHINES = [
  ['GET', METADATA],
  ['GET', '/.well-known/jwks.json'],
  ['POST', '/oauth/register'],
  ['POST', '/oauth/token'],
  ['POST', '/oauth/revoke']
] as const
const PEOPLE = ['/oauth/authorize', '/oauth/interaction/x'] as const

const preflight = (app: FastifyInstance, url: string, method: string) =>
  app.inject({
    method: 'OPTIONS',
    url,
    headers: {
      origin: SITE,
      'access-control-request-method': method,
      'access-control-request-headers': 'content-type,mcp-protocol-version'
    }
  })

const hostRoute = (app: FastifyInstance): void => {
  app.get('/private', async () => ({ private: true }))
}

const HOSTS: [string, { before?: (app: FastifyInstance) => unknown; after?: (app: FastifyInstance) => unknown }][] = [
  ['alone', { before: hostRoute }],
  [
    'with CORS for one site before',
    {
      before: app =>
        app.register(cors, { origin: 'https://own.example', credentials: true }).after(() => hostRoute(app))
    }
  ],
  [
    'with CORS for everybody before',
    { before: app => app.register(cors, { origin: true, credentials: true }).after(() => hostRoute(app)) }
  ],
  [
    'with CORS by a function before',
    {
      before: app =>
        app
          .register(cors, { delegator: (_request, done) => done(null, { origin: ['https://own.example'] }) })
          .after(() => hostRoute(app))
    }
  ],
  [
    'with CORS after',
    { before: hostRoute, after: app => app.register(cors, { origin: 'https://own.example', credentials: true }) }
  ]
]
for (const [what, host] of HOSTS) {
  t.test(`inspector 571: ${what}: browsers of any site may talk to the endpoints for programs`, async t => {
    const { app } = await buildServer(t, host)
    for (const [method, url] of MACHINES) {
      const asked = await preflight(app, url, method)
      t.equal(asked.statusCode, 204, `${url}: preflight`)
      t.equal(asked.headers['access-control-allow-origin'], '*')
      t.match(asked.headers['access-control-allow-methods'], method)
      t.match(asked.headers['access-control-allow-headers'], /content-type.*mcp-protocol-version/)
      const answer = await app.inject({ method, url, headers: { origin: SITE } })
      t.equal(answer.headers['access-control-allow-origin'], '*', `${url}: ${answer.statusCode}`)
      t.equal(answer.headers['access-control-allow-credentials'], undefined, 'never with credentials')
      t.match(answer.headers['access-control-expose-headers'], 'WWW-Authenticate')
    }
  })

  t.test(`inspector 571: ${what}: no site may read authorization and interaction`, async t => {
    const { app } = await buildServer(t, host)
    for (const url of PEOPLE) {
      for (const method of ['GET', 'POST'] as const) {
        const asked = await preflight(app, url, method)
        t.equal(asked.headers['access-control-allow-origin'], undefined, `${url}: preflight of ${method}`)
      }
      const method = url === '/oauth/authorize' ? 'GET' : 'POST'
      const answer = await app.inject({ method, url, headers: { origin: SITE } })
      t.ok(answer.statusCode >= 400)
      t.equal(answer.headers['access-control-allow-origin'], undefined, url)
    }
  })

  t.test(`${what}: the policy does not leak to the host's routes`, async t => {
    const { app } = await buildServer(t, host)
    const answer = await app.inject({ url: '/private', headers: { origin: SITE } })
    t.equal(answer.statusCode, 200)
    t.not(answer.headers['access-control-allow-origin'], '*')
    t.equal(answer.headers['cache-control'], undefined)
  })
}

async function works(t: Parameters<typeof buildServer>[0], { client }: TestServer): Promise<void> {
  const one = client()
  await one.register({ token_endpoint_auth_method: 'client_secret_post' })
  const tokens = await one.connect()
  t.equal((await one.refresh(tokens.refresh_token ?? '')).statusCode, 200)
  t.equal((await one.revoke(tokens.refresh_token ?? '')).statusCode, 200)
}

const PLUGINS: [string, (app: FastifyInstance) => unknown][] = [
  ['@fastify/cookie', app => app.register(cookie)],
  [
    '@fastify/cookie that signs, for another domain',
    app =>
      app.register(cookie, { secret: 'x'.repeat(32), parseOptions: { signed: true, domain: 'x.example', maxAge: 1 } })
  ],
  ['@fastify/cookie that parses late', app => app.register(cookie, { hook: 'preHandler' })],
  ['@fastify/cookie that does not parse', app => app.register(cookie, { hook: false })],
  ['@fastify/formbody', app => app.register(formbody)],
  ['@fastify/formbody with another parser', app => app.register(formbody, { parser: () => ({ never: 'used' }) })],
  ['@fastify/helmet', app => app.register(helmet)],
  ['@fastify/rate-limit', app => app.register(rateLimit, { max: 1000 })],
  [
    'JSON kept as bytes',
    app =>
      app.removeContentTypeParser('application/json') ??
      app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  ],
  [
    'a parser for everything',
    app => app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  ]
]
for (const [what, register] of PLUGINS)
  t.test(`qauth 145: the whole way works in a host with ${what}`, async t => {
    // A host may have one formbody parser, and the login of the fixture is its own.
    const server = await buildServer(t, { before: app => register(app) as never })
    await works(t, server)
  })

t.test("the host's error and not-found handlers do not answer for us, nor ours for it", async t => {
  const { app, storage } = await buildServer(t, {
    before(host) {
      host.setErrorHandler((_error, _request, reply) => reply.code(418).send({ host: 'error' }))
      host.setNotFoundHandler((_request, reply) => reply.code(404).send({ host: 'not found' }))
      host.get('/fails', async () => {
        throw Object.assign(new Error('x'), { statusCode: 400 })
      })
    }
  })
  t.strictSame((await app.inject('/fails')).json(), { host: 'error' })
  for (const url of ['/nowhere', '/oauth', '/oauth/nowhere', '/oauth/token', '/oauth/token/x', '/.well-known/x'])
    t.strictSame((await app.inject(url)).json(), { host: 'not found' }, url)
  matchesOAuthError(t, await app.inject({ method: 'POST', url: '/oauth/token' }), 'invalid_request')
  storage.goDown()
  const page = await app.inject('/oauth/authorize?client_id=x')
  t.equal(page.statusCode, 503)
  t.match(page.headers['content-type'], /^text\/html/)
})

t.test("what a host's hook refuses keeps its status, in the shape of the endpoint", async t => {
  const { app } = await buildServer(t, {
    before(host) {
      host.addHook('onRequest', async request => {
        const status = Number(request.headers['x-refuse'] ?? 0)
        if (status > 0) throw Object.assign(new Error('refused by the host: internal detail'), { statusCode: status })
      })
    }
  })
  for (const [status, error, wanted] of [
    [403, 'invalid_request', 403],
    [429, 'temporarily_unavailable', 429],
    [500, 'server_error', 500],
    [302, 'server_error', 500]
  ] as const) {
    const headers = { 'x-refuse': String(status) }
    const response = await app.inject({ method: 'POST', url: '/oauth/token', headers })
    matchesOAuthError(t, response, error, wanted)
    t.notMatch(response.body, 'internal detail')
    const page = await app.inject({ url: '/oauth/authorize', headers })
    t.equal(page.statusCode, wanted)
    t.match(page.headers['content-type'], /^text\/html/)
    t.notMatch(page.body, 'internal detail')
  }
})

t.test('without anybody to draw it, or when drawing fails, an error page is plain text', async t => {
  const plain = await buildServer(t, { plainErrors: true })
  const failing = await buildServer(t, { plainErrors: true })
  failing.app.authorizationServer.present({
    error: async () => {
      throw new Error('template broken: internal detail')
    }
  })
  for (const { app } of [plain, failing]) {
    const response = await app.inject('/oauth/authorize?client_id=%3Cscript%3E')
    t.equal(response.statusCode, 400)
    t.equal(response.headers['content-type'], 'text/plain; charset=utf-8')
    t.equal(response.headers['x-content-type-options'], 'nosniff')
    t.match(response.body, /^This request cannot go on \(unknown_client\)\. Reference: req-1\n$/)
  }
})

t.test('an error page carries the headers of who draws it, and a reference that the log has', async t => {
  const { app, log } = await buildServer(t)
  const response = await app.inject('/oauth/authorize')
  t.equal(response.headers['x-page'], 'drawn')
  t.equal(response.headers['cache-control'], 'no-store')
  const { reference } = JSON.parse(/<p>(.*)<\/p>/.exec(response.body)?.[1] ?? '{}')
  t.ok(log.some(line => line.includes(`"reqId":"${reference}"`) && line.includes('request refused')))
})
