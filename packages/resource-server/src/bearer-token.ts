/**
 * Bearer tokens from the `Authorization` header, and from nowhere else.
 *
 * @see RFC 6750 section 2.1, OAuth 2.1 section 5.2
 */
import { OAuthError } from '@fastify-mcp-auth/core'
import type { FastifyRequest } from 'fastify'
import { MissingTokenError } from './errors.ts'

/** Longer ones are refused before anything is computed from them. */
export const MAX_TOKEN_LENGTH = 8192

const SCHEME = 'bearer'
const SPACE = 0x20
const TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/

/**
 * Does not look at the body, which is not read yet; {@link assertNoTokenInForm} does.
 *
 * @returns what stands in the place of the token, see {@link assertToken}; null when there is none: no header, or another scheme
 * @throws OAuthError `invalid_request` for two headers and for a second token in the query
 * @throws MissingTokenError for the scheme DPoP
 */
export function readBearerToken(request: FastifyRequest): string | null {
  const { authorization } = request.headers
  if (authorization === undefined) return null
  if (countAuthorizationHeaders(request.raw.rawHeaders) > 1)
    throw new OAuthError('invalid_request', 'more than one Authorization header', { reason: 'two_headers' })
  const token = credentialsOf(authorization)
  if (token === null) {
    assertOtherScheme(authorization)
    return null
  }
  if (hasAccessToken(request.query))
    throw new OAuthError('invalid_request', 'a token in the header and another in the query', { reason: 'two_tokens' })
  return token
}

// Whoever shows a token believes to be known. Where strangers may come in, he would get the answer of a stranger and not know why.
function assertOtherScheme(authorization: string): void {
  const scheme = /^[A-Za-z0-9!#$%&'*+.^_`|~-]*/.exec(authorization)?.[0].toLowerCase()
  if (scheme === 'bearer') throw malformed()
  // RFC 9449 section 7.1: another way to send an access token, which is not understood here. RFC 6750 section 3.1 wants no error code then.
  if (scheme === 'dpop') throw new MissingTokenError()
}

function malformed(): OAuthError {
  // Refused as a token, not as a request: the way out is the same, to get a new one.
  return new OAuthError('invalid_token', 'the token is malformed', { reason: 'token_malformed' })
}

// By hand: an expression that captures the token takes as long as all the rest of this file.
function credentialsOf(authorization: string): string | null {
  // As nearly all clients write it.
  if (authorization.startsWith('Bearer ') && authorization.charCodeAt(7) !== SPACE) return authorization.slice(7)
  if (authorization.slice(0, SCHEME.length).toLowerCase() !== SCHEME) return null
  let start = SCHEME.length
  if (authorization.length > start && authorization.charCodeAt(start) !== SPACE) return null
  while (authorization.charCodeAt(start) === SPACE) start++
  return authorization.slice(start)
}

/** @throws OAuthError `invalid_request` for a token of more than 8,192 characters; `invalid_token` for what cannot be a token */
export function assertToken(token: string): string {
  assertTokenLength(token)
  if (!TOKEN.test(token)) throw malformed()
  return token
}

/** @throws OAuthError `invalid_request` for a token of more than 8,192 characters */
export function assertTokenLength(token: string): string {
  if (token.length > MAX_TOKEN_LENGTH)
    throw new OAuthError('invalid_request', 'the token is too long', { reason: 'token_too_long' })
  return token
}

/** @throws OAuthError `invalid_request` when a form brings a token besides the header */
export function assertNoTokenInForm(request: FastifyRequest): void {
  const type = request.headers['content-type']
  if (type?.toLowerCase().startsWith('application/x-www-form-urlencoded') && hasAccessToken(request.body))
    throw new OAuthError('invalid_request', 'a token in the header and another in the body', { reason: 'two_tokens' })
}

function hasAccessToken(parameters: unknown): boolean {
  return typeof parameters === 'object' && parameters !== null && 'access_token' in parameters
}

// Node keeps the first of several and drops the rest silently; what a proxy in front looked at may be another one.
function countAuthorizationHeaders(rawHeaders: readonly string[]): number {
  let count = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]
    if (name?.length === 13 && name.toLowerCase() === 'authorization') count++
  }
  return count
}
