/**
 * What the body of a JSON-RPC request asks for against what its caller may do. Every message counts, and one refusal names
 * everything that is missing.
 *
 * @see MCP authorization, scope challenge handling
 */
import type { FastifyRequest } from 'fastify'
import type { ResourceServer } from './context.ts'
import { MissingTokenError, RefusedRequestError, RPC_CODES } from './errors.ts'
import { assertHeadersMirror, type Operation, readOperations } from './json-rpc-message.ts'
import { type Act, actsOf, isMatch, isUnknown, needsOf } from './operations.ts'
import type { RoutePolicy } from './protected-routes.ts'
import { assertScopes, joinNeeds, suggestedScopes } from './require-scopes.ts'

/** Whether a caller without a token is let in until its body says what it wants. */
export function maySpeakFirst(server: ResourceServer, policy: RoutePolicy, request: FastifyRequest): boolean {
  return policy.operations && server.anonymous.length > 0 && !WITHOUT_BODY.has(request.method)
}

/**
 * @throws MissingTokenError for a stranger who asks for more than strangers may
 * @throws InsufficientScopeError
 * @throws RefusedRequestError for what is no JSON-RPC, and for unknown operations when they are denied
 */
export function authorizeBody(server: ResourceServer, request: FastifyRequest, policy: RoutePolicy): void {
  const asked = readAsked(request, policy)
  const acts = actsOf(asked)
  const needs = needsOf(server.operations, acts)
  const isOpen = acts.length > 0 && acts.every(act => isAnonymous(server, act))
  // What strangers may do, a caller who is known may do, whatever the route asks of others.
  const all = isOpen ? needs : joinNeeds(policy, needs)
  if (request.auth) {
    assertScopes(request.auth, all, server.scopeRules)
  } else {
    const letIn = policy.optional || isOpen
    if (!letIn || needs.scopes.length > 0 || needs.anyOf.length > 0) throw new MissingTokenError(suggestedScopes(all))
  }
  assertKnown(server, acts)
}

function readAsked(request: FastifyRequest, policy: RoutePolicy): Operation[] {
  if (!hasBody(request)) return []
  try {
    const asked = readOperations(request.body)
    assertHeadersMirror(request.headers, asked)
    return asked
  } catch (error) {
    // Clients of older revisions take a 400 for "speak the older protocol", and would never learn that a token is needed.
    throw request.auth || policy.optional ? error : new MissingTokenError()
  }
}

function isAnonymous(server: ResourceServer, act: Act): boolean {
  return server.anonymous.some(pattern => isMatch(pattern, act))
}

function assertKnown(server: ResourceServer, acts: readonly Act[]): void {
  if (server.options.unknownOperations === 'allow') return
  const isMentioned = (act: Act): boolean => isAnonymous(server, act) || !isUnknown(server.operations, act)
  if (acts.every(isMentioned)) return
  // The same for everything that is not mentioned, whether the server behind knows it or not.
  throw new RefusedRequestError(403, 'this operation is not available here', {
    rpcCode: RPC_CODES.methodNotFound,
    reason: 'unknown_operation'
  })
}

// GET and DELETE open and close the streams of older revisions; a POST without a body is a body that nobody parsed.
const WITHOUT_BODY = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS'])

function hasBody(request: FastifyRequest): boolean {
  return !WITHOUT_BODY.has(request.method) || (request.body !== undefined && request.body !== null)
}
