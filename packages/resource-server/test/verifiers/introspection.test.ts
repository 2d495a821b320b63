import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decodeJwt, jwtVerify } from 'jose'
import t from 'tap'
import { introspection } from '../../src/index.ts'
import { createApp, RESOURCE, reasonOf } from '../app.ts'
import { client, context, endpoint, good, issuer, START, setup } from './introspection-fixture.ts'

t.test('RFC 7662 2: asks with the token and the credentials, form-encoded', async t => {
  const { state, verify } = setup({ client: { id: 'a:b', secret: 'c d+é' } })
  t.match(await verify(), { subject: 'alice', clientId: 'web', scopes: ['a', 'b'], issuer, audience: [RESOURCE] })
  t.equal(state.asked[0]?.headers['authorization'], `Basic ${Buffer.from('a%3Ab:c+d%2B%C3%A9').toString('base64')}`)
  t.strictSame(state.asked[0]?.form, { token: 'opaque', token_type_hint: 'access_token' })
})

t.test('RFC 6749 2.3.1: client_secret_post', async t => {
  const { state, verify } = setup({ client: { ...client, method: 'client_secret_post' } })
  await verify()
  t.match(state.asked[0]?.form, { client_id: 'rs', client_secret: 's3cret' })
  t.notOk(state.asked[0]?.headers['authorization'])
})

t.test('RFC 7523 2.2: private_key_jwt, a new assertion each time', async t => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  for (const key of [
    privateKey,
    privateKey.export({ type: 'pkcs8', format: 'pem' }),
    privateKey.export({ format: 'jwk' })
  ]) {
    const { state, verify } = setup({ client: { id: 'rs', key, kid: 'k1' } })
    await verify('one')
    await verify('two')
    const [first = '', second = ''] = state.asked.map(({ form }) => form['client_assertion'])
    const { payload, protectedHeader } = await jwtVerify(first, publicKey, {
      audience: issuer,
      currentDate: new Date(START * 1000)
    })
    t.match(payload, { iss: 'rs', sub: 'rs', iat: START, exp: START + 60 })
    t.match(protectedHeader, { alg: 'ES256', kid: 'k1' })
    t.not(decodeJwt(second).jti, payload.jti)
  }
})

t.test('introspection fail-open, RFC 7662 2.2: only active true lets a token in', async t => {
  const wrong: [object, string][] = [
    [{}, 'inactive'],
    [{ ...good, active: false }, 'inactive'],
    [{ ...good, active: 'true' }, 'inactive'],
    [{ ...good, active: 1 }, 'inactive'],
    [{ ...good, iss: 'https://other.test' }, 'issuer'],
    [{ ...good, iss: [issuer] }, 'issuer'],
    [{ ...good, token_type: 'refresh_token' }, 'token_type'],
    [{ ...good, token_type: 'DPoP' }, 'token_type'],
    [{ ...good, exp: START }, 'expired'],
    [{ ...good, exp: 'later' }, 'claim_exp'],
    [{ ...good, sub: ['alice'] }, 'claim_sub'],
    [{ ...good, sub: undefined, client_id: undefined }, 'claim_sub'],
    [{ ...good, aud: [RESOURCE, 1] }, 'claim_aud'],
    [{ ...good, scope: ['a'] }, 'claim_scope']
  ]
  for (const [body, reason] of wrong) {
    const { state, verify } = setup()
    state.body = JSON.stringify(body)
    t.equal(await reasonOf(() => verify()), reason, JSON.stringify(body))
  }
})

t.test('RS-5: an answer without our audience is refused by the plugin, also when it is active', async t => {
  for (const aud of [undefined, 'https://other.test', []]) {
    const { state, verifier } = setup()
    state.body = JSON.stringify({ ...good, aud })
    const { app } = await createApp(t, { options: { verify: verifier } })
    t.equal(await reasonOf(() => app.mcpAuth.verify('opaque')), 'audience')
  }
})

t.test('architecture rule 6: what is no answer is 503 with Retry-After, one event each way', async t => {
  const { state, verifier, verify } = setup({ maxFailures: 1000 })
  const events: string[] = []
  verifier.observe?.(event => events.push(event.type))
  const { app } = await createApp(t, { options: { verify: verifier } })
  const outages = [
    { status: 500 },
    { status: 401 },
    { status: 302 },
    { body: '<html>' },
    { body: '[]' },
    { down: true }
  ]
  for (const outage of outages) {
    Object.assign(state, { status: 200, body: JSON.stringify(good), down: false }, outage)
    const response = await app.inject({ url: '/mcp', headers: { authorization: 'Bearer opaque' } })
    t.equal(response.statusCode, 503, JSON.stringify(outage))
    t.ok(Number(response.headers['retry-after']) > 0)
    t.notMatch(response.body, 's3cret')
  }
  t.match(verifier.health?.(), [{ dependency: 'introspection', issuer, state: 'unknown', breaker: 'closed' }])
  Object.assign(state, { status: 200, body: JSON.stringify(good), down: false })
  await verify()
  t.strictSame(events, ['introspection.failed', 'introspection.recovered'])
  t.match(verifier.health?.(), [{ state: 'up' }])
})

t.test('cacheTtl: good answers are remembered, no longer than exp, bad ones never', async t => {
  const { state, clock, verify } = setup({ cacheTtl: 60 })
  const asked = (): number => state.asked.length
  t.equal(await verify(), await verify())
  t.equal(asked(), 1)
  clock.advance(60)
  await verify()
  t.equal(asked(), 2)
  state.body = JSON.stringify({ active: false })
  clock.advance(59)
  t.equal((await verify()).subject, 'alice')
  clock.advance(1)
  t.equal(await reasonOf(() => verify()), 'inactive')
  t.equal(await reasonOf(() => verify()), 'inactive')
  t.equal(asked(), 4)
  state.body = JSON.stringify({ ...good, exp: clock.now() + 10 })
  await verify('short')
  clock.advance(10)
  t.equal(await reasonOf(() => verify('short')), 'expired')
  state.body = JSON.stringify({ ...good, exp: undefined })
  const before = asked()
  await verify('endless')
  await verify('endless')
  t.equal(asked() - before, 2)
  const every = setup({ cacheTtl: 0 })
  await every.verify()
  await every.verify()
  t.equal(every.state.asked.length, 2)
})

t.test('cache rule 11: a crowd with one token asks once, with two tokens twice, and no error is kept', async t => {
  const { state, verify } = setup()
  await Promise.all(Array.from({ length: 40 }, (_, index) => verify(index % 2 ? 'a' : 'b')))
  t.equal(state.asked.length, 2)
  state.down = true
  await Promise.allSettled([verify('c'), verify('c')])
  state.down = false
  t.equal((await verify('c')).subject, 'alice')
})

t.test('RFC 8414 2: the endpoint is found through the metadata', async t => {
  const { state, verify } = setup({ endpoint: undefined })
  await verify()
  t.equal(state.asked[0]?.url, endpoint)
})

t.test('introspection SSRF: a redirect is not followed, and the secret does not travel on', async t => {
  let [asked, stolen] = [0, 0]
  const thief = createServer((_, response) => response.end(JSON.stringify({ ...good, n: ++stolen })))
  const server = createServer((_, response) => {
    asked++
    response.writeHead(307, { location: `http://127.0.0.1:${(thief.address() as AddressInfo).port}/` }).end()
  })
  for (const one of [thief, server]) {
    await new Promise<void>(resolve => one.listen(0, '127.0.0.1', resolve))
    t.teardown(() => one.close())
  }
  const verifier = introspection({ endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/i`, client })
  await t.rejects(async () => verifier.verify('opaque', context), { code: 'FST_OAUTH_UNAVAILABLE' })
  t.equal(asked, 1, 'the operator chose the endpoint: its address may be any')
  t.equal(stolen, 0)
})

t.test('options that cannot work stop the boot, and secrets are not told', t => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const { privateKey: short } = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const wrong: object[] = [
    { client },
    { issuer },
    { issuer: 'http://issuer.test', client },
    { endpoint: 'http://issuer.test/i', client },
    { endpoint: 'nonsense', client },
    { issuer, client: { id: 'rs' } },
    { issuer, client: { id: '', secret: 'x' } },
    { issuer, client: { ...client, method: 'none' } },
    { issuer, client: { id: 'rs', key: 'no key' } },
    { issuer, client: { id: 'rs', key: publicKey } },
    { issuer, client: { id: 'rs', key: privateKey, algorithm: 'ES256' } },
    { issuer, client: { id: 'rs', key: privateKey, algorithm: 'HS256' } },
    { issuer, client: { id: 'rs', key: short } },
    { issuer, client: { id: 'rs', key: privateKey, secret: 's3cret' } },
    { issuer, client: { ...client, methd: 'client_secret_post' } },
    { issuer, client, cacheTtl: -1 },
    { issuer, client, timeout: 0 },
    { issuer, client, maxFailures: 0 },
    { issuer, client, cooldown: 0 },
    { endpoint, client, signedResponses: {} },
    { issuer, client, signedResponses: true },
    { issuer, client, signedResponses: { algorithms: ['HS256'] } },
    { issuer, client, signedResponses: { algorithms: ['none'] } },
    { issuer, client, signedResponses: { jwks: { keys: [] } } },
    { issuer, client, signedResponses: { jwks: {}, jwksUri: `${issuer}/jwks` } }
  ]
  for (const options of wrong)
    t.throws(
      () => introspection(options as never),
      { code: 'FST_OAUTH_OPTION', message: /^(?!.*s3cret).*(option|issuer)/ },
      JSON.stringify(options)
    )
  t.end()
})
