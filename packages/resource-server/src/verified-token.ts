/**
 * What a cache may hand out again and again. A verifier of the app may fill the same object anew for every token; only of our own it is
 * known that an object always says the same.
 */
import type { AuthInfo, VerifiedToken } from './types.ts'

/** A copy that is frozen all the way down. @returns the same object when it is one already */
export function sealVerifiedToken(verified: VerifiedToken): SealedToken {
  if (SealedToken.is(verified)) return verified
  return new SealedToken(verified, [...verified.scopes], [...verified.audience])
}

/** The same without copies: for what was made for this one token, and that nobody else holds. */
export function sealOwnToken(verified: VerifiedToken): SealedToken {
  return new SealedToken(verified, verified.scopes, verified.audience)
}

// A class, because a private field cannot be forged and costs nothing to look for; a WeakSet costs half a microsecond for each new token.
export class SealedToken implements VerifiedToken {
  readonly subject: string
  readonly clientId: string
  readonly scopes: readonly string[]
  readonly issuer: string
  readonly audience: readonly string[]
  readonly expiresAt: number | null
  readonly organization: string | null
  readonly claims: VerifiedToken['claims']
  readonly props: unknown
  #extra: AuthInfo['extra'] | null = null

  constructor(verified: VerifiedToken, scopes: readonly string[], audience: readonly string[]) {
    this.subject = verified.subject
    this.clientId = verified.clientId
    this.scopes = Object.freeze(scopes)
    this.issuer = verified.issuer
    this.audience = Object.freeze(audience)
    this.expiresAt = verified.expiresAt
    this.organization = verified.organization
    this.claims = deepFreeze(verified.claims)
    this.props = deepFreeze(verified.props ?? null)
    Object.freeze(this)
  }

  static is(verified: VerifiedToken): verified is SealedToken {
    return #extra in verified
  }

  /** What the MCP SDKs get besides the members that they know. Frozen, so that all requests with the token can have the same. */
  get extra(): AuthInfo['extra'] {
    this.#extra ??= extraOf(this)
    return this.#extra
  }
}

function extraOf({ subject, issuer, organization, claims, props }: SealedToken): AuthInfo['extra'] {
  const extra = { sub: subject, iss: issuer, organization, claims }
  if (props !== null) Object.defineProperty(extra, 'props', { value: props, enumerable: false })
  return Object.freeze(extra)
}

/** Freezes arrays and plain objects, all the way down; what cannot be frozen stays as it is. */
export function deepFreeze<T>(value: T, seen?: Set<unknown>): T {
  if (!isPlain(value) || seen?.has(value)) return value
  // Claims are mostly flat: without members to follow there is nothing to keep.
  for (const name in value) {
    const member: unknown = value[name]
    if (isPlain(member)) deepFreeze(member, (seen ?? new Set()).add(value))
  }
  return Object.freeze(value)
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return Array.isArray(value) || prototype === Object.prototype || prototype === null
}
