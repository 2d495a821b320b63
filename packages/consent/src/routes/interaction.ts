/** `GET {prefix}/interaction/:handle`: the consent page, or what stands in its way. */
import { type ErrorPageReason, isInteractionError, isOAuthError, isUnavailableError } from '@fastify-mcp-auth/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Pages, RenderedPage } from '../pages.ts'

/**
 * Adds the route to a scope of its own, whose errors become pages.
 *
 * Does not take the decision: the form goes to the authorization server, which also owns the handle, the cookie that binds
 * it to the browser, and with both the protection against forged posts.
 */
export function interactionRoute(scope: FastifyInstance, path: string, pages: Pages): void {
  scope.setErrorHandler(async (error, request, reply) => {
    const failure = judge(error)
    if (failure.reason === 'server_error') request.log.error({ err: error }, 'the consent page could not be shown')
    else request.log.info({ reason: failure.reason }, 'the consent page was not shown')
    const retryAfter = isUnavailableError(error) || isOAuthError(error) ? error.retryAfter : undefined
    if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter))
    return send(reply, failure.statusCode, await pages.error({ ...failure, reference: request.id }, { request, reply }))
  })

  // A host's CORS policy has no business here: no other origin may read what a person is asked.
  const config: object = { cors: false }
  scope.get(`${path}/:handle`, { config }, async (request: FastifyRequest<{ Params: { handle: string } }>, reply) => {
    const details = await scope.authorizationServer.interactions.details(request, request.params.handle)
    if (details.status !== 'consent') {
      const next = details.status === 'login' ? details.loginUrl : details.redirectTo
      return reply.header('cache-control', 'no-store').redirect(next, 303)
    }
    return send(reply, 200, await pages.consent(details, { request, reply }))
  })
}

function send(reply: FastifyReply, statusCode: number, page: RenderedPage): FastifyReply {
  return reply.code(statusCode).headers(page.headers).send(page.html)
}

function judge(error: unknown): { reason: ErrorPageReason; statusCode: number; clientName: string | null } {
  if (isInteractionError(error))
    return { reason: error.reason, statusCode: error.statusCode, clientName: error.clientName }
  if (isUnavailableError(error)) return { reason: 'unavailable', statusCode: 503, clientName: null }
  // A hook of the host app refused: its status stays, its words may not be meant for this reader.
  const { statusCode } = typeof error === 'object' && error !== null ? (error as { statusCode?: unknown }) : {}
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500)
    return { reason: statusCode === 429 ? 'rate_limited' : 'invalid_request', statusCode, clientName: null }
  return { reason: 'server_error', statusCode: 500, clientName: null }
}
