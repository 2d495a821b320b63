/**
 * Claims of a JWT access token, checked for their types: what a claim is compared with is worth nothing when it may be an array or an
 * object.
 *
 * @see RFC 9068 section 2.2, RFC 8725 section 3
 */
import { type AccessTokenClaims, isOAuthError, OAuthError, parseScope } from '@fastify-mcp-auth/core'
import type { VerifiedToken } from '../types.ts'

const STRINGS = ['iss', 'sub', 'client_id', 'jti'] as const
const TIMES = ['exp', 'iat'] as const
const OPTIONAL_TIMES = ['nbf', 'auth_time'] as const

/**
 * Does not compare anything: neither issuer, audience nor time.
 *
 * @throws OAuthError `invalid_token` naming the claim
 */
export function assertClaims(claims: Record<string, unknown>): asserts claims is AccessTokenClaims {
  for (const name of STRINGS) if (!isText(claims[name])) throw wrongClaim(name)
  for (const name of TIMES) if (!isTime(claims[name])) throw wrongClaim(name)
  for (const name of OPTIONAL_TIMES) if (claims[name] !== undefined && !isTime(claims[name])) throw wrongClaim(name)
  const { aud, scope } = claims
  if (!isText(aud) && !(Array.isArray(aud) && aud.length > 0 && aud.every(isText))) throw wrongClaim('aud')
  if (scope !== undefined && typeof scope !== 'string') throw wrongClaim('scope')
}

/** @throws OAuthError `invalid_token` when the scope is not one */
export function fromClaims(claims: AccessTokenClaims): VerifiedToken {
  const organization: unknown = 'org_id' in claims ? claims.org_id : undefined
  return {
    subject: claims.sub,
    clientId: claims.client_id,
    scopes: scopesOf(claims.scope),
    issuer: claims.iss,
    audience: [claims.aud].flat(),
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

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

// JSON can say 1e999, which is a number for a parser and no time.
function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function wrongClaim(name: string): OAuthError {
  return new OAuthError('invalid_token', `the token has no usable claim ${name}`, { reason: `claim_${name}` })
}
