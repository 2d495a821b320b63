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
import { type Act, actsOf, isExcepted, isUnknown, needsOf, type OperationRules } from './operations.ts'
import type { RoutePolicy } from './protected-routes.ts'
import { assertScopes, hasScopes, joinNeeds, type NeededScopes, suggestedScopes } from './require-scopes.ts'
import type { Principal } from './types.ts'

/** Whether a caller without a token is let in until its body says what it wants. */
export function maySpeakFirst(server: ResourceServer, policy: RoutePolicy, request: FastifyRequest): boolean {
  return policy.operations && server.anonymous.length > 0 && !WITHOUT_BODY.has(request.method)
}

/** What came out of looking at a body. */
export interface Verdict {
  readonly operations: readonly Operation[]
  /** Whether the caller may know of it. */
  readonly isListed: (act: Act) => boolean
  /** Acts on something that the caller may not know of: the server must not be told of them. */
  readonly hidden: readonly Act[]
}

/**
 * @throws MissingTokenError for a stranger who asks for more than strangers may
 * @throws InsufficientScopeError
 * @throws RefusedRequestError for what is no JSON-RPC, and for unknown operations when they are denied
 */
export function authorizeBody(server: ResourceServer, request: FastifyRequest, policy: RoutePolicy): Verdict {
  const operations = readAsked(request, policy)
  const caller = { server, policy, principal: request.auth }
  const isListed = (act: Act): boolean =>
    server.options.lists === 'all' || isAllowed(caller, act) || isObtainable(caller, act)
  const acts = actsOf(operations)
  const hidden = acts.filter(act => act.name !== null && !isListed(act))
  const rulesFor = (act: Act): OperationRules => (hidden.includes(act) ? server.wideRules : server.operations)
  const needs = joinNeeds(...acts.map(act => needsOfAct(server, rulesFor(act), act)))
  assertNeeds(caller, acts, needs)
  assertKnown(
    server,
    acts.filter(act => !isAnonymous(server, act) && isUnknown(rulesFor(act), act))
  )
  return { operations, isListed, hidden }
}

interface Caller {
  readonly server: ResourceServer
  readonly policy: RoutePolicy
  readonly principal: Principal | null
}

function assertNeeds({ server, policy, principal }: Caller, acts: readonly Act[], needs: NeededScopes): void {
  const isOpen = acts.length > 0 && acts.every(act => isAnonymous(server, act))
  // What strangers may do, a caller who is known may do, whatever the route asks of others.
  const all = isOpen ? needs : joinNeeds(policy, needs)
  if (principal) {
    assertScopes(principal, all, server.scopeRules)
    return
  }
  const letIn = policy.optional || isOpen
  if (!letIn || needs.scopes.length > 0 || needs.anyOf.length > 0) throw new MissingTokenError(suggestedScopes(all))
}

function needsOfAct(server: ResourceServer, rules: OperationRules, act: Act): NeededScopes {
  const needs = needsOf(rules, [act])
  const { unknownOperations } = server.options
  if (typeof unknownOperations === 'string' || isAnonymous(server, act) || !isUnknown(rules, act)) return needs
  return joinNeeds(needs, { scopes: unknownOperations, anyOf: [] })
}

function isAllowed({ server, policy, principal }: Caller, act: Act): boolean {
  const { operations, options, scopeRules } = server
  const isOpen = isAnonymous(server, act)
  if (options.unknownOperations === 'deny' && !isOpen && isUnknown(operations, act)) return false
  const needs = needsOfAct(server, operations, act)
  if (principal) return hasScopes(principal, isOpen ? needs : joinNeeds(policy, needs), scopeRules)
  return (policy.optional || isOpen) && hasScopes(null, needs, scopeRules)
}

function isObtainable({ server, policy, principal }: Caller, act: Act): boolean {
  const { operations, options } = server
  if (options.unknownOperations === 'deny' && isUnknown(operations, act)) return false
  return (
    options.obtainable?.(principal, suggestedScopes(joinNeeds(policy, needsOfAct(server, operations, act)))) === true
  )
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
  return isExcepted(server.anonymous, act)
}

function assertKnown(server: ResourceServer, unknown: readonly Act[]): void {
  if (server.options.unknownOperations !== 'deny' || unknown.length === 0) return
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
