/**
 * One request to a token endpoint, and what its answer means. An outage is never taken for a verdict: only an error that the server itself
 * put into an OAuth error response is one.
 *
 * @see RFC 6749 sections 3.2 and 5
 */
import {
  type AuthorizationServerMetadata,
  isFetchRefusedError,
  isUnavailableError,
  jsonBody,
  type SafeFetch,
  type SafeResponse
} from '@fastify-mcp-auth/core'
import type { DpopSession } from '@modelcontextprotocol/client'
import type { ClientKeys } from './client-keys.ts'
import type { Lease } from './lease.ts'
import { authenticate, type OAuthClient } from './oauth-client.ts'
import { readTokenSet, type TokenSet } from './token-set.ts'

export type TokenOutcome =
  | { readonly kind: 'tokens'; readonly tokens: TokenSet }
  /** May be different next time; `retryAfter` in seconds. */
  | { readonly kind: 'transient'; readonly reason: string; readonly retryAfter: number | null }
  /** A verdict; `error` is one of {@link REFUSALS}, or `other`. */
  | { readonly kind: 'refused'; readonly error: Refusal }

export interface TokenRequest {
  readonly fetch: SafeFetch
  readonly metadata: AuthorizationServerMetadata
  /** Null for a grant whose assertion is all that there is. */
  readonly client: OAuthClient | null
  readonly keys: ClientKeys
  readonly form: Readonly<Record<string, string | null | undefined>>
  readonly now: number
  readonly defaultLifetime: number | undefined
  readonly dpop?: DpopSession | null
  /** Without it nothing may be sent, each time anew. */
  readonly lease?: Pick<Lease, 'lasts'>
}

/** Reason of an outcome when the lease was lost before anything was sent. */
export const LEASE_LOST = 'lease_lost'

/** Reason of an outcome when the server takes signatures of no algorithm that we have a key of: nothing is sent, and it may change its mind. */
const NO_COMMON_ALGORITHM = 'no_common_algorithm'

/** Errors that lead to different things. Texts of the other side go no further than this list. */
export const REFUSALS = [
  'invalid_grant',
  'invalid_client',
  'unauthorized_client',
  'invalid_scope',
  'invalid_target',
  'invalid_request',
  'unsupported_grant_type',
  'access_denied',
  /** Never said by a server: the resource belongs to another one by now. */
  'issuer_changed',
  'other'
] as const
export type Refusal = (typeof REFUSALS)[number]

// What servers in the wild say for invalid_grant.
const SYNONYMS: Readonly<Record<string, Refusal>> = {
  invalid_refresh_token: 'invalid_grant',
  bad_refresh_token: 'invalid_grant',
  bad_verification_code: 'invalid_grant',
  refresh_token_expired: 'invalid_grant',
  token_expired: 'invalid_grant',
  expired_token: 'invalid_grant',
  invalid_token: 'invalid_grant',
  invalid_code: 'invalid_grant',
  incorrect_client_credentials: 'invalid_client'
}

const TRANSIENT = new Set([
  'temporarily_unavailable',
  'server_error',
  'slow_down',
  'authorization_pending',
  'ratelimited'
])

/** Sends it once; a second time only for a nonce that the server asks for. Never rejects for what the other side does. */
export async function requestTokens(request: TokenRequest): Promise<TokenOutcome> {
  const response = await postForm(request, request.metadata.token_endpoint as string)
  if (!('status' in response)) return response
  const body = jsonBody(response)
  const error = errorOf(body)
  if (response.status === 200 && error === null) {
    const tokens = readTokenSet(body, request)
    return tokens ? { kind: 'tokens', tokens } : transient('no_token', response)
  }
  if (response.status >= 500 || response.status === 429 || response.status === 408)
    return transient(`status_${response.status}`, response)
  // A page of a firewall has a status, too, and it is not a word about the token.
  if (error === null) return transient('no_oauth_error', response)
  if (TRANSIENT.has(error)) return transient(error, response)
  const known =
    SYNONYMS[error] ?? REFUSALS.find(refusal => refusal === error && refusal !== 'issuer_changed') ?? 'other'
  return { kind: 'refused', error: known }
}

/** Sends a form as our client. @returns the answer of any status, or the outage */
export async function postForm(
  request: Omit<TokenRequest, 'defaultLifetime' | 'now'>,
  endpoint: string
): Promise<SafeResponse | Extract<TokenOutcome, { kind: 'transient' }>> {
  const first = await send(request, endpoint)
  // The request was not processed, so what it carried is not spent. @see RFC 9449 section 8
  const isForNonce = request.dpop && 'status' in first && errorOf(jsonBody(first)) === 'use_dpop_nonce'
  return isForNonce ? send(request, endpoint) : first
}

async function send(
  { fetch, client, keys, metadata, dpop, lease, form: members }: Parameters<typeof postForm>[0],
  endpoint: string
): ReturnType<typeof postForm> {
  // Outside of what is taken for an outage of the server: an outage of the storage is one of ours.
  if (lease && !(await lease.lasts())) return { kind: 'transient', reason: LEASE_LOST, retryAfter: null }
  try {
    const form = new URLSearchParams()
    for (const [name, value] of Object.entries(members)) if (value != null) form.set(name, value)
    const headers: Record<string, string> = {
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json'
    }
    const outgoing = { form, headers }
    if (client && !(await authenticate(outgoing, client, { audience: metadata.issuer, keys, metadata })))
      return { kind: 'transient', reason: NO_COMMON_ALGORITHM, retryAfter: null }
    if (dpop) headers['dpop'] = await dpop.buildProof({ htm: 'POST', htu: endpoint })
    const response = await fetch(endpoint, { method: 'POST', headers, body: form.toString() })
    const nonce = response.headers['dpop-nonce']
    if (dpop && nonce !== undefined) dpop.rememberNonce(endpoint, nonce)
    return response
  } catch (error) {
    if (isFetchRefusedError(error)) return { kind: 'transient', reason: `refused_${error.reason}`, retryAfter: null }
    if (isUnavailableError(error)) return { kind: 'transient', reason: 'no_answer', retryAfter: null }
    throw error
  }
}

function errorOf(body: unknown): string | null {
  if (typeof body !== 'object' || body === null || !('error' in body)) return null
  return typeof body.error === 'string' ? body.error : 'other'
}

function transient(reason: string, { headers }: SafeResponse): Extract<TokenOutcome, { kind: 'transient' }> {
  const seconds = /^\d{1,6}$/.exec(headers['retry-after'] ?? '')
  return { kind: 'transient', reason, retryAfter: seconds ? Math.min(Number(seconds[0]), 86_400) : null }
}
