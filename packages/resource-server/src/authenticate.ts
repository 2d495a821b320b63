/**
 * The checks in their order: host and origin, then the token, then its audience, then the scopes. Whoever fails an earlier one learns
 * nothing about a later one.
 *
 * @see RFC 6750 section 3.1, OAuth 2.1 section 5.2
 */
import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { authorizeBody, maySpeakFirst } from './authorize-body.ts'
import { type Awaitable, isPromise } from './awaitable.ts'
import { assertNoTokenInForm, assertToken, assertTokenLength, readBearerToken } from './bearer-token.ts'
import { createKnownDenials, type Denial, denialOf } from './challenge-reply.ts'
import { createVisit, type ResourceServer, VISIT, type Visit } from './context.ts'
import { MissingTokenError } from './errors.ts'
import { eventOfError } from './events.ts'
import { answerPreflight, assertHost, assertOrigin, isPreflight } from './host-and-origin.ts'
import { approveToken, type BearerPrincipal, createAuthInfo, createPrincipal } from './principal.ts'
import { createPolicy, decideRoute, isProtectedUrl, type RoutePolicy } from './protected-routes.ts'
import { assertScopes, suggestedScopes } from './require-scopes.ts'
import { assertNotRevoked } from './revocation.ts'
import { readSessionId } from './session-header.ts'
import type { AuthInfo, Principal, VerifiedToken } from './types.ts'
import { watchResponse } from './watch-response.ts'

/**
 * First hook of a protected request: `onRequest`, before a body is read. Answers at once, without a promise, when the verifier does.
 *
 * @returns false when the request was answered here, a preflight
 * @throws what {@link noteRefusal} wants to hear of
 */
export function guard(
  server: ResourceServer,
  request: FastifyRequest,
  reply: FastifyReply,
  policy: RoutePolicy
): Awaitable<boolean> {
  assertHost(server.admission, request)
  assertOrigin(server.admission, request, reply)
  if (isPreflight(request)) {
    answerPreflight(server.admission, request, reply)
    return false
  }
  const token = readBearerToken(request)
  if (token === null) {
    if (!policy.optional && !maySpeakFirst(server, policy, request)) throw new MissingTokenError()
    return assertSession(server, request)
  }
  const principal = authenticate(server, request, token)
  return isPromise(principal)
    ? principal.then(found => admit(server, request, policy, found))
    : admit(server, request, policy, principal)
}

function admit(
  server: ResourceServer,
  request: FastifyRequest,
  policy: RoutePolicy,
  principal: Principal
): Awaitable<true> {
  // With operations the scopes wait for the body: one challenge has to name all of them.
  if (!policy.operations) assertScopes(principal, policy, server.scopeRules)
  return assertSession(server, request)
}

/** @throws RefusedRequestError 404 for a session of somebody else */
export function assertSession(server: ResourceServer, request: FastifyRequest): Awaitable<true> {
  if (!server.sessions) return true
  const id = readSessionId(request)
  if (id === null) return true
  return server.sessions.assertOwner(id, request.auth).then(() => true)
}

/** Second hook of a protected request: `preHandler`, with the body parsed. @throws what {@link noteRefusal} wants to hear of */
export function guardBody(server: ResourceServer, visit: Visit): void {
  const { reply, policy } = visit
  const { request } = reply
  visit.isBodyParsed = true
  // Whoever got here was let in, by another strategy if not by ours: what comes now is not about our token.
  visit.denial = null
  if (!visit.isOurs) return
  if (request.auth) assertNoTokenInForm(request)
  const verdict = policy.operations ? authorizeBody(server, request, policy) : null
  watchResponse(server, visit, verdict)
}

/** Answers for routes that have no OPTIONS of their own. */
export async function preflight(
  server: ResourceServer,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<unknown> {
  try {
    assertHost(server.admission, request)
    assertOrigin(server.admission, request, reply)
    return answerPreflight(server.admission, request, reply)
  } catch (error) {
    throw noteRefusal(server, reply, error)
  }
}

/** What the route of a request asks for; null when it is not protected. Decided once per route. */
export function policyOf(server: ResourceServer, request: FastifyRequest): RoutePolicy | null {
  const { config } = request.routeOptions
  // Nothing is there, but the app may have something to say about it, and a prefix that is protected is protected as a whole.
  if (config?.url === undefined) {
    const { options } = server
    return isProtectedUrl(options.protect, request.url) ? createPolicy(options, { operations: false }) : null
  }
  let decision = server.decisions.get(config)
  if (decision === undefined) {
    decision = decideRoute(server.options, { url: config.url, mcpAuth: config.mcpAuth })
    server.decisions.set(config, decision)
  }
  if (decision === 'open') return null
  if (decision === 'depends') return isProtectedUrl(server.options.protect, request.url) ? server.plainPolicy : null
  return decision
}

/** @throws OAuthError, UnavailableError */
export function verifyToken(
  server: ResourceServer,
  token: string,
  request: FastifyRequest | null
): Awaitable<BearerPrincipal> {
  const { resource, verifier, options } = server
  const wellFormed = options.verify.checksSyntax ? assertTokenLength(token) : assertToken(token)
  const verified = verifier.verify(wellFormed, { resource, request })
  return isPromise(verified)
    ? verified.then(found => principalOf(server, found, token))
    : principalOf(server, verified, token)
}

function principalOf(
  { resource, options }: ResourceServer,
  verified: VerifiedToken,
  token: string
): Awaitable<BearerPrincipal> {
  const principal = createPrincipal(approveToken(verified, resource, options.audienceAliases), token)
  return options.isRevoked ? assertNotRevoked(options.isRevoked, principal) : principal
}

/** Finds out whose token it is, and puts it on the request. @throws OAuthError, UnavailableError */
export function authenticate(server: ResourceServer, request: FastifyRequest, token: string): Awaitable<Principal> {
  const principal = verifyToken(server, token, request)
  return isPromise(principal)
    ? principal.then(found => attach(server, request, found))
    : attach(server, request, principal)
}

function attach(server: ResourceServer, request: FastifyRequest, principal: BearerPrincipal): Principal {
  request.auth = principal
  rawOf(request).auth = createAuthInfo(principal, server)
  server.events.tellOfAccepted(request)
  return principal
}

/** For a request that another strategy may let in yet, without any caller of ours. */
export function detach(request: FastifyRequest): void {
  request.auth = null
  delete rawOf(request).auth
}

// The one property through which the transports of the MCP SDKs learn who calls.
function rawOf({ raw }: FastifyRequest): IncomingMessage & { auth?: AuthInfo } {
  return raw
}

/**
 * Notes down how a refusal looks before it goes its way through whatever error handler the app has.
 *
 * @returns the error
 */
export function noteRefusal(server: ResourceServer, reply: FastifyReply, error: unknown): unknown {
  const { request } = reply
  const event = eventOfError(error)
  if (event) server.events.tell(request, event)
  const visit = request[VISIT] || createVisit(reply, server.plainPolicy)
  request[VISIT] = visit
  visit.denial = denialFor(server, request, visit.policy, error)
  return error
}

function denialFor(
  server: ResourceServer,
  request: FastifyRequest,
  policy: RoutePolicy,
  error: unknown
): Denial | null {
  const known = server.denials.get(policy) ?? createKnownDenials()
  server.denials.set(policy, known)
  const found = known.find(error, request)
  if (found) return found
  const wanted = suggestedScopes(policy)
  const scopes = wanted.length > 0 ? wanted : server.advertisedScopes
  const denial = denialOf(error, request, { metadataUrl: server.metadataUrl, scopes })
  if (denial) known.add(error, request, denial)
  return denial
}
