/**
 * The two families of errors, which are never mixed.
 *
 * - {@link OAuthError}: for the client. Its `error` and `description` go on the wire, its `reason` goes to the log.
 * - {@link ConfigurationError}: for the integrator. Thrown while the app boots, never while it serves.
 *
 * A third, {@link UnavailableError}, says that something we depend on is down. It becomes a 503 and is never
 * dressed up as a verdict about a token or a client.
 *
 * Compare by `error`, `code` or the `is*` functions, not by `instanceof`: two copies of this package may meet in one process.
 */

/** Every error code that may go on the wire, with its HTTP status and where it is defined. */
export const OAUTH_ERRORS = {
  invalid_request: { status: 400, spec: 'RFC 6749 section 5.2' },
  invalid_client: { status: 401, spec: 'RFC 6749 section 5.2' },
  invalid_grant: { status: 400, spec: 'RFC 6749 section 5.2' },
  unauthorized_client: { status: 400, spec: 'RFC 6749 section 5.2' },
  unsupported_grant_type: { status: 400, spec: 'RFC 6749 section 5.2' },
  invalid_scope: { status: 400, spec: 'RFC 6749 section 5.2' },
  access_denied: { status: 403, spec: 'RFC 6749 section 4.1.2.1' },
  unsupported_response_type: { status: 400, spec: 'RFC 6749 section 4.1.2.1' },
  server_error: { status: 500, spec: 'RFC 6749 section 4.1.2.1' },
  temporarily_unavailable: { status: 503, spec: 'RFC 6749 section 4.1.2.1' },
  request_not_supported: { status: 400, spec: 'OpenID Connect Core section 3.1.2.6' },
  request_uri_not_supported: { status: 400, spec: 'OpenID Connect Core section 3.1.2.6' },
  registration_not_supported: { status: 400, spec: 'OpenID Connect Core section 3.1.2.6' },
  login_required: { status: 400, spec: 'OpenID Connect Core section 3.1.2.6' },
  consent_required: { status: 400, spec: 'OpenID Connect Core section 3.1.2.6' },
  interaction_required: { status: 400, spec: 'OpenID Connect Core section 3.1.2.6' },
  invalid_target: { status: 400, spec: 'RFC 8707 section 2' },
  authorization_pending: { status: 400, spec: 'RFC 8628 section 3.5' },
  slow_down: { status: 400, spec: 'RFC 8628 section 3.5' },
  expired_token: { status: 400, spec: 'RFC 8628 section 3.5' },
  invalid_redirect_uri: { status: 400, spec: 'RFC 7591 section 3.2.2' },
  invalid_client_metadata: { status: 400, spec: 'RFC 7591 section 3.2.2' },
  invalid_token: { status: 401, spec: 'RFC 6750 section 3.1' },
  insufficient_scope: { status: 403, spec: 'RFC 6750 section 3.1' }
} as const satisfies Record<string, { status: number; spec: string }>

/** Value of `error` on the wire. */
export type OAuthErrorCode = keyof typeof OAUTH_ERRORS

/** What an `OAuthError` says besides its code and description. */
export interface OAuthErrorDetails {
  /** Stable word for logs and tests; says more than the client may know. Never sent. */
  reason?: string
  cause?: unknown
  /** Replaces the status of the table, for example 429 with `temporarily_unavailable`. */
  status?: number
  /** Seconds until a retry makes sense; becomes `Retry-After`. */
  retryAfter?: number
}

/**
 * An error in the shape of RFC 6749 section 5.2. Whoever throws it decides what the client reads. With `invalid_token` it has no stack
 * trace: `reason` says where it comes from.
 */
export class OAuthError extends Error {
  override readonly name = 'OAuthError'
  readonly error: OAuthErrorCode
  readonly description: string
  readonly reason: string
  readonly statusCode: number
  readonly retryAfter: number | undefined

  /**
   * @param error a code of {@link OAUTH_ERRORS}
   * @param description public sentence for developers; characters that RFC 6749 section 5.2 forbids are replaced
   */
  constructor(error: OAuthErrorCode, description: string, details: OAuthErrorDetails = {}) {
    // A verdict about a token is no fault of the program, and strangers can ask for as many as they like: the stack is a quarter of the cost.
    const { stackTraceLimit } = Error
    if (error === 'invalid_token') limitStackTrace(0)
    super(`${error}: ${description}`, details.cause === undefined ? undefined : { cause: details.cause })
    if (error === 'invalid_token') limitStackTrace(stackTraceLimit)
    this.error = error
    this.description = PUBLIC_TEXT.test(description)
      ? description
      : description.replace(/"/g, "'").replace(/[^\x20-\x5B\x5D-\x7E]/g, '?')
    this.reason = details.reason ?? error
    this.statusCode = details.status ?? OAUTH_ERRORS[error].status
    this.retryAfter = details.retryAfter
  }

  /** The response body of RFC 6749 section 5.2. */
  toJSON(): { error: OAuthErrorCode; error_description: string } {
    return { error: this.error, error_description: this.description }
  }
}

// What RFC 6749 section 5.2 allows, and what nearly all descriptions are.
const PUBLIC_TEXT = /^[\x20\x21\x23-\x5B\x5D-\x7E]*$/

// Where the built-in objects are frozen it cannot be set, and stays.
function limitStackTrace(frames: number | undefined): void {
  Reflect.set(Error, 'stackTraceLimit', frames)
}

/** Something we depend on (storage, a JWKS endpoint, an issuer) did not answer. Becomes 503 with `Retry-After`. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError'
  readonly code = 'FST_OAUTH_UNAVAILABLE'
  readonly statusCode = 503
  readonly retryAfter: number

  /** @param retryAfter seconds after which a retry makes sense */
  constructor(message: string, details: { cause?: unknown; retryAfter?: number } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.retryAfter = details.retryAfter ?? 5
  }
}

/** Every error that can stop the boot. `docs/reference/errors.md` is held against this table. */
export const CONFIGURATION_ERRORS = {
  FST_OAUTH_OPTION: 'An option is missing, misspelt or has a value that cannot work.',
  FST_OAUTH_MISSING_PLUGIN: 'A plugin needs another one that is not registered.',
  FST_OAUTH_STORAGE: 'The storage cannot keep the promises that the plugin needs.'
} as const

/** Value of `code` of a {@link ConfigurationError}. */
export type ConfigurationErrorCode = keyof typeof CONFIGURATION_ERRORS

/** Wrong wiring: thrown at registration, names the option, never thrown while serving requests. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
  readonly code: ConfigurationErrorCode

  constructor(code: ConfigurationErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** By its name, so that errors of another copy of this package count. */
export function isOAuthError(value: unknown): value is OAuthError {
  return value instanceof Error && value.name === 'OAuthError' && 'error' in value
}

/** By its code, so that errors of another copy of this package count. */
export function isUnavailableError(value: unknown): value is UnavailableError {
  return value instanceof Error && 'code' in value && value.code === 'FST_OAUTH_UNAVAILABLE'
}

/** By its code, so that errors of another copy of this package count. */
export function isConfigurationError(value: unknown): value is ConfigurationError {
  return value instanceof Error && 'code' in value && Object.hasOwn(CONFIGURATION_ERRORS, String(value.code))
}
