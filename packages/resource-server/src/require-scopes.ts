/**
 * Whether a principal may do what a route or an operation needs.
 *
 * @see RFC 6750 section 3.1, MCP authorization, scope challenge handling
 */
import { expandScopes, type ScopeHierarchy } from '@fastify-mcp-auth/core'
import { InsufficientScopeError, MissingTokenError } from './errors.ts'
import { type Options, WILDCARD } from './options.ts'
import type { Principal } from './types.ts'

/** What is needed: all of `scopes`, and one of each list in `anyOf`. */
export interface NeededScopes {
  readonly scopes: readonly string[]
  readonly anyOf: readonly (readonly string[])[]
}

/** How scopes are compared, and what a refusal suggests. */
export interface ScopeRules {
  readonly hierarchy: ScopeHierarchy
  /** Whether `notes:*` in a token stands for every scope that begins with `notes:`. */
  readonly wildcards: boolean
  /** Whether a refusal names what was granted already, too. */
  readonly accumulate: boolean
}

export function createScopeRules(options: Pick<Options, 'scopeHierarchy' | 'scopeWildcards' | 'stepUp'>): ScopeRules {
  return Object.freeze({
    hierarchy: options.scopeHierarchy,
    wildcards: options.scopeWildcards,
    accumulate: options.stepUp === 'accumulate'
  })
}

/**
 * Names everything that is needed in one error, so that the client has to ask once.
 *
 * @param principal null for a caller without a token, who may do what needs no scope
 * @throws MissingTokenError when a scope is needed and there is no principal
 * @throws InsufficientScopeError
 */
export function assertScopes(principal: Principal | null, needed: NeededScopes, rules: ScopeRules): void {
  if (needed.scopes.length === 0 && needed.anyOf.length === 0) return
  if (!principal) throw new MissingTokenError(suggestedScopes(needed))
  if (hasAllByName(principal.scopes, needed)) return
  const granted = createCoverage(principal.scopes, rules)
  if (coversAll(granted, needed)) return
  const missing = suggestedScopes({ ...needed, anyOf: needed.anyOf.filter(list => !list.some(granted)) })
  throw new InsufficientScopeError(missing, rules.accumulate ? [...principal.scopes, ...missing] : missing)
}

/** Whether the principal may do it. Nobody may do what needs no scope. */
export function hasScopes(principal: Principal | null, needed: NeededScopes, rules: ScopeRules): boolean {
  if (needed.scopes.length === 0 && needed.anyOf.length === 0) return true
  return principal !== null && coversAll(createCoverage(principal.scopes, rules), needed)
}

/** What to ask for. Where one of several is enough the first is suggested: the author of the route put it first. */
export function suggestedScopes({ scopes, anyOf }: NeededScopes): string[] {
  return [...new Set([...scopes, ...anyOf.flatMap(list => list.slice(0, 1))])]
}

/** Everything that several things need, each scope once. */
export function joinNeeds(...needs: readonly NeededScopes[]): NeededScopes {
  return {
    scopes: [...new Set(needs.flatMap(({ scopes }) => scopes))],
    anyOf: needs.flatMap(({ anyOf }) => anyOf)
  }
}

type Coverage = (scope: string) => boolean

function coversAll(granted: Coverage, { scopes, anyOf }: NeededScopes): boolean {
  return scopes.every(granted) && anyOf.every(list => list.some(granted))
}

// What is granted by its own name needs no expansion, and that is what nearly every request needs.
function hasAllByName(granted: readonly string[], { scopes, anyOf }: NeededScopes): boolean {
  if (anyOf.length > 0) return false
  for (const scope of scopes) if (!granted.includes(scope)) return false
  return true
}

function createCoverage(granted: readonly string[], { hierarchy, wildcards }: ScopeRules): Coverage {
  let expanded = expandScopes(granted, hierarchy)
  if (!wildcards) return scope => expanded.has(scope)
  let starts: string[] = []
  // A wildcard may cover a scope that implies others, which may be wildcards again.
  for (let size = -1; size !== expanded.size; ) {
    size = expanded.size
    starts = [...expanded].filter(scope => WILDCARD.test(scope)).map(scope => scope.slice(0, -1))
    const covered = Object.keys(hierarchy).filter(scope => starts.some(start => scope.startsWith(start)))
    expanded = expandScopes([...expanded, ...covered], hierarchy)
  }
  return scope => expanded.has(scope) || starts.some(start => scope.length > start.length && scope.startsWith(start))
}
