/**
 * What a client may do in its own name, as the operator wrote it down. No client can give itself any of it, whatever it registers.
 *
 * @see RFC 6749 section 4.4, MCP extension "OAuth client credentials": such clients are registered out of band
 */
import { canonicalResource } from '@fastify-mcp-auth/core'

export const CLIENT_CREDENTIALS = 'client_credentials'

/** Scopes by resource. */
export interface OwnAccess {
  readonly [resource: string]: readonly string[]
}

/** By the canonical identifier of the resource. */
export function readOwnAccess(given: OwnAccess | null | undefined): ReadonlyMap<string, readonly string[]> {
  return new Map(Object.entries(given ?? {}).map(([resource, scopes]) => [canonicalResource(resource), [...scopes]]))
}

/** As it is kept. */
export function storedAccess(given: OwnAccess): Record<string, string[]> {
  return Object.fromEntries([...readOwnAccess(given)].map(([resource, scopes]) => [resource, [...scopes]]))
}

/**
 * @param resources of the options
 * @returns what is wrong with it, or null
 */
export function faultOf(
  access: OwnAccess,
  resources: { readonly [resource: string]: { readonly scopes: { readonly [scope: string]: unknown } } }
): string | null {
  const known = new Map(Object.entries(resources).map(([uri, { scopes }]) => [canonicalResource(uri), scopes]))
  for (const [resource, scopes] of Object.entries(access)) {
    const there = URL.canParse(resource) ? known.get(canonicalResource(resource)) : undefined
    if (!there) return `an unknown resource: ${resource}`
    if (scopes.length === 0) return `no scope at ${resource}`
    // Scopes about a person are no scopes of a resource, so that nothing here reads an account.
    const unknown = scopes.find(scope => !Object.hasOwn(there, scope))
    if (unknown !== undefined) return `an unknown scope at ${resource}: ${unknown}`
  }
  return Object.keys(access).length === 0 ? 'nothing' : null
}
