/**
 * The hooks of `app.authenticate` and `app.requireScopes`. On a route that is not protected otherwise they make all checks; on one that is,
 * they find the principal there.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { assertSession, authenticate, detach, guardBody, noteRefusal } from './authenticate.ts'
import { readBearerToken } from './bearer-token.ts'
import { createVisit, type ResourceServer, VISIT, type Visit } from './context.ts'
import { REQUIRED_SCOPES } from './describe-routes.ts'
import { MissingTokenError } from './errors.ts'
import { assertHost, assertOrigin } from './host-and-origin.ts'
import { isPublicRoute } from './metadata.ts'
import { createPolicy, type RoutePolicy } from './protected-routes.ts'
import { assertScopes, joinNeeds } from './require-scopes.ts'
import type { AuthHook, Principal } from './types.ts'

/** @param scopes all of them are needed */
export function createAuthHook(server: ResourceServer, scopes: readonly string[]): AuthHook {
  const policy = createPolicy(server.options, { scopes: [...scopes] })
  const hook: AuthHook = (request, reply) => requirePrincipal(server, { request, reply, policy })
  return Object.assign(hook, { [REQUIRED_SCOPES]: Object.freeze([...scopes]) })
}

interface Visitor {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  /** What the hook asks for. */
  readonly policy: RoutePolicy
}

async function requirePrincipal(server: ResourceServer, visitor: Visitor): Promise<void> {
  const { request, policy } = visitor
  if (isPublicRoute(request)) return
  const visit = visitOf(visitor)
  const { isOurs } = visit
  const wasKnown = Boolean(request.auth)
  try {
    assertScopes(request.auth || (await identify(server, visitor)), policy, server.scopeRules)
    // One challenge has to name what all of them ask for.
    if (isOurs) visit.policy = joinPolicies(visit.policy, policy)
    visit.isOurs = true
    // As a preHandler of a route it comes behind the guard that would do this.
    if (visit.isBodyParsed && !visit.isWatched) guardBody(server, visit)
  } catch (error) {
    // Tells who it was.
    const refusal = noteRefusal(server, visit.reply, error)
    // The next strategy of @fastify/auth must not take for checked what was refused here, nor a handler for the caller whom another let in.
    visit.isOurs = isOurs
    if (!wasKnown) detach(request)
    throw refusal
  }
}

function visitOf({ request, reply, policy }: Visitor): Visit {
  const known = request[VISIT]
  if (known) {
    // A hook before it has refused: a challenge is about what the last one asked for.
    if (!known.isOurs) known.policy = policy
    return known
  }
  const visit = createVisit(reply, policy)
  visit.isOurs = false
  visit.isBodyParsed = known === false
  request[VISIT] = visit
  return visit
}

function joinPolicies(one: RoutePolicy, other: RoutePolicy): RoutePolicy {
  if (other.scopes.every(scope => one.scopes.includes(scope))) return one
  return Object.freeze({ ...one, ...joinNeeds(one, other) })
}

async function identify(server: ResourceServer, { request, reply, policy }: Visitor): Promise<Principal> {
  assertHost(server.admission, request)
  assertOrigin(server.admission, request, reply)
  const token = readBearerToken(request)
  if (token === null) throw new MissingTokenError(policy.scopes)
  const principal = await authenticate(server, request, token)
  await assertSession(server, request)
  return principal
}
