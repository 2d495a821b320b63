/**
 * How a refusal looks on the wire. It is noted on the request when it is decided, and written when the response leaves: whoever
 * draws the response (the default error handler, the app's own, `@fastify/auth`) the challenge is on it, and it is not on a
 * response that succeeded in the end.
 *
 * @see RFC 6750 section 3, RFC 9728 section 5.1
 */
import { formatChallenge, formatScope, isOAuthError, isUnavailableError, type OAuthError } from '@fastify-mcp-auth/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { InsufficientScopeError, isRefusedRequestError, MissingTokenError, RPC_CODES } from './errors.ts'
import { STATUS_CODES } from './status-codes.ts'

/** A refusal that was decided but not yet sent. */
export interface Denial {
  readonly statusCode: number
  /** Body that Fastify writes for the error when nobody else draws it. */
  readonly stockBody: string
  /** Message of the error, by which the stock body is recognised however it is written. */
  readonly message: string
  /** Values of `WWW-Authenticate`. */
  readonly challenges: readonly string[]
  /** Seconds, or null. */
  readonly retryAfter: number | null
  /** JSON, instead of the stock body. */
  readonly body: string
}

/** What a denial says besides the error itself. */
export interface ChallengeContext {
  readonly metadataUrl: string
  /** Scopes that a new token should have; for errors that do not name their own. */
  readonly scopes: readonly string[]
}

/** @returns null for an error that is not ours to explain */
export function denialOf(error: unknown, request: FastifyRequest, context: ChallengeContext): Denial | null {
  if (isOAuthError(error)) {
    const body = isAnonymous(error) ? { error_description: error.description } : error.toJSON()
    return createDenial(error, {
      challenges: [challengeOf(error, context)],
      retryAfter: error.retryAfter ?? null,
      body: bodyOf(request, body, RPC_CODES.unauthorized)
    })
  }
  if (isUnavailableError(error)) {
    // The cause is for the log: which of our dependencies is down is nobody's business.
    const body = { error: 'temporarily_unavailable', error_description: 'the token cannot be checked at the moment' }
    const { retryAfter } = error
    return createDenial(error, { challenges: [], retryAfter, body: bodyOf(request, body, RPC_CODES.internal) })
  }
  if (!isRefusedRequestError(error)) return null
  return createDenial(error, { challenges: [], retryAfter: null, body: rpcError(error.rpcCode, error.message) })
}

function createDenial(
  { statusCode, message }: { readonly statusCode: number; readonly message: string },
  { challenges, retryAfter, body }: Pick<Denial, 'challenges' | 'retryAfter'> & { readonly body: object }
): Denial {
  const stockBody = JSON.stringify({ statusCode, error: STATUS_CODES[statusCode], message })
  return { statusCode, stockBody, message, challenges, retryAfter, body: JSON.stringify(body) }
}

/** Denials of one route that say nothing but what they say to everybody, so that they need not be written anew for each forged token. */
export interface KnownDenials {
  /** @returns null for an error that may say something of its own */
  find(error: unknown, request: FastifyRequest): Denial | null
  /** Keeps it for others like it, as long as there are few. */
  add(error: unknown, request: FastifyRequest, denial: Denial): void
}

/** More than there are reasons to refuse a token. Verifiers of the app may write each one anew, which gains nothing and loses nothing. */
const MAX_KNOWN = 100

export function createKnownDenials(): KnownDenials {
  const known = new Map<string, Denial>()
  return Object.freeze({
    find: (error: unknown, request: FastifyRequest) =>
      (isPlainVerdict(error) && known.get(nameOf(error, request))) || null,
    add(error: unknown, request: FastifyRequest, denial: Denial): void {
      if (known.size < MAX_KNOWN && isPlainVerdict(error)) known.set(nameOf(error, request), denial)
    }
  })
}

// Others name scopes of their own, or when to come again.
function isPlainVerdict(error: unknown): error is OAuthError {
  return (
    isOAuthError(error) &&
    error.error === 'invalid_token' &&
    !isAnonymous(error) &&
    error.statusCode === 401 &&
    error.retryAfter === undefined
  )
}

function nameOf(error: OAuthError, request: FastifyRequest): string {
  return `${speaksJsonRpc(request)} ${error.message}\n${error.description}`
}

function challengeOf(error: OAuthError, context: ChallengeContext): string {
  const isFirst = isAnonymous(error)
  const own = isFirst || error instanceof InsufficientScopeError ? error.scopes : []
  const scopes = own.length > 0 ? own : context.scopes
  return formatChallenge('Bearer', {
    error: isFirst ? undefined : error.error,
    error_description: isFirst ? undefined : error.description,
    // A request that is malformed is not mended by a new token.
    scope: scopes.length === 0 || error.error === 'invalid_request' ? undefined : formatScope(scopes),
    resource_metadata: context.metadataUrl
  })
}

// RFC 6750 section 3.1: whoever brings no credentials is told no error code, and the body says nothing else than the challenge. No client
// reads it there: what starts a login is the status and the challenge.
function isAnonymous(error: OAuthError): error is MissingTokenError {
  return error instanceof MissingTokenError
}

function bodyOf(
  request: FastifyRequest,
  body: { readonly error?: string; readonly error_description: string },
  rpcCode: number
): object {
  return speaksJsonRpc(request) ? rpcError(rpcCode, body.error_description, body) : body
}

function rpcError(code: number, message: string, data?: object): object {
  return { jsonrpc: '2.0', error: data ? { code, message, data } : { code, message } }
}

// Every MCP client says one of the two on every request: this works before the body is read.
function speaksJsonRpc(request: FastifyRequest): boolean {
  return 'mcp-protocol-version' in request.headers || acceptsEvents(request)
}

/** Whether the caller would take an event stream. Types of media have no case. @see RFC 9110 section 8.3.1 */
export function acceptsEvents(request: FastifyRequest): boolean {
  return request.headers.accept?.toLowerCase().includes('text/event-stream') ?? false
}

/** Puts the denial on the response, if that is what the response became. Returns the payload to send. */
export function writeDenial(denial: Denial, reply: FastifyReply, payload: unknown): unknown {
  const { statusCode } = reply
  if (statusCode !== denial.statusCode && statusCode !== 401 && statusCode !== 403) return payload
  const before = reply.getHeader('www-authenticate')
  const challenges = [...(before === undefined ? [] : [before].flat()), ...denial.challenges]
  if (challenges.length > 0) reply.header('www-authenticate', challenges.join(', '))
  if (denial.retryAfter !== null && statusCode === denial.statusCode) reply.header('retry-after', denial.retryAfter)
  if (!isStockBody(payload, denial)) return payload
  reply.header('content-type', 'application/json; charset=utf-8')
  reply.removeHeader('content-length')
  return denial.body
}

// What Fastify writes when nobody else draws the error. Anything else is somebody's choice and stays.
function isStockBody(payload: unknown, denial: Denial): boolean {
  if (typeof payload !== 'string') return false
  if (payload === denial.stockBody) return true
  try {
    const body: unknown = JSON.parse(payload)
    if (typeof body !== 'object' || body === null) return false
    const { statusCode, error, message } = body as Record<string, unknown>
    return statusCode === denial.statusCode && error === STATUS_CODES[denial.statusCode] && message === denial.message
  } catch {
    return false
  }
}
