import { createTestIssuer, settableClock } from '@fastify-mcp-auth/testing'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import t from 'tap'
import { jwt, type McpAuthEvent } from '../../src/index.ts'
import { createApp, RESOURCE } from '../app.ts'

const route = { method: 'POST', url: '/mcp', payload: {} } as const
const START = 1_800_000_000

const EVERY = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']

t.test('RFC 7518 3.1: every asymmetric algorithm, through the plugin, and none in the place of another', async t => {
  const issuer = 'https://issuer.test'
  const clock = settableClock(START)
  const pairs = await Promise.all(
    EVERY.map(async alg => ({ alg, ...(await generateKeyPair(alg, { extractable: true })) }))
  )
  const keys = await Promise.all(
    pairs.map(async ({ alg, publicKey }) => ({ ...(await exportJWK(publicKey)), alg, kid: alg }))
  )
  const verify = jwt({ issuer, jwks: { keys }, algorithms: EVERY, clock })
  const { app } = await createApp(t, {
    options: { verify, clock },
    routes: app => void app.post('/mcp', { config: { mcpAuth: {} } }, async request => request.auth?.subject)
  })
  const claims = { iss: issuer, sub: 'alice', aud: RESOURCE, exp: START + 60, iat: START, jti: 'j', client_id: 'c' }
  for (const { alg, privateKey } of pairs) {
    const token = await new SignJWT(claims).setProtectedHeader({ alg, kid: alg, typ: 'at+jwt' }).sign(privateKey)
    const send = async (authorization: string): Promise<number> =>
      (await app.inject({ ...route, headers: { authorization } })).statusCode
    // Once while the key is being read, once when it is known, once when the token is.
    for (let round = 0; round < 3; round++) t.equal(await send(`Bearer ${token}`), 200, alg)
    const [, content, signature = ''] = token.split('.')
    for (const other of EVERY.filter(name => name !== alg)) {
      const header = Buffer.from(JSON.stringify({ alg: other, kid: alg, typ: 'at+jwt' })).toString('base64url')
      t.equal(await send(`Bearer ${header}.${content}.${signature}`), 401, `${alg} as ${other}`)
    }
    const flipped = Buffer.from(signature, 'base64url')
    flipped[9] = (flipped[9] ?? 0) ^ 1
    t.equal(await send(`Bearer ${token.slice(0, token.lastIndexOf('.'))}.${flipped.toString('base64url')}`), 401, alg)
  }
})

t.test(
  'RFC 8725 3.10: a flood of random key ids makes one fetch per cooldown, and good tokens do not notice',
  async t => {
    const clock = settableClock(START)
    const issuer = await createTestIssuer({ clock })
    const verify = jwt({ issuer: issuer.issuer, jwksUri: issuer.jwksUri, fetch: issuer.fetch, clock })
    const { app } = await createApp(t, { options: { verify, clock } })
    const send = async (options: object): Promise<number> => {
      const token = await issuer.mint({ resource: RESOURCE, scopes: ['mcp:tools'], ...options })
      return (await app.inject({ ...route, headers: { authorization: `Bearer ${token}` } })).statusCode
    }
    t.equal(await send({}), 200)
    for (let cooldown = 1; cooldown <= 3; cooldown++) {
      clock.advance(30)
      const before = issuer.fetches
      const flood = Array.from({ length: 40 }, (_, index) => send({ header: { kid: `${cooldown}-${index}` } }))
      t.strictSame(new Set(await Promise.all(flood)), new Set([401]))
      t.equal(await send({}), 200)
      t.equal(issuer.fetches - before, 1, 'after a success')
    }
    // A new key is found, whatever was invented before.
    await issuer.rotate()
    clock.advance(30)
    t.equal(await send({}), 200)
    issuer.outage = true
    clock.advance(30)
    const before = issuer.fetches
    for (let index = 0; index < 20; index++) t.equal(await send({ header: { kid: `down-${index}` } }), 503)
    t.equal(await send({}), 200)
    t.equal(issuer.fetches - before, 1, 'after a failure')
  }
)

t.test(
  'architecture rule 6: an issuer that is down for an hour: known keys work, others are 503, one event each way',
  async t => {
    const clock = settableClock(START)
    const issuer = await createTestIssuer({ clock })
    const verify = jwt({ issuer: issuer.issuer, jwksUri: issuer.jwksUri, fetch: issuer.fetch, clock })
    const { app } = await createApp(t, { options: { verify, clock } })
    const told: McpAuthEvent[] = []
    for (const type of ['jwks.failed', 'jwks.recovered'] as const) app.mcpAuth.on(type, event => told.push(event))
    const send = async (options: object = {}): Promise<{ status: number; retryAfter: unknown; challenge: unknown }> => {
      const token = await issuer.mint({ resource: RESOURCE, scopes: ['mcp:tools'], ...options })
      const { statusCode, headers } = await app.inject({ ...route, headers: { authorization: `Bearer ${token}` } })
      return { status: statusCode, retryAfter: headers['retry-after'], challenge: headers['www-authenticate'] }
    }
    t.equal((await send()).status, 200)
    issuer.outage = true
    for (let minutes = 0; minutes < 60; minutes += 5) {
      clock.advance(300)
      t.equal((await send()).status, 200, `${minutes + 5} minutes`)
      const unknown = await send({ header: { kid: 'new' } })
      t.equal(unknown.status, 503)
      t.ok(Number(unknown.retryAfter) > 0)
      t.equal(unknown.challenge, undefined)
      t.match(app.mcpAuth.health(), { ok: true })
    }
    t.match(told, [{ type: 'jwks.failed', issuer: issuer.issuer, error: { code: 'FST_OAUTH_UNAVAILABLE' } }])
    t.equal(told.length, 1)
    // Bounded: maxAge and an hour, and not a second more.
    clock.set(START + 600 + 3600)
    t.equal((await send()).status, 503)
    issuer.outage = false
    clock.advance(31)
    t.equal((await send()).status, 200)
    t.equal((await send({ header: { kid: 'new' } })).status, 401)
    t.match(told.slice(1), [{ type: 'jwks.recovered', issuer: issuer.issuer }])
    t.equal(told.length, 2)
  }
)

t.test(
  'RFC 7517 5: keys are there before the first token when the app listens, and their failure costs nothing',
  async t => {
    for (const outage of [false, true]) {
      const clock = settableClock(START)
      const issuer = await createTestIssuer({ clock })
      issuer.outage = outage
      const verify = jwt({ issuer: issuer.issuer, jwksUri: issuer.jwksUri, fetch: issuer.fetch, clock })
      const { app } = await createApp(t, { options: { verify, clock } })
      t.equal(issuer.fetches, 0, 'an app that does not listen asks nobody')
      await app.listen({ port: 0, host: '127.0.0.1' })
      t.equal(issuer.fetches, 1)
      issuer.outage = false
      const token = await issuer.mint({ resource: RESOURCE, scopes: ['mcp:tools'] })
      const { statusCode } = await app.inject({ ...route, headers: { authorization: `Bearer ${token}` } })
      t.equal(statusCode, 200, 'without sitting out a cooldown')
      t.equal(issuer.fetches, outage ? 2 : 1)
    }
  }
)
