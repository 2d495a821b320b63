/** Answers that the issuer has signed, really signed. */
import { generateKeyPairSync } from 'node:crypto'
import { exportJWK, type JWTPayload, SignJWT } from 'jose'
import t from 'tap'
import { createApp, RESOURCE, reasonOf } from '../app.ts'
import { good, issuer, START, setup } from './introspection-fixture.ts'

const MEDIA_TYPE = 'application/token-introspection+jwt'
const ours = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const theirs = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const jwks = {
  keys: [
    { ...(await exportJWK(ours.publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' },
    { ...(await exportJWK(rsa.publicKey)), kid: 'r1', use: 'sig' }
  ]
}
const header = { alg: 'ES256', kid: 'k1', typ: 'token-introspection+jwt' }
const claims: JWTPayload = { iss: issuer, aud: 'rs', iat: START, token_introspection: good }

async function answer(
  changes: { header?: object; claims?: object; key?: typeof ours.privateKey } = {}
): Promise<string> {
  return new SignJWT({ ...claims, ...changes.claims })
    .setProtectedHeader({ ...header, ...changes.header })
    .sign(changes.key ?? ours.privateKey, { crit: { exp: true } })
}

function signed(options: object = {}) {
  const fixture = setup({ signedResponses: {}, maxFailures: 1000, ...options })
  Object.assign(fixture.state, { contentType: MEDIA_TYPE, jwks })
  return fixture
}

t.test('RFC 9701 5: a plain answer is refused where a signed one is demanded, active or not (downgrade)', async t => {
  const { state, verifier, verify, clock } = signed()
  const { app } = await createApp(t, { options: { verify: verifier, clock } })
  const plain = [
    { contentType: 'application/json', body: JSON.stringify(good) },
    { contentType: 'application/json', body: await answer() },
    { contentType: '', body: await answer() },
    { contentType: 'application/jwt', body: await answer() },
    { body: JSON.stringify(good) },
    { body: JSON.stringify(claims) },
    { body: '' }
  ]
  for (const one of plain) {
    Object.assign(state, { contentType: MEDIA_TYPE }, one)
    const response = await app.inject({ url: '/mcp', headers: { authorization: 'Bearer opaque' } })
    t.equal(response.statusCode, 503, JSON.stringify(one))
    t.ok(response.headers['retry-after'])
  }
  Object.assign(state, { contentType: MEDIA_TYPE, body: await answer() })
  t.match(await verify(), { subject: 'alice', clientId: 'web', scopes: ['a', 'b'], issuer, audience: [RESOURCE] })
})

t.test('RFC 9701 4: asks for a signed answer', async t => {
  const { state, verify } = signed()
  state.body = await answer()
  await verify()
  t.equal(state.asked[0]?.headers['accept'], MEDIA_TYPE)
  t.match(state.asked[0]?.headers['authorization'], /^Basic /)
})

t.test('RFC 9701 8.1: another JWT of the same issuer is no answer', async t => {
  const others = ['at+jwt', 'JWT', 'jwt', undefined, '', 1, 'token-introspection', 'x/token-introspection+jwt']
  for (const typ of [...others, 'token-introspection+jwt2', ['token-introspection+jwt']]) {
    const { state, verify } = signed()
    state.body = await answer({ header: { typ } })
    await t.rejects(verify(), { code: 'FST_OAUTH_UNAVAILABLE' }, String(typ))
  }
  const { state, verify } = signed()
  state.body = await answer({ header: { typ: 'application/Token-Introspection+JWT' } })
  t.equal((await verify()).subject, 'alice')
})

t.test('RFC 9701 5: issuer, audience, time and content have to be right', async t => {
  const wrong: object[] = [
    { iss: 'https://other.test' },
    { iss: undefined },
    { iss: [issuer] },
    { aud: 'somebody' },
    { aud: undefined },
    { aud: [] },
    { aud: ['RS'] },
    { aud: RESOURCE },
    { iat: undefined },
    { iat: 'now' },
    { iat: START - 301 },
    { iat: START + 301 },
    { exp: START },
    { exp: 'later' },
    { nbf: START + 301 },
    { nbf: `${START}` },
    { nbf: null },
    { token_introspection: undefined },
    { token_introspection: null },
    { token_introspection: [good] },
    { token_introspection: JSON.stringify(good) },
    { ...good, token_introspection: undefined }
  ]
  for (const changes of wrong) {
    const { state, verify } = signed()
    state.body = await answer({ claims: changes })
    await t.rejects(verify(), { code: 'FST_OAUTH_UNAVAILABLE' }, JSON.stringify(changes))
  }
  const { state, verify } = signed()
  state.body = await answer({ claims: { aud: ['x', 'rs'], iat: START - 300, exp: START + 1, nbf: START + 300 } })
  t.equal((await verify()).subject, 'alice')
})

t.test('RFC 9110 8.3: the type of a signed answer may have parameters, and blanks stand around it', async t => {
  const { state, verify } = signed()
  Object.assign(state, { contentType: ` ${MEDIA_TYPE} ; charset=utf-8`, body: `${await answer()}\n` })
  t.equal((await verify()).subject, 'alice')
})

t.test('RFC 9701 5, RFC 8725 3.1: the signature is of the issuer, with an algorithm of the list', async t => {
  const secret = Buffer.from(rsa.publicKey.export({ type: 'spki', format: 'pem' }))
  const hmac = await new SignJWT(claims).setProtectedHeader({ ...header, alg: 'HS256', kid: 'r1' }).sign(secret)
  const [head = '', body = '', signature = ''] = (await answer()).split('.')
  const none = Buffer.from(JSON.stringify({ ...header, alg: 'none' })).toString('base64url')
  const tampered = Buffer.from(JSON.stringify({ ...claims, token_introspection: { ...good, sub: 'admin' } })).toString(
    'base64url'
  )
  const wrong = [
    await answer({ key: theirs.privateKey }),
    await answer({ key: theirs.privateKey, header: { jwk: await exportJWK(theirs.publicKey) } }),
    await answer({ header: { kid: 'k2' } }),
    await answer({ header: { crit: ['exp'], exp: START + 1 } }),
    await answer({ header: { alg: 'PS384', kid: 'r1' }, key: rsa.privateKey }),
    hmac,
    `${none}.${body}.`,
    `${none}.${body}.${signature}`,
    `${head}.${tampered}.${signature}`,
    `${head}.${body}.`,
    `${head}.${body}.${signature}.x.y`
  ]
  for (const [index, body] of wrong.entries()) {
    const { state, verify } = signed()
    state.body = body
    await t.rejects(verify(), { code: 'FST_OAUTH_UNAVAILABLE' }, String(index))
  }
  const { state, verify } = signed()
  state.body = await answer({ header: { alg: 'PS256', kid: 'r1' }, key: rsa.privateKey })
  t.equal((await verify()).subject, 'alice')
})

t.test('RFC 9701 5: a signed no is a no, and what is signed is judged like any other answer', async t => {
  const bodies: [object, string][] = [
    [{ active: false }, 'inactive'],
    [{ ...good, active: 'true' }, 'inactive'],
    [{ ...good, iss: 'https://other.test' }, 'issuer'],
    [{ ...good, exp: START }, 'expired']
  ]
  for (const [token_introspection, reason] of bodies) {
    const { state, verify, verifier } = signed()
    state.body = await answer({ claims: { token_introspection } })
    t.equal(await reasonOf(() => verify()), reason)
    t.match(verifier.health?.(), [{ dependency: 'introspection', state: 'up' }])
  }
})

t.test('the keys may be part of the configuration, or fetched ahead, and are part of the health', async t => {
  const fixed = signed({ signedResponses: { jwks } })
  Object.assign(fixed.state, { jwks: { keys: [] }, body: await answer() })
  t.equal((await fixed.verify()).subject, 'alice')
  const ahead = signed()
  await ahead.verifier.prepare?.()
  t.match(ahead.verifier.health?.(), [{ dependency: 'introspection' }, { dependency: 'jwks', issuer, state: 'up' }])
  t.equal(ahead.state.asked.length, 0)
})

t.test('RFC 9701 6: an issuer that rotates its keys is followed', async t => {
  const { state, verify, clock } = signed({ cacheTtl: 0 })
  state.body = await answer()
  await verify()
  state.jwks = { keys: [{ ...(await exportJWK(theirs.publicKey)), kid: 'k2', alg: 'ES256' }] }
  clock.advance(60)
  state.body = await answer({ header: { kid: 'k2' }, key: theirs.privateKey, claims: { iat: clock.now() } })
  t.equal((await verify()).subject, 'alice')
})
