import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createTestIssuer, settableClock } from '@fastify-mcp-auth/testing'
import t from 'tap'
import { jwt } from '../../src/index.ts'
import { createApp, RESOURCE, reasonOf } from '../app.ts'

const context = { resource: RESOURCE, request: null }
const route = { method: 'POST', url: '/mcp', payload: {} } as const

t.test('RS-4, RS-5, RS-6: every token that is wrong in one way is refused, and the handler never runs', async t => {
  let calls = 0
  const { app, issuer } = await createApp(t, {
    routes: app => void app.post('/mcp', { config: { mcpAuth: {} } }, async () => ++calls)
  })
  const wrong = await issuer.wrong({ resource: RESOURCE, scopes: ['mcp:tools'] })
  t.ok(wrong.length > 50)
  for (const { name, token } of wrong) {
    const response = await app.inject({ ...route, headers: { authorization: `Bearer ${token}` } })
    t.equal(response.statusCode, 401, name)
    t.equal(response.json().error, 'invalid_token', name)
  }
  t.equal(calls, 0)
})

t.test('RS-4: the good token that the wrong ones were made from is accepted, with every algorithm', async t => {
  const { app, issuer } = await createApp(t, {
    routes: app => void app.post('/mcp', { config: { mcpAuth: {} } }, async () => 'in')
  })
  for (const algorithm of ['ES256', 'RS256', 'EdDSA'] as const) {
    const token = await issuer.mint({ resource: RESOURCE, algorithm })
    const response = await app.inject({ ...route, headers: { authorization: `Bearer ${token}` } })
    t.equal(response.statusCode, 200, algorithm)
  }
})

t.test('RS-5: the audience may be one of several, in any spelling of the same resource', async t => {
  const { app, issuer } = await createApp(t)
  const audiences = [['https://other.test', RESOURCE], 'HTTP://127.0.0.1:3000/mcp']
  for (const aud of audiences) {
    const token = await issuer.mint({ resource: RESOURCE, scopes: ['mcp:tools'], claims: { aud } })
    t.equal((await app.inject({ ...route, headers: { authorization: `Bearer ${token}` } })).statusCode, 200)
  }
})

t.test('RFC 9068 4: typ is read without case and with or without application/', async t => {
  const issuer = await createTestIssuer()
  const verifier = jwt({ issuer: issuer.issuer, fetch: issuer.fetch })
  for (const typ of ['at+jwt', 'AT+JWT', 'application/at+jwt', 'Application/AT+JWT'])
    t.match(await verifier.verify(await issuer.mint({ resource: RESOURCE, header: { typ } }), context), {
      subject: 'alice'
    })
  for (const typ of ['xat+jwt', 'at+jwt;v=1', 'text/at+jwt', '']) {
    const token = await issuer.mint({ resource: RESOURCE, header: { typ } })
    t.equal(await reasonOf(() => verifier.verify(token, context)), 'type')
  }
})

t.test('RS-5: an ID token is told what it is', async t => {
  const { app, issuer } = await createApp(t)
  const claims = { nonce: 'n', aud: 'test-client' }
  const token = await issuer.mint({ resource: RESOURCE, header: { typ: 'JWT' }, claims })
  const response = await app.inject({ ...route, headers: { authorization: `Bearer ${token}` } })
  t.match(response.json().error_description, /ID token.*access token/)
})

t.test('RFC 7519 4.1.4, 4.1.5: times count with the tolerance and not a second more', async t => {
  const clock = settableClock(1_800_000_000)
  const issuer = await createTestIssuer({ clock })
  const verifier = jwt({ issuer: issuer.issuer, fetch: issuer.fetch, clock, clockTolerance: 5 })
  const exp = await issuer.mint({ resource: RESOURCE, expiresIn: 60 })
  const nbf = await issuer.mint({ resource: RESOURCE, claims: { nbf: clock.now() + 6 } })
  t.equal(await reasonOf(() => verifier.verify(nbf, context)), 'nbf')
  clock.advance(1)
  await t.resolves(async () => verifier.verify(nbf, context))
  clock.advance(63)
  await t.resolves(async () => verifier.verify(exp, context))
  clock.advance(1)
  t.equal(await reasonOf(() => verifier.verify(exp, context)), 'expired')
})

t.test(
  'RFC 7515 2: what is not base64url is no JWT, though the decoder would skip it, also for a token that is known',
  async t => {
    const issuer = await createTestIssuer()
    const verifier = jwt({ issuer: issuer.issuer, fetch: issuer.fetch })
    const token = await issuer.mint({ resource: RESOURCE })
    for (let round = 0; round < 3; round++) t.match(await verifier.verify(token, context), { subject: 'alice' })
    const places = [0, 3, token.indexOf('.'), token.indexOf('.') + 9, token.lastIndexOf('.'), token.length]
    for (const at of places)
      for (const stray of [' ', '\n', '=', '!', 'é', '\u{1F600}', '\u0000', 'A']) {
        const spelled = token.slice(0, at) + stray + token.slice(at)
        t.ok(await reasonOf(() => verifier.verify(spelled, context)), `${JSON.stringify(stray)} at ${at}`)
      }
    // Four characters are three bytes: one more is none, and would be dropped.
    const [header = '', claims = '', signature = ''] = token.split('.')
    const padded = header + 'A'.repeat((5 - (header.length % 4)) % 4)
    t.equal(await reasonOf(() => verifier.verify(`${padded}.${claims}.${signature}`, context)), 'not_a_jwt')
  }
)

t.test('a header that is known brings nothing in: with it, every other token is judged anew', async t => {
  const issuer = await createTestIssuer()
  const verifier = jwt({ issuer: issuer.issuer, fetch: issuer.fetch, cache: false })
  for (let round = 0; round < 3; round++) await verifier.verify(await issuer.mint({ resource: RESOURCE }), context)
  const [header, claims, signature] = (await issuer.mint({ resource: RESOURCE })).split('.')
  const foreign = await (await createTestIssuer()).mint({ resource: RESOURCE, claims: { iss: issuer.issuer } })
  const [, otherClaims, otherSignature] = foreign.split('.')
  t.equal(await reasonOf(() => verifier.verify(`${header}.${claims}.${otherSignature}`, context)), 'signature')
  t.equal(await reasonOf(() => verifier.verify(`${header}.${otherClaims}.${otherSignature}`, context)), 'signature')
  t.match(await verifier.verify(`${header}.${claims}.${signature}`, context), { subject: 'alice' })
})

t.test('RFC 8725 3.10: a token never makes the server fetch, neither by jku nor by x5u nor by its issuer', async t => {
  let connections = 0
  const listener = createServer((_, response) => response.end('{"keys":[]}'))
  listener.on('connection', () => connections++)
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  t.teardown(() => listener.close())
  const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
  const stranger = await createTestIssuer({ issuer: url })
  const { app, issuer } = await createApp(t)
  const tokens = [
    await stranger.mint({ resource: RESOURCE }),
    await stranger.mint({
      resource: RESOURCE,
      claims: { iss: issuer.issuer },
      header: { jku: url, x5u: url, kid: 'ES256-1' }
    })
  ]
  const before = issuer.fetches
  const first = await app.inject({ ...route, headers: { authorization: `Bearer ${tokens[0]}` } })
  t.equal(first.statusCode, 401)
  t.equal(issuer.fetches, before, 'another issuer costs not even a look at our own')
  t.equal((await app.inject({ ...route, headers: { authorization: `Bearer ${tokens[1]}` } })).statusCode, 401)
  t.equal(connections, 0)
})

t.test('RFC 8725 2.1: algorithms outside the list are refused, though the issuer has a key for them', async t => {
  const issuer = await createTestIssuer()
  const verifier = jwt({ issuer: issuer.issuer, fetch: issuer.fetch, algorithms: ['ES256'] })
  const token = await issuer.mint({ resource: RESOURCE, algorithm: 'RS256' })
  t.equal(await reasonOf(() => verifier.verify(token, context)), 'algorithm')
  t.equal(issuer.fetches, 0)
})

t.test('RFC 7517 5: a key that was rotated in is found, one that was rotated out stops working', async t => {
  const { app, issuer, clock, bearer } = await createApp(t)
  const send = async (headers: object): Promise<number> =>
    (await app.inject({ ...route, headers: { ...headers } })).statusCode
  const before = await bearer({ scopes: ['mcp:tools'], expiresIn: 7200 })
  t.equal(await send(before), 200)
  await issuer.rotate()
  clock.advance(31)
  t.equal(await send(await bearer({ scopes: ['mcp:tools'] })), 200)
  t.equal(await send(before), 401)
})

t.test('a flood of unknown key ids makes one fetch per cooldown', async t => {
  const { app, issuer, clock, bearer } = await createApp(t)
  t.equal((await app.inject({ ...route, headers: await bearer({ scopes: ['mcp:tools'] }) })).statusCode, 200)
  clock.advance(31)
  const before = issuer.fetches
  for (let index = 0; index < 50; index++) {
    const headers = await bearer({ header: { kid: `unknown-${index}` } })
    t.equal((await app.inject({ ...route, headers })).statusCode, 401)
  }
  t.ok(issuer.fetches - before <= 2, `${issuer.fetches - before} fetches: metadata and keys at most`)
})

t.test('an issuer that is down is 503 for unknown keys, and known keys keep working', async t => {
  const { app, issuer, clock, bearer } = await createApp(t)
  issuer.outage = true
  const headers = await bearer({ scopes: ['mcp:tools'], expiresIn: 7200 })
  const down = await app.inject({ ...route, headers })
  t.equal(down.statusCode, 503)
  t.ok(Number(down.headers['retry-after']) > 0)
  t.notOk(down.headers['www-authenticate'])
  issuer.outage = false
  clock.advance(31)
  t.equal((await app.inject({ ...route, headers })).statusCode, 200)
  issuer.outage = true
  clock.advance(1800)
  t.equal((await app.inject({ ...route, headers })).statusCode, 200)
})

t.test(
  'RFC 8414 3: keys are found over HTTP through the metadata, nothing is fetched before the first token',
  async t => {
    const issuer = await createTestIssuer()
    const http = await issuer.listen()
    t.teardown(() => http.close())
    const verifier = jwt({ issuer: http.url })
    t.equal(http.requests.size, 0)
    const token = await issuer.mint({ resource: RESOURCE })
    t.match(await verifier.verify(token, context), { issuer: http.url, subject: 'alice', clientId: 'test-client' })
    await verifier.verify(token, context)
    t.strictSame(Object.fromEntries(http.requests), { '/.well-known/oauth-authorization-server': 1, '/jwks.json': 1 })
  }
)

t.test('RFC 8414 3.3: metadata of another issuer is not used', async t => {
  const issuer = await createTestIssuer({ issuer: 'https://other.test' })
  const verifier = jwt({ issuer: 'https://issuer.test', fetch: issuer.fetch })
  const token = await issuer.mint({ resource: RESOURCE, claims: { iss: 'https://issuer.test' } })
  await t.rejects(async () => verifier.verify(token, context), { code: 'FST_OAUTH_UNAVAILABLE' })
})

t.test('jwksUri: keys without discovery', async t => {
  const issuer = await createTestIssuer()
  const verifier = jwt({ issuer: issuer.issuer, jwksUri: issuer.jwksUri, fetch: issuer.fetch })
  await verifier.verify(await issuer.mint({ resource: RESOURCE }), context)
  t.equal(issuer.fetches, 1)
})

t.test('options that cannot work stop the boot and are named', t => {
  const wrong: [object, RegExp][] = [
    [{}, /"issuer"/],
    [{ issuer: 'http://issuer.test' }, /"issuer".*https/],
    [{ issuer: 'https://issuer.test?x=1' }, /"issuer"/],
    [{ issuer: 'https://issuer.test', algorithms: ['HS256'] }, /"algorithms".*HS256/],
    [{ issuer: 'https://issuer.test', algorithms: ['none'] }, /"algorithms"/],
    [{ issuer: 'https://issuer.test', algorithms: [] }, /"algorithms"/],
    [{ issuer: 'https://issuer.test', clockTolerance: -1 }, /"clockTolerance"/],
    [{ issuer: 'https://issuer.test', audience: /x/ }, /"audience"/],
    [{ issuer: 'https://issuer.test', jwksUri: 'file:///etc/passwd' }, /"jwksUri"/]
  ]
  for (const [options, message] of wrong)
    t.throws(() => jwt(options as Parameters<typeof jwt>[0]), { code: 'FST_OAUTH_OPTION', message })
  t.end()
})
