/**
 * What a cache may hand out again and again. A verifier of the app may fill the same object anew for every token; only of our own it is
 * known that an object always says the same.
 */
import type { VerifiedToken } from './types.ts'

/** A copy that is frozen all the way down. @returns the same object when it is one already */
export function sealVerifiedToken(verified: VerifiedToken): VerifiedToken {
  return SealedToken.is(verified) ? verified : new SealedToken(verified)
}

// A class, because a private field cannot be forged and costs nothing to look for; a WeakSet costs half a microsecond for each new token.
class SealedToken implements VerifiedToken {
  readonly subject: string
  readonly clientId: string
  readonly scopes: readonly string[]
  readonly issuer: string
  readonly audience: readonly string[]
  readonly expiresAt: number | null
  readonly organization: string | null
  readonly claims: VerifiedToken['claims']
  readonly props: unknown
  readonly #sealed = true

  constructor(verified: VerifiedToken) {
    this.subject = verified.subject
    this.clientId = verified.clientId
    this.scopes = Object.freeze([...verified.scopes])
    this.issuer = verified.issuer
    this.audience = Object.freeze([...verified.audience])
    this.expiresAt = verified.expiresAt
    this.organization = verified.organization
    this.claims = deepFreeze(verified.claims)
    this.props = deepFreeze(verified.props)
    Object.freeze(this)
  }

  static is(verified: VerifiedToken): boolean {
    return #sealed in verified && verified.#sealed
  }
}

/** Freezes arrays and plain objects, all the way down; what cannot be frozen stays as it is. */
export function deepFreeze<T>(value: T, seen?: Set<unknown>): T {
  if (!isPlain(value) || seen?.has(value)) return value
  // Claims are mostly flat: without members to follow there is nothing to keep.
  for (const member of Object.values(value)) if (isPlain(member)) deepFreeze(member, (seen ?? new Set()).add(value))
  return Object.freeze(value)
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return Array.isArray(value) || prototype === Object.prototype || prototype === null
}
