/**
 * The cookies of one browser, as strictly as the strictest browser keeps them: a `Secure` cookie over plain http is dropped even
 * on a loopback host, and so is a `__Host-` or `__Secure-` name that breaks its promise.
 *
 * Cookies are for one host (a `Domain` attribute is refused) and are kept until they are removed; `SameSite` is not modelled,
 * because the driver never navigates from a foreign site.
 *
 * @see RFC 6265 section 5, draft-ietf-httpbis-rfc6265bis section 4.1.3
 */
export interface CookieJar {
  /** Takes the `Set-Cookie` values of a response from that URL. */
  store(url: string, setCookies: readonly string[]): void
  /** The `Cookie` header for that URL; empty when there is none. */
  header(url: string): string
  get(name: string): string | undefined
  /** Every value that the jar has ever held: for tests that search logs. */
  readonly seen: ReadonlySet<string>
  remove(name: string): void
}

interface StoredCookie {
  readonly name: string
  readonly value: string
  readonly host: string
  readonly path: string
  readonly secure: boolean
}

export function createCookieJar(): CookieJar {
  const cookies = new Map<string, StoredCookie>()
  const seen = new Set<string>()
  return {
    seen,
    store(url, setCookies) {
      for (const text of setCookies) {
        const cookie = readSetCookie(new URL(url), text)
        if (!cookie) continue
        const key = `${cookie.host}\n${cookie.path}\n${cookie.name}`
        if (cookie.removed) cookies.delete(key)
        else cookies.set(key, cookie)
        if (cookie.value !== '') seen.add(cookie.value)
      }
    },
    header(url) {
      const { hostname, pathname, protocol } = new URL(url)
      return [...cookies.values()]
        .filter(cookie => cookie.host === hostname && covers(cookie.path, pathname))
        .filter(cookie => !cookie.secure || protocol === 'https:')
        .map(cookie => `${cookie.name}=${cookie.value}`)
        .join('; ')
    },
    get: name => [...cookies.values()].find(cookie => cookie.name === name)?.value,
    remove(name) {
      for (const [key, cookie] of cookies) if (cookie.name === name) cookies.delete(key)
    }
  }
}

function readSetCookie(url: URL, text: string): (StoredCookie & { removed: boolean }) | null {
  const [pair = '', ...rest] = text.split(';').map(part => part.trim())
  const equals = pair.indexOf('=')
  if (equals < 1) return null
  const name = pair.slice(0, equals)
  const attributes = new Map(
    rest.map(part => {
      const [key = '', value = ''] = part.split(/=(.*)/s)
      return [key.toLowerCase(), value] as const
    })
  )
  const secure = attributes.has('secure')
  const path = attributes.get('path') ?? ''
  if (attributes.has('domain') || (secure && url.protocol !== 'https:')) return null
  if (name.startsWith('__Secure-') && !secure) return null
  if (name.startsWith('__Host-') && !(secure && path === '/')) return null
  return {
    name,
    value: pair.slice(equals + 1),
    host: url.hostname,
    path: path.startsWith('/') ? path : defaultPath(url.pathname),
    secure,
    removed: isPast(attributes)
  }
}

function isPast(attributes: ReadonlyMap<string, string>): boolean {
  const maxAge = attributes.get('max-age')
  if (maxAge !== undefined) return Number(maxAge) <= 0
  const expires = attributes.get('expires')
  // Servers remove a cookie by a date long ago; the present moment is of no interest here.
  return expires !== undefined && new Date(expires).getUTCFullYear() < 2000
}

const defaultPath = (pathname: string): string => pathname.slice(0, pathname.lastIndexOf('/')) || '/'

function covers(path: string, pathname: string): boolean {
  return pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`)
}
