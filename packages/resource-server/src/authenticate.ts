/**
 * The checks in their order: host and origin, then the token, then its audience, then the scopes. Whoever fails an earlier one learns
 * nothing about a later one.
 *
 * @see RFC 6750 section 3.1, OAuth 2.1 section 5.2
 */
import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { authorizeBody, maySpeakFirst } from './authorize-body.ts'
import { type Awaitable, isPromise, then } from './awaitable.ts'
import { assertNoTokenInForm, assertToken, readBearerToken } from './bearer-token.ts'
import { denialOf } from './challenge-reply.ts'
import { DENIAL, POLICY, type ResourceServer } from './context.ts'
import { MissingTokenError } from './errors.ts'
import { eventOfError } from './events.ts'
import { answerPreflight, assertHost, assertOrigin, exposeHeadersToRaw, isPreflight } from './host-and-origin.ts'
import { type ApprovedToken, approveToken, createAuthInfo, createPrincipal } from './principal.ts'
import { createPolicy, decideRoute, isProtectedUrl, type RoutePolicy } from './protected-routes.ts'
import { assertScopes, suggestedScopes } from './require-scopes.ts'
import { assertNotRevoked } from './revocation.ts'
import { readSessionId } from './session-header.ts'
import type { AuthInfo, Principal, VerifiedToken } from './types.ts'
import { isSealed } from './verified-token.ts'
import { watchResponse } from './watch-response.ts'

/**
 * First hook of a protected request: `onRequest`, before a body is read. Answers at once, without a promise, when the verifier does.
 *
 * @returns false when the request was answered here, a preflight
 */
export function guard(server: ResourceServer, request: FastifyRequest, reply: FastifyReply): Awaitable<boolean> {
  const policy = request[POLICY] ?? server.plainPolicy
  return explain(server, request, () => {
    assertHost(server.admission, request)
    assertOrigin(server.admission, request, reply)
    if (isPreflight(request)) {
      answerPreflight(server.admission, request, reply)
      return false
    }
    const token = readBearerToken(request)
    if (token === null && !policy.optional && !maySpeakFirst(server, policy, request)) throw new MissingTokenError()
    if (token === null) return then(assertSession(server, request), () => true)
    return then(authenticate(server, request, token), principal => {
      // With operations the scopes wait for the body: one challenge has to name all of them.
      if (!policy.operations) assertScopes(principal, policy, server.scopeRules)
      return then(assertSession(server, request), () => true)
    })
  })
}

function assertSession(server: ResourceServer, request: FastifyRequest): Awaitable<void> {
  if (!server.sessions) return
  const id = readSessionId(request)
  if (id === null) return
  return server.sessions.assertOwner(id, request.auth)
}

/** Second hook of a protected request: `preHandler`, with the body parsed. */
export function guardBody(server: ResourceServer, request: FastifyRequest, reply: FastifyReply): Awaitable<void> {
  const policy = request[POLICY] ?? server.plainPolicy
  // Whoever got here was let in, by another strategy if not by ours: what comes now is not about our token.
  request[DENIAL] = null
  exposeHeadersToRaw(reply)
  return explain(server, request, () => {
    if (request.auth) assertNoTokenInForm(request)
    const verdict = policy.operations ? authorizeBody(server, request, policy) : null
    watchResponse(server, { request, reply, verdict })
  })
}

/** Answers for routes that have no OPTIONS of their own. */
export async function preflight(
  server: ResourceServer,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<unknown> {
  return explain(server, request, () => {
    assertHost(server.admission, request)
    assertOrigin(server.admission, request, reply)
    return answerPreflight(server.admission, request, reply)
  })
}

/** What the route of a request asks for; null when it is not protected. Decided once per route. */
export function policyOf(server: ResourceServer, request: FastifyRequest): RoutePolicy | null {
  // Nothing is there, but the app may have something to say about it, and a prefix that is protected is protected as a whole.
  if (request.is404) {
    const { options } = server
    return isProtectedUrl(options.protect, request.url) ? createPolicy(options, { operations: false }) : null
  }
  const { config } = request.routeOptions
  let decision = server.decisions.get(config)
  if (decision === undefined) {
    decision = decideRoute(server.options, { url: config.url, mcpAuth: config.mcpAuth })
    server.decisions.set(config, decision)
  }
  if (decision === 'open') return null
  if (decision === 'depends') return isProtectedUrl(server.options.protect, request.url) ? server.plainPolicy : null
  return decision
}

/**
 * The hook behind `app.authenticate` and `app.requireScopes`. On a route that is not protected otherwise it makes all checks; on one that
 * is, it finds the principal there.
 */
export async function requirePrincipal(
  server: ResourceServer,
  { request, reply, scopes }: { request: FastifyRequest; reply: FastifyReply; scopes: readonly string[] }
): Promise<void> {
  const isOnItsOwn = request[POLICY] === null
  request[POLICY] ??= createPolicy(server.options, { scopes: [...scopes], operations: false })
  await explain(server, request, async () => {
    if (!request.auth) {
      assertHost(server.admission, request)
      assertOrigin(server.admission, request, reply)
      const token = readBearerToken(request)
      if (token === null) throw new MissingTokenError(scopes)
      await authenticate(server, request, token)
      await assertSession(server, request)
    }
    assertScopes(request.auth, { scopes, anyOf: [] }, server.scopeRules)
  })
  // As a preHandler of a route it comes behind the hook that would do this.
  if (isOnItsOwn && (request.body !== undefined || request.method !== 'POST'))
    watchResponse(server, { request, reply, verdict: null })
}

/** @throws OAuthError, UnavailableError */
export function verifyToken(
  server: ResourceServer,
  token: string,
  request: FastifyRequest | null
): Awaitable<Principal> {
  const { resource, options, verifier } = server
  return then(verifier.verify(assertToken(token), { resource, request }), verified => {
    const principal = createPrincipal(approve(server, verified), token)
    return options.isRevoked ? assertNotRevoked(options.isRevoked, principal) : principal
  })
}

function approve(server: ResourceServer, verified: VerifiedToken): ApprovedToken {
  const known = server.approved.get(verified)
  if (known) return known
  const approved = approveToken(verified, server.resource, server.options.audienceAliases)
  if (isSealed(verified)) server.approved.set(verified, approved)
  return approved
}

function authenticate(server: ResourceServer, request: FastifyRequest, token: string): Awaitable<Principal> {
  return then(verifyToken(server, token, request), principal => {
    request.auth = principal
    // The one property through which the transports of the MCP SDKs learn who calls.
    const raw: IncomingMessage & { auth?: AuthInfo } = request.raw
    raw.auth = createAuthInfo(principal, server)
    server.events.tell(request, { type: 'token.accepted' })
    return principal
  })
}

// Notes down how the refusal looks before it goes its way through whatever error handler the app has.
function explain<T>(server: ResourceServer, request: FastifyRequest, check: () => Awaitable<T>): Awaitable<T> {
  const refuse = (error: unknown): never => {
    const event = eventOfError(error)
    if (event) server.events.tell(request, event)
    const wanted = suggestedScopes(request[POLICY] ?? server.plainPolicy)
    request[DENIAL] = denialOf(error, request, {
      metadataUrl: server.metadataUrl,
      scopes: wanted.length > 0 ? wanted : server.advertisedScopes
    })
    throw error
  }
  try {
    const outcome = check()
    return isPromise(outcome) ? outcome.then(undefined, refuse) : outcome
  } catch (error) {
    return refuse(error)
  }
}
