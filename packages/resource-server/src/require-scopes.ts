/**
 * Whether a principal may do what a route or an operation needs.
 *
 * @see RFC 6750 section 3.1
 */
import { expandScopes, type ScopeHierarchy } from '@fastify-mcp-auth/core'
import { InsufficientScopeError, MissingTokenError } from './errors.ts'
import type { Principal } from './types.ts'

/** What is needed: all of `scopes`, and one of `anyOf` unless that is empty. */
export interface NeededScopes {
  readonly scopes: readonly string[]
  readonly anyOf: readonly string[]
}

/**
 * Names everything that is needed in one error, so that the client has to ask once.
 *
 * @param principal null for a caller without a token, who may do what needs no scope
 * @throws MissingTokenError when a scope is needed and there is no principal
 * @throws InsufficientScopeError
 */
export function assertScopes(principal: Principal | null, needed: NeededScopes, hierarchy: ScopeHierarchy): void {
  const { scopes, anyOf } = needed
  if (scopes.length === 0 && anyOf.length === 0) return
  if (!principal) throw new MissingTokenError(suggestedScopes(needed))
  const granted = expandScopes(principal.scopes, hierarchy)
  const oneOf = anyOf.length === 0 || anyOf.some(scope => granted.has(scope))
  if (oneOf && scopes.every(scope => granted.has(scope))) return
  throw new InsufficientScopeError(suggestedScopes({ scopes, anyOf: oneOf ? [] : anyOf }))
}

/** What to ask for. Where one of several is enough the first is suggested: the author of the route put it first. */
export function suggestedScopes({ scopes, anyOf }: NeededScopes): string[] {
  return [...new Set([...scopes, ...anyOf.slice(0, 1)])]
}
