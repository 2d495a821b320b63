/**
 * `WWW-Authenticate` challenges, written so that nothing in a value can end the value, and read as servers in the wild write them.
 *
 * @see RFC 9110 section 11.6.1, RFC 6750 section 3, RFC 9728 section 5.1
 */

export interface Challenge {
  /** As written: `Bearer`, `DPoP`, `Basic`. Compare without case. */
  readonly scheme: string
  /** Parameter names in lower case. */
  readonly params: { readonly [name: string]: string }
}

/** Parameters with the value undefined are left out. Characters that a quoted string cannot carry are replaced. */
export function formatChallenge(scheme: string, params: { readonly [name: string]: string | undefined }): string {
  const written = Object.entries(params).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}="${quotable(value)}"`]
  )
  return written.length === 0 ? scheme : `${scheme} ${written.join(', ')}`
}

function quotable(value: string): string {
  return value.replace(/[^\x20-\x7E]/g, '?').replace(/["\\]/g, '\\$&')
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const PARAM = new RegExp(`(${TOKEN})[ \\t]*=[ \\t]*(?:"((?:[^"\\\\]|\\\\.)*)"|(${TOKEN}))`, 'y')
const SCHEME = new RegExp(`(${TOKEN})(?=[ \\t,]|$)`, 'y')
const SEPARATORS = /[ \t,]*/y
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y

/** Every challenge of a header value (or of several, joined by commas). Malformed text ends the reading, never throws. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; params: Record<string, string> }[] = []
  let position = 0
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position
    const match = pattern.exec(header)
    if (match) position = pattern.lastIndex
    return match
  }
  while (position < header.length) {
    take(SEPARATORS)
    if (position >= header.length) break
    const param = take(PARAM)
    const current = challenges.at(-1)
    if (param && current) {
      const [, name = '', quoted, token] = param
      const key = name.toLowerCase()
      // The first one wins: a repeated parameter is an attempt to hide one.
      if (!Object.hasOwn(current.params, key)) current.params[key] = quoted?.replace(/\\(.)/g, '$1') ?? token ?? ''
      continue
    }
    const scheme = take(SCHEME)
    if (scheme) {
      challenges.push({ scheme: scheme[1] ?? '', params: Object.create(null) as Record<string, string> })
      continue
    }
    if (!current || !take(TOKEN68)) break
  }
  return challenges
}
