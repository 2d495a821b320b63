/**
 * `WWW-Authenticate` challenges, written so that nothing in a value can end the value, and read as servers in the wild write them.
 *
 * @see RFC 9110 section 11.6.1, RFC 6750 section 3, RFC 9728 section 5.1
 */

/** One challenge of a `WWW-Authenticate` header. @see RFC 9110 section 11.6.1 */
export interface Challenge {
  /** As written: `Bearer`, `DPoP`, `Basic`. Compare without case. */
  readonly scheme: string
  /** Parameter names in lower case. No prototype. */
  readonly params: { readonly [name: string]: string }
}

/**
 * Parameters with the value undefined are left out. Characters that a quoted string cannot carry are replaced.
 *
 * @param scheme and the names of `params` come from code, never from a request
 * @throws TypeError when one of those is no token of RFC 9110 section 5.6.2
 */
export function formatChallenge(scheme: string, params: { readonly [name: string]: string | undefined }): string {
  const written = Object.entries(params).flatMap(([name, value]) =>
    value === undefined ? [] : [`${assertToken(name)}="${quotable(value)}"`]
  )
  return written.length === 0 ? assertToken(scheme) : `${assertToken(scheme)} ${written.join(', ')}`
}

function quotable(value: string): string {
  // Nearly everything is quotable as it is, and finding that out costs less than replacing nothing.
  if (PLAIN.test(value)) return value
  return value.replace(/[^\x20-\x7E]/g, '?').replace(/["\\]/g, '\\$&')
}

function assertToken(value: string): string {
  if (!WHOLE_TOKEN.test(value)) throw new TypeError(`${JSON.stringify(value)} cannot stand in a challenge`)
  return value
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const WHOLE_TOKEN = new RegExp(`^${TOKEN}$`)
const PLAIN = /^[\x20\x21\x23-\x5B\x5D-\x7E]*$/
const PARAM = new RegExp(`(${TOKEN})[ \\t]*=[ \\t]*(?:"((?:[^"\\\\]|\\\\.)*)"|(${TOKEN}))`, 'y')
const SCHEME = new RegExp(`(${TOKEN})(?=[ \\t,]|$)`, 'y')
const SEPARATORS = /[ \t,]*/y
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y
const MAX_LENGTH = 16_384

/**
 * Every challenge of a header value (or of several, joined by commas). Malformed text ends the reading, never throws; what
 * lies beyond 16,384 characters is not read.
 */
export function parseChallenges(header: string): Challenge[] {
  const text = header.slice(0, MAX_LENGTH)
  const challenges: { scheme: string; params: Record<string, string> }[] = []
  let position = 0
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position
    const match = pattern.exec(text)
    if (match) position = pattern.lastIndex
    return match
  }
  while (position < text.length) {
    const separated = take(SEPARATORS)?.[0].includes(',') === true
    const current = challenges.at(-1)
    const param = current ? take(PARAM) : null
    if (param && current) {
      const [, name = '', quoted, token] = param
      const key = name.toLowerCase()
      // The first one wins: a repeated parameter is an attempt to hide one.
      if (!Object.hasOwn(current.params, key)) current.params[key] = quoted?.replace(/\\(.)/g, '$1') ?? token ?? ''
      continue
    }
    // Right behind a scheme, with no comma between, a lone word is that scheme's token68. Anywhere else it is a scheme.
    const token68 = current && !separated && Object.keys(current.params).length === 0
    const scheme = token68 ? null : take(SCHEME)
    if (scheme) challenges.push({ scheme: scheme[1] ?? '', params: Object.create(null) as Record<string, string> })
    else if (!current || !take(TOKEN68)) break
  }
  return challenges
}
