import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { OAuthError } from '@fastify-mcp-auth/core'
import { CompactSign, createLocalJWKSet, jwtVerify } from 'jose'
import t from 'tap'
import type { ServerContext } from '../../src/context.ts'
import { type Algorithm, isSignature, signBytes } from '../../src/tokens/algorithms.ts'
import { readOwnJwt } from '../../src/tokens/own-jwt.ts'
import { refusalOf } from '../fixture.ts'

const NOW = 1_800_000_000
const ISSUER = 'https://auth.example.com'
const HEADER = { alg: 'ES256', typ: 'at+jwt', kid: 'one' }
const CLAIMS = { iss: ISSUER, iat: NOW - 10, exp: NOW + 10 }

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** A server with one key; whatever is signed with it is ours. */
const server = {
  issuer: ISSUER,
  clock: { now: () => NOW },
  keys: {
    async verificationKey({ kid, alg }: { kid: unknown; alg: unknown }): Promise<{ key: KeyObject; alg: Algorithm }> {
      if (kid === HEADER.kid && alg === HEADER.alg) return { key: publicKey, alg: 'ES256' }
      throw new OAuthError('invalid_token', 'another key', { reason: 'unknown_key' })
    }
  }
} as unknown as ServerContext

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

function signed(header: unknown = HEADER, claims: unknown = CLAIMS): string {
  const content = `${encode(header)}.${encode(claims)}`
  return `${content}.${signBytes('ES256', privateKey, Buffer.from(content)).toString('base64url')}`
}

const verdict = (token: string): Promise<string> => refusalOf(readOwnJwt(server, token, 'at+jwt'))

t.test('RFC 7519 7.2: signed by us and nevertheless refused, each for its own reason', async t => {
  const cases: [what: string, token: string, reason: string][] = [
    ['another kind of token', signed({ ...HEADER, typ: 'JWT' }), 'header'],
    ['no kind', signed({ alg: 'ES256', kid: 'one' }), 'header'],
    ['a critical header', signed({ ...HEADER, crit: ['exp'], exp: 1 }), 'header'],
    ['unencoded payload', signed({ ...HEADER, b64: false }), 'header'],
    ['alg none', signed({ ...HEADER, alg: 'none' }), 'unknown_key'],
    ['a secret in the place of a public key', signed({ ...HEADER, alg: 'HS256' }), 'unknown_key'],
    ['no kid', signed({ alg: 'ES256', typ: 'at+jwt' }), 'unknown_key'],
    ['another issuer', signed(HEADER, { ...CLAIMS, iss: `${ISSUER}/` }), 'issuer'],
    ['the last second is over', signed(HEADER, { ...CLAIMS, exp: NOW }), 'expired'],
    ['no end', signed(HEADER, { iss: ISSUER, iat: NOW }), 'expired'],
    ['an end that is a text', signed(HEADER, { ...CLAIMS, exp: String(NOW + 10) }), 'expired'],
    ['no beginning', signed(HEADER, { iss: ISSUER, exp: NOW + 10 }), 'claims'],
    ['not yet', signed(HEADER, { ...CLAIMS, nbf: NOW + 1 }), 'not_yet_valid'],
    ['a text for when', signed(HEADER, { ...CLAIMS, nbf: '0' }), 'not_yet_valid'],
    ['a list for claims', signed(HEADER, [CLAIMS]), 'not_a_jwt'],
    ['a fourth part', `${signed()}.`, 'not_a_jwt'],
    ['two parts', signed().split('.').slice(0, 2).join('.'), 'signature']
  ]
  for (const [what, token, reason] of cases) t.equal(await verdict(token), reason, what)
  t.strictSame(await readOwnJwt(server, signed(HEADER, { ...CLAIMS, nbf: NOW }), 'at+jwt'), { ...CLAIMS, nbf: NOW })
})

t.test('RFC 7515 5.2: a signature has one spelling and one length', async t => {
  const token = signed()
  const end = token.lastIndexOf('.') + 1
  const signature = token.slice(end)
  const bytes = Buffer.from(signature, 'base64url')
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  // 64 bytes end in a character with two meaningful bits: the next one in the alphabet decodes to the same bytes.
  const twin = alphabet[alphabet.indexOf(signature.at(-1) ?? '') + 1] ?? ''
  const bad = [
    signature.slice(0, -1) + twin,
    `${signature}==`,
    `${signature} `,
    signature.slice(0, -4),
    Buffer.concat([bytes, Buffer.alloc(1)]).toString('base64url'),
    Buffer.concat([Buffer.alloc(1), bytes]).toString('base64url'),
    Buffer.alloc(64).toString('base64url'),
    // r and s the other way round
    Buffer.concat([bytes.subarray(32), bytes.subarray(0, 32)]).toString('base64url'),
    ''
  ]
  for (const other of bad) t.equal(await verdict(token.slice(0, end) + other), 'signature', other)
  t.equal(await verdict(token), 'accepted')
})

t.test('a token whose signature was checked before is judged anew in everything else', async t => {
  const token = signed()
  const [header, claims, signature] = token.split('.')
  t.equal(await verdict(token), 'accepted')
  t.equal(await verdict(token), 'accepted', 'remembered')
  const later = { ...server, clock: { now: () => CLAIMS.exp } } as ServerContext
  t.equal(await refusalOf(readOwnJwt(later, token, 'at+jwt')), 'expired')
  t.equal(await refusalOf(readOwnJwt({ ...server, issuer: `${ISSUER}/2` } as ServerContext, token, 'at+jwt')), 'issuer')
  t.equal(await refusalOf(readOwnJwt(server, token, 'JWT')), 'header')
  const wider = encode({ ...CLAIMS, scope: 'notes:admin' })
  t.equal(await verdict(`${header}.${wider}.${signature}`), 'signature', 'its signature is good for nothing else')
  t.equal(await verdict(`${header}.${claims}.${signature?.slice(0, -4)}AAAA`), 'signature')
  const foreign = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
  const renewed = { ...server, keys: { verificationKey: async () => ({ key: foreign, alg: 'ES256' }) } }
  t.equal(await refusalOf(readOwnJwt(renewed as unknown as ServerContext, token, 'at+jwt')), 'signature', 'another key')
  const retired = {
    ...server,
    keys: { verificationKey: () => server.keys.verificationKey({ kid: 'x', alg: 'ES256' }) }
  }
  t.equal(await refusalOf(readOwnJwt(retired as unknown as ServerContext, token, 'at+jwt')), 'unknown_key', 'no key')
})

t.test('RFC 7518 3.4: every signature is understood, however long its two numbers are', async t => {
  const keys = createLocalJWKSet({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'ES256' }] })
  const seen = { short: 0, high: 0 }
  // One number in 256 is a byte shorter; 600 signatures have 1,200 numbers, so none at all is one chance in a hundred.
  for (let i = 0; i < 600; i++) {
    const data = Buffer.from(`message ${i}`)
    const signature = signBytes('ES256', privateKey, data)
    for (const number of [signature.subarray(0, 32), signature.subarray(32)]) {
      if (number[0] === 0) seen.short++
      if ((number[0] ?? 0) > 0x7f) seen.high++
    }
    if (!isSignature('ES256', publicKey, { data, signature })) t.fail(`of ${i}: ${signature.toString('hex')}`)
    signature[i % 64] = (signature[i % 64] ?? 0) ^ 1
    if (isSignature('ES256', publicKey, { data, signature })) t.fail(`altered, of ${i}`)
  }
  t.ok(seen.high > 0, `${seen.high} numbers need a zero in front, ${seen.short} are shorter`)
  await t.resolves(jwtVerify(signed(), keys, { currentDate: new Date(NOW * 1000) }), 'a library takes ours')
  const theirs = await new CompactSign(Buffer.from(JSON.stringify(CLAIMS))).setProtectedHeader(HEADER).sign(privateKey)
  t.equal(await verdict(theirs), 'accepted', "and we take the library's")
})
