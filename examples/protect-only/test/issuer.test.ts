/** What the guide shows for tests of a protected server. */
import resourceServer, { jwt } from '@fastify-mcp-auth/resource-server'
import { createTestIssuer, settableClock } from '@fastify-mcp-auth/testing'
import Fastify from 'fastify'
import t from 'tap'

t.test('only good tokens get in', async t => {
  const resource = 'http://127.0.0.1:3000/mcp'
  const clock = settableClock(1_800_000_000)
  const issuer = await createTestIssuer({ clock })
  const app = Fastify()
  const verify = jwt({ issuer: issuer.issuer, fetch: issuer.fetch, clock })
  await app.register(resourceServer, { resource, clock, verify })
  app.get('/me', { config: { mcpAuth: { scopes: ['mcp:tools'] } } }, async request => request.auth?.subject)

  const good = { resource, subject: 'alice', scopes: ['mcp:tools'] }
  const ask = async (token: string): Promise<number> =>
    (await app.inject({ url: '/me', headers: { host: '127.0.0.1:3000', authorization: `Bearer ${token}` } })).statusCode
  t.equal(await ask(await issuer.mint(good)), 200)
  t.equal(await ask(await issuer.mint({ ...good, scopes: [] })), 403)
  for (const { name, token } of await issuer.wrong(good)) t.equal(await ask(token), 401, name)

  const old = await issuer.mint(good)
  clock.advance(306)
  t.equal(await ask(old), 401, 'expired, and the tolerance of 5 seconds is over')
  await issuer.rotate()
  t.equal(await ask(await issuer.mint(good)), 200, 'signed with a new key')
  clock.advance(30)
  issuer.outage = true
  t.equal(await ask(await issuer.mint(good)), 200, 'the key is known')
  t.equal(await ask(await issuer.mint({ ...good, header: { kid: 'new' } })), 503, 'an outage is no verdict')
})
