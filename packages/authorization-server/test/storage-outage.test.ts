/** A database that does not answer is an outage, never a verdict about a client, a code or a token. */
import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import t from 'tap'
import { buildServer, ORIGIN, RESOURCE } from './fixture.ts'

t.test(
  'RFC 6749 5.2: with the storage down every endpoint answers 503 with Retry-After, and works again after',
  async t => {
    const server = await buildServer(t)
    const { app, storage } = server
    const client = server.client()
    const tokens = await client.connect()
    const refreshToken = tokens.refresh_token ?? ''
    const answer = await client.authorize()
    const { url } = await client.start()
    const page = await client.browser.open((await client.start()).url)

    storage.goDown()
    for (const [what, response] of [
      ['code', await client.redeem(answer)],
      ['refresh', await client.refresh(refreshToken)],
      ['revocation', await client.revoke(refreshToken)],
      ['registration', await server.client().register()]
    ] as const)
      await t.test(`${what}: temporarily_unavailable`, async t => {
        matchesOAuthError(t, response, 'temporarily_unavailable')
        t.equal(response.statusCode, 503)
        t.equal(response.headers['retry-after'], '7')
        t.equal(response.headers['cache-control'], 'no-store')
        t.equal(response.headers['access-control-allow-origin'], '*', 'browsers may read it')
      })
    const decision = await client.decide(page)
    const opened = await app.inject(url.slice(ORIGIN.length))
    for (const response of [opened, decision])
      await t.test('a person sees a page, and is not sent anywhere', async t => {
        t.equal(response.statusCode, 503)
        t.equal(response.headers['retry-after'], '7')
        t.equal(response.headers['location'], undefined)
        t.match(response.body, '"reason":"unavailable"')
      })
    const { verifyAccessToken, grants } = app.authorizationServer
    const calls: (() => Promise<unknown>)[] = [
      () => verifyAccessToken(tokens.access_token, RESOURCE),
      () => grants.list('sub-alice'),
      () => grants.revoke('x'.repeat(22)),
      () => grants.revokeAll({ subject: 'sub-alice' })
    ]
    for (const call of calls) await t.rejects(call(), { code: 'FST_OAUTH_UNAVAILABLE' })
    for (const path of ['/.well-known/oauth-authorization-server', '/.well-known/jwks.json'])
      t.equal((await app.inject(path)).statusCode, 200, 'discovery needs no storage')

    storage.comeBack()
    t.equal((await client.redeem(answer)).statusCode, 200)
    t.equal((await client.refresh(refreshToken)).statusCode, 200)
    t.match((await client.decide(page)).leavesTo, /code=/)
  }
)

t.test('RFC 6749 5.2: a failing user database is a 503 page at authorize and at the decision', async t => {
  const server = await buildServer(t)
  const client = server.client()
  const page = await client.login(await client.browser.open((await client.start()).url))
  const { url } = await client.start()
  for (const failure of [
    new Error('connect ECONNREFUSED'),
    Object.assign(new Error('x'), { statusCode: 401 }),
    'text',
    undefined
  ]) {
    server.accounts.failure = failure ?? { nothing: true }
    for (const response of [await server.app.inject(url.slice(ORIGIN.length)), await client.decide(page)]) {
      t.equal(response.statusCode, 503)
      t.equal(response.headers['location'], undefined)
    }
  }
  server.accounts.failure = null
  t.equal((await server.storage.counts())['grants'], 0)
  t.match((await client.decide(page)).leavesTo, /code=/)
})

t.test('the log names what failed, for the operator', async t => {
  const server = await buildServer(t)
  const client = server.client()
  const answer = await client.authorize()
  server.accounts.failure = new Error('connect ECONNREFUSED')
  await client.redeem(answer)
  const line = server.log.find(entry => entry.includes('"level":50'))
  t.match(line, 'users.find() failed')
  t.match(line, 'connect ECONNREFUSED')
})
