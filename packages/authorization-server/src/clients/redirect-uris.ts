/** Which of a client's URIs, to which browsers are sent, we stand by. */
import { assertRedirectUri, OAuthError } from '@fastify-mcp-auth/core'

/**
 * One unknown URI must not cost a client the others: Cursor names three kinds in one request.
 *
 * @returns the acceptable ones, each once
 * @throws OAuthError `invalid_redirect_uri` when none is
 * @see RFC 7591 section 3.2.1 (a server may replace what was asked for)
 */
export function acceptableRedirectUris(uris: readonly string[], privateUseUris: readonly string[]): string[] {
  const refusals: unknown[] = []
  const kept = uris.filter(uri => {
    try {
      assertRedirectUri(uri, privateUseUris)
      return true
    } catch (error) {
      refusals.push(error)
      return false
    }
  })
  if (kept.length > 0) return [...new Set(kept)]
  throw refusals[0] ?? new OAuthError('invalid_redirect_uri', 'redirect_uris needs at least one URI')
}

/**
 * The acceptable ones, each once; none is no fault.
 *
 * @returns the member to be kept, or nothing
 * @see OpenID Connect RP-Initiated Logout 1.0 section 3.1
 */
export function postLogoutMember(
  uris: readonly string[] = [],
  privateUseUris: readonly string[]
): { post_logout_redirect_uris?: string[] } {
  const kept = [...new Set(uris)].filter(uri => {
    try {
      assertRedirectUri(uri, privateUseUris)
      return true
    } catch {
      return false
    }
  })
  return kept.length === 0 ? {} : { post_logout_redirect_uris: kept }
}
