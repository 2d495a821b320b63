/**
 * Which routes are protected, and what each of them asks for: by their own `config.mcpAuth`, or because they lie under a prefix of
 * the option `protect`. Decided by the route that the router found, not by the URL that was sent: what encodings, doubled slashes or
 * a changed case make of a URL is the router's business, and both must agree.
 */
import { ConfigurationError } from '@fastify-mcp-auth/core'
import type { FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import Value from 'typebox/value'
import { assertScopesKnown, type Options } from './options.ts'
import type { RouteAuth } from './types.ts'

/** What a protected route asks for. */
export interface RoutePolicy {
  readonly scopes: readonly string[]
  readonly anyOf: readonly string[]
  readonly optional: boolean
  readonly operations: boolean
}

const RouteAuthSchema = Type.Object(
  {
    scopes: Type.Optional(Type.Array(Type.String())),
    anyOf: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    optional: Type.Optional(Type.Boolean()),
    operations: Type.Optional(Type.Boolean())
  },
  { additionalProperties: false }
)

/** How a route lies to a prefix. `depends`: parameters or wildcards make some of its URLs lie under it and others not. */
export type Placement = 'inside' | 'outside' | 'depends'

/** The two facts about a route that decide. */
export interface RouteFacts {
  /** As declared, with the prefixes of its plugins. */
  readonly url: string
  readonly mcpAuth: unknown
}

/** The decision for a whole route: protected with a policy, open, or to be decided for each URL. */
export type RouteDecision = RoutePolicy | 'open' | 'depends'

/** @throws ConfigurationError for a wrong `config.mcpAuth` */
export function decideRoute(options: Options, route: RouteFacts): RouteDecision {
  const { mcpAuth } = route
  if (mcpAuth === false) return 'open'
  if (mcpAuth !== undefined) return createPolicy(options, assertRouteAuth(options, route))
  const placements = options.protect.map(prefix => placeRoute(route.url, prefix))
  if (placements.includes('inside')) return createPolicy(options, {})
  return placements.includes('depends') ? 'depends' : 'open'
}

/** Whether a URL of a route that `depends` lies under a prefix. Takes every doubt for a yes. */
export function isProtectedUrl(options: Options, request: FastifyRequest): boolean {
  const path = request.url.split(/[?#;]/, 1)[0] ?? ''
  const spellings = [path, flatten(path)]
  return options.protect.some(prefix => spellings.some(spelling => isUnder(segmentsOf(spelling), segmentsOf(prefix))))
}

export function createPolicy(options: Options, auth: Static<typeof RouteAuthSchema>): RoutePolicy {
  return Object.freeze({
    scopes: auth.scopes ?? [],
    anyOf: auth.anyOf ?? [],
    optional: auth.optional ?? false,
    operations: auth.operations ?? Object.keys(options.operations).length > 0
  })
}

function assertRouteAuth(options: Options, route: RouteFacts): Static<typeof RouteAuthSchema> {
  const { mcpAuth, url } = route
  if (!Value.Check(RouteAuthSchema, mcpAuth)) {
    const known = ['scopes', 'anyOf', 'optional', 'operations'] satisfies (keyof RouteAuth)[]
    throw new ConfigurationError(
      'FST_OAUTH_OPTION',
      `resource-server: config.mcpAuth of the route ${url} must be false or an object of ${known.join(', ')}`
    )
  }
  assertScopesKnown(options, `config.mcpAuth of the route ${url}`, [
    ...(mcpAuth.scopes ?? []),
    ...(mcpAuth.anyOf ?? [])
  ])
  return mcpAuth
}

/** Compares segment by segment, so `/mcp` does not cover `/mcpx`, and without case, so a router that ignores it cannot be used to slip by. */
export function placeRoute(url: string, prefix: string): Placement {
  const route = segmentsOf(url)
  let depends = false
  for (const [index, wanted] of segmentsOf(prefix).entries()) {
    const segment = route[index]
    if (segment === undefined) return 'outside'
    if (segment.includes('*')) return 'depends'
    if (segment.includes(':')) depends = true
    else if (segment !== wanted) return 'outside'
  }
  return depends ? 'depends' : 'inside'
}

function isUnder(path: readonly string[], prefix: readonly string[]): boolean {
  return prefix.every((segment, index) => path[index] === segment)
}

function segmentsOf(path: string): string[] {
  return path
    .toLowerCase()
    .split('/')
    .filter(segment => segment !== '')
}

// What the most obliging server behind a wildcard (a proxy, a file system) might make of the path.
function flatten(path: string): string {
  let decoded = path
  for (let round = 0; round < 3; round++) {
    try {
      decoded = decodeURIComponent(decoded)
    } catch {
      break
    }
  }
  const segments: string[] = []
  for (const segment of decoded.replaceAll('\\', '/').split('/')) {
    if (segment === '..') segments.pop()
    else if (segment !== '.' && segment !== '') segments.push(segment)
  }
  return `/${segments.join('/')}`
}
