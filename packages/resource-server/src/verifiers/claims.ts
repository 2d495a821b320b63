/**
 * Claims of a JWT access token, checked for their types: what a claim is compared with is worth nothing when it may be an array or an
 * object.
 *
 * @see RFC 9068 section 2.2, RFC 8725 section 3
 */
import { type AccessTokenClaims, isOAuthError, OAuthError, parseScope } from '@fastify-mcp-auth/core'
import type { VerifiedToken } from '../types.ts'

/** Which claims have to be there, and as what. */
export interface ClaimTypes {
  readonly texts: readonly string[]
  /** Epoch seconds. */
  readonly times: readonly string[]
  readonly optionalTimes: readonly string[]
}

const RFC_9068: ClaimTypes = {
  texts: ['iss', 'sub', 'client_id', 'jti'],
  times: ['exp', 'iat'],
  optionalTimes: ['nbf', 'auth_time']
}

/**
 * Does not compare anything: neither issuer, audience nor time.
 *
 * @throws OAuthError `invalid_token` naming the claim
 */
export function assertClaims(claims: Record<string, unknown>): asserts claims is AccessTokenClaims {
  assertTypes(claims, RFC_9068)
  if (claims['scope'] !== undefined && typeof claims['scope'] !== 'string') throw wrongClaim('scope')
}

/**
 * The audience has to be there in any case.
 *
 * @throws OAuthError `invalid_token` naming the claim
 */
export function assertTypes(claims: Record<string, unknown>, { texts, times, optionalTimes }: ClaimTypes): void {
  for (const name of texts) if (!isText(claims[name])) throw wrongClaim(name)
  for (const name of times) if (!isTime(claims[name])) throw wrongClaim(name)
  for (const name of optionalTimes) if (claims[name] !== undefined && !isTime(claims[name])) throw wrongClaim(name)
  const { aud } = claims
  if (!isText(aud) && !(Array.isArray(aud) && aud.length > 0 && aud.every(isText))) throw wrongClaim('aud')
}

/** @throws OAuthError `invalid_token` when the scope is not one */
export function fromClaims(claims: AccessTokenClaims): VerifiedToken {
  const organization: unknown = 'org_id' in claims ? claims.org_id : undefined
  return {
    subject: claims.sub,
    clientId: claims.client_id,
    scopes: scopesOf(claims.scope),
    issuer: claims.iss,
    audience: typeof claims.aud === 'string' ? [claims.aud] : [...claims.aud],
    expiresAt: claims.exp,
    organization: typeof organization === 'string' ? organization : null,
    claims
  }
}

function scopesOf(scope: string | undefined): string[] {
  try {
    return parseScope(scope)
  } catch (error) {
    // At this place a bad scope is a bad token: nobody asked for it in this request.
    throw isOAuthError(error) ? wrongClaim('scope') : error
  }
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

// JSON can say 1e999, which is a number for a parser and no time.
export function isTime(value: unknown): value is number {
  return Number.isFinite(value)
}

export function wrongClaim(name: string): OAuthError {
  return new OAuthError('invalid_token', `the token has no usable claim ${name}`, { reason: `claim_${name}` })
}
