/** Tokens that only the app can judge: of its own table, of a vendor's SDK, of a gateway in front. */
import {
  type Clock,
  isOAuthError,
  isUnavailableError,
  OAuthError,
  systemClock,
  UnavailableError
} from '@fastify-mcp-auth/core'
import type { VerificationContext, VerifiedToken, Verifier } from '../types.ts'

/** What the app found out about a token. */
export interface OpaqueToken {
  readonly subject: string
  /** `subject` when left out. */
  readonly clientId?: string
  readonly scopes?: readonly string[]
  /** Who the token is for; has to name the resource. */
  readonly audience: string | readonly string[]
  /** Epoch seconds; an end that has come is noticed here. */
  readonly expiresAt?: number | null
  /** The resource itself when left out. */
  readonly issuer?: string
  readonly organization?: string | null
  readonly claims?: { readonly [name: string]: unknown }
}

/** Null says that the token is not good. */
export type OpaqueCheck = (
  token: string,
  context: VerificationContext
) => OpaqueToken | null | Promise<OpaqueToken | null>

/** What `opaque()` takes besides the check. */
export interface OpaqueOptions {
  /** For the metadata: authorization servers that give out such tokens. */
  readonly issuers?: readonly string[]
  /** For `chain()`: whether a token looks like one of these. Every token does when it is left out. */
  readonly accepts?: (token: string) => boolean
  /** Time source, for tests. */
  readonly clock?: Clock
}

/**
 * Asks `check` about every token, and remembers nothing.
 *
 * An exception that is neither an `OAuthError` nor an `UnavailableError` counts as an outage, 503: nobody gets in because a database was down,
 * and nobody is signed out because of it.
 */
export function opaque(check: OpaqueCheck, options: OpaqueOptions = {}): Verifier {
  const { issuers = [], accepts, clock = systemClock } = options
  return Object.freeze({
    issuers: Object.freeze([...issuers]),
    ...(accepts ? { accepts } : {}),
    async verify(token: string, context: VerificationContext): Promise<VerifiedToken> {
      const found = await ask(() => check(token, context), 'opaque')
      if (!found) throw new OAuthError('invalid_token', 'the token is not known', { reason: 'unknown_token' })
      return toVerifiedToken(found, { clock, issuer: context.resource })
    }
  })
}

/** @throws UnavailableError for everything that is not a verdict */
export async function ask<T>(question: () => T | Promise<T>, owner: string): Promise<T> {
  try {
    return await question()
  } catch (cause) {
    if (isOAuthError(cause) || isUnavailableError(cause)) throw cause
    throw new UnavailableError(`${owner}: the check of the app failed`, { cause })
  }
}

/**
 * @throws OAuthError `invalid_token` when it has expired
 * @throws TypeError when the app answered something else than a token
 */
export function toVerifiedToken(
  found: OpaqueToken,
  { clock, issuer }: { readonly clock: Clock; readonly issuer: string }
): VerifiedToken {
  const { subject, clientId = subject, scopes = [], expiresAt = null, organization = null, claims = {} } = found
  const texts = [subject, clientId, found.issuer ?? issuer, ...[found.audience].flat(), ...scopes]
  if (texts.some(text => typeof text !== 'string' || text === '') || typeof scopes === 'string')
    throw new TypeError('subject, clientId, issuer, audience and scopes of a token must be text that is not empty')
  if (expiresAt !== null && !Number.isFinite(expiresAt)) throw new TypeError('expiresAt of a token must be seconds')
  if (expiresAt !== null && expiresAt <= clock.now())
    throw new OAuthError('invalid_token', 'the token has expired', { reason: 'expired' })
  return {
    subject,
    clientId,
    scopes: [...scopes],
    issuer: found.issuer ?? issuer,
    audience: [found.audience].flat(),
    expiresAt,
    organization,
    claims: { ...claims }
  }
}
