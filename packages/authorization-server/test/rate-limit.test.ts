import rateLimit from '@fastify/rate-limit'
import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import type { AuthorizationServerOptions } from '../src/index.ts'
import { buildServer } from './fixture.ts'

type Limits = NonNullable<AuthorizationServerOptions['rateLimit']>

async function limitedTo(t: Test, limits: Limits, before?: (app: FastifyInstance) => unknown) {
  const server = await buildServer(t, { options: { rateLimit: limits }, ...(before ? { before } : {}) })
  const post = (url: string, remoteAddress = '192.0.2.1') =>
    server.app.inject({ method: 'POST', url, remoteAddress, headers: { origin: 'https://x.example' } })
  return { server, post }
}

for (const [what, before] of [
  ['alone', undefined],
  ['beside a host that limits its own routes', (app: FastifyInstance) => app.register(rateLimit, { global: false })],
  ['beside a host that limits everything', (app: FastifyInstance) => app.register(rateLimit, { max: 1000 })]
] as const)
  t.test(`EM-13: ${what}: the third request in a minute is 429 in the shape of the endpoint`, async t => {
    for (const [url, limits] of [
      ['/oauth/token', { token: 2 }],
      ['/oauth/revoke', { token: 2 }],
      ['/oauth/register', { register: 2 }]
    ] as const) {
      const { server, post } = await limitedTo(t, limits, before)
      for (let i = 0; i < 2; i++) t.not((await post(url)).statusCode, 429)
      const response = await post(url)
      matchesOAuthError(t, response, 'temporarily_unavailable', 429)
      const seconds = Number(response.headers['retry-after'])
      t.ok(seconds >= 1 && seconds <= 60)
      t.equal(response.headers['access-control-allow-origin'], '*', 'browsers may read it')
      t.equal(response.headers['cache-control'], 'no-store')
      t.notMatch(server.log.join(), '"level":50')
      t.not((await post(url, '192.0.2.2')).statusCode, 429, 'others are not affected')
    }
  })

t.test('EM-13: too many authorization requests are a page with Retry-After', async t => {
  const { server } = await limitedTo(t, { authorize: 2 })
  const open = () => server.app.inject('/oauth/authorize?client_id=nobody')
  for (let i = 0; i < 2; i++) t.equal((await open()).statusCode, 400)
  const response = await open()
  t.equal(response.statusCode, 429)
  t.match(response.headers['content-type'], /^text\/html/)
  t.match(response.body, '"reason":"rate_limited"')
  t.ok(Number(response.headers['retry-after']) >= 1)
})

t.test('CVE-2026-45364: IPv6 addresses count by their /64', async t => {
  const { post } = await limitedTo(t, { token: 2 })
  for (const address of ['2001:db8:1:2::1', '2001:db8:1:2:ffff::1']) await post('/oauth/token', address)
  t.equal((await post('/oauth/token', '2001:0db8:0001:0002::abcd')).statusCode, 429)
  t.not((await post('/oauth/token', '2001:db8:1:3::1')).statusCode, 429)
})

t.test('withings 37: endpoints are counted each alone, and what is not named keeps its default', async t => {
  const { server, post } = await limitedTo(t, { register: 1 })
  await post('/oauth/register')
  t.equal((await post('/oauth/register')).statusCode, 429)
  for (let i = 0; i < 5; i++) t.not((await post('/oauth/token')).statusCode, 429)
  t.equal((await server.app.inject('/.well-known/oauth-authorization-server')).statusCode, 200)
})

t.test('limits can be left to something in front of the app', async t => {
  const { post } = await limitedTo(t, false)
  for (let i = 0; i < 30; i++) t.not((await post('/oauth/register')).statusCode, 429)
})
