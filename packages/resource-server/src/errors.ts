/** Errors that only a resource server has. Those of OAuth are in core. */
import { OAuthError } from '@fastify-mcp-auth/core'

/** The token is good, but not good enough. @see RFC 6750 section 3.1 */
export class InsufficientScopeError extends OAuthError {
  /** Everything that the operation needs, granted already or not; with `stepUp: 'accumulate'` all that was granted, too. */
  readonly scopes: readonly string[]

  /**
   * @param needed what the operation needs
   * @param suggested what the client should ask for: the same, unless granted scopes are to be repeated
   */
  constructor(needed: readonly string[], suggested: readonly string[] = needed) {
    super('insufficient_scope', `this operation needs the scope ${needed.join(' ')}`, { reason: 'insufficient_scope' })
    this.scopes = [...new Set(suggested)].filter(scope => scope !== 'offline_access')
  }
}

/** The request brought no credentials: its challenge has no error code. @see RFC 6750 section 3.1 */
export class MissingTokenError extends OAuthError {
  /** What a token should have; empty when the route knows better. */
  readonly scopes: readonly string[]

  constructor(scopes: readonly string[] = []) {
    super('invalid_token', 'an access token is needed', { reason: 'no_token' })
    this.scopes = scopes
  }
}

/** Codes of the error object. -32001 and -32020 are those that MCP servers use for their own purposes. */
export const RPC_CODES = {
  /** Not authorized. */
  unauthorized: -32001,
  /** A header says something else than the body. */
  headerMismatch: -32020,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  /** Nobody can tell at the moment. */
  internal: -32603
} as const

/**
 * A request that is refused whoever sends it. Answered as a JSON-RPC error without id: the id is in a body that is not read yet,
 * or not to be trusted.
 */
export class RefusedRequestError extends Error {
  override readonly name = 'RefusedRequestError'
  readonly code = 'FST_OAUTH_REFUSED'
  readonly statusCode: number
  readonly rpcCode: number
  /** Stable word for logs and tests. */
  readonly reason: string

  constructor(statusCode: number, message: string, details: { rpcCode: number; reason: string }) {
    super(message)
    this.statusCode = statusCode
    this.rpcCode = details.rpcCode
    this.reason = details.reason
  }
}

export function isRefusedRequestError(value: unknown): value is RefusedRequestError {
  return value instanceof Error && 'code' in value && value.code === 'FST_OAUTH_REFUSED'
}
