/**
 * Scope algebra. A scope is a string on the wire and a list of words inside; order is kept, duplicates are not.
 *
 * @see RFC 6749 section 3.3
 */
import { OAuthError } from './errors.ts'

const SCOPE_TOKEN = /^[\x21\x23-\x5B\x5D-\x7E]+$/
const SCOPE_TOKENS = /^[\x20\x21\x23-\x5B\x5D-\x7E]*$/
const MAX_LENGTH = 4096
const MAX_SCOPES = 100

/**
 * @returns the scopes in their order, without duplicates; empty for an empty or missing value
 * @throws OAuthError `invalid_scope` for forbidden characters, more than 4,096 characters or more than 100 scopes
 */
export function parseScope(value: string | undefined): string[] {
  if (value === undefined || value === '') return []
  if (value.length > MAX_LENGTH) throw new OAuthError('invalid_scope', `scope is longer than ${MAX_LENGTH} characters`)
  const scopes: string[] = []
  for (const word of value.split(' ')) {
    // Few enough that looking at all of them is quicker than a set.
    if (word !== '' && !scopes.includes(word)) scopes.push(word)
    if (scopes.length > MAX_SCOPES) throw new OAuthError('invalid_scope', `scope has more than ${MAX_SCOPES} values`)
  }
  if (!SCOPE_TOKENS.test(value)) throw new OAuthError('invalid_scope', 'scope has a character that is not allowed')
  return scopes
}

/** Whether it can be one scope. @see RFC 6749 section 3.3 */
export function isScopeToken(value: string): boolean {
  return SCOPE_TOKEN.test(value)
}

/** The parameter `scope` of the wire. Does not check the scopes. */
export function formatScope(scopes: Iterable<string>): string {
  return [...scopes].join(' ')
}

/** Which scopes another one brings along: `{ 'notes:admin': ['notes:read', 'notes:write'] }`. */
export type ScopeHierarchy = { readonly [scope: string]: readonly string[] }

/** The scopes and all that they imply, transitively. Circles do no harm. */
export function expandScopes(scopes: Iterable<string>, hierarchy: ScopeHierarchy = {}): Set<string> {
  const expanded = new Set<string>()
  const pending = [...scopes]
  for (let scope = pending.pop(); scope !== undefined; scope = pending.pop()) {
    if (expanded.has(scope)) continue
    expanded.add(scope)
    if (Object.hasOwn(hierarchy, scope)) pending.push(...(hierarchy[scope] ?? []))
  }
  return expanded
}
