/**
 * What a cache may hand out again and again. A verifier of the app may fill the same object anew for every token; only of our own caches is
 * it known that an object always says the same.
 */
import { deepFreeze } from './principal.ts'
import type { VerifiedToken } from './types.ts'

const SEALED = new WeakSet<VerifiedToken>()

/** Freezes it for good and remembers that. */
export function sealVerifiedToken(verified: VerifiedToken): VerifiedToken {
  deepFreeze(verified)
  SEALED.add(verified)
  return verified
}

export function isSealed(verified: VerifiedToken): boolean {
  return SEALED.has(verified)
}
