/** The one place where an error becomes an answer: JSON for programs, a page for people. */
import {
  type ErrorPageReason,
  formatChallenge,
  InteractionError,
  isInteractionError,
  isOAuthError,
  isUnavailableError,
  OAuthError,
  type OAuthErrorCode
} from '@fastify-mcp-auth/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
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
  logRefusal(request, error, { statusCode: answer.statusCode, error: answer.error, reason: answer.reason })
  if (answer.retryAfter !== undefined) reply.header('retry-after', String(answer.retryAfter))
  if (answer.error === 'invalid_client' && request.headers.authorization !== undefined) {
    reply.header('www-authenticate', 'Basic realm="token endpoint", charset="UTF-8"')
  }
  // RFC 6750 section 3.1: who sent no token at all is told no error.
  if (answer.error === 'invalid_token' || answer.error === 'insufficient_scope') {
    const error = answer.reason === 'token_missing' ? undefined : answer.error
    reply.header('www-authenticate', formatChallenge('Bearer', { error }))
  }
  return reply.code(answer.statusCode).header('cache-control', 'no-store').send(answer.toJSON())
}

function toOAuthError(error: unknown, malformed: OAuthErrorCode = 'invalid_request'): OAuthError {
  if (isOAuthError(error)) return error
  if (isUnavailableError(error)) {
    const { retryAfter } = error
    return new OAuthError('temporarily_unavailable', 'try again later', { reason: 'unavailable', retryAfter })
  }
  const { status, code } = foreignError(error)
  if (status === 429)
    return new OAuthError('temporarily_unavailable', 'too many requests', { reason: 'rate_limited', status })
  if (code.startsWith('FST_ERR_CTP_'))
    return new OAuthError(malformed, 'the request body could not be read', {
      reason: code,
      status: status === 413 ? 413 : 400
    })
  if (status < 500) return new OAuthError('invalid_request', 'the request was refused', { reason: code, status })
  return new OAuthError('server_error', 'something went wrong here', { reason: 'unexpected' })
}

/** What Fastify and the host's own hooks say about their errors. Nothing of the app's adapters gets here with a status. */
function foreignError(error: unknown): { status: number; code: string } {
  const { statusCode, code } = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>
  const isRefusal = typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500
  return { status: isRefusal ? statusCode : 500, code: typeof code === 'string' ? code : 'unknown' }
}

/**
 * Outages and our own faults are for the operator's eyes; a refused request is daily business. Of refusals only our own words
 * are logged: the error of a parser may quote the body.
 */
function logRefusal(
  request: FastifyRequest,
  error: unknown,
  details: { statusCode: number; error?: string; reason: string }
): void {
  if (details.statusCode >= 500 && !isOAuthError(error)) {
    request.log.error({ ...details, err: error }, 'request failed')
    return
  }
  // For example why the metadata document of a client was not accepted.
  const cause = error instanceof Error && isOAuthError(error.cause) ? { cause: error.cause.description } : {}
  request.log.info({ ...details, ...cause }, 'request refused')
}

/** Answers with a page: the person is told what happened, never redirected. */
export async function replyWithErrorPage(
  server: ServerContext,
  error: unknown,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply }
): Promise<FastifyReply> {
  const { reason, statusCode, clientName } = toInteractionError(error)
  logRefusal(request, error, { statusCode, reason })
  const retryAfter = isUnavailableError(error) || isOAuthError(error) ? error.retryAfter : undefined
  if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter))
  reply.code(statusCode).header('cache-control', 'no-store')
  try {
    const page = await server.pages.error?.(
      { statusCode, reason, clientName, reference: request.id },
      { request, reply }
    )
    if (page) return reply.headers(page.headers).type('text/html; charset=utf-8').send(page.html)
  } catch (err) {
    // The host's error handler would tell the person about the template instead of the request.
    request.log.error({ err }, 'authorization-server: the error page could not be drawn')
  }
  return reply
    .header('x-content-type-options', 'nosniff')
    .type('text/plain; charset=utf-8')
    .send(`This request cannot go on (${reason}). Reference: ${request.id}\n`)
}

const REASON_OF_CODE: Partial<Record<string, ErrorPageReason>> = {
  invalid_client: 'unknown_client',
  invalid_client_metadata: 'client_metadata',
  invalid_redirect_uri: 'redirect_uri'
}

function toInteractionError(error: unknown): InteractionError {
  if (isInteractionError(error)) return error
  if (isUnavailableError(error)) return new InteractionError('unavailable', { statusCode: 503 })
  const status = isOAuthError(error) ? error.statusCode : foreignError(error).status
  if (status === 429) return new InteractionError('rate_limited', { statusCode: 429 })
  if (status >= 500) return new InteractionError('server_error', { statusCode: 500 })
  const reason = (isOAuthError(error) ? REASON_OF_CODE[error.error] : undefined) ?? 'invalid_request'
  // There is nobody to authenticate on a page: 401 would make a browser ask for a password.
  return new InteractionError(reason, { statusCode: status === 401 ? 400 : status })
}
