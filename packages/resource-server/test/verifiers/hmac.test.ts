import { createHmac, generateKeyPairSync, randomBytes } from 'node:crypto'
import { createTestIssuer } from '@fastify-mcp-auth/testing'
import { exportJWK, exportSPKI, SignJWT } from 'jose'
import t from 'tap'
import { hmac } from '../../src/index.ts'
import { createApp, RESOURCE, reasonOf } from '../app.ts'

const context = { resource: RESOURCE, request: null }
const issuer = 'https://issuer.test'
const secret = randomBytes(32)
const now = Math.floor(Date.now() / 1000)
const claims = { iss: issuer, sub: 'alice', aud: RESOURCE, exp: now + 300, iat: now, jti: 'j', client_id: 'client' }

function sign(content: object = {}, key: Uint8Array = secret, alg = 'HS256'): Promise<string> {
  return new SignJWT({ ...claims, ...content }).setProtectedHeader({ alg, typ: 'at+jwt' }).sign(key)
}

t.test('RFC 7518 3.2: takes tokens that were signed with the secret, and remembers them', async t => {
  const verifier = hmac({ issuer, secret })
  const token = await sign()
  const first = verifier.verify(token, context)
  t.match(first, { subject: 'alice', clientId: 'client', audience: [RESOURCE] })
  const second = verifier.verify(token, context)
  t.same(second, first)
  t.equal(verifier.verify(token, context), second)
  const { app } = await createApp(t, { options: { verify: verifier } })
  t.equal((await app.mcpAuth.verify(token)).subject, 'alice')
  const foreign = await sign({ aud: 'https://other.test' })
  t.equal(await reasonOf(() => app.mcpAuth.verify(foreign)), 'audience')
})

t.test('RFC 8725 2.1: neither another secret, another algorithm, nor anything shorter', async t => {
  const verifier = hmac({ issuer, secret })
  const long = randomBytes(64)
  const good = await sign()
  const wrong: [string, string][] = [
    [await sign({}, randomBytes(32)), 'signature'],
    [await sign({}, long, 'HS512'), 'algorithm'],
    [good.slice(0, good.lastIndexOf('.') + 1), 'signature'],
    [good.slice(0, -1), 'signature'],
    [`${good}A`, 'signature'],
    [await sign({ iss: 'https://other.test' }), 'issuer'],
    [await sign({ exp: now - 60 }), 'expired'],
    [await sign({ sub: 7 as unknown as string }), 'claim_sub']
  ]
  for (const [token, reason] of wrong) t.equal(await reasonOf(() => verifier.verify(token, context)), reason)
  for (const { name, token } of await (await createTestIssuer({ issuer })).wrong({ resource: RESOURCE }))
    t.type(await reasonOf(() => verifier.verify(token, context)), 'string', name)
  t.match(hmac({ issuer, secret: long, algorithms: ['HS512'] }).verify(await sign({}, long, 'HS512'), context), {
    subject: 'alice'
  })
})

t.test('CVE-2015-9235: alg none and an empty signature', async t => {
  const verifier = hmac({ issuer, secret })
  for (const alg of ['none', 'None', 'NONE']) {
    const header = Buffer.from(JSON.stringify({ alg, typ: 'at+jwt' })).toString('base64url')
    const body = Buffer.from(JSON.stringify(claims)).toString('base64url')
    const mac = createHmac('sha256', secret).update(`${header}.${body}`).digest('base64url')
    for (const signature of ['', mac])
      t.equal(await reasonOf(() => verifier.verify(`${header}.${body}.${signature}`, context)), 'algorithm')
  }
})

t.test(
  'CVE-2023-48223, CVE-2026-34950, GHSA-mvf2-f6gm-w987, GHSA-ww5h-9m49-7xx4: a public key in any dress is no secret',
  async t => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
    const der = publicKey.export({ type: 'spki', format: 'der' })
    const secrets: (string | Uint8Array)[] = [
      pem,
      `\n\t ${pem}`,
      `\uFEFF${pem}`,
      `# a comment\n${pem}`,
      Buffer.from(pem),
      Buffer.from(pem).toString('base64'),
      pem.replace(/-----.*-----/g, '').trim(),
      der,
      publicKey.export({ type: 'pkcs1', format: 'der' }),
      publicKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
      privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      privateKey.export({ type: 'pkcs8', format: 'der' })
    ]
    for (const value of secrets)
      t.throws(() => hmac({ issuer, secret: value }), { code: 'FST_OAUTH_OPTION', message: /jwt\(\)/ })
  }
)

t.test('GHSA-g3jj-5cmm-3hxx, CVE-2026-48526, CVE-2022-29217: nor a JWK, a key set or an SSH key', async t => {
  const { publicKey } = generateKeyPairSync('ed25519')
  const jwk = { ...(await exportJWK(publicKey)), kid: 'a' }
  t.match(await exportSPKI(publicKey), 'BEGIN')
  const secrets = [
    JSON.stringify(jwk),
    ` ${JSON.stringify(jwk, null, 2)}`,
    `\uFEFF${JSON.stringify(jwk)}`,
    JSON.stringify({ keys: [jwk] }),
    JSON.stringify([jwk]),
    Buffer.from(JSON.stringify(jwk)).toString('base64url'),
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB1G3Z0h0mJ8l8m0m1m2m3m4m5m6m7m8m9m0m1m2m3m4 me@host',
    'AAAAC3NzaC1lZDI1NTE5AAAAIB1G3Z0h0mJ8l8m0m1m2m3m4m5m6m7m8m9m0m1m2m3m4',
    'ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBB'
  ]
  for (const value of secrets)
    t.throws(() => hmac({ issuer, secret: value }), { code: 'FST_OAUTH_OPTION', message: /jwt\(\)/ }, value)
})

t.test('a secret that is empty, short or a placeholder stops the boot, and is not told', t => {
  const wrong: [unknown, object][] = [
    ['', {}],
    ['x'.repeat(31), {}],
    ['x'.repeat(64), {}],
    [new Uint8Array(32), {}],
    [randomBytes(32), { algorithms: ['HS384'] }],
    [randomBytes(63), { algorithms: ['HS256', 'HS512'] }],
    [undefined, {}],
    [42, {}],
    [secret, { algorithms: ['RS256'] }],
    [secret, { issuer: 'http://issuer.test' }]
  ]
  for (const [value, options] of wrong)
    t.throws(() => hmac({ issuer, secret: value as string, ...options }), { code: 'FST_OAUTH_OPTION' })
  try {
    hmac({ issuer, secret: 'hunter2' })
  } catch (error) {
    t.notMatch(String(error), 'hunter2')
  }
  for (let round = 0; round < 200; round++) t.doesNotThrow(() => hmac({ issuer, secret: randomBytes(32) }))
  t.end()
})

t.test('RFC 7515 2: what is not base64url is no JWT, even when it was signed like that', async t => {
  const verifier = hmac({ issuer, secret })
  const encode = (text: string): string => Buffer.from(text).toString('base64url')
  const signed = (content: string): string =>
    `${content}.${createHmac('sha256', secret).update(content).digest('base64url')}`
  const header = encode('{"alg":"HS256","typ":"at+jwt"}')
  const text = JSON.stringify(claims)
  // Whole groups of four characters: one more stands for nothing.
  const body = encode(text + ' '.repeat((3 - (text.length % 3)) % 3))
  t.match(await verifier.verify(signed(`${header}.${body}`), context), { subject: 'alice' })
  for (const stray of ['!', ' ', 'é', '=', 'A', '\n', '!!'])
    for (const spelled of [body + stray, body.slice(0, 8) + stray + body.slice(8)]) {
      const reason = await reasonOf(() => verifier.verify(signed(`${header}.${spelled}`), context))
      t.equal(reason, 'not_a_jwt', JSON.stringify(stray))
    }
})
