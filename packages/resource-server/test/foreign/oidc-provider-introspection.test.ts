/** Opaque access tokens of `oidc-provider`, which is asked about each of them over HTTP. */
import t from 'tap'
import { type IntrospectionOptions, introspection } from '../../src/index.ts'
import { createApp, RESOURCE } from '../app.ts'
import { type OidcServer, OTHER_RESOURCE, SCOPES, SECRET, startOidcServer } from './oidc-server.ts'

type Client = IntrospectionOptions['client']

const CLIENTS: Record<string, (server: OidcServer) => Client> = {
  client_secret_basic: () => ({ id: 'rs basic:1', secret: SECRET }),
  client_secret_post: () => ({ id: 'rs-post', secret: SECRET, method: 'client_secret_post' }),
  private_key_jwt: ({ clientKey }) => ({ id: 'rs-key', key: clientKey, kid: 'rs-key-1' })
}

async function protect(t: Parameters<typeof startOidcServer>[0], options: IntrospectionOptions) {
  const { app } = await createApp(t, {
    options: { clock: { now: () => Math.floor(Date.now() / 1000) }, verify: introspection(options) },
    routes: app =>
      void app.get('/mcp', { config: { mcpAuth: { scopes: ['notes:write'] } } }, async request => request.auth)
  })
  const reasons: (string | null)[] = []
  app.mcpAuth.on('token.rejected', event => reasons.push(event.reason))
  const call = (token: string) => app.inject({ url: '/mcp', headers: { authorization: `Bearer ${token}` } })
  return { app, call, reasons }
}

const server = await startOidcServer(t, { format: 'opaque' })

for (const [method, client] of Object.entries(CLIENTS))
  t.test(`RFC 7662 2.1: ${method}: a good token gets in, a revoked one does not`, async t => {
    const { call, reasons } = await protect(t, { issuer: server.issuer, client: client(server), cacheTtl: 0 })
    const person = server.client()
    const { access_token: token } = await person.connect({ scope: SCOPES })
    t.notMatch(token, /\./, 'it is opaque')
    const response = await call(token)
    t.equal(response.statusCode, 200, response.body)
    t.match(response.json(), {
      subject: 'alice',
      clientId: 'web',
      issuer: server.issuer,
      audience: [RESOURCE],
      scopes: SCOPES.split(' ')
    })
    t.equal((await person.revoke(token)).statusCode, 200)
    t.equal((await call(token)).statusCode, 401)
    t.strictSame(reasons, ['inactive'])
  })

t.test('RS-5, RFC 7662 2.2: another audience, an ID token, a refresh token, made up, expired', async t => {
  const client = CLIENTS['client_secret_basic']?.(server) as Client
  const { app, call, reasons } = await protect(t, { issuer: server.issuer, client, cacheTtl: 0 })
  const other = await server.client(OTHER_RESOURCE).connect({ scope: SCOPES })
  const tokens = (await server.client().connect({ scope: `openid ${SCOPES}` })) as unknown as Record<string, string>
  const { access_token: good = '', id_token: idToken = '', refresh_token: refreshToken = '' } = tokens
  for (const token of [other.access_token, idToken, refreshToken, 'made-up']) {
    const response = await call(token)
    t.equal(response.statusCode, 401, response.body)
    t.match(response.headers['www-authenticate'], 'error="invalid_token"')
  }
  t.equal((await call(good)).statusCode, 200)
  const { now } = Date
  Date.now = () => now() + 301_000
  t.teardown(() => {
    Date.now = now
  })
  t.equal((await call(good)).statusCode, 401)
  t.strictSame(reasons, ['audience', 'inactive', 'audience', 'inactive', 'inactive'])
  t.match(app.mcpAuth.health(), { ok: true })
})

t.test('RS-9: a scope that the person did not give is a 403 that names it', async t => {
  const client = CLIENTS['client_secret_post']?.(server) as Client
  const { call } = await protect(t, { issuer: server.issuer, client })
  const { access_token: token } = await server.client().connect({ scope: 'mcp:tools' })
  const response = await call(token)
  t.equal(response.statusCode, 403)
  t.match(response.headers['www-authenticate'], /error="insufficient_scope".*scope="notes:write"/)
})

t.test(
  'RFC 9701 5: its signed answers are read, and its plain ones refused where signed ones are demanded',
  async t => {
    const signing = await startOidcServer(t, { format: 'opaque', signs: true })
    const client = { id: 'rs basic:1', secret: SECRET }
    const signed = await protect(t, { issuer: signing.issuer, client, cacheTtl: 0, signedResponses: {} })
    const person = signing.client()
    const { access_token: token } = await person.connect({ scope: SCOPES })
    const response = await signed.call(token)
    t.equal(response.statusCode, 200, response.body)
    t.match(response.json(), { subject: 'alice', audience: [RESOURCE] })
    t.equal(signing.requests.get('/jwks'), 1)
    const other = await signing.client(OTHER_RESOURCE).connect({ scope: SCOPES })
    t.equal((await signed.call(other.access_token)).statusCode, 401)
    const wrongAlgorithm = { algorithms: ['RS256'] }
    const picky = await protect(t, { issuer: signing.issuer, client, signedResponses: wrongAlgorithm })
    t.equal((await picky.call(token)).statusCode, 503)
    await person.revoke(token)
    t.equal((await signed.call(token)).statusCode, 401)
    t.strictSame(signed.reasons, ['audience', 'inactive'])
    const downgraded = await protect(t, { issuer: server.issuer, client, signedResponses: {} })
    const plain = await server.client().connect({ scope: SCOPES })
    t.equal((await downgraded.call(plain.access_token)).statusCode, 503)
  }
)

t.test('architecture rule 6: a secret that the server does not know is 503, and soon not even asked', async t => {
  const client = { id: 'rs basic:1', secret: 'wrong' }
  const { app, call } = await protect(t, { issuer: server.issuer, client, maxFailures: 2 })
  const { access_token: token } = await server.client().connect({ scope: SCOPES })
  const asked = (): number => server.requests.get('/token/introspection') ?? 0
  const before = asked()
  for (let index = 0; index < 5; index++) {
    const response = await call(`${token}${index}`)
    t.equal(response.statusCode, 503)
    t.ok(response.headers['retry-after'])
  }
  t.equal(asked() - before, 2)
  t.match(app.mcpAuth.health(), { ok: false, dependencies: [{ breaker: 'open' }] })
})
