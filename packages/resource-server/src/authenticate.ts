/**
 * The checks in their order: host and origin, then the token, then its audience, then the scopes. Whoever fails an earlier one learns
 * nothing about a later one.
 *
 * @see RFC 6750 section 3.1, OAuth 2.1 section 5.2
 */
import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { assertNoTokenInForm, assertToken, readBearerToken } from './bearer-token.ts'
import { denialOf } from './challenge-reply.ts'
import { DENIAL, POLICY, type ResourceServer } from './context.ts'
import { MissingTokenError } from './errors.ts'
import { answerPreflight, assertHost, assertOrigin, exposeHeadersToRaw, isPreflight } from './host-and-origin.ts'
import { assertHeadersMirror, readOperations } from './json-rpc-message.ts'
import { scopesOfOperations } from './operations.ts'
import { createAuthInfo, createPrincipal } from './principal.ts'
import { createPolicy, decideRoute, isProtectedUrl, type RoutePolicy } from './protected-routes.ts'
import { assertScopes, suggestedScopes } from './require-scopes.ts'
import type { AuthInfo, Principal } from './types.ts'

/**
 * First hook of a protected request: `onRequest`, before a body is read.
 *
 * @returns false when the request was answered here, a preflight
 */
export async function guard(server: ResourceServer, request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
  const policy = request[POLICY] ?? server.plainPolicy
  return explain(server, request, async () => {
    assertHost(server.admission, request)
    assertOrigin(server.admission, request, reply)
    if (isPreflight(request)) {
      answerPreflight(server.admission, request, reply)
      return false
    }
    const token = readBearerToken(request)
    if (token === null && !policy.optional) throw new MissingTokenError()
    if (token !== null) await authenticate(server, request, token)
    // With operations the scopes wait for the body: one challenge has to name all of them.
    if (!policy.operations && request.auth) assertScopes(request.auth, policy, server.options.scopeHierarchy)
    return true
  })
}

/** Second hook of a protected request: `preHandler`, with the body parsed. */
export async function guardBody(server: ResourceServer, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const policy = request[POLICY] ?? server.plainPolicy
  // Whoever got here was let in, by another strategy if not by ours: what comes now is not about our token.
  request[DENIAL] = null
  exposeHeadersToRaw(reply)
  await explain(server, request, async () => {
    if (request.auth) assertNoTokenInForm(request)
    if (policy.operations) assertOperations(server, request, policy)
  })
}

/** Answers for routes that have no OPTIONS of their own. */
export async function preflight(
  server: ResourceServer,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<unknown> {
  return explain(server, request, async () => {
    assertHost(server.admission, request)
    assertOrigin(server.admission, request, reply)
    return answerPreflight(server.admission, request, reply)
  })
}

/** What the route of a request asks for; null when it is not protected. Decided once per route. */
export function policyOf(server: ResourceServer, request: FastifyRequest): RoutePolicy | null {
  if (request.is404) return null
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

function assertOperations(server: ResourceServer, request: FastifyRequest, policy: RoutePolicy): void {
  const asked = hasBody(request) ? readOperations(request.body) : []
  if (hasBody(request)) assertHeadersMirror(request.headers, asked)
  const forOperations = scopesOfOperations(server.operations, asked)
  const scopes = [...new Set([...policy.scopes, ...forOperations])]
  // A route that is open without a token asks for one as soon as an operation needs a scope.
  if (request.auth) assertScopes(request.auth, { scopes, anyOf: policy.anyOf }, server.options.scopeHierarchy)
  else if (forOperations.length > 0) throw new MissingTokenError(scopes)
}

// GET and DELETE open and close the streams of older revisions; a POST without a body is a body that nobody parsed.
const WITHOUT_BODY = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS'])

function hasBody(request: FastifyRequest): boolean {
  return !WITHOUT_BODY.has(request.method) || (request.body !== undefined && request.body !== null)
}

/**
 * The hook behind `app.authenticate` and `app.requireScopes`. On a route that is not protected otherwise it makes all checks; on one that
 * is, it finds the principal there.
 */
export async function requirePrincipal(
  server: ResourceServer,
  { request, reply, scopes }: { request: FastifyRequest; reply: FastifyReply; scopes: readonly string[] }
): Promise<void> {
  request[POLICY] ??= createPolicy(server.options, { scopes: [...scopes], operations: false })
  await explain(server, request, async () => {
    if (!request.auth) {
      assertHost(server.admission, request)
      assertOrigin(server.admission, request, reply)
      const token = readBearerToken(request)
      if (token === null) throw new MissingTokenError(scopes)
      await authenticate(server, request, token)
    }
    assertScopes(request.auth, { scopes, anyOf: [] }, server.options.scopeHierarchy)
  })
}

/** @throws OAuthError, UnavailableError */
export async function verifyToken(
  server: ResourceServer,
  token: string,
  request: FastifyRequest | null
): Promise<Principal> {
  const { resource } = server
  const verified = await server.options.verify.verify(assertToken(token), { resource, request })
  return createPrincipal(verified, token, resource)
}

async function authenticate(server: ResourceServer, request: FastifyRequest, token: string): Promise<void> {
  const principal = await verifyToken(server, token, request)
  request.auth = principal
  // The one property through which the transports of the MCP SDKs learn who calls.
  const raw: IncomingMessage & { auth?: AuthInfo } = request.raw
  raw.auth = createAuthInfo(principal, server)
}

// Notes down how the refusal looks before it goes its way through whatever error handler the app has.
async function explain<T>(server: ResourceServer, request: FastifyRequest, check: () => Promise<T>): Promise<T> {
  try {
    return await check()
  } catch (error) {
    const wanted = suggestedScopes(request[POLICY] ?? server.plainPolicy)
    request[DENIAL] = denialOf(error, request, {
      metadataUrl: server.metadataUrl,
      scopes: wanted.length > 0 ? wanted : server.advertisedScopes
    })
    throw error
  }
}
