/**
 * What makes a JWT an access token: strictly as RFC 9068 has it, or as issuers have it that came before, still without taking an ID token
 * for one.
 *
 * @see RFC 9068 sections 2 and 4, RFC 8725 sections 3.11 and 3.12
 */
import { type AccessTokenClaims, isOAuthError, isScopeToken, type OAuthError } from '@fastify-mcp-auth/core'
import type { VerifiedToken } from '../types.ts'
import { assertClaims, assertTypes, fromClaims, wrongClaim } from './claims.ts'
import { refused, type SignedToken } from './signed-token.ts'

export type Profile = 'rfc9068' | 'lenient'

/** Reads the scopes out of the claims, instead of the claim `scope`. */
export type ScopeMapper = (claims: { readonly [name: string]: unknown }) => readonly string[]

const TYPES: Record<Profile, RegExp> = {
  rfc9068: /^(application\/)?at\+jwt$/i,
  lenient: /^(application\/)?(at\+)?jwt$/i
}

/**
 * Looks at the type only, so that a token of another kind costs no key.
 *
 * @throws OAuthError `invalid_token`; for an ID token it says so
 */
export function assertAccessToken({ header, claims }: SignedToken, profile: Profile): void {
  const { typ } = header
  // As nearly all issuers write it, and otherwise in any case.
  const isTyped = typ === 'at+jwt' || (typeof typ === 'string' && TYPES.rfc9068.test(typ))
  if (isTyped) return
  if (isIdToken(header, claims)) throw refused('this is an ID token: send the access token instead', 'id_token')
  if (profile === 'rfc9068') throw refused('the token is not an access token of RFC 9068 (typ at+jwt)', 'type')
  const isLenient = typ === undefined || (typeof typ === 'string' && TYPES.lenient.test(typ))
  if (!isLenient || isOtherToken(claims)) throw refused('the token is not an access token', 'type')
}

// Amazon Cognito says it with token_use, Keycloak with a claim typ. Both say of an access token that it is one, even with a nonce in it.
function isIdToken(header: SignedToken['header'], claims: SignedToken['claims']): boolean {
  if (claims['token_use'] === 'id' || isWord(claims['typ'], 'id') || isWord(header['typ'], 'id')) return true
  if (claims['token_use'] === 'access' || isWord(claims['typ'], 'bearer')) return false
  return ['nonce', 'at_hash', 'c_hash', 's_hash'].some(name => name in claims)
}

// A refresh, offline or logout token of the same issuer, which may well be signed with the same key.
function isOtherToken({ token_use, typ, events }: SignedToken['claims']): boolean {
  if (events !== undefined || (token_use !== undefined && token_use !== 'access')) return true
  return typ !== undefined && !isWord(typ, 'bearer') && !isWord(typ, 'at+jwt')
}

function isWord(value: unknown, word: string): boolean {
  return typeof value === 'string' && value.toLowerCase() === word
}

/**
 * Does not compare anything: neither issuer, audience nor time.
 *
 * @throws OAuthError `invalid_token` naming the claim
 */
export function readClaims(
  claims: SignedToken['claims'],
  profile: Profile,
  mapScopes: ScopeMapper | undefined
): VerifiedToken {
  if (profile === 'lenient') return fromLenientClaims(claims, mapScopes)
  assertClaims(claims)
  return mapScopes
    ? { ...fromClaims({ ...claims, scope: '' }), claims, scopes: mapped(claims, mapScopes) }
    : fromClaims(claims)
}

const CLIENT_CLAIMS = ['client_id', 'azp', 'cid', 'appid'] as const

function fromLenientClaims(claims: SignedToken['claims'], mapScopes: ScopeMapper | undefined): VerifiedToken {
  assertTypes(claims, { texts: ['iss', 'sub'], times: ['exp'], optionalTimes: ['iat', 'nbf', 'auth_time'] })
  const client = CLIENT_CLAIMS.find(name => claims[name] !== undefined && claims[name] !== null)
  const clientId = client && claims[client]
  if (typeof clientId !== 'string' || clientId === '') throw wrongClaim('client_id')
  const { iss, sub, aud, exp, org_id } = claims as unknown as AccessTokenClaims & { org_id?: unknown }
  return {
    subject: sub,
    clientId,
    scopes: mapScopes
      ? mapped(claims, mapScopes)
      : [...new Set([...scopesIn(claims, 'scope'), ...scopesIn(claims, 'scp')])],
    issuer: iss,
    audience: typeof aud === 'string' ? [aud] : [...aud],
    expiresAt: exp,
    organization: typeof org_id === 'string' ? org_id : null,
    claims
  }
}

function scopesIn(claims: SignedToken['claims'], name: string): string[] {
  const value = claims[name]
  const words = typeof value === 'string' ? value.split(' ').filter(word => word !== '') : (value ?? [])
  if (!isScopes(words)) throw wrongClaim(name)
  return words
}

function mapped(claims: SignedToken['claims'], mapScopes: ScopeMapper): string[] {
  try {
    const scopes: unknown = mapScopes(claims)
    if (isScopes(scopes)) return [...scopes]
  } catch (cause) {
    // Claims are whatever an issuer writes: a mapper that stumbles over them has not found any scope.
    throw isOAuthError(cause) ? cause : unmapped()
  }
  throw unmapped()
}

function unmapped(): OAuthError {
  return refused('the scopes of the token cannot be read', 'map_scopes')
}

function isScopes(value: unknown): value is string[] {
  return (
    Array.isArray(value) &&
    value.length <= 100 &&
    value.every(scope => typeof scope === 'string' && isScopeToken(scope))
  )
}
