/**
 * What OpenAPI documents say about protected routes: a `security` in the schema of each, for @fastify/swagger or whatever reads it. The
 * scheme itself is declared where the document is made.
 *
 * @see OpenAPI Specification 3.1, security requirement object
 */
import type { FastifySchema, RouteOptions } from 'fastify'
import type { RoutePolicy } from './protected-routes.ts'

/** Property of the hooks of `app.requireScopes`, and of `app.authenticate`: the scopes that they ask for, for whoever describes routes. */
export const REQUIRED_SCOPES = Symbol.for('fastify-mcp-auth.required-scopes')

type SecurityRequirement = { readonly [scheme: string]: readonly string[] }

/**
 * Leaves a route alone that has a `security` of its own.
 *
 * @param policy null for a route that only its hooks protect, if anything
 */
export function describeRoute(scheme: string, route: RouteOptions, policy: RoutePolicy | null): void {
  const schema: FastifySchema & { security?: unknown } = route.schema ?? {}
  if (schema.security !== undefined) return
  const fromHooks = hooksOf(route).flatMap(scopesOfHook)
  if (!policy && fromHooks.length === 0) return
  const scopes = [...(policy?.scopes ?? []), ...fromHooks.flat()]
  const [choices = [null]] = policy?.anyOf ?? []
  const security: SecurityRequirement[] = choices.map(choice => ({
    [scheme]: [...new Set(choice === null ? scopes : [...scopes, choice])]
  }))
  // An empty requirement says that it works without, too.
  route.schema = Object.assign({}, schema, { security: policy?.optional ? [...security, {}] : security })
}

/** Whether a hook of ours stands on the route by itself. In a composition it is not seen, and may not be what lets a caller in. */
export function hasAuthHook(route: RouteOptions): boolean {
  return hooksOf(route).flatMap(scopesOfHook).length > 0
}

function hooksOf({ onRequest, preParsing, preValidation, preHandler }: RouteOptions): unknown[] {
  return [onRequest, preParsing, preValidation, preHandler].flat()
}

function scopesOfHook(hook: unknown): (readonly string[])[] {
  if (typeof hook !== 'function' || !(REQUIRED_SCOPES in hook)) return []
  return Array.isArray(hook[REQUIRED_SCOPES]) ? [hook[REQUIRED_SCOPES] as string[]] : []
}
