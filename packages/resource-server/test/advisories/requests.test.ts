import { readFileSync } from 'node:fs'
import { Writable } from 'node:stream'
import type { SafeFetch } from '@fastify-mcp-auth/core'
import { createTestIssuer, settableClock } from '@fastify-mcp-auth/testing'
import Fastify from 'fastify'
import t from 'tap'
import resourceServer, {
  chain,
  hmac,
  introspection,
  type JwtOptions,
  jwt,
  opaque,
  type ResourceServerOptions,
  type Verifier
} from '../../src/index.ts'
import { createApp, MCP_HEADERS, RESOURCE, reasonOf, toolCall } from '../app.ts'
import { bareJwks, CLAIMS, forge, ISSUER, NOW } from './forgery.ts'

const clock = settableClock(NOW)
const secret = 'a secret of more than thirty-two bytes, and random enough'

/** Answers every introspection with this. */
const answering =
  (body: object): SafeFetch =>
  async () => ({
    status: 200,
    headers: {},
    body: Buffer.from(JSON.stringify(body))
  })

function introspecting(body: object): Verifier {
  const client = { id: 'rs', secret: 'of the resource server' }
  return introspection({ endpoint: `${ISSUER}/introspect`, client, clock, fetch: answering(body) })
}

t.test('zeroid#272: a token that is bound to a key is refused by every verifier, in every way to send it', async t => {
  const found = { subject: 'alice', audience: RESOURCE }
  const bindings = [{ jkt: 'thumbprint' }, { 'x5t#S256': 'thumbprint' }, {}, false]
  for (const cnf of bindings) {
    const verifiers: [Verifier, string][] = [
      [jwt({ issuer: ISSUER, jwks: await bareJwks(), clock }), forge({}, { cnf })],
      [jwt({ issuer: ISSUER, jwks: await bareJwks(), clock, profile: 'lenient' }), forge({ typ: 'JWT' }, { cnf })],
      [hmac({ issuer: ISSUER, secret, clock }), forge({ alg: 'HS256' }, { cnf }, secret)],
      [introspecting({ active: true, ...CLAIMS, cnf }), 'opaque-token'],
      [opaque(() => ({ ...found, claims: { cnf } })), 'opaque-token']
    ]
    for (const [verify, token] of verifiers) {
      let calls = 0
      const { app } = await createApp(t, {
        options: { verify, clock },
        routes: app => {
          app.get('/x', { config: { mcpAuth: {} } }, async () => ++calls)
          app.get('/open', { config: { mcpAuth: { optional: true } } }, async () => ++calls)
          app.get('/own', { onRequest: app.authenticate }, async () => ++calls)
        }
      })
      for (const url of ['/x', '/open', '/own'])
        for (const authorization of [`Bearer ${token}`, `DPoP ${token}`, `bearer ${token}`])
          t.equal((await app.inject({ url, headers: { authorization, dpop: 'proof' } })).statusCode, 401)
      t.equal(calls, 0)
    }
  }
})

t.test('zeroid#272: a token that was good is no longer when its issuer says that it is bound', async t => {
  let claims: object = {}
  const verify = opaque(() => ({ subject: 'alice', audience: RESOURCE, claims: { ...claims } }))
  const { app } = await createApp(t, { options: { verify } })
  t.equal((await app.mcpAuth.verify('opaque-token')).subject, 'alice')
  claims = { cnf: { jkt: 'x' } }
  t.equal(await reasonOf(() => app.mcpAuth.verify('opaque-token')), 'sender_constrained')
  for (const token_type of ['DPoP', 'dpop', 'mac', 'N_A', '', 7])
    t.equal(
      await reasonOf(() =>
        introspecting({ active: true, ...CLAIMS, token_type }).verify('x', { resource: RESOURCE, request: null })
      ),
      'token_type'
    )
})

t.test('CVE-2026-35041, CVE-2026-35040, GHSA-3j8v-cgw4-2g6q: options take no regular expression', async t => {
  const wrong: object[] = [
    { issuer: /^https:\/\/issuer\.test$/ },
    { issuers: [/issuer/] },
    { audience: /mcp/ },
    { issuer: ISSUER, audience: RESOURCE },
    { issuer: ISSUER, algorithms: [/ES/] },
    { issuer: ISSUER, requiredClaims: [/tid/] },
    { issuer: ISSUER, profile: /lenient/ },
    { issuer: ISSUER, mapScopes: /scope/ }
  ]
  for (const options of wrong)
    t.throws(() => jwt(options as JwtOptions), { code: 'FST_OAUTH_OPTION' }, Object.keys(options).join())
  const verify = jwt({ issuer: ISSUER, jwks: await bareJwks() })
  for (const options of [
    { resource: /mcp/ },
    { allowedHosts: [/x/] },
    { allowedOrigins: [/x/] },
    { protect: [/^\/mcp/] },
    { scopes: /x/ },
    { operations: new Map([['tools/call', ['admin']]]) }
  ])
    await t.rejects(
      async () =>
        Fastify().register(resourceServer, {
          resource: RESOURCE,
          verify,
          ...options
        } as unknown as ResourceServerOptions),
      { code: 'FST_OAUTH_OPTION' },
      Object.keys(options).join()
    )
})

t.test(
  'CVE-2026-35041, CVE-2026-35040, GHSA-3j8v-cgw4-2g6q: a function of the app is asked once for a token',
  async t => {
    let asked = 0
    const mapScopes = (): string[] => [['mcp:tools'], ['admin']][asked++ % 2] ?? []
    const verify = jwt({ issuer: ISSUER, jwks: await bareJwks(), clock, cache: false, mapScopes })
    const { app } = await createApp(t, { options: { verify, clock } })
    const first = await app.mcpAuth.verify(forge({}))
    t.equal(asked, 1)
    t.strictSame(first.scopes, ['mcp:tools'])
    t.strictSame((await app.mcpAuth.verify(forge({}))).scopes, ['admin'])
    t.equal(asked, 2)
  }
)

t.test('CVE-2026-22748: nothing starts without its issuer or its resource', async t => {
  const jwks = await bareJwks()
  for (const options of [{}, { jwks }, { jwksUri: `${ISSUER}/jwks` }, { issuer: '' }, { issuer: undefined, jwks }])
    t.throws(() => jwt(options as JwtOptions), { code: 'FST_OAUTH_OPTION', message: /issuer/ })
  t.throws(() => hmac({ secret } as Parameters<typeof hmac>[0]), { code: 'FST_OAUTH_OPTION', message: /issuer/ })
  const verify = jwt({ issuer: ISSUER, jwks })
  for (const options of [{ verify }, { verify, resource: '' }, { verify, resource: '*' }])
    await t.rejects(async () => Fastify().register(resourceServer, options as ResourceServerOptions), {
      code: 'FST_OAUTH_OPTION',
      message: /resource/
    })
})

t.test(
  'GHSA-c2jp-c369-7pvx, CVE-2026-27124: the token goes to whoever is asked about it, and to nobody else',
  async t => {
    const issuer = await createTestIssuer({ issuer: ISSUER, clock })
    const sent: { url: string; text: string }[] = []
    const spy =
      (fetch: SafeFetch): SafeFetch =>
      async (url, options) => {
        sent.push({ url, text: JSON.stringify([url, options ?? {}]) })
        return fetch(url, options)
      }
    const client = { id: 'rs', secret: 'of the resource server' }
    const verify = chain(
      jwt({ issuer: ISSUER, clock, fetch: spy(issuer.fetch) }),
      introspection({ endpoint: 'https://as.test/introspect', client, clock, fetch: spy(answering({ active: false })) })
    )
    const { app } = await createApp(t, { options: { verify, clock } })
    const token = await issuer.mint({ resource: RESOURCE, scopes: ['mcp:tools'] })
    const headers = { authorization: `Bearer ${token}` }
    t.equal((await app.inject({ method: 'POST', url: '/mcp', headers })).statusCode, 200)
    t.ok(sent.length > 0)
    for (const { text } of sent) t.notMatch(text, token)
    sent.length = 0
    const unknown = { authorization: 'Bearer some-opaque-token' }
    t.equal((await app.inject({ method: 'POST', url: '/mcp', headers: unknown })).statusCode, 401)
    t.strictSame(
      sent.map(({ url }) => url),
      ['https://as.test/introspect']
    )
  }
)

t.test('CVE-2026-3635: Fastify versions that believe anybody are not installed with us', t => {
  const { peerDependencies } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    peerDependencies: Record<string, string>
  }
  t.equal(peerDependencies['fastify'], '>=5.8.3 <6')
  t.match(Reflect.get(resourceServer, Symbol.for('plugin-meta')), { fastify: '>=5.8.3 <6' })
  t.end()
})

t.test('Kong 3.13: what does not look like MCP needs a token all the same', async t => {
  let calls = 0
  const { app, bearer } = await createApp(t, {
    options: { operations: { 'tools/call:delete_all': ['admin'] } },
    routes: app => {
      app.addContentTypeParser('*', (_, payload, done) => done(null, payload))
      app.post('/mcp', { config: { mcpAuth: {} } }, async () => ++calls)
    }
  })
  const call = JSON.stringify(toolCall('delete_all'))
  const bodies: [type: string, body: string, status: number][] = [
    ['application/json', call, 403],
    ['application/json', `[${call}]`, 403],
    ['application/json', `[[${call}]]`, 400],
    ['application/json', `[{"jsonrpc":"2.0","id":1,"method":"ping"},${call}]`, 403],
    ['application/json', `{"method":"ping",${call.slice(1)}`, 403],
    ['application/json', `{"result":{},${call.slice(1)}`, 403],
    ['application/json', `{"jsonrpc":"1.0",${call.slice(17)}`, 403],
    ['application/json', '"tools/call"', 400],
    ['application/json', '7', 400],
    ['application/json', 'null', 400],
    ['application/json', '[]', 400],
    ['application/json', '{}', 400],
    ['text/plain', call, 400],
    ['application/octet-stream', call, 400],
    ['application/x-www-form-urlencoded', 'method=tools/call', 400]
  ]
  const known = await bearer()
  for (const [type, payload, status] of bodies) {
    const ask = async (more: object): Promise<number> =>
      (await app.inject({ method: 'POST', url: '/mcp', headers: { 'content-type': type, ...more }, payload }))
        .statusCode
    t.equal(await ask({}), 401, `${type} ${payload}`)
    t.equal(await ask({ authorization: 'Bearer wrong' }), 401, `${type} ${payload}`)
    t.equal(await ask(known), status, `${type} ${payload}`)
  }
  t.equal(calls, 0)
})

t.test(
  'CVE-2025-66414, CVE-2025-66416, CVE-2026-34742, CVE-2026-35568, GHSA-mc9g-v2cp-vfff: before a body is read',
  async t => {
    let parsed = 0
    const { app, bearer } = await createApp(t, {
      routes: app => {
        app.addContentTypeParser('application/x-test', { parseAs: 'string' }, (_, body, done) => {
          parsed++
          done(null, body)
        })
        app.post('/mcp', { config: { mcpAuth: {} } }, async () => 'in')
      }
    })
    const ask = async (headers: object): Promise<number> =>
      (
        await app.inject({
          method: 'POST',
          url: '/mcp',
          headers: { 'content-type': 'application/x-test', ...headers },
          payload: 'x'
        })
      ).statusCode
    const known = await bearer()
    t.equal(await ask({ ...known, host: 'evil.test' }), 403)
    t.equal(await ask({ ...known, origin: 'https://evil.test' }), 403)
    t.equal(await ask({}), 401)
    t.equal(parsed, 0)
    t.equal(await ask(known), 200)
    t.equal(parsed, 1)
    const verify = jwt({ issuer: ISSUER, jwks: await bareJwks() })
    for (const options of [{ allowedHosts: [] }, { allowedOrigins: [] }])
      await t.rejects(async () => Fastify().register(resourceServer, { resource: RESOURCE, verify, ...options }), {
        code: 'FST_OAUTH_OPTION'
      })
  }
)

t.test('token in the query: neither honoured nor told', async t => {
  const lines: string[] = []
  const stream = new Writable({ write: (chunk, _, done) => done(void lines.push(String(chunk))) })
  const events: unknown[] = []
  const { app, bearer } = await createApp(t, { fastify: { logger: { level: 'trace', stream } } })
  for (const type of ['token.missing', 'token.rejected', 'request.refused'] as const)
    app.mcpAuth.on(type, event => events.push(event))
  const { authorization } = await bearer({ scopes: ['mcp:tools'] })
  const token = authorization.slice(7)
  for (const name of ['access_token', 'token', 'bearer', 'ACCESS_TOKEN']) {
    const response = await app.inject({
      method: 'POST',
      url: `/mcp?${name}=${token}`,
      headers: MCP_HEADERS,
      payload: {}
    })
    t.equal(response.statusCode, 401)
    t.notMatch(response.body + JSON.stringify(response.headers), token)
  }
  t.equal(events.length, 4)
  t.notMatch(JSON.stringify(events), token)
  // Fastify's own line about a request has its URL; the app's `serializers` can change that.
  for (const line of lines) if (!('req' in JSON.parse(line))) t.notMatch(line, token)
})
