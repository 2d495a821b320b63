/** What can go wrong with a connection, as a caller meets it: one class, told apart by a stable `code`. */
import type { DiscoveryStep } from './types.ts'

/**
 * Every code, with the HTTP status that suits it when a request of a person fails with it, and who has to act.
 *
 * `user`: the person, at `actionUrl`. `wait`: nobody, later it may work. `operator`: whoever runs the app.
 */
export const MCP_CONNECTION_ERRORS = {
  MCP_NOT_CONNECTED: { status: 409, action: 'user', text: 'This owner has no connection to the server.' },
  MCP_NEEDS_REAUTH: { status: 409, action: 'user', text: 'The connection ended; `reason` says why. Connect again.' },
  MCP_NEEDS_SCOPE: { status: 409, action: 'user', text: 'The server wants more scopes than were granted.' },
  MCP_CREDENTIAL_REJECTED: { status: 409, action: 'user', text: 'The server does not accept the key or token.' },
  MCP_ACCESS_DENIED: { status: 403, action: 'user', text: 'The person or the authorization server said no.' },
  MCP_FLOW_EXPIRED: { status: 410, action: 'user', text: 'The attempt to connect is unknown, too old or was used.' },
  MCP_FLOW_MISMATCH: { status: 403, action: 'user', text: 'The answer came to another browser or another person.' },
  MCP_RATE_LIMITED: { status: 429, action: 'wait', text: 'Too many attempts to connect; `retryAfter` says how long.' },
  MCP_AUTHORIZATION_SERVER_UNAVAILABLE: { status: 503, action: 'wait', text: 'The authorization server is down.' },
  MCP_SERVER_UNAVAILABLE: {
    status: 503,
    action: 'wait',
    text: 'The MCP server does not answer, or not as one: `reason` is `protocol` then.'
  },
  MCP_STORE_CONFLICT: { status: 503, action: 'wait', text: 'Others keep changing the same record.' },
  MCP_TOOLS_CHANGED: {
    status: 409,
    action: 'user',
    text: 'A tool is another one by now than was read; nothing was accepted. `actionUrl` shows it.'
  },
  MCP_DISCOVERY_FAILED: { status: 502, action: 'operator', text: 'No usable metadata; `steps` says what was tried.' },
  MCP_REGISTRATION_FAILED: { status: 502, action: 'operator', text: 'There is no way to become a client there.' },
  MCP_CLIENT_REJECTED: {
    status: 502,
    action: 'operator',
    text: 'The authorization server refuses how our client is configured there. Tokens are kept.'
  },
  MCP_PKCE_UNSUPPORTED: { status: 502, action: 'operator', text: 'The authorization server does not offer S256.' },
  MCP_ISSUER_MISMATCH: { status: 502, action: 'operator', text: 'An answer names another issuer than the one asked.' },
  MCP_RESOURCE_MISMATCH: { status: 502, action: 'operator', text: 'Resource metadata is for another server.' },
  MCP_URL_BLOCKED: { status: 502, action: 'operator', text: 'A URL leads where this app must not go.' },
  MCP_SERVER_DISABLED: { status: 403, action: 'operator', text: 'The server is switched off.' },
  MCP_UNKNOWN_SERVER: { status: 404, action: 'operator', text: 'No such server is registered.' },
  MCP_OWNER_REQUIRED: {
    status: 401,
    action: 'operator',
    text: 'The mode of the server needs an owner of another kind.'
  },
  MCP_NOT_ALLOWED: { status: 403, action: 'operator', text: 'The options of the server do not allow it.' },
  MCP_SIGN_IN_REQUIRED: { status: 401, action: 'user', text: 'Nobody is signed in.' },
  MCP_CROSS_SITE: { status: 403, action: 'operator', text: 'A request that changes something came from elsewhere.' },
  MCP_NOT_FOUND: { status: 404, action: 'operator', text: 'No such page, or no such connection of this owner.' },
  MCP_STORAGE_UNAVAILABLE: { status: 503, action: 'wait', text: 'The storage of the app does not answer.' },
  MCP_REQUEST_REFUSED: { status: 400, action: 'operator', text: 'A hook or parser of the app refused; `reason`.' },
  MCP_UNEXPECTED: { status: 500, action: 'operator', text: 'A fault of this app. The log has the reference.' },
  MCP_INVALID_INPUT: { status: 400, action: 'operator', text: 'An argument is not acceptable; the message says which.' }
} as const satisfies Record<string, { status: number; action: 'user' | 'wait' | 'operator'; text: string }>

/** Value of `code` of a {@link McpConnectionError}. */
export type McpConnectionErrorCode = keyof typeof MCP_CONNECTION_ERRORS

/** Why a connection has to be made anew. */
export type ReauthReason =
  | 'expired_no_refresh'
  | 'invalid_grant'
  | 'client_replaced'
  | 'issuer_changed'
  | 'server_changed'
  | 'resource_rejects'
  | 'lost_rotation'
  | 'revoked_by_user'
  | 'key_unavailable'

/** What an error says besides its code. */
export interface McpConnectionErrorDetails {
  readonly server?: string | undefined
  /** Id of the connection. */
  readonly connection?: string | undefined
  /** Stable word: a {@link ReauthReason}, or what exactly was refused. */
  readonly reason?: string | undefined
  /** Seconds until a retry makes sense. */
  readonly retryAfter?: number | undefined
  /** In place of what the code says. */
  readonly retryable?: boolean | undefined
  /** Where a person mends it, on our own origin. */
  readonly actionUrl?: string | undefined
  readonly missingScopes?: readonly string[] | undefined
  readonly grantedScopes?: readonly string[] | undefined
  /** What discovery did, step by step. */
  readonly steps?: readonly DiscoveryStep[] | undefined
  /** In place of the status of the code. */
  readonly status?: number | undefined
  /** Path of ours that wants to hear of a flow that failed. */
  readonly errorTo?: string | undefined
  readonly cause?: unknown
}

/** Never has a token, code, secret or text of a foreign server in its message. */
export class McpConnectionError extends Error {
  override readonly name = 'McpConnectionError'
  readonly code: McpConnectionErrorCode
  readonly statusCode: number
  /** Whether the same call may succeed later with nobody doing anything. */
  readonly retryable: boolean
  readonly server: string | undefined
  readonly connection: string | undefined
  readonly reason: string | undefined
  readonly retryAfter: number | undefined
  readonly actionUrl: string | undefined
  readonly missingScopes: readonly string[] | undefined
  readonly grantedScopes: readonly string[] | undefined
  readonly steps: readonly DiscoveryStep[] | undefined
  readonly errorTo: string | undefined

  constructor(code: McpConnectionErrorCode, message: string, details: McpConnectionErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    const { status, action } = MCP_CONNECTION_ERRORS[code]
    this.code = code
    this.statusCode = details.status ?? status
    this.retryable = details.retryable ?? action === 'wait'
    this.server = details.server
    this.connection = details.connection
    this.reason = details.reason
    this.retryAfter = details.retryAfter ?? (action === 'wait' ? 5 : undefined)
    this.actionUrl = details.actionUrl
    this.missingScopes = details.missingScopes
    this.grantedScopes = details.grantedScopes
    this.steps = details.steps
    this.errorTo = details.errorTo
  }
}

/** By its name, so that errors of another copy of this package count. Looks through what a client library wrapped around it. */
export function asMcpConnectionError(value: unknown): McpConnectionError | null {
  for (let error = value, depth = 0; error instanceof Error && depth < 5; error = error.cause, depth++)
    if (error.name === 'McpConnectionError' && 'code' in error) return error as McpConnectionError
  return null
}

/** Whether it is, or wraps, a {@link McpConnectionError}; with that code, if one is given. */
export function isMcpConnectionError(value: unknown, code?: McpConnectionErrorCode): boolean {
  const error = asMcpConnectionError(value)
  return error !== null && (code === undefined || error.code === code)
}
