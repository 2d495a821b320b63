/**
 * Resource identifiers: strings from the configuration, compared after one narrow canonicalisation and nothing more.
 *
 * @see RFC 8707 section 2, RFC 3986 section 6.2.2.1
 */
import { OAuthError } from './errors.ts'

const ABSOLUTE = /^(https?):\/\/([^/?#@\\]+)(|\/[^?#\\]*)(\?[^#]*)?$/i
const DEFAULT_PORT: Record<string, string> = { http: ':80', https: ':443' }

/**
 * Lower-cases scheme and host, drops the default or empty port and the lone slash after a bare host. Path, query, dots and percent
 * signs stay as they are: two identifiers that differ there are two resources.
 *
 * Does not check that the resource exists, nor that it is reached over TLS.
 *
 * @throws OAuthError `invalid_target` when it is not an absolute http(s) URI, has a fragment, user information or a backslash,
 *   or is longer than 2,048 characters
 */
export function canonicalResource(value: string): string {
  const match =
    value.length <= 2048 && /^[\x21-\x7E]+$/.test(value) && URL.canParse(value) ? ABSOLUTE.exec(value) : null
  if (!match) throw new OAuthError('invalid_target', 'resource must be an absolute http or https URI without fragment')
  const [, scheme = '', authority = '', path = '', query = ''] = match
  const protocol = scheme.toLowerCase()
  const host = authority.toLowerCase().replace(/:$/, '')
  const port = DEFAULT_PORT[protocol] ?? ''
  const bare = host.endsWith(port) ? host.slice(0, -port.length) : host
  return `${protocol}://${bare}${path === '/' && query === '' ? '' : path}${query}`
}

/** Whether two identifiers name the same resource. False, never an error, for something that is no resource identifier. */
export function sameResource(a: string, b: string): boolean {
  try {
    const canonical = canonicalResource(a)
    return a === b || canonical === canonicalResource(b)
  } catch {
    return false
  }
}
