/** What went wrong, for the person in front of a page and for the log. */
import { type ErrorPageReason, isInteractionError, isOAuthError, isUnavailableError } from '@fastify-mcp-auth/core'
import type { FastifyRequest } from 'fastify'

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
