/**
 * What a token endpoint gave, with ends that are points in time. A relative lifetime that is stored reads as "still good" for ever.
 *
 * @see RFC 6749 section 5.1
 */
import { isOAuthError, parseScope } from '@fastify-mcp-auth/core'
import { decodeJwt } from 'jose'

export interface TokenSet {
  readonly accessToken: string
  readonly refreshToken: string | null
  readonly tokenType: 'Bearer' | 'DPoP'
  /** Epoch seconds; null when nobody said, and then it is used until it is refused. */
  readonly expiresAt: number | null
  readonly lifetime: number | null
  readonly refreshExpiresAt: number | null
  /** Null when the answer does not say: what was asked for was granted. */
  readonly scopes: readonly string[] | null
}

/** Nobody may make us hold a token for longer than this, in seconds. */
const LONGEST = 10 * 365 * 86_400

/**
 * @param body of the answer, as JSON
 * @param settings `defaultLifetime`: seconds, when neither the answer nor the token says
 * @returns null for something that is no answer with a token of a type that we can present
 */
export function readTokenSet(
  body: unknown,
  { now, defaultLifetime }: { readonly now: number; readonly defaultLifetime: number | undefined }
): TokenSet | null {
  if (typeof body !== 'object' || body === null) return null
  const { access_token, refresh_token, token_type, expires_in, scope, ...more } = body as Record<string, unknown>
  if (!isToken(access_token)) return null
  const type = token_type === undefined ? 'bearer' : String(token_type).toLowerCase()
  if (type !== 'bearer' && type !== 'dpop') return null
  const lifetime = secondsOf(expires_in) ?? lifetimeOfJwt(access_token, now) ?? defaultLifetime ?? null
  const refreshLifetime = secondsOf(more['refresh_token_expires_in'] ?? more['refresh_expires_in'])
  return {
    accessToken: access_token,
    refreshToken: isToken(refresh_token) ? refresh_token : null,
    tokenType: type === 'dpop' ? 'DPoP' : 'Bearer',
    expiresAt: lifetime === null ? null : now + lifetime,
    lifetime,
    refreshExpiresAt: refreshLifetime === null ? null : now + refreshLifetime,
    scopes: typeof scope === 'string' ? scopesOf(scope) : null
  }
}

// It becomes part of a header.
function isToken(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 16_384 && /^[\x21-\x7E]+$/.test(value)
}

function secondsOf(value: unknown): number | null {
  const seconds = typeof value === 'string' && /^\d{1,12}$/.test(value) ? Number(value) : value
  if (typeof seconds !== 'number' || !Number.isFinite(seconds) || seconds < 0) return null
  return Math.min(Math.floor(seconds), LONGEST)
}

/** Not verified: it only says when to ask for the next one. */
function lifetimeOfJwt(token: string, now: number): number | null {
  if (token.split('.').length !== 3) return null
  try {
    const { exp } = decodeJwt(token)
    return typeof exp === 'number' && Number.isFinite(exp)
      ? Math.max(0, Math.min(Math.floor(exp - now), LONGEST))
      : null
  } catch {
    return null
  }
}

function scopesOf(scope: string): string[] | null {
  try {
    // GitHub separates by commas.
    return parseScope(scope.replaceAll(',', ' '))
  } catch (error) {
    if (isOAuthError(error)) return null
    throw error
  }
}
