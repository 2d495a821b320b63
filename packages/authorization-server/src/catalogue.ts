/** Resources and their scopes, read once from the options: what can be asked for, and what it means. */
import { canonicalResource, expandScopes, OAuthError, parseScope } from '@fastify-mcp-auth/core'
import { type LocalizedText, sortTexts } from '@fastify-mcp-auth/core/pages'
import type { Options, ScopeOptions } from './options.ts'
import { type AccessTokenPolicy, type ResourcePolicy, type ScopePolicy, together } from './resource-policy.ts'

/**
 * Asks for a refresh token in OpenID Connect. Ours come by grant type, so it changes nothing; clients that look for it in the
 * metadata and send it must still be served. Never shown to a person, never part of a resource's own scopes.
 */
export const OFFLINE_ACCESS = 'offline_access'

export interface Catalogue {
  readonly scopes: readonly string[]
  /** Each by itself. */
  readonly resources: readonly ResourcePolicy[]
  /**
   * The policy for one resource, or for the default when there is none.
   *
   * @throws OAuthError `invalid_target` when it is unknown, or missing and there is no default
   * @see RFC 8707 section 2
   */
  resolve(resource: string | undefined): ResourcePolicy
  /** The policy for all of them together, each once; for the default when the list is empty. @throws as `resolve` does */
  resolveAll(resources: readonly string[]): ResourcePolicy
}

/** @param identity scopes about the person, which every resource's requests may name */
export function createCatalogue(
  resources: Options['resources'],
  identity: ReadonlyMap<string, ScopePolicy> = new Map()
): Catalogue {
  const policies = new Map(
    Object.entries(resources).map(([uri, definition]) => [
      canonicalResource(uri),
      policyOf(canonicalResource(uri), { definition, identity })
    ])
  )
  const [only] = policies.values()
  const chosen = Object.entries(resources).find(([, definition]) => definition.default)
  const fallback = chosen ? policies.get(canonicalResource(chosen[0])) : policies.size === 1 ? only : undefined
  const resolve = (resource: string | undefined): ResourcePolicy => {
    // Most are canonical already.
    const policy =
      resource === undefined ? fallback : (policies.get(resource) ?? policies.get(canonicalResource(resource)))
    if (policy) return policy
    throw new OAuthError(
      'invalid_target',
      resource === undefined ? 'resource is missing' : 'resource is not known here'
    )
  }

  return {
    scopes: [...new Set([...policies.values()].flatMap(policy => [...policy.scopes.keys()])), OFFLINE_ACCESS],
    resources: [...policies.values()],
    resolve,
    resolveAll: asked => (asked.length === 0 ? resolve(undefined) : together(asked.map(resolve)))
  }
}

function policyOf(
  resource: string,
  { definition, identity }: { definition: Options['resources'][string]; identity: ReadonlyMap<string, ScopePolicy> }
): ResourcePolicy {
  const entries = Object.entries(definition.scopes).map<[string, ScopeOptions]>(([scope, given]) => [
    scope,
    isScopeOptions(given) ? given : { description: given }
  ])
  const descriptions = new Map(entries.map(([scope, given]) => [scope, given.description]))
  const hierarchy = Object.fromEntries(entries.map(([scope, given]) => [scope, given.implies ?? []]))
  const includes = (scope: string): LocalizedText[] =>
    [...expandScopes([scope], hierarchy)]
      .filter(other => other !== scope)
      .map(other => descriptions.get(other))
      .filter(text => text !== undefined)
  return {
    resource,
    resources: [{ resource, name: definition.name }],
    scopes: new Map([
      ...entries.map(([scope, given]) => [scope, scopePolicy(given, sortTexts(includes(scope)))] as const),
      ...identity
    ]),
    hierarchy,
    defaultScopes: defaultScopesOf(definition),
    accessToken: accessTokenPolicy(definition.accessToken)
  }
}

function accessTokenPolicy(given: Options['resources'][string]['accessToken'] = {}): AccessTokenPolicy {
  const { format = 'jwt', lifetime, algorithm = 'ES256', claims } = given
  return { format, lifetime: lifetime ?? null, algorithm, claims: claims ? new Set(claims) : null }
}

/** Scopes of a request that names none. */
export function defaultScopesOf({
  scopes,
  defaultScopes
}: Pick<Options['resources'][string], 'scopes'> & { defaultScopes?: string[] | undefined }): string[] {
  if (defaultScopes) return [...defaultScopes]
  const harmless = Object.entries(scopes).filter(([, given]) => !isScopeOptions(given) || !given.destructive)
  return harmless.map(([scope]) => scope)
}

/** No language has a tag as long as `description`. */
export function isScopeOptions(given: LocalizedText | ScopeOptions): given is ScopeOptions {
  return typeof given === 'object' && 'description' in given
}

function scopePolicy(given: ScopeOptions, includes: LocalizedText[]): ScopePolicy {
  const { description, detail = null, tools = [], required = false, destructive = false } = given
  return { description, detail, tools, includes, required, destructive }
}

/**
 * The scopes of an authorization request: the default set when it names none, and of those it names the ones that the
 * resource knows. Real clients add words of their own (RFC 6749 section 3.3 lets a server ignore them and say what it granted).
 * Required scopes are part of every request: a client that asks only for what a challenge named would else lose them.
 *
 * @throws OAuthError `invalid_scope` when nothing that is known remains
 */
export function requestedScopes(policy: ResourcePolicy, scope: string | undefined): string[] {
  const asked = parseScope(scope)
  const offline = asked.includes(OFFLINE_ACCESS) ? [OFFLINE_ACCESS] : []
  const known = asked.filter(word => policy.scopes.has(word))
  if (known.length === 0 && asked.length > offline.length)
    throw new OAuthError('invalid_scope', 'none of the scopes is known to this resource')
  const required = [...policy.scopes].flatMap(([word, { required }]) => (required ? [word] : []))
  return [...new Set([...required, ...(known.length === 0 ? policy.defaultScopes : known), ...offline])]
}

/**
 * Narrows what was granted for one token at one resource.
 *
 * @param policy of the resource that the token is for; scopes of the grant's other resources are none of its business
 * @throws OAuthError `invalid_scope` when something was asked that the grant does not cover there
 * @throws OAuthError `invalid_target` when nothing was granted there
 * @see RFC 6749 section 6, RFC 8707 section 2.2
 */
export function narrowedScopes(
  policy: ResourcePolicy,
  granted: readonly string[],
  scope: string | undefined
): string[] {
  const asked = parseScope(scope)
  // A scope that the options do not have any more is granted to nobody any more.
  const here = granted.filter(word => word === OFFLINE_ACCESS || policy.scopes.has(word))
  if (here.every(word => word === OFFLINE_ACCESS))
    throw new OAuthError('invalid_target', 'nothing was allowed at this resource', { reason: 'no_scope_at_resource' })
  if (asked.length === 0) return here
  const covered = expandScopes(here, policy.hierarchy)
  if (!asked.every(word => covered.has(word)))
    throw new OAuthError('invalid_scope', 'scope exceeds what was granted', { reason: 'scope_widened' })
  // A token that opens nothing. Its refresh token stays good: clients throw theirs away on any other code.
  if (asked.every(word => word === OFFLINE_ACCESS))
    throw new OAuthError('invalid_scope', 'scope names nothing of this resource', { reason: 'no_scope_of_resource' })
  return asked
}
