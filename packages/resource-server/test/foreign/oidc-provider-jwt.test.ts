/** JWT access tokens of `oidc-provider`, found by discovery, over HTTP. */
import { settableClock } from '@fastify-mcp-auth/testing'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import t from 'tap'
import { jwt } from '../../src/index.ts'
import { createApp, RESOURCE } from '../app.ts'
import { OTHER_RESOURCE, SCOPES, SECRET, startOidcServer } from './oidc-server.ts'

const server = await startOidcServer(t, { format: 'jwt' })

async function setup(t: Parameters<typeof startOidcServer>[0]) {
  const clock = settableClock(Math.floor(Date.now() / 1000))
  const { app } = await createApp(t, {
    options: { clock, verify: jwt({ issuer: server.issuer, clock }) },
    routes: app =>
      void app.get('/mcp', { config: { mcpAuth: { scopes: ['notes:write'] } } }, async request => request.auth)
  })
  const reasons: (string | null)[] = []
  app.mcpAuth.on('token.rejected', event => reasons.push(event.reason))
  const call = (token: string) => app.inject({ url: '/mcp', headers: { authorization: `Bearer ${token}` } })
  return { clock, call, reasons }
}

t.test('RS-4: a token of the code flow gets in, and says who it is', async t => {
  const { call } = await setup(t)
  const { access_token: token } = await server.client().connect({ scope: SCOPES })
  const response = await call(token)
  t.equal(response.statusCode, 200, response.body)
  t.match(response.json(), {
    subject: 'alice',
    clientId: 'web',
    issuer: server.issuer,
    audience: [RESOURCE],
    scopes: SCOPES.split(' '),
    expiresAt: decodeJwt(token).exp
  })
  t.equal(server.requests.get('/jwks'), 1, 'found by discovery')
})

t.test('RS-4: a token of the client credentials grant is its client', async t => {
  const { call } = await setup(t)
  const response = await fetch(`${server.issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`service:${encodeURIComponent(SECRET)}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: SCOPES, resource: RESOURCE })
  })
  const { access_token: token } = (await response.json()) as { access_token: string }
  t.match((await call(token)).json(), { subject: 'service', clientId: 'service' })
})

t.test('RS-5, RFC 9068 4: another audience, an ID token, a refresh token, one byte changed, expired', async t => {
  const { call, clock, reasons } = await setup(t)
  const other = await server.client(OTHER_RESOURCE).connect({ scope: SCOPES })
  const tokens = (await server.client().connect({
    scope: `openid ${SCOPES}`,
    parameters: { nonce: 'n' }
  })) as unknown as Record<string, string>
  const { access_token: good = '', id_token: idToken = '', refresh_token: refreshToken = '' } = tokens
  t.equal(decodeJwt(idToken).iss, server.issuer)
  t.equal(decodeProtectedHeader(idToken).kid, decodeProtectedHeader(good).kid, 'signed with the same key')
  const [header = '', claims = '', signature = ''] = good.split('.')
  const admin = Buffer.from(JSON.stringify({ ...decodeJwt(good), sub: 'admin' })).toString('base64url')
  for (const token of [
    other.access_token,
    idToken,
    refreshToken,
    `${header}.${admin}.${signature}`,
    `${header}.${claims}.`
  ]) {
    const response = await call(token)
    t.equal(response.statusCode, 401)
    t.match(response.headers['www-authenticate'], 'error="invalid_token"')
  }
  t.equal((await call(good)).statusCode, 200)
  clock.advance(360)
  t.equal((await call(good)).statusCode, 401)
  t.strictSame(reasons, ['audience', 'id_token', 'not_a_jwt', 'signature', 'signature', 'expired'])
})

t.test('RS-9: a scope that the person did not give is a 403 that names it', async t => {
  const { call } = await setup(t)
  const { access_token: token } = await server.client().connect({ scope: 'mcp:tools' })
  const response = await call(token)
  t.equal(response.statusCode, 403)
  t.match(response.headers['www-authenticate'], /error="insufficient_scope".*scope="notes:write"/)
})

t.test('architecture rule 6: an issuer that is gone is 503, and what is known goes on', async t => {
  const { call, clock } = await setup(t)
  const { access_token: token } = await server.client().connect({ scope: SCOPES })
  server.outage = true
  const response = await call(token)
  t.equal(response.statusCode, 503)
  t.ok(response.headers['retry-after'])
  server.outage = false
  t.equal((await call(token)).statusCode, 503, 'within the cooldown nothing is fetched')
  clock.advance(30)
  t.equal((await call(token)).statusCode, 200)
  const { access_token: another } = await server.client().connect({ scope: SCOPES })
  server.outage = true
  t.equal((await call(another)).statusCode, 200, 'by the key that is known')
  server.outage = false
})

t.test('RFC 7517 5: its key rotation is followed, and a key that it drops is dropped', async t => {
  const { call, clock } = await setup(t)
  const { access_token: old } = await server.client().connect({ scope: SCOPES })
  t.equal((await call(old)).statusCode, 200)
  const fetched = server.requests.get('/jwks')
  server.rotate({ keep: true })
  const { access_token: fresh } = await server.client().connect({ scope: SCOPES })
  t.equal((await call(fresh)).statusCode, 401, 'within the cooldown nothing is fetched')
  t.equal(server.requests.get('/jwks'), fetched)
  clock.advance(30)
  t.equal((await call(fresh)).statusCode, 200)
  t.equal((await call(old)).statusCode, 200)
  server.rotate({ keep: false })
  const { access_token: newest } = await server.client().connect({ scope: SCOPES })
  clock.advance(30)
  t.equal((await call(newest)).statusCode, 200)
  t.equal((await call(fresh)).statusCode, 401, 'also when it was remembered')
  t.equal((await call(old)).statusCode, 401)
})
