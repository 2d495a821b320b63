/**
 * Which routes are protected, and what each of them asks for: by their own `config.mcpAuth`, or because they lie under a prefix of
 * the option `protect`. Decided by the route that the router found, not by the URL that was sent: what encodings, doubled slashes or
 * a changed case make of a URL is the router's business, and both must agree.
 */
import { ConfigurationError, conforms, Type } from '@fastify-mcp-auth/core'
import type { Static } from 'typebox'
import { assertScopesKnown, type Options } from './options.ts'
import type { NeededScopes } from './require-scopes.ts'
import type { RouteAuth } from './types.ts'
import { resolvedSegments } from './uri-spellings.ts'

/** What a protected route asks for. */
export interface RoutePolicy extends NeededScopes {
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
  return options.protect.some(prefix => mayReach(route.url, prefix)) ? 'depends' : 'open'
}

/**
 * Whether a URL of a route that `depends` lies under a prefix, in any spelling that a server behind the route (a proxy, a file system)
 * might give it: when they disagree, the answer is yes.
 */
export function isProtectedUrl(prefixes: readonly string[], url: string): boolean {
  const paths = spellingsOf(url).map(segmentsOf)
  return prefixes.map(segmentsOf).some(prefix => paths.some(path => isUnder(path, prefix)))
}

export function createPolicy(options: Options, auth: Static<typeof RouteAuthSchema>): RoutePolicy {
  return Object.freeze({
    scopes: auth.scopes ?? [],
    anyOf: auth.anyOf ? [auth.anyOf] : [],
    optional: auth.optional ?? false,
    operations: auth.operations ?? judgesOperations(options)
  })
}

// Bodies are looked at when some option is about what they ask for.
function judgesOperations(options: Options): boolean {
  return optionAboutBodies(options) !== null
}

/** The first option that is about what bodies ask for; null when none of them is set. */
export function optionAboutBodies({ operations, anonymous, unknownOperations, lists }: Options): string | null {
  if (Object.keys(operations).length > 0) return 'operations'
  if (anonymous.length > 0) return 'anonymous'
  if (unknownOperations !== 'allow') return 'unknownOperations'
  return lists === 'allowed' ? 'lists' : null
}

function assertRouteAuth(options: Options, route: RouteFacts): Static<typeof RouteAuthSchema> {
  const { mcpAuth, url } = route
  if (!conforms(RouteAuthSchema, mcpAuth)) {
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

/**
 * Whether some URL of a route may lie under a prefix for somebody. A parameter ends the comparison: it may hold slashes that are encoded, and
 * with them any number of segments. What was declared to lie there is for {@link placeRoute} to say.
 */
function mayReach(url: string, prefix: string): boolean {
  const route = segmentsOf(url)
  for (const [index, wanted] of segmentsOf(prefix).entries()) {
    const segment = route[index]
    if (segment === undefined) return false
    if (segment.includes('*') || segment.includes(':')) return true
    if (segment !== wanted) return false
  }
  return true
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

function spellingsOf(url: string): string[] {
  const spellings = new Set<string>()
  // Some servers decode once more than they should.
  for (let text = url.replace(/^[a-z]+:\/\/[^/]*/i, ''), round = 0; round < 4; round++) {
    const [path = ''] = text.split(/[?#]/, 1)
    for (const spelling of [path, text, path.replace(/;[^/]*/g, '')]) spellings.add(spelling).add(resolveDots(spelling))
    const next = decodeAscii(text)
    if (next === text) break
    text = next
  }
  return [...spellings]
}

// Prefixes are ASCII, so nothing else has to be understood, and nothing can be malformed.
function decodeAscii(text: string): string {
  return text.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

function resolveDots(path: string): string {
  return resolvedSegments(path.replaceAll('\\', '/')).join('/')
}
