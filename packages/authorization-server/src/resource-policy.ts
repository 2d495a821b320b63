/**
 * What can be asked for at a resource, or at several that stand in one request.
 *
 * @see RFC 8707 section 2: a scope of a request means that scope at each of its resources
 */
import { expandScopes, type ScopeHierarchy } from '@fastify-mcp-auth/core'
import { joinTexts, type LocalizedText, sortTexts } from '@fastify-mcp-auth/core/pages'
import type { Algorithm } from './tokens/algorithms.ts'

export interface ScopePolicy {
  readonly description: LocalizedText
  readonly detail: LocalizedText | null
  readonly tools: readonly string[]
  /** Descriptions of all that it brings along: whoever ticks a scope must see all that it allows. */
  readonly includes: readonly LocalizedText[]
  readonly required: boolean
  readonly destructive: boolean
}

export interface NamedResource {
  readonly resource: string
  readonly name: LocalizedText
}

export interface ResourcePolicy {
  /** Canonical identifier: the audience of tokens. Of several, the first. */
  readonly resource: string
  /** It and those that stand beside it, with their names for people. */
  readonly resources: readonly NamedResource[]
  readonly scopes: ReadonlyMap<string, ScopePolicy>
  readonly hierarchy: ScopeHierarchy
  readonly defaultScopes: readonly string[]
  readonly accessToken: AccessTokenPolicy
}

/** What access tokens for a resource are. */
export interface AccessTokenPolicy {
  readonly format: 'jwt' | 'opaque'
  /** Seconds; null for that of the server. */
  readonly lifetime: number | null
  readonly algorithm: Algorithm
  /** Names of the app's claims that they carry; null for all. */
  readonly claims: ReadonlySet<string> | null
}

/** Several as one: for people the sum of what each allows, for the checks what all of them agree on. */
export function together(policies: readonly ResourcePolicy[]): ResourcePolicy {
  const each = [...new Map(policies.map(policy => [policy.resource, policy])).values()]
  const [first, ...others] = each
  if (!first) throw new TypeError('no resource')
  if (others.length === 0) return first
  const words = [...new Set(each.flatMap(policy => [...policy.scopes.keys()]))]
  return {
    resource: first.resource,
    resources: each.flatMap(({ resources }) => resources),
    scopes: new Map(words.map(word => [word, sumOf(each.flatMap(({ scopes }) => scopes.get(word) ?? []))])),
    hierarchy: Object.fromEntries(words.map(word => [word, words.filter(other => allImply(each, word, other))])),
    defaultScopes: [...new Set(each.flatMap(({ defaultScopes }) => defaultScopes))],
    // No token is for several: this one is for the first.
    accessToken: first.accessToken
  }
}

function sumOf(policies: readonly ScopePolicy[]): ScopePolicy {
  const details = policies.flatMap(({ detail }) => (detail === null ? [] : [detail]))
  return {
    description: joinTexts(policies.map(({ description }) => description)),
    detail: details.length === 0 ? null : joinTexts(details),
    tools: [...new Set(policies.flatMap(({ tools }) => tools))],
    includes: sortTexts(policies.flatMap(({ includes }) => includes)),
    required: policies.some(({ required }) => required),
    destructive: policies.some(({ destructive }) => destructive)
  }
}

// What one resource lets a word imply must not open anything at another that has the same words and does not.
function allImply(policies: readonly ResourcePolicy[], word: string, other: string): boolean {
  if (word === other) return false
  return policies
    .filter(({ scopes }) => scopes.has(other))
    .every(({ scopes, hierarchy }) => scopes.has(word) && expandScopes([word], hierarchy).has(other))
}
