/**
 * A signed JWT, taken apart. Nothing here is verified yet.
 *
 * @see RFC 7515 sections 3.1 and 4.1, RFC 7519 section 7.2
 */
import { OAuthError } from '@fastify-mcp-auth/core'

export interface SignedToken {
  readonly header: JoseHeader
  /** What stands before the first dot, as it was sent. */
  readonly encodedHeader: string
  readonly claims: { readonly [name: string]: unknown }
  /** The very text that was decoded, which is what the signature is checked over. */
  readonly content: string
  readonly signature: string
}

export interface JoseHeader {
  readonly [name: string]: unknown
}

const NO_HEADERS: ReadonlyMap<string, JoseHeader> = new Map()

/**
 * @param headers decoded before, by their encoding
 * @throws OAuthError `invalid_token` for what is not a JWT of three parts
 */
export function readSignedToken(token: string, headers = NO_HEADERS): SignedToken {
  const signed = takeApart(token, headers)
  if (!signed) throw refused('the token is not a signed JWT', 'not_a_jwt')
  return signed
}

/** Who says that it issued the token, and with which algorithm; null for what is not a JWT. Proves nothing. */
export function peek(token: string): { readonly iss: unknown; readonly alg: unknown } | null {
  const signed = takeApart(token, NO_HEADERS)
  return signed && { iss: signed.claims['iss'], alg: signed.header['alg'] }
}

function takeApart(token: string, headers: ReadonlyMap<string, JoseHeader>): SignedToken | null {
  const first = token.indexOf('.')
  const second = token.indexOf('.', first + 1)
  if (second === -1 || token.includes('.', second + 1)) return null
  const encodedHeader = token.slice(0, first)
  const header = headers.get(encodedHeader) ?? parseObject(encodedHeader)
  const claims = parseObject(token.slice(first + 1, second))
  if (!header || !claims) return null
  return { header, encodedHeader, claims, content: token.slice(0, second), signature: token.slice(second + 1) }
}

/** Where parts are decoded, one after the other: a buffer for each of them is work for the collection of garbage. */
const DECODED = Buffer.allocUnsafeSlow(8192)

function parseObject(part: string): Record<string, unknown> | null {
  try {
    const bytes = part.length <= DECODED.length ? DECODED : Buffer.allocUnsafe(part.length)
    const length = bytes.write(part, 'base64url')
    // The decoder skips what is not base64url without a word; then there is less than the length promises.
    if (part.length % 4 === 1 || length !== Math.floor((part.length * 3) / 4)) return null
    const value: unknown = JSON.parse(bytes.toString('utf8', 0, length))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null
  } catch {
    return null
  }
}

/**
 * jwk, jku, x5u and x5c are not even looked at: a token does not get to say which key it is checked with.
 *
 * @throws OAuthError `invalid_token`
 */
export function assertHeader(header: JoseHeader, algorithms: readonly string[]): { alg: string; kid?: string } {
  const { alg, kid, crit, b64 } = header
  if (typeof alg !== 'string' || !algorithms.includes(alg))
    throw refused('the token is signed with an algorithm that is not accepted', 'algorithm')
  // RFC 7515 section 4.1.11: what is critical has to be understood, and nothing here is.
  if (crit !== undefined || b64 !== undefined) throw refused('the token has critical headers', 'critical_header')
  if (kid === undefined) return { alg }
  if (typeof kid !== 'string') throw refused('the token has no usable kid', 'kid')
  return { alg, kid }
}

export function refused(description: string, reason: string): OAuthError {
  return new OAuthError('invalid_token', description, { reason })
}
