/** Every error that a route can meet, as one of our own: with a code, a status, and a message that anybody may read. */
import { isUnavailableError } from '@fastify-mcp-auth/core'
import { asMcpConnectionError, McpConnectionError, type McpConnectionErrorCode } from '../errors.ts'

/**
 * Does not pass on the words of an error that is not ours.
 *
 * @param retryAfter seconds that the answer says already, by a limiter of the app
 */
export function toConnectionError(error: unknown, retryAfter?: number): McpConnectionError {
  const known = asMcpConnectionError(error)
  if (known) return known
  if (isUnavailableError(error))
    return new McpConnectionError('MCP_STORAGE_UNAVAILABLE', 'the storage does not answer', {
      retryAfter: error.retryAfter,
      cause: error
    })
  const { statusCode, code } = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>
  if (statusCode === 429)
    return new McpConnectionError('MCP_RATE_LIMITED', 'too many requests', { retryAfter, cause: error })
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500)
    return new McpConnectionError('MCP_REQUEST_REFUSED', 'the request was refused', {
      status: statusCode,
      reason: typeof code === 'string' ? code : undefined,
      cause: error
    })
  return new McpConnectionError('MCP_UNEXPECTED', 'something went wrong here', { cause: error })
}

/** What a caller may know about a failure. */
export interface FailureBody {
  readonly error: McpConnectionErrorCode
  readonly message: string
  readonly server?: string | undefined
  readonly reason?: string | undefined
  readonly retryable: boolean
  /** Seconds. */
  readonly retryAfter?: number | undefined
  /** Where a person mends it. */
  readonly actionUrl?: string | undefined
  readonly missingScopes?: readonly string[] | undefined
  /** Id of the request in the log. */
  readonly reference: string
}

export function failureBody(failure: McpConnectionError, reference: string): FailureBody {
  const { code, message, server, reason, retryable, retryAfter, actionUrl, missingScopes } = failure
  return { error: code, message, server, reason, retryable, retryAfter, actionUrl, missingScopes, reference }
}
