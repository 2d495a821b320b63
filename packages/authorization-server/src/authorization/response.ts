/**
 * The only maker of redirects to clients. Takes nothing but a {@link TrustedRedirect}, always adds `iss`.
 *
 * @see RFC 6749 sections 4.1.2 and 4.1.2.1, RFC 9207 section 2
 */
import type { OAuthError } from '@fastify-mcp-auth/core'

/** A redirect URI that was matched for a client that was found. `authorization/request.ts` and a stored interaction make these. */
export interface TrustedRedirect {
  readonly redirectUri: string
  readonly state: string | null
}

export function codeResponse(issuer: string, trusted: TrustedRedirect, code: string): string {
  return redirectTo(issuer, trusted, { code })
}

export function errorResponse(issuer: string, trusted: TrustedRedirect, error: OAuthError): string {
  return redirectTo(issuer, trusted, { error: error.error, error_description: error.description })
}

/** To a registered `post_logout_redirect_uri`. Not an answer to a request, so there is no `iss`. @see RP-Initiated Logout section 3 */
export function signedOutResponse({ redirectUri, state }: TrustedRedirect): string {
  if (state === null) return redirectUri
  return `${redirectUri}${redirectUri.includes('?') ? '&' : '?'}${new URLSearchParams({ state })}`
}

// The URI is not parsed: it goes back byte for byte as it was registered or asked for.
function redirectTo(issuer: string, { redirectUri, state }: TrustedRedirect, params: Record<string, string>): string {
  const query = new URLSearchParams(params)
  if (state !== null) query.set('state', state)
  query.set('iss', issuer)
  return `${redirectUri}${redirectUri.includes('?') ? '&' : '?'}${query}`
}
