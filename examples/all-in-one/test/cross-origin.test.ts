/** Clients that run in a browser, such as the MCP Inspector: let in on one computer, and never where people sign in or decide. */
import { matchesChallenge } from '@fastify-mcp-auth/testing'
import t from 'tap'
import { createApp } from './running-app.ts'

const INSPECTOR = 'http://localhost:6274'

const preflight = (origin: string, wanted: string) => ({
  method: 'OPTIONS' as const,
  headers: {
    origin,
    host: '127.0.0.1:3000',
    'access-control-request-method': 'POST',
    'access-control-request-headers': wanted
  }
})

t.test('TR-1: the Inspector may ask the MCP endpoint, and reads where to get a token', async t => {
  const { app } = await createApp(t)
  const asked = await app.inject({
    url: '/mcp',
    ...preflight(INSPECTOR, 'authorization,content-type,mcp-protocol-version')
  })
  t.equal(asked.statusCode, 204)
  t.equal(asked.headers['access-control-allow-origin'], INSPECTOR)
  t.match(asked.headers['access-control-allow-headers'], /authorization.*mcp-protocol-version/i)
  const refused = await app.inject({
    method: 'POST',
    url: '/mcp',
    headers: { origin: INSPECTOR, host: '127.0.0.1:3000' },
    payload: { jsonrpc: '2.0', id: 1, method: 'ping' }
  })
  t.equal(refused.statusCode, 401)
  t.match(refused.headers['access-control-expose-headers'], /www-authenticate/i)
  matchesChallenge(t, refused, { scheme: 'Bearer', error: null })
})

t.test('TR-2: other origins are refused, and on the network the Inspector is one of them', async t => {
  const local = await createApp(t)
  const hosted = await createApp(t, { PUBLIC_URL: 'https://notes.example.com' })
  for (const [app, host, origin] of [
    [local.app, '127.0.0.1:3000', 'https://evil.example'],
    [local.app, '127.0.0.1:3000', 'http://localhost:6275'],
    [hosted.app, 'notes.example.com', INSPECTOR]
  ] as const) {
    const payload = { jsonrpc: '2.0', id: 1, method: 'ping' }
    const refused = await app.inject({ method: 'POST', url: '/mcp', headers: { origin, host }, payload })
    t.equal(refused.statusCode, 403, `${origin} at ${host}`)
    t.equal(refused.headers['access-control-allow-origin'], undefined)
  }
})

t.test('browsers may register and redeem from anywhere, but sign in and decide only here', async t => {
  const { app } = await createApp(t)
  for (const url of ['/oauth/register', '/oauth/token', '/oauth/revoke', '/.well-known/oauth-authorization-server']) {
    const { headers } = await app.inject({ url, ...preflight(INSPECTOR, 'content-type') })
    t.match(headers['access-control-allow-origin'], /^(\*|http:\/\/localhost:6274)$/, url)
    t.equal(headers['access-control-allow-credentials'], undefined)
  }
  for (const url of ['/oauth/authorize', '/oauth/interaction/x', '/login', '/']) {
    const { headers } = await app.inject({ url, ...preflight(INSPECTOR, 'content-type') })
    t.equal(headers['access-control-allow-origin'], undefined, url)
  }
})
