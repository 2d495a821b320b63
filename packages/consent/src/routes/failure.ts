/** What went wrong, for the person in front of a page and for the log. */
import { type ErrorPageReason, isInteractionError, isOAuthError, isUnavailableError } from '@fastify-mcp-auth/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Pages, RenderedPage } from '../pages.ts'

export interface Failure {
  readonly reason: ErrorPageReason
  readonly statusCode: number
  readonly clientName: string | null
}

export function failureOf(error: unknown): Failure {
  if (isInteractionError(error))
    return { reason: error.reason, statusCode: error.statusCode, clientName: error.clientName }
  if (isUnavailableError(error)) return { reason: 'unavailable', statusCode: 503, clientName: null }
  // A hook of the host app refused: its status stays, its words may not be meant for this reader.
  const { statusCode } = typeof error === 'object' && error !== null ? (error as { statusCode?: unknown }) : {}
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500)
    return { reason: statusCode === 429 ? 'rate_limited' : 'invalid_request', statusCode, clientName: null }
  return { reason: 'server_error', statusCode: 500, clientName: null }
}

/** Under the id that the page shows as its reference. */
export function logFailure(request: FastifyRequest, error: unknown, { reason }: Failure): void {
  if (reason === 'server_error') request.log.error({ err: error }, 'the page could not be shown')
  else request.log.info({ reason }, 'the page was not shown')
}

/** Seconds after which to try again, where that is known. */
export function retryAfterOf(error: unknown): number | undefined {
  return isUnavailableError(error) || isOAuthError(error) ? error.retryAfter : undefined
}

/** What fails in this scope becomes a page, with its reason in the log. */
export function failWithPages(scope: FastifyInstance, pages: Pages): void {
  scope.setErrorHandler(async (error, request, reply) => {
    const failure = failureOf(error)
    logFailure(request, error, failure)
    const retryAfter = retryAfterOf(error)
    if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter))
    const page = await pages.error({ ...failure, reference: request.id }, { request, reply })
    return sendPage(reply.code(failure.statusCode), page)
  })
}

export function sendPage(reply: FastifyReply, { html, headers }: RenderedPage): FastifyReply {
  return reply.headers(headers).send(html)
}

/** On to where a person has to go first. */
export function sendOn(reply: FastifyReply, to: string): FastifyReply {
  return reply.header('cache-control', 'no-store').redirect(to, 303)
}
