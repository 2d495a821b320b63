/**
 * JWTs that this server signed itself, read back. Synchronous but for the look at the keys: a signature that is checked on another
 * thread, or through a library's promises, takes half as much time again.
 *
 * @see RFC 7515 section 5.2, RFC 7519 section 7.2, RFC 8725 sections 3.1 and 3.11
 */
import type { KeyObject } from 'node:crypto'
import { digest, OAuthError } from '@fastify-mcp-auth/core'
import type { ServerContext } from '../context.ts'
import { isSignature } from './algorithms.ts'

export interface JwtClaims {
  readonly [name: string]: unknown
}

/**
 * Signature, type, issuer and times, without tolerance: the clock that is compared is the one that issued. Nothing else about the
 * claims is checked.
 *
 * @param typ what kind of token it has to be
 * @param options `past`: also one that has expired, and by a key that was retired: it says what was, and opens nothing
 * @throws OAuthError `invalid_token`
 * @throws UnavailableError when the keys cannot be read
 */
export async function readOwnJwt(
  server: ServerContext,
  token: string,
  typ: string,
  { past = false }: { past?: boolean } = {}
): Promise<JwtClaims> {
  const [encodedHeader = '', encodedClaims = '', encodedSignature = '', ...more] = token.split('.')
  const header = decode(encodedHeader)
  const claims = decode(encodedClaims)
  if (!header || !claims || more.length > 0) throw refused('not_a_jwt')
  // We sign nothing that has critical headers, so there is none to be understood. @see RFC 7515 section 4.1.11
  if (header['typ'] !== typ || 'crit' in header || 'b64' in header) throw refused('header')
  // By kid and algorithm together: a public key is never taken for a secret, and no token chooses how it is checked.
  const { key, alg } = await server.keys.verificationKey({ kid: header['kid'], alg: header['alg'], past })
  if (!wasSignedBy(key, token)) {
    const data = Buffer.from(`${encodedHeader}.${encodedClaims}`)
    const signature = bytesOf(encodedSignature)
    if (!signature || !isSignature(alg, key, { data, signature })) throw refused('signature')
    rememberSigned(key, token)
  }
  assertTimes(claims, server.clock.now(), past)
  if (claims['iss'] !== server.issuer) throw refused('issuer')
  return claims
}

/** Tokens for each key; one that is forgotten is checked once more. */
const MAX_REMEMBERED = 5000

/**
 * Digests of whole tokens whose signature a key has checked: it never becomes another one, and a resource server asks about the same
 * token with every request. Nothing else about a token is remembered, and with a key go its tokens.
 */
const signed = new WeakMap<KeyObject, Set<string>>()

function wasSignedBy(key: KeyObject, token: string): boolean {
  return signed.get(key)?.has(digest(token)) ?? false
}

function rememberSigned(key: KeyObject, token: string): void {
  const known = signed.get(key) ?? new Set()
  const [oldest] = known
  if (known.size >= MAX_REMEMBERED && oldest !== undefined) known.delete(oldest)
  signed.set(key, known.add(digest(token)))
}

function assertTimes({ exp, nbf, iat }: JwtClaims, now: number, past: boolean): void {
  if (typeof exp !== 'number' || (exp <= now && !past)) throw refused('expired')
  if (typeof iat !== 'number') throw refused('claims')
  if (nbf !== undefined && (typeof nbf !== 'number' || nbf > now)) throw refused('not_yet_valid')
}

function decode(part: string): JwtClaims | null {
  try {
    const value: unknown = JSON.parse(bytesOf(part)?.toString('utf8') ?? '')
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JwtClaims) : null
  } catch {
    return null
  }
}

/** Null for what is not base64url in its one spelling: the decoder skips stray bits and foreign characters without a word. */
function bytesOf(part: string): Buffer | null {
  const bytes = Buffer.from(part, 'base64url')
  return bytes.toString('base64url') === part ? bytes : null
}

function refused(reason: string): OAuthError {
  return new OAuthError('invalid_token', 'the token is not one of this server', { reason })
}
