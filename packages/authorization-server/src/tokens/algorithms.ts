/**
 * The signature algorithms that we offer, and how node:crypto is told about each.
 *
 * @see RFC 7518 section 3, RFC 8037 section 3.1
 */
import { constants, createHmac, type KeyObject, sign, verify } from 'node:crypto'
import { equalBytesInConstantTime } from '@fastify-mcp-auth/core'

/** With a key that may be published. */
export const PUBLIC_ALGORITHMS = ['ES256', 'RS256', 'PS256', 'EdDSA'] as const
export type PublicAlgorithm = (typeof PUBLIC_ALGORITHMS)[number]

/** HS256 has a secret in the place of a public key: only this very server can check it. */
export type Algorithm = PublicAlgorithm | 'HS256'

const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }

/** Bytes of r and of s of an ES256 signature. */
const P256 = 32

/**
 * On this thread: another one costs more than the signature does, and so does a promise (measured for ES256: a quarter of the CPU time
 * of the same token through WebCrypto).
 */
export function signBytes(alg: Algorithm, key: KeyObject, data: Buffer): Buffer {
  switch (alg) {
    case 'HS256':
      return createHmac('sha256', key).update(data).digest()
    case 'EdDSA':
      return sign(null, data, key)
    case 'PS256':
      return sign('sha256', data, { key, ...PSS })
    case 'RS256':
      return sign('sha256', data, key)
    case 'ES256':
      // `ieee-p1363` of OpenSSL 3.5 takes twice as long as this.
      return joinedOf(sign('sha256', data, key))
  }
}

/** False, never an error, for a signature of another length or kind. */
export function isSignature(alg: Algorithm, key: KeyObject, { data, signature }: Record<'data' | 'signature', Buffer>) {
  switch (alg) {
    case 'HS256':
      return equalBytesInConstantTime(createHmac('sha256', key).update(data).digest(), signature)
    case 'EdDSA':
      return verify(null, data, key, signature)
    case 'PS256':
      return verify('sha256', data, { key, ...PSS }, signature)
    case 'RS256':
      return verify('sha256', data, key, signature)
    case 'ES256':
      // For the same reason as when signing.
      return signature.length === 2 * P256 && verify('sha256', data, key, sequenceOf(signature))
  }
}

/** The ASN.1 sequence of two integers as RFC 7518 section 3.4 has it: both in full length, one after the other. */
function joinedOf(der: Buffer): Buffer {
  const joined = Buffer.alloc(2 * P256)
  // 0x30, length, then twice 0x02, length, number. All lengths of P-256 fit into one byte.
  const first = der.subarray(4, 4 + (der[3] ?? 0))
  const second = der.subarray(6 + first.length)
  putNumber(joined, first, P256)
  putNumber(joined, second, 2 * P256)
  return joined
}

/** The other way round. */
function sequenceOf(signature: Buffer): Buffer {
  const numbers = Buffer.concat([integerOf(signature.subarray(0, P256)), integerOf(signature.subarray(P256))])
  return Buffer.concat([Buffer.of(0x30, numbers.length), numbers])
}

// As short as possible, and with a zero in front where the first bit would make it negative.
function integerOf(bytes: Buffer): Buffer {
  let start = 0
  while (start < P256 - 1 && bytes[start] === 0) start++
  const zeros = (bytes[start] ?? 0) > 0x7f ? 1 : 0
  const length = P256 - start + zeros
  return Buffer.concat([Buffer.of(0x02, length), Buffer.alloc(zeros), bytes.subarray(start)])
}

// A leading zero keeps a number positive and is no part of it; a short number gets its zeros from the empty buffer.
function putNumber(target: Buffer, number: Buffer, end: number): void {
  const bytes = number.subarray(Math.max(0, number.length - P256))
  bytes.copy(target, end - bytes.length)
}
