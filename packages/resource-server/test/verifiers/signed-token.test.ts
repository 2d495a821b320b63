import t from 'tap'
import { assertHeader, peek, readSignedToken } from '../../src/verifiers/signed-token.ts'

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
// As many bytes as make groups of four characters, so that a stray one shows.
const HEADER = encode({ alg: 'ES256', kid: 'abc' })
const CLAIMS = encode({ iss: 'https://a.test', sub: 'alice' })
const REFUSED = { name: 'OAuthError', error: 'invalid_token' } as const

t.test('RFC 7519 7.2: what is not three parts of base64url with two JSON objects is not a JWT', async t => {
  t.equal(HEADER.length % 4, 0)
  const wrong = [
    '',
    '.',
    '..',
    '...',
    HEADER,
    `${HEADER}A`,
    `${HEADER}.${CLAIMS}`,
    `.${HEADER}.${CLAIMS}`,
    `${HEADER}.${CLAIMS}.s.`,
    `${HEADER}.${CLAIMS}.s.t.u`,
    `${HEADER}A.${CLAIMS}.s`,
    `${HEADER}.${CLAIMS}!.s`,
    `${HEADER} .${CLAIMS}.s`,
    `${HEADER}==.${CLAIMS}.s`,
    `${HEADER.slice(0, 4)}*${HEADER.slice(4)}.${CLAIMS}.s`,
    ...[null, 7, 'text', [], [{ alg: 'ES256' }], true].flatMap(value => [
      `${encode(value)}.${CLAIMS}.s`,
      `${HEADER}.${encode(value)}.s`
    ]),
    `${HEADER}.${Buffer.from('{"iss":').toString('base64url')}.s`
  ]
  for (const token of wrong) {
    t.throws(() => readSignedToken(token), { ...REFUSED, reason: 'not_a_jwt' }, token)
    t.equal(peek(token), null, token)
  }
})

t.test('RFC 7515 5.2: the parts come as they were sent, also an empty signature', async t => {
  for (const signature of ['', 'abc'])
    t.strictSame(readSignedToken(`${HEADER}.${CLAIMS}.${signature}`), {
      header: { alg: 'ES256', kid: 'abc' },
      encodedHeader: HEADER,
      claims: { iss: 'https://a.test', sub: 'alice' },
      content: `${HEADER}.${CLAIMS}`,
      signature
    })
  t.strictSame(peek(`${HEADER}.${CLAIMS}.`), { iss: 'https://a.test', alg: 'ES256' })
  t.equal(readSignedToken(`${HEADER}.${CLAIMS}.s`).encodedHeader, HEADER)
  const kept = { alg: 'ES256', from: 'memory' }
  t.equal(readSignedToken(`${HEADER}.${CLAIMS}.s`, new Map([[HEADER, kept]])).header, kept)
})

t.test('RFC 8725 3.1: only an algorithm of the list, nothing critical, and a kid that is text', async t => {
  const algorithms = ['ES256', 'RS256']
  for (const alg of [undefined, null, 7, 'none', 'HS256', 'es256', ['ES256'], { toString: () => 'ES256' }])
    t.throws(() => assertHeader({ alg }, algorithms), { ...REFUSED, reason: 'algorithm' })
  for (const critical of [{ crit: [] }, { crit: ['b64'] }, { crit: null }, { b64: true }, { b64: false }])
    t.throws(() => assertHeader({ alg: 'ES256', ...critical }, algorithms), { ...REFUSED, reason: 'critical_header' })
  for (const kid of [null, 7, ['a'], {}])
    t.throws(() => assertHeader({ alg: 'ES256', kid }, algorithms), { ...REFUSED, reason: 'kid' })
  t.strictSame(assertHeader({ alg: 'RS256', jku: 'https://evil.test', jwk: {} }, algorithms), { alg: 'RS256' })
  t.strictSame(assertHeader({ alg: 'ES256', kid: '' }, algorithms), { alg: 'ES256', kid: '' })
})
