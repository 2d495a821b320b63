/**
 * Assertions for what goes on the wire, so that a test says which requirement it holds and nothing more.
 *
 * They take the test object of tap, or anything with the same `equal`, and the response of `app.inject()`, of the OAuth
 * client of this package, or of `fetch`. For `fetch` they have to read the body and therefore return a promise.
 */
import { type Challenge, OAUTH_ERRORS, type OAuthErrorCode, parseChallenges } from '@fastify-mcp-auth/core'

/** The part of tap's `t` that is used. */
export interface Asserter {
  equal(found: unknown, wanted: unknown, message: string): unknown
}

/** A response whose body is already there: light-my-request and this package's clients. */
export interface ReceivedResponse {
  readonly statusCode: number
  readonly headers: { readonly [name: string]: string | number | readonly string[] | undefined }
  readonly body: string
}

/** What a challenge must say. A parameter that is null must be absent; one that is left out is not looked at. */
export interface ExpectedChallenge {
  /** `Bearer`, `DPoP` or another; compared without case. */
  scheme: string
  error?: string | null
  scope?: string | null
  resource_metadata?: string | null
  [parameter: string]: string | null | undefined
}

/**
 * Asserts an OAuth error: the status, a JSON body, its `error`, and an `error_description` that keeps to the allowed characters.
 * Does not look at the wording, nor at cache headers.
 *
 * @param status the usual one for the code when left out
 * @see RFC 6749 section 5.2
 */
export function matchesOAuthError(t: Asserter, response: Response, code: string, status?: number): Promise<void>
export function matchesOAuthError(t: Asserter, response: ReceivedResponse, code: string, status?: number): void
export function matchesOAuthError(
  t: Asserter,
  response: Response | ReceivedResponse,
  code: string,
  status: number = statusOf(code)
): Promise<void> | void {
  if (response instanceof Response)
    return response.text().then(body => matchesOAuthError(t, received(response, body), code, status))
  t.equal(response.statusCode, status, `${code}: status`)
  t.equal(mediaType(response), 'application/json', `${code}: content type`)
  const body = parseObject(response.body)
  t.equal(body['error'], code, `${code}: error`)
  const description = body['error_description'] ?? ''
  t.equal(
    typeof description === 'string' && /^[\x20-\x21\x23-\x5B\x5D-\x7E]*$/.test(description),
    true,
    `${code}: error_description has only characters that RFC 6749 allows`
  )
}

/**
 * Asserts that `WWW-Authenticate` carries exactly one challenge of the scheme, and what that one says. Does not look at the status.
 *
 * @see RFC 6750 section 3, RFC 9728 section 5.1
 */
export function matchesChallenge(
  t: Asserter,
  response: Response | ReceivedResponse,
  { scheme, ...expected }: ExpectedChallenge
): void {
  const found = challengesOf(response).filter(challenge => challenge.scheme.toLowerCase() === scheme.toLowerCase())
  t.equal(found.length, 1, `one ${scheme} challenge`)
  for (const [parameter, wanted] of Object.entries(expected).filter(([, wanted]) => wanted !== undefined))
    t.equal(found[0]?.params[parameter] ?? null, wanted, `${scheme} challenge: ${parameter}`)
}

/** The challenges of a response; empty when it has none. */
export function challengesOf(response: Response | ReceivedResponse): Challenge[] {
  const header =
    response instanceof Response
      ? response.headers.get('www-authenticate')
      : [response.headers['www-authenticate'] ?? []].flat().join(', ')
  return parseChallenges(header ?? '')
}

function statusOf(code: string): number {
  return Object.hasOwn(OAUTH_ERRORS, code) ? OAUTH_ERRORS[code as OAuthErrorCode].status : 400
}

function received(response: Response, body: string): ReceivedResponse {
  return { statusCode: response.status, headers: Object.fromEntries(response.headers), body }
}

function mediaType(response: ReceivedResponse): string | undefined {
  return String(response.headers['content-type'] ?? '')
    .split(';')[0]
    ?.trim()
    .toLowerCase()
}

function parseObject(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
