/**
 * Access tokens that are wrong in exactly one way each, so that a check that is missing shows.
 *
 * @see RFC 8725 section 2
 */
import { createHmac } from 'node:crypto'
import { exportJWK, exportSPKI } from 'jose'
import { createTestKey, type TestKey } from './issuer-keys.ts'

export interface WrongToken {
  /** What is wrong with it. */
  readonly name: string
  readonly token: string
}

/** A good token, taken apart. */
export interface TokenParts {
  readonly header: { readonly [name: string]: unknown }
  readonly claims: { readonly [name: string]: unknown }
  /** ES256. */
  readonly key: TestKey
  readonly rsa: TestKey
  /** Epoch seconds. */
  readonly now: number
}

type Change = readonly [name: string, change: { header?: object; claims?: object }]

/** One of each kind. */
export async function wrongTokens(parts: TokenParts): Promise<WrongToken[]> {
  const signed = await Promise.all(
    [...wrongClaims(parts), ...wrongHeaders(parts)].map(async ([name, { header, claims }]) => ({
      name,
      token: await sign({ ...parts, header: { ...parts.header, ...header }, claims: { ...parts.claims, ...claims } })
    }))
  )
  return [
    ...signed,
    ...(await wrongKeys(parts)),
    ...(await wrongSecrets(parts)),
    ...wrongSignatures(parts, await sign(parts))
  ]
}

function wrongClaims({ claims, now }: TokenParts): Change[] {
  const { iss, aud, sub, client_id } = claims
  const missing = ['iss', 'sub', 'aud', 'exp', 'iat', 'jti', 'client_id']
  return [
    ...missing.map(name => [`${name} is missing`, { claims: { [name]: undefined } }] as const),
    ['iss of somebody else', { claims: { iss: 'https://other-issuer.test' } }],
    ['iss with an added slash', { claims: { iss: `${iss}/` } }],
    ['iss is an array with the right one', { claims: { iss: ['https://other-issuer.test', iss] } }],
    ['aud of somebody else', { claims: { aud: 'https://other-resource.test/mcp' } }],
    ['aud is only the beginning', { claims: { aud: new URL(String(aud)).origin } }],
    ['aud goes on', { claims: { aud: `${aud}/more` } }],
    ['aud is an object', { claims: { aud: { 0: aud, length: 1 } } }],
    ['aud is an empty array', { claims: { aud: [] } }],
    ['aud is an array with a number', { claims: { aud: [aud, 1] } }],
    ['sub is an array', { claims: { sub: [sub] } }],
    ['sub is empty', { claims: { sub: '' } }],
    ['client_id is an array', { claims: { client_id: [client_id] } }],
    ['scope is an array', { claims: { scope: ['mcp:tools'] } }],
    ['scope has a quote', { claims: { scope: 'a"b' } }],
    ['exp has passed', { claims: { exp: now - 3600 } }],
    ['exp is text', { claims: { exp: String(now + 300) } }],
    ['exp is null', { claims: { exp: null } }],
    ['nbf is to come', { claims: { nbf: now + 3600 } }],
    ['nbf is text', { claims: { nbf: 'soon' } }],
    ['iat is text', { claims: { iat: 'now' } }]
  ]
}

function wrongHeaders({ header, claims }: TokenParts): Change[] {
  return [
    ['typ is missing', { header: { typ: undefined } }],
    ['typ is JWT', { header: { typ: 'JWT' } }],
    ['typ of a logout token', { header: { typ: 'logout+jwt' } }],
    ['an ID token', { header: { typ: 'JWT' }, claims: { aud: claims.client_id, nonce: 'n-1', at_hash: 'h' } }],
    ['kid is not known', { header: { kid: 'nobody' } }],
    ['kid is a path', { header: { kid: '../../etc/passwd' } }],
    ['kid is __proto__', { header: { kid: '__proto__' } }],
    ['kid is very long', { header: { kid: 'k'.repeat(3000) } }],
    ['kid is a number', { header: { kid: 1 } }],
    ['kid has a line break', { header: { kid: `${header.kid}\r\nx: y` } }],
    ['crit is not understood', { header: { crit: ['exp'], exp: 1 } }],
    ['crit is empty', { header: { crit: [] } }],
    ['b64 without crit', { header: { b64: true } }]
  ]
}

/** Signed by a key that the token itself brings, or that the issuer uses for something else. */
async function wrongKeys(parts: TokenParts): Promise<WrongToken[]> {
  const own = await createTestKey('ES256', 'own')
  const jwk = await exportJWK(own.publicKey)
  const withHeader = (header: object, key: TestKey = own): Promise<string> =>
    sign({ ...parts, header: { ...parts.header, ...header }, key })
  return [
    { name: 'signed by somebody else', token: await withHeader({}) },
    { name: 'jwk in the header', token: await withHeader({ jwk }) },
    { name: 'jwk in the header, no kid', token: await withHeader({ jwk, kid: undefined }) },
    { name: 'jku in the header', token: await withHeader({ jku: 'http://127.0.0.1:9/jwks', kid: 'own' }) },
    { name: 'x5u in the header', token: await withHeader({ x5u: 'http://127.0.0.1:9/cert', kid: 'own' }) },
    { name: 'alg of another key', token: await withHeader({ alg: 'RS256', kid: parts.key.kid }, parts.rsa) }
  ]
}

/** Unsigned, or signed with something public as if it were a secret. */
async function wrongSecrets(parts: TokenParts): Promise<WrongToken[]> {
  const pem = await exportSPKI(parts.rsa.publicKey)
  const jwk = JSON.stringify(await exportJWK(parts.key.publicKey))
  const none = ['none', 'None', 'NONE'].map(alg => ({ name: `alg is ${alg}`, token: `${content(parts, { alg })}.` }))
  const secrets: [string, string][] = [
    ['the public PEM', pem],
    ['the public PEM after a line break', `\n${pem}`],
    ['the public JWK', jwk],
    ['nothing', '']
  ]
  const hashed = secrets.map(([name, secret]) => {
    const input = content(parts, { alg: 'HS256', kid: parts.rsa.kid })
    return {
      name: `HS256 with ${name}`,
      token: `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
    }
  })
  return [...none, ...hashed]
}

function wrongSignatures({ claims }: TokenParts, good: string): WrongToken[] {
  const [header, , signature] = good.split('.')
  const altered = encode({ ...claims, sub: 'mallory' })
  return [
    { name: 'no signature', token: good.slice(0, good.lastIndexOf('.') + 1) },
    { name: 'altered claims', token: `${header}.${altered}.${signature}` },
    { name: 'two parts', token: good.slice(0, good.lastIndexOf('.')) },
    { name: 'four parts', token: `${good}.x` },
    { name: 'five parts', token: `${good}.x.y` },
    { name: 'claims are no JSON', token: `${header}.e30x.${signature}` },
    { name: 'claims are an array', token: `${header}.${encode([])}.${signature}` },
    { name: 'no JWT at all', token: 'opaque-token' }
  ]
}

// By hand, because a library refuses to write what it would refuse to read.
async function sign({ header, claims, key }: TokenParts): Promise<string> {
  const input = `${encode(header)}.${encode(claims)}`
  const algorithm = key.algorithm === 'RS256' ? 'RSASSA-PKCS1-v1_5' : { name: 'ECDSA', hash: 'SHA-256' }
  const signature = await crypto.subtle.sign(algorithm, key.privateKey, Buffer.from(input))
  return `${input}.${Buffer.from(signature).toString('base64url')}`
}

function content({ header, claims }: TokenParts, change: object): string {
  return `${encode({ ...header, ...change })}.${encode(claims)}`
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
