/**
 * Redirect URI rules: what a client may register, what matches at the authorization endpoint, and how a person is told
 * where the answer goes.
 *
 * @see OAuth 2.1 section 2.3.1, RFC 8252 sections 7 and 8, RFC 9700 section 2.1
 */
import type { RedirectKind } from './authorization-server.ts'
import { OAuthError } from './errors.ts'
import { isLoopbackHost } from './issuer.ts'

/**
 * Private-use URIs that may be registered without being configured. Every one is a whole URI: a scheme alone would let any
 * client of that app be impersonated.
 */
export const KNOWN_PRIVATE_USE_URIS: readonly string[] = Object.freeze(['cursor://anysphere.cursor-mcp/oauth/callback'])

// Schemes that a browser runs, reads from disk or resolves by itself. Nobody can allow them, not even the operator.
const NEVER_REDIRECTED_TO = new Set(
  'javascript vbscript data file filesystem blob about view-source ws wss ftp mailto tel chrome resource jar'.split(' ')
)

// What may stand in a host that a page shows and a Content-Security-Policy names: URL parsers let `;` and quotes through.
const PLAIN_HOST = /^(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?|\[[0-9a-f:]+\])$/

/**
 * @param privateUseUris exact private-use URIs that are allowed
 * @throws OAuthError `invalid_redirect_uri` for anything but https, http on a loopback host, or an allowed private-use URI;
 *   also for fragments, user information, wildcards, control characters and more than 2,048 characters. Schemes that run
 *   code or read files, and lookalikes of http, are refused even when they are among the allowed ones
 */
export function assertRedirectUri(uri: string, privateUseUris: readonly string[] = KNOWN_PRIVATE_USE_URIS): void {
  const refused = (why: string): OAuthError =>
    new OAuthError('invalid_redirect_uri', why, { reason: 'redirect_uri_not_acceptable' })
  if (uri.length > 2048) throw refused('a redirect_uri is longer than 2048 characters')
  if (!/^[\x21-\x7E]+$/.test(uri) || uri.includes('\\') || uri.includes('*'))
    throw refused('a redirect_uri has a character that is not allowed')
  const url = URL.parse(uri)
  if (!url) throw refused('a redirect_uri is not an absolute URI')
  if (uri.includes('#')) throw refused('a redirect_uri must not have a fragment')
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    if (privateUseUris.includes(uri) && isPrivateUseScheme(url.protocol.slice(0, -1))) return
    throw refused('a redirect_uri has a scheme that is not allowed')
  }
  if (!/^https?:\/\/[^/]/i.test(uri)) throw refused('a redirect_uri is not an absolute URI')
  // Also an empty one, which a parser would not tell of.
  if (/^[^/]*\/\/[^/?#]*@/.test(uri)) throw refused('a redirect_uri must not contain user information')
  if (!PLAIN_HOST.test(url.hostname)) throw refused('a redirect_uri has a host that is not allowed')
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname))
    throw refused('a redirect_uri with http is for loopback hosts only')
}

function isPrivateUseScheme(scheme: string): boolean {
  return !NEVER_REDIRECTED_TO.has(scheme) && !scheme.startsWith('http')
}

/**
 * Whether a requested redirect URI is the registered one: the same string, or, for http on a loopback host, the same but for
 * the port. `localhost`, `127.0.0.1` and `[::1]` are three hosts, not one.
 *
 * Does not check that the registered URI was acceptable; see {@link assertRedirectUri}.
 */
export function redirectUriMatches(registered: string, requested: string): boolean {
  if (registered === requested) return true
  const a = loopbackParts(registered)
  const b = loopbackParts(requested)
  return a !== null && b !== null && a.host === b.host && a.rest === b.rest
}

// No URL parser here: it would normalise dot segments and percent signs, and so match what is not the same string.
const LOOPBACK = /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(?::(\d{1,5}))?((?:[/?][\x21-\x7E]*)?)$/

function loopbackParts(uri: string): { host: string; rest: string } | null {
  const match = LOOPBACK.exec(uri)
  if (!match) return null
  const [, host = '', port = '0', rest = ''] = match
  if (Number(port) > 65535 || rest.includes('#')) return null
  // VS Code registers `http://127.0.0.1:33418/` and asks for it without the slash: for HTTP an empty path is "/".
  return { host, rest: rest.startsWith('/') ? rest : `/${rest}` }
}

/**
 * What a page tells a person about the place that gets the answer, and the CSP source that lets the browser go there.
 *
 * Does not judge: only for a URI that {@link assertRedirectUri} accepted.
 */
export function describeRedirectUri(uri: string): { kind: RedirectKind; host: string; formAction: string } {
  const url = new URL(uri)
  if (url.protocol === 'https:') return { kind: 'https', host: url.host, formAction: url.origin }
  if (url.protocol !== 'http:')
    return { kind: 'private-use', host: url.protocol.slice(0, -1), formAction: url.protocol }
  // CSP has no way to write an IPv6 host.
  return { kind: 'loopback', host: url.hostname, formAction: url.hostname === '[::1]' ? 'http:' : url.origin }
}
