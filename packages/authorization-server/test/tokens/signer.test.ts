import { type ChildProcess, fork } from 'node:child_process'
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { once } from 'node:events'
import { createLocalJWKSet, jwtVerify } from 'jose'
import t, { type Test } from 'tap'
import type { ExternalSigner } from '../../src/index.ts'
import { buildServer, ORIGIN, RESOURCE, refusalOf } from '../fixture.ts'
import { observableStorage } from '../observable-storage.ts'

type Encoding = 'ieee-p1363' | 'der'

/** A signer whose key is in another process. */
async function kms(t: Test, dsaEncoding: Encoding = 'ieee-p1363') {
  const child = fork(new URL('./kms.js', import.meta.url), { execArgv: [] })
  t.teardown(() => child.kill())
  const [{ publicJwk }] = await once(child, 'message')
  const signer: ExternalSigner = {
    algorithm: 'ES256',
    publicJwk,
    sign: (data, { signal }) => ask(child, { data, dsaEncoding, signal })
  }
  return { child, signer }
}

let asked = 0

async function ask(
  child: ChildProcess,
  { data, dsaEncoding, signal }: { data: Uint8Array; dsaEncoding: Encoding; signal: AbortSignal }
) {
  const id = ++asked
  if (!child.connected) throw new Error('the service is gone')
  child.send({ id, dsaEncoding, data: Buffer.from(data).toString('base64') })
  for (;;) {
    const [message] = await once(child, 'message', { signal })
    if (message.id === id) return Buffer.from(message.signature, 'base64')
  }
}

const booted = (t: Test, ...signers: ExternalSigner[]) => buildServer(t, { options: { signers } })

t.test('a key that never leaves another process signs tokens, and is published', async t => {
  const { signer } = await kms(t)
  const server = await booted(t, signer)
  const { access_token: token } = await server.client().connect()
  const set = (await server.app.inject('/.well-known/jwks.json')).json()
  t.match(set.keys, [{ ...signer.publicJwk, alg: 'ES256', use: 'sig', kid: /^[\w-]{43}$/ }])
  t.equal(set.keys.length, 1, 'and no other key')
  await t.resolves(
    jwtVerify(token, createLocalJWKSet(set), {
      issuer: ORIGIN,
      audience: RESOURCE,
      typ: 'at+jwt',
      currentDate: new Date(server.clock.now() * 1000)
    })
  )
  t.equal(await refusalOf(server.app.authorizationServer.verifyAccessToken(token, RESOURCE)), 'accepted')
  t.notMatch(await server.storage.dump(), 'signing_keys')
  const { keys } = server.app.authorizationServer
  t.match(await keys.rotate(), [{ state: 'current', alg: 'ES256' }], 'nothing of ours to rotate')
})

t.test(
  'RFC 6749 5.2: when the service is gone no token is issued, the code stays good, and it is an outage',
  async t => {
    const { child, signer } = await kms(t)
    const server = await booted(t, signer)
    const client = server.client()
    const answer = await client.authorize()
    child.kill()
    await once(child, 'exit')
    const before = await server.storage.dump()
    const response = await client.redeem(answer)
    t.equal(response.statusCode, 503)
    t.ok(response.headers['retry-after'])
    t.match(response.json(), { error: 'temporarily_unavailable' })
    t.equal(await server.storage.dump(), before)
  }
)

t.test(
  'a key of ours that a signer took the place of: its tokens stay good, until it is said to be stolen',
  async t => {
    const storage = observableStorage()
    const options = { encryptionKeys: [randomBytes(32).toString('base64')] }
    const before = await buildServer(t, { storage, options })
    const { access_token: token } = await before.client().connect()
    const after = await buildServer(t, { storage, options: { ...options, signers: [local()] } })
    const { keys, verifyAccessToken, cleanup } = after.app.authorizationServer
    t.strictSame(
      (await keys.list()).map(({ state }) => state),
      ['previous', 'current']
    )
    await keys.rotate()
    await cleanup()
    t.equal(await refusalOf(verifyAccessToken(token, RESOURCE)), 'accepted')
    t.strictSame(
      (await keys.rotate({ immediately: true })).map(({ state }) => state),
      ['current']
    )
    t.equal(await refusalOf(verifyAccessToken(token, RESOURCE)), 'not_acceptable')
    t.equal((await after.app.inject('/.well-known/jwks.json')).json().keys.length, 1)
    const { access_token: fresh } = await after.client().connect()
    t.equal(await refusalOf(verifyAccessToken(fresh, RESOURCE)), 'accepted')
  }
)

t.test('a second signer is published before it signs, and takes over when it is put in front', async t => {
  const [one, two] = [local(), local()]
  const before = await booted(t, one, two)
  const { keys } = (await before.app.inject('/.well-known/jwks.json')).json()
  t.equal(keys.length, 2)
  t.strictSame(
    (await before.app.authorizationServer.keys.list()).map(({ state }) => state),
    ['current', 'next']
  )
  const after = await booted(t, two, one)
  const { access_token: token } = await after.client().connect()
  t.equal(JSON.parse(atob(token.split('.')[0] ?? '')).kid, keys[1].kid)
})

t.test('RFC 7518 3.4: a signer that cannot work stops the boot and is named', async t => {
  const good = local()
  const { signer: asn1 } = await kms(t, 'der')
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  const wrong: [string, Partial<ExternalSigner> & object][] = [
    ['ASN.1 instead of r and s', asn1],
    ['a signature of another key', { ...good, sign: local().sign }],
    ['a signature of other data', { ...good, sign: (_data, rest) => good.sign(Buffer.from('x'), rest) }],
    ['nothing', { ...good, sign: async () => new Uint8Array(0) }],
    ['a private key', { ...good, publicJwk: { ...good.publicJwk, d: 'x' } }],
    ['no key', { ...good, publicJwk: {} }],
    ['a key for another algorithm', { ...good, algorithm: 'EdDSA' }],
    ['an algorithm that is none', { ...good, algorithm: 'none' as 'ES256' }],
    ['an HMAC', { ...good, algorithm: 'HS256' as 'ES256' }],
    [
      'another curve',
      {
        ...good,
        publicJwk: p384.publicKey.export({ format: 'jwk' }),
        sign: data => sign('sha256', data, { key: p384.privateKey, dsaEncoding: 'ieee-p1363' })
      }
    ],
    [
      'a short RSA key',
      {
        algorithm: 'RS256',
        publicJwk: rsa.publicKey.export({ format: 'jwk' }),
        sign: data => sign('sha256', data, rsa.privateKey)
      }
    ],
    ['no function', { ...good, sign: 'x' as never }]
  ]
  for (const [what, signer] of wrong)
    await t.rejects(booted(t, signer as ExternalSigner), { code: 'FST_OAUTH_OPTION', message: /"signers/ }, what)
  await t.rejects(booted(t, good, good), { code: 'FST_OAUTH_OPTION', message: /"signers"/ }, 'the same twice')
  await t.resolves(booted(t, good), 'the control')
})

function local(): ExternalSigner {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    algorithm: 'ES256',
    publicJwk: publicKey.export({ format: 'jwk' }),
    sign: data => sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' })
  }
}
