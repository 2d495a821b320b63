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

t.test('GHSA-p6v2-xcpg-h6xw, CVE-2026-45364: IPv6 addresses count by their /64', async t => {
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

t.test('EM-13: who registers has as much as it says, whatever name it brings along', async t => {
  const body = { redirect_uris: ['https://a.example/callback'] }
  for (const more of [
    (i: number) => ({ payload: { ...body, client_id: `invented-${i}` } }),
    (i: number) => ({ payload: body, query: { client_id: `invented-${i}` } }),
    (i: number) => ({ payload: body, headers: { authorization: `Basic ${btoa(`invented-${i}:x`)}` } })
  ]) {
    const { server } = await limitedTo(t, { register: 2 })
    const statuses = []
    for (let i = 0; i < 4; i++)
      statuses.push((await server.app.inject({ method: 'POST', url: '/oauth/register', ...more(i) })).statusCode)
    t.strictSame(statuses, [201, 201, 429, 429])
  }
})

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

/** Asks the token endpoint once. @returns the status */
async function ask(app: FastifyInstance, form: Record<string, string>, remoteAddress = '192.0.2.1'): Promise<number> {
  const payload = new URLSearchParams(form).toString()
  return (await app.inject({ method: 'POST', url: '/oauth/token', remoteAddress, headers: FORM, payload })).statusCode
}

t.test(
  'withings 37: a client that refreshes for ever is told the truth first, and may redeem a code still',
  async t => {
    const { server } = await limitedTo(t, { token: 3 })
    const client = server.client()
    const { clientId: client_id } = await client.credentials()
    const answer = await client.authorize()
    const refresh = () =>
      ask(server.app, { grant_type: 'refresh_token', refresh_token: 'dead', client_id }, '127.0.0.1')
    t.strictSame([await refresh(), await refresh(), await refresh()], [400, 400, 400], 'invalid_grant, not 429')
    for (let i = 0; i < 30; i++) t.equal(await refresh(), 429)
    t.equal((await client.redeem(answer)).statusCode, 200)
  }
)

t.test('EM-13: clients behind one address are counted each alone, by whatever way they say who they are', async t => {
  const { server } = await limitedTo(t, { token: 1 })
  const basic = (id: string) => ({ authorization: `Basic ${Buffer.from(`${id}:x`).toString('base64')}` })
  t.equal(await ask(server.app, { grant_type: 'refresh_token', client_id: 'a' }), 401)
  t.equal(await ask(server.app, { grant_type: 'refresh_token', client_id: 'a' }), 429)
  t.equal(await ask(server.app, { grant_type: 'refresh_token', client_id: 'b' }), 401)
  const statuses: number[] = []
  for (const id of ['c', 'c', 'd'])
    statuses.push(
      (
        await server.app.inject({
          method: 'POST',
          url: '/oauth/revoke',
          headers: { ...FORM, ...basic(id) },
          payload: 'token=x'
        })
      ).statusCode
    )
  t.strictSame(statuses, [401, 429, 401])
  const open = async (id: string) => (await server.app.inject(`/oauth/authorize?client_id=${id}`)).statusCode
  t.strictSame([await open('a'), await open('b')], [400, 400])
})

t.test(
  'EM-13: an address that invents clients, kinds of grant or secrets gets four times as much and no more',
  async t => {
    for (const form of [
      (i: number) => ({ grant_type: 'refresh_token', client_id: `invented-${i}` }),
      (i: number) => ({ grant_type: `invented-${i}`, client_id: `invented-${i}` })
    ]) {
      const { server } = await limitedTo(t, { token: 2 })
      const statuses: number[] = []
      for (let i = 0; i < 10; i++) statuses.push(await ask(server.app, form(i)))
      t.strictSame(
        statuses.map(status => status === 429),
        [false, false, false, false, false, false, false, false, true, true]
      )
      t.equal(await ask(server.app, form(11), '192.0.2.2'), statuses[0], 'other addresses are not affected')
    }
  }
)

t.test('lion-reader 974: hosted assistants share addresses, and have room there', async t => {
  const { server } = await limitedTo(t, { token: 1, sharedEgressFactor: 3 })
  const shared = (address: string) => ask(server.app, { grant_type: 'refresh_token', client_id: 'x' }, address)
  for (const address of ['160.79.104.9', '::ffff:160.79.104.9', '160.79.104.9']) t.equal(await shared(address), 401)
  t.equal(await shared('160.79.104.9'), 429, 'room, but not for ever')
  const { server: own } = await limitedTo(t, { token: 1, sharedEgress: ['2001:db8::/32'], sharedEgressFactor: 2 })
  const statuses: number[] = []
  for (const address of ['2001:db8::1', '2001:db8::2', '2001:db8::3', '160.79.104.9', '160.79.104.9'])
    statuses.push(await ask(own.app, { client_id: 'x' }, address))
  t.strictSame(
    statuses.map(status => status === 429),
    [false, false, true, false, true]
  )
  await t.rejects(limitedTo(t, { sharedEgress: ['160.79.104.0'] }), {
    code: 'FST_OAUTH_OPTION',
    message: /sharedEgress/
  })
})

t.test('EM-13: an IPv4 address is the same one when it comes mapped', async t => {
  const { post } = await limitedTo(t, { token: 1 })
  await post('/oauth/token', '::ffff:192.0.2.7')
  t.equal((await post('/oauth/token', '192.0.2.7')).statusCode, 429)
})

t.test('EM-13: pages of interactions are limited, whoever serves them, and so are decisions', async t => {
  const { server } = await limitedTo(t, { authorize: 2 })
  const page = () => server.app.inject('/oauth/interaction/unknown')
  const decide = () =>
    server.app.inject({ method: 'POST', url: '/oauth/interaction/unknown', payload: 'decision=deny', headers: FORM })
  for (const visit of [page, decide]) {
    for (let i = 0; i < 2; i++) t.not((await visit()).statusCode, 429)
    t.equal((await visit()).statusCode, 429)
  }
})

t.test("the host's own counters know nothing of ours", async t => {
  const { server } = await limitedTo(t, { token: 1000 }, app =>
    app.register(rateLimit, { max: 2 }).after(() => app.get('/own', () => ({})))
  )
  for (let i = 0; i < 5; i++) t.equal(await ask(server.app, { client_id: 'x' }, '127.0.0.1'), 400)
  t.equal((await server.app.inject('/own')).headers['x-ratelimit-remaining'], '1')
})

t.test('limits can be left to something in front of the app, or to the host', async t => {
  const { post } = await limitedTo(t, false)
  for (let i = 0; i < 30; i++) t.not((await post('/oauth/register')).statusCode, 429)
})
