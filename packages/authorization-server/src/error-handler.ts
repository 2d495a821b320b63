/** The one place where an error becomes an answer: JSON for programs, a page for people. */
import {
  type ErrorPageReason,
  InteractionError,
  isInteractionError,
  isOAuthError,
  isUnavailableError,
  OAuthError,
  type OAuthErrorCode
} from '@fastify-mcp-auth/core'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import type { ServerContext } from './context.ts'

/**
 * Answers in the shape of RFC 6749 section 5.2.
 *
 * @param malformed code for a body that Fastify could not read
 */
export function replyWithOAuthError(
  error: unknown,
  {
    request,
    reply,
    malformed
  }: { request: FastifyRequest; reply: FastifyReply; malformed?: OAuthErrorCode | undefined }
): FastifyReply {
  const answer = toOAuthError(error, malformed)
  logRefusal(request, error, { error: answer.error, reason: answer.reason })
  if (answer.retryAfter !== undefined) reply.header('retry-after', String(answer.retryAfter))
  if (answer.error === 'invalid_client' && request.headers.authorization !== undefined) {
    reply.header('www-authenticate', 'Basic realm="token endpoint", charset="UTF-8"')
  }
  return reply.code(answer.statusCode).header('cache-control', 'no-store').send(answer.toJSON())
}

function toOAuthError(error: unknown, malformed: OAuthErrorCode = 'invalid_request'): OAuthError {
  if (isOAuthError(error)) return error
  if (isUnavailableError(error)) {
    return new OAuthError('temporarily_unavailable', 'try again later', {
      reason: 'unavailable',
      cause: error,
      retryAfter: error.retryAfter
    })
  }
  const { statusCode = 500, code = 'unknown' } = error as Partial<FastifyError>
  if (statusCode >= 400 && statusCode < 500) {
    return new OAuthError(malformed, 'the request body could not be read', {
      reason: code,
      cause: error,
      status: statusCode === 413 ? 413 : 400
    })
  }
  return new OAuthError('server_error', 'something went wrong here', { reason: 'unexpected', cause: error })
}

// Outages and our own faults are for the operator's eyes; a refused client is daily business.
function logRefusal(request: FastifyRequest, error: unknown, details: { error?: string; reason: string }): void {
  if (isOAuthError(error) || isInteractionError(error)) request.log.info(details, 'request refused')
  else request.log.error({ ...details, err: error }, 'request failed')
}

/** Answers with an HTML page: the person is told what happened, never redirected. */
export async function replyWithErrorPage(
  server: ServerContext,
  error: unknown,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply }
): Promise<FastifyReply> {
  const { reason, statusCode, clientName } = toInteractionError(error)
  logRefusal(request, error, { reason: isOAuthError(error) ? `${reason}: ${error.reason}` : reason })
  if (isUnavailableError(error)) reply.header('retry-after', String(error.retryAfter))
  reply.code(statusCode).header('cache-control', 'no-store')
  const page = { statusCode, reason, clientName, reference: request.id }
  if (!server.pages.error)
    return reply
      .type('text/plain; charset=utf-8')
      .send(`This request cannot go on (${reason}). Reference: ${request.id}\n`)
  const { html, headers } = await server.pages.error(page)
  return reply.headers(headers).type('text/html; charset=utf-8').send(html)
}

const REASON_OF_CODE: Partial<Record<string, ErrorPageReason>> = {
  invalid_client: 'unknown_client',
  invalid_client_metadata: 'client_metadata',
  invalid_redirect_uri: 'redirect_uri'
}

function toInteractionError(error: unknown): InteractionError {
  if (isInteractionError(error)) return error
  if (isUnavailableError(error)) return new InteractionError('unavailable', { statusCode: 503 })
  if (isOAuthError(error)) {
    const reason = error.statusCode === 429 ? 'rate_limited' : (REASON_OF_CODE[error.error] ?? 'invalid_request')
    return new InteractionError(reason, { statusCode: error.statusCode === 401 ? 400 : error.statusCode })
  }
  const { statusCode = 500 } = error as Partial<FastifyError>
  return statusCode < 500
    ? new InteractionError('invalid_request', { statusCode })
    : new InteractionError('server_error', { statusCode: 500 })
}
