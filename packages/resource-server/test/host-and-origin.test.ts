import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import cors from '@fastify/cors'
import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { assertHost, createAdmission } from '../src/host-and-origin.ts'
import { createApp } from './app.ts'

const route = { method: 'POST', url: '/mcp', payload: {} } as const
const EVIL = 'http://evil.test'

t.test(
  'CVE-2025-66414, CVE-2025-66416, CVE-2026-34742, CVE-2026-35568, GHSA-mc9g-v2cp-vfff, TR-5: a Host that is not ours is 403, before token and handler',
  async t => {
    let calls = 0
    const { app, bearer } = await createApp(t, {
      routes: app => void app.post('/mcp', { config: { mcpAuth: {} } }, async () => ++calls)
    })
    const auth = await bearer()
    for (const host of [
      'evil.test',
      'evil.test:3000',
      '127.0.0.1.evil.test',
      'localhost.',
      'localhost@evil.test',
      '127.1'
    ])
      for (const headers of [{ host }, { host, ...auth }]) {
        const response = await app.inject({ ...route, headers })
        t.equal(response.statusCode, 403, host)
        t.match(response.json(), { jsonrpc: '2.0', error: { code: Number, message: /host/ } })
        t.notOk('id' in response.json())
        t.notOk(response.headers['www-authenticate'])
      }
    t.equal(calls, 0)
    for (const host of ['127.0.0.1:3000', 'localhost', 'LOCALHOST:9', '[::1]:3000'])
      t.equal((await app.inject({ ...route, headers: { host, ...auth } })).statusCode, 200, host)
  }
)

t.test('TR-5: the conformance pair: evil Host and Origin are 4xx, the valid one is 2xx', async t => {
  const { app, bearer } = await createApp(t)
  const auth = await bearer({ scopes: ['mcp:tools'] })
  const evil = await app.inject({
    ...route,
    headers: { ...auth, host: 'evil.example.com', origin: 'http://evil.example.com' }
  })
  t.equal(evil.statusCode, 403)
  const good = await app.inject({
    ...route,
    headers: { ...auth, host: 'localhost:3000', origin: 'http://localhost:3000' }
  })
  t.equal(good.statusCode, 200)
})

t.test('TR-5: no Host at all is not ours either', t => {
  const admission = createAdmission({ resource: 'http://127.0.0.1:3000/mcp', cors: true, requireHttps: true })
  for (const headers of [{}, { host: '' }, { host: ':3000' }, { host: '[::1' }])
    t.throws(() => assertHost(admission, { headers, originalUrl: '/mcp' } as FastifyRequest), { message: /host name/ })
  const good = { headers: { ':authority': 'localhost:1' }, originalUrl: '/mcp' } as unknown as FastifyRequest
  t.doesNotThrow(() => assertHost(admission, good))
  for (const originalUrl of ['http:///mcp', 'http://evil.test\\@localhost/mcp', 'http://localhost@evil.test/mcp'])
    t.throws(() => assertHost(admission, { ...good, originalUrl } as FastifyRequest), { message: /host name/ })
  t.end()
})

t.test('RFC 9112 3.2.2: a target that names a host counts before the header, which has to be good as well', async t => {
  const { app, bearer } = await createApp(t, {
    fastify: { rewriteUrl: ({ url = '' }) => (url === 'http://evil.test/alias' ? '/mcp' : url) },
    routes: app => void app.get('/mcp', { config: { mcpAuth: {} } }, async () => 'in')
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const { authorization } = await bearer()
  const ask = async (target: string, host: string): Promise<number> => {
    const socket = connect(port, '127.0.0.1')
    const lines = [`GET ${target} HTTP/1.1`, `Host: ${host}`, `Authorization: ${authorization}`, 'Connection: close']
    socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    return Number((await text(socket)).split(' ')[1])
  }
  for (const target of [
    'http://evil.test/mcp',
    'HTTP://evil.test/mcp',
    'https://evil.test:3000/mcp',
    'http://127.0.0.1@evil.test/mcp',
    'http://127.0.0.1:1@evil.test/mcp',
    'http://evil.test/alias'
  ])
    t.equal(await ask(target, '127.0.0.1:3000'), 403, target)
  t.equal(await ask('http://127.0.0.1:3000/mcp', 'evil.test'), 403, 'handlers read the header')
  for (const target of ['/mcp', 'http://127.0.0.1:3000/mcp', 'http://LOCALHOST/mcp'])
    t.equal(await ask(target, '127.0.0.1:3000'), 200, target)
})

t.test('TR-1: X-Forwarded-Host does not make a host ours, trusted proxy or not', async t => {
  const { app, bearer } = await createApp(t, { fastify: { trustProxy: true } })
  const headers = { ...(await bearer({ scopes: ['mcp:tools'] })), host: 'evil.test', 'x-forwarded-host': '127.0.0.1' }
  t.equal((await app.inject({ ...route, headers })).statusCode, 403)
})

t.test('TR-1, TR-2: an Origin that is present and not ours is 403, an absent one is fine', async t => {
  const { app, bearer } = await createApp(t)
  const auth = await bearer({ scopes: ['mcp:tools'] })
  for (const origin of [
    EVIL,
    'null',
    'https://127.0.0.1:3000',
    'http://127.0.0.1:3001',
    'http://127.0.0.1:3000.evil.test',
    ''
  ]) {
    const response = await app.inject({ ...route, headers: { ...auth, origin } })
    t.equal(response.statusCode, 403, origin)
    t.match(response.json(), { jsonrpc: '2.0', error: { message: /origin/ } })
    t.notOk(response.headers['access-control-allow-origin'])
  }
  t.equal((await app.inject({ ...route, headers: auth })).statusCode, 200)
})

t.test('TR-1: a public resource accepts its own name only', async t => {
  const { app } = await createApp(t, { options: { resource: 'https://api.example.com/mcp', requireHttps: false } })
  const status = async (headers: object): Promise<number> =>
    (await app.inject({ ...route, headers: { ...headers } })).statusCode
  t.equal(await status({ host: 'localhost' }), 403)
  t.equal(await status({ host: 'api.example.com' }), 401)
  t.equal(await status({ host: 'api.example.com', origin: 'https://api.example.com' }), 401)
  t.equal(await status({ host: 'api.example.com', origin: 'http://api.example.com' }), 403)
})

t.test('allowedHosts and allowedOrigins replace the defaults; * is anything', async t => {
  const listed = await createApp(t, {
    options: {
      allowedHosts: ['Internal', '[::1]'],
      allowedOrigins: ['https://Inspector.test', 'vscode-webview://abc']
    }
  })
  const status = async (app: typeof listed.app, headers: object): Promise<number> =>
    (await app.inject({ ...route, headers: { ...headers } })).statusCode
  t.equal(await status(listed.app, { host: 'internal:8080', origin: 'https://inspector.test' }), 401)
  t.equal(await status(listed.app, { host: 'internal:8080', origin: 'vscode-webview://abc' }), 401)
  t.equal(await status(listed.app, { host: '127.0.0.1' }), 403)
  t.equal(await status(listed.app, { host: 'internal', origin: 'http://127.0.0.1:3000' }), 403)
  const any = await createApp(t, { options: { allowedHosts: ['*'], allowedOrigins: ['*'] } })
  t.equal(await status(any.app, { host: 'evil.test', origin: EVIL }), 401)
})

t.test('routes that are not protected are left alone', async t => {
  const { app } = await createApp(t, { routes: app => void app.get('/', async () => 'open') })
  const response = await app.inject({ url: '/', headers: { host: 'evil.test', origin: EVIL } })
  t.equal(response.statusCode, 200)
  t.notOk(response.headers['access-control-allow-origin'])
  t.notOk(response.headers['vary'])
})

t.test('Fetch 3.2: pages that may call can read the answer, a refusal included, and its challenge', async t => {
  const { app, bearer } = await createApp(t, { options: { allowedOrigins: ['https://inspector.test'] } })
  for (const auth of [{}, await bearer({ scopes: ['mcp:tools'] }), await bearer()]) {
    const response = await app.inject({ ...route, headers: { ...auth, origin: 'https://inspector.test' } })
    t.equal(response.headers['access-control-allow-origin'], 'https://inspector.test')
    t.equal(response.headers['vary'], 'Origin')
    const exposed = String(response.headers['access-control-expose-headers'])
    for (const name of ['WWW-Authenticate', 'MCP-Protocol-Version', 'Mcp-Session-Id']) t.match(exposed, name)
    t.notOk(response.headers['access-control-allow-credentials'])
  }
  const any = await createApp(t, { options: { allowedOrigins: ['*'] } })
  t.equal((await any.app.inject({ ...route, headers: { origin: EVIL } })).headers['access-control-allow-origin'], '*')
})

t.test('Fetch 4.8: a preflight is answered without a token, for exactly the origins that may call', async t => {
  const { app } = await createApp(t, { options: { allowedOrigins: ['https://inspector.test'] } })
  const preflight = (
    origin: string,
    asked = 'authorization,mcp-param-region,x-other'
  ): Promise<{ statusCode: number; headers: { [name: string]: unknown } }> =>
    app.inject({
      method: 'OPTIONS',
      url: '/mcp',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': asked }
    })
  const good = await preflight('https://inspector.test')
  t.equal(good.statusCode, 204)
  t.equal(good.headers['access-control-allow-origin'], 'https://inspector.test')
  t.match(good.headers['access-control-allow-methods'], /POST.*DELETE/)
  const allowed = String(good.headers['access-control-allow-headers']).toLowerCase().split(', ')
  for (const name of [
    'authorization',
    'content-type',
    'accept',
    'mcp-protocol-version',
    'mcp-session-id',
    'mcp-method',
    'mcp-name',
    'mcp-param-region'
  ])
    t.ok(allowed.includes(name), name)
  t.notOk(allowed.includes('x-other'))
  const injected = await preflight('https://inspector.test', 'mcp-param-a\r\nset-cookie: x, mcp-param-b c')
  t.notMatch(injected.headers['access-control-allow-headers'], /cookie|mcp-param-/)
  const evil = await preflight(EVIL)
  t.equal(evil.statusCode, 403)
  t.notOk(evil.headers['access-control-allow-origin'])
})

t.test(
  'a preflight never reaches the handler of a route that also serves OPTIONS, and other OPTIONS need a token',
  async t => {
    let calls = 0
    const { app } = await createApp(t, {
      routes: app => void app.all('/mcp', { config: { mcpAuth: {} } }, async () => ++calls)
    })
    const headers = { origin: 'http://127.0.0.1:3000', 'access-control-request-method': 'POST' }
    t.equal((await app.inject({ method: 'OPTIONS', url: '/mcp', headers })).statusCode, 204)
    t.equal((await app.inject({ method: 'OPTIONS', url: '/mcp' })).statusCode, 401)
    t.equal(calls, 0)
  }
)

t.test(
  "beside the host's @fastify/cors: no clash of routes, its own policy for its own routes, ours for ours",
  async t => {
    const { app } = await createApp(t, {
      before: async app => void (await app.register(cors, { origin: 'https://web.test' })),
      options: { allowedOrigins: ['https://inspector.test'] },
      routes: app => {
        app.get('/open', async () => 1)
        app.post('/mcp', { config: { mcpAuth: {} } }, async () => 1)
      }
    })
    const open = await app.inject({ url: '/open', headers: { origin: 'https://web.test' } })
    t.equal(open.headers['access-control-allow-origin'], 'https://web.test')
    const ours = await app.inject({ ...route, headers: { origin: 'https://inspector.test' } })
    t.equal(ours.headers['access-control-allow-origin'], 'https://inspector.test')
    t.equal(ours.headers['vary'], 'Origin')
    const theirs = await app.inject({
      method: 'OPTIONS',
      url: '/open',
      headers: { origin: 'https://web.test', 'access-control-request-method': 'GET' }
    })
    t.equal(theirs.statusCode, 204)
  }
)

t.test('cors: false sets no CORS header, declares no route and still checks the origin', async t => {
  const { app } = await createApp(t, { options: { cors: false } })
  t.notOk(app.hasRoute({ method: 'OPTIONS', url: '/mcp' }))
  const own = await app.inject({ ...route, headers: { origin: 'http://127.0.0.1:3000' } })
  t.equal(own.statusCode, 401)
  t.notOk(own.headers['access-control-allow-origin'])
  t.notOk(own.headers['vary'])
  t.equal((await app.inject({ ...route, headers: { origin: EVIL } })).statusCode, 403)
})

t.test(
  'CVE-2026-3635, GEN-5: plain http is refused before the token is read, whoever claims that it was https',
  async t => {
    let asked = 0
    const verify = {
      issuers: ['https://issuer.test'],
      verify: () => {
        asked++
        throw new Error('must not be asked')
      }
    }
    const resource = 'https://127.0.0.1/mcp'
    const status = async (fastify: object, headers: object): Promise<number> => {
      const { app } = await createApp(t, { fastify, options: { resource, verify } })
      const response = await app.inject({
        url: '/mcp',
        headers: { host: '127.0.0.1', authorization: 'Bearer x', ...headers },
        remoteAddress: '203.0.113.9'
      })
      if (response.statusCode === 403)
        t.match(response.json(), { error: { message: /plain http.*"X-Forwarded-Proto".*"trustProxy"/ } })
      t.notOk(response.headers['www-authenticate'])
      return response.statusCode
    }
    const https = { 'x-forwarded-proto': 'https' }
    t.equal(await status({}, {}), 403)
    t.equal(await status({}, https), 403, 'nobody is trusted')
    t.equal(await status({ trustProxy: '10.0.0.1' }, https), 403, 'somebody else is trusted')
    t.equal(
      await status({ trustProxy: '203.0.113.9' }, { 'x-forwarded-proto': 'https, http' }),
      403,
      'the last one counts'
    )
    t.equal(asked, 0)
    t.equal(await status({ trustProxy: '203.0.113.9' }, https), 500, 'the verifier was asked')
    t.equal(asked, 1)
  }
)

t.test('TR-5: a host name with a port that cannot be is refused', async t => {
  const { app, bearer } = await createApp(t)
  const headers = { ...(await bearer({ scopes: ['mcp:tools'] })), host: '127.0.0.1:99999' }
  const response = await app.inject({ method: 'POST', url: '/mcp', headers, payload: {} })
  t.equal(response.statusCode, 403)
})
