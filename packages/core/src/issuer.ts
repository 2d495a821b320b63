/**
 * Issuer identifiers and the well-known URLs derived from them. An issuer is a string: it is stored, sent and compared
 * exactly as configured, because one added slash stops a strict client.
 *
 * @see RFC 8414 sections 2 and 3, RFC 9728 section 3, OpenID Connect Discovery section 4
 */
import { ConfigurationError } from './errors.ts'

const LOOPBACK_HOSTS = new Set(['localhost', '127.0.0.1', '[::1]'])

/** `localhost`, `127.0.0.1` or `[::1]`: the only hosts for which plain http is tolerated. */
export function isLoopbackHost(hostname: string): boolean {
  return LOOPBACK_HOSTS.has(hostname)
}

/** Whether a URL reaches only this computer over plain http. */
export function isHttpLoopback(url: string): boolean {
  const parsed = URL.parse(url)
  return parsed?.protocol === 'http:' && isLoopbackHost(parsed.hostname)
}

/**
 * @param option name for the message
 * @throws ConfigurationError unless it is https (http for loopback hosts only), without query, fragment and user information,
 *   and unless it is written as it will be sent: no blanks, backslashes or dot segments that a parser would repair
 */
export function assertIssuer(issuer: string, option = 'issuer'): void {
  const url = URL.parse(issuer)
  const refused = (why: string): ConfigurationError =>
    new ConfigurationError('FST_OAUTH_OPTION', `option "${option}" ${why}: ${JSON.stringify(withoutUser(issuer))}`)
  // A parser would repair blanks, backslashes and missing slashes; the string that is sent as `iss` stays broken.
  if (!url || !/^https?:\/\/(?!\/)[\x21-\x5B\x5D-\x7E]+$/i.test(issuer)) throw refused('is not a URL')
  if (url.protocol !== 'https:' && !isHttpLoopback(issuer))
    throw refused('must be https (plain http is for loopback only)')
  if (/^https?:\/\/[^/]*@/i.test(issuer)) throw refused('must not contain user information')
  if (/[?#]/.test(issuer)) throw refused('must not have a query or fragment')
  if (/\/\.{1,2}(?:\/|$)|%2e/i.test(issuer)) throw refused('must not have dot segments')
}

// The message ends up in logs, and a password must not.
function withoutUser(url: string): string {
  return url.replace(/\/\/[^/]*@/, '//')
}

/** `https://host/tenant` and `name` give `https://host/.well-known/name/tenant`: the path goes behind the suffix. */
export function wellKnownUrl(identifier: string, name: string): string {
  const { origin, pathname, search } = new URL(identifier)
  return `${origin}/.well-known/${name}${pathname.replace(/\/$/, '')}${search}`
}

/** The places of an issuer's metadata, in the order in which a client has to try them. */
export function authorizationServerMetadataUrls(issuer: string): string[] {
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  const inserted = [wellKnownUrl(issuer, 'oauth-authorization-server'), wellKnownUrl(issuer, 'openid-configuration')]
  return path === '' ? inserted : [...inserted, `${origin}${path}/.well-known/openid-configuration`]
}

/**
 * Where the metadata of a protected resource lives. Only the slash of a bare host is left out: unlike an issuer, a resource keeps the one
 * at the end of its path.
 *
 * @see RFC 9728 section 3.1
 */
export function protectedResourceMetadataUrl(resource: string): string {
  const { origin, pathname, search } = new URL(resource)
  return `${origin}/.well-known/oauth-protected-resource${pathname === '/' ? '' : pathname}${search}`
}
