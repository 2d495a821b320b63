/**
 * The one place where signatures and MACs of tokens are checked. Synchronous: on another thread the same check costs more than it takes, and
 * keys are made once, not for each token.
 *
 * The algorithm has been compared with the configured list before, and the key was looked up for exactly this algorithm.
 *
 * @see RFC 7515 section 5.2, RFC 7518 section 3, RFC 8037 section 3.1
 */
import { constants, type KeyObject, verify } from 'node:crypto'
import type { MacHash } from '@fastify-mcp-auth/core'
import { isMacOf } from './mac.ts'

interface Scheme {
  readonly kind: 'rsa' | 'pss' | 'ecdsa' | 'eddsa' | 'hmac'
  /** Null: the scheme has its own. */
  readonly hash: MacHash | null
  /** Bytes of r and of s; 0 for other schemes. */
  readonly size: number
}

const SCHEMES: ReadonlyMap<string, Scheme> = new Map([
  ...(['256', '384', '512'] as const).flatMap((bits): [string, Scheme][] => [
    [`RS${bits}`, { kind: 'rsa', hash: `sha${bits}`, size: 0 }],
    [`PS${bits}`, { kind: 'pss', hash: `sha${bits}`, size: 0 }],
    [`HS${bits}`, { kind: 'hmac', hash: `sha${bits}`, size: 0 }],
    [`ES${bits}`, { kind: 'ecdsa', hash: `sha${bits}`, size: bits === '512' ? 66 : Number(bits) / 8 }]
  ]),
  ['EdDSA', { kind: 'eddsa', hash: null, size: 0 }],
  ['Ed25519', { kind: 'eddsa', hash: null, size: 0 }]
])

/** What is to be checked: `content` is header and claims as they were sent, with the dot between them. */
export interface SignedContent {
  readonly alg: string
  readonly content: string
  /** Base64url. */
  readonly signature: string
}

/** Does not look at header nor claims. False, never an error, for a signature that is malformed or of another length. */
export function isSignedBy(key: KeyObject, { alg, content, signature }: SignedContent): boolean {
  const scheme = SCHEMES.get(alg)
  if (!scheme) return false
  // A secret must never be taken for a public key, nor the other way round.
  if ((scheme.kind === 'hmac') !== (key.type === 'secret')) return false
  if (scheme.kind === 'hmac')
    return scheme.hash !== null && isMacOf(key, { hash: scheme.hash, content, mac: signature })
  const bytes = Buffer.from(signature, 'base64url')
  // One signature, one spelling: the decoder skips stray bits and foreign characters without a word.
  if (bytes.toString('base64url') !== signature) return false
  const data = bytesOf(content)
  switch (scheme.kind) {
    case 'pss':
      return verify(scheme.hash, data, { key, ...PSS }, bytes)
    case 'ecdsa':
      // OpenSSL's own reading of r and s (`ieee-p1363`) takes a third longer on Node 24 than this and DER together.
      return bytes.length === 2 * scheme.size && verify(scheme.hash, data, key, derOf(bytes, scheme.size))
    default:
      return verify(scheme.hash, data, key, bytes)
  }
}

/** Where content is laid out for OpenSSL; three bytes are the most that a character of a string takes. */
const CONTENT = Buffer.allocUnsafeSlow(3 * 8192)

function bytesOf(content: string): Buffer {
  return 3 * content.length > CONTENT.length ? Buffer.from(content) : CONTENT.subarray(0, CONTENT.write(content))
}

const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }

/** r and s of RFC 7518 section 3.4 as the ASN.1 sequence that OpenSSL reads. */
function derOf(signature: Buffer, size: number): Buffer {
  const r = integerStart(signature, 0, size)
  const s = integerStart(signature, size, 2 * size)
  const rLength = size - r + pad(signature, r)
  const sLength = 2 * size - s + pad(signature, s)
  const length = 4 + rLength + sLength
  const der = Buffer.allocUnsafe((length > 0x7f ? 3 : 2) + length)
  let at = 0
  der[at++] = 0x30
  if (length > 0x7f) der[at++] = 0x81
  der[at++] = length
  at = writeInteger(der, at, { bytes: signature, start: r, end: size, length: rLength })
  writeInteger(der, at, { bytes: signature, start: s, end: 2 * size, length: sLength })
  return der
}

/** Where the number begins, after its leading zeros; zero keeps one. */
function integerStart(bytes: Buffer, from: number, end: number): number {
  let start = from
  while (start < end - 1 && bytes[start] === 0) start++
  return start
}

// A number whose first bit is set would be read as negative.
function pad(bytes: Buffer, start: number): number {
  return (bytes[start] ?? 0) > 0x7f ? 1 : 0
}

function writeInteger(
  der: Buffer,
  from: number,
  number: { bytes: Buffer; start: number; end: number; length: number }
): number {
  const { bytes, start, end, length } = number
  der[from] = 0x02
  der[from + 1] = length
  der[from + 2] = 0
  bytes.copy(der, from + 2 + length - (end - start), start, end)
  return from + 2 + length
}
