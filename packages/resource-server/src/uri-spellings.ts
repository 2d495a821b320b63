/**
 * The many ways to write one URI. Servers decode and normalise a URI before they look the resource up, each in its own way, so a
 * rule about URIs has to look at every way it could be read.
 *
 * @see RFC 3986 section 6.2
 */
import { RefusedRequestError, RPC_CODES } from './errors.ts'

/** Longer ones are not looked at. */
export const MAX_URI_LENGTH = 8192

/** Some servers decode once more than they should. */
const ROUNDS = 4

/**
 * Scheme and host in lower case, and nothing else: `URL` does that for the schemes of the web only.
 *
 * @see RFC 3986 section 6.2.2.1
 */
export function foldedUri(uri: string): string {
  return uri.replace(/^[a-z][a-z0-9+.-]*(?::\/\/[^/?#]*)?/i, start => start.toLowerCase())
}

/** @throws RefusedRequestError 400 for a URI of more than 8,192 characters, which no rule could be held against in time */
export function uriSpellings(uri: string): ReadonlySet<string> {
  if (uri.length > MAX_URI_LENGTH) {
    throw new RefusedRequestError(400, 'the URI is too long', {
      rpcCode: RPC_CODES.invalidParams,
      reason: 'uri_too_long'
    })
  }
  const spellings = new Set<string>()
  for (let text = uri, round = 0; round < ROUNDS; round++) {
    const [path = ''] = text.split(/[?#]/, 1)
    // Sets, because most of these are one and the same, and a stranger may send a hundred long URIs at once.
    for (const start of new Set([text, path].flatMap(one => [one, singleSlashes(one), asPath(one)]))) {
      const normal = URL.parse(start)?.href ?? start
      for (const spelling of new Set([start, normal, decoded(normal)])) spellings.add(spelling).add(foldedUri(spelling))
    }
    const next = decoded(text)
    if (next === text) break
    text = next
  }
  return spellings
}

// Escape by escape: one that is malformed must not keep the others from being read.
function decoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, run => {
    try {
      return decodeURIComponent(run)
    } catch {
      return run.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    }
  })
}

function singleSlashes(text: string): string {
  const [scheme, rest] = withoutScheme(text.replaceAll('\\', '/'))
  return scheme + rest.replace(/\/{2,}/g, '/')
}

// `URL` never climbs out of a host; a server that takes what follows the scheme for a path of files does.
function asPath(text: string): string {
  const [scheme, rest] = withoutScheme(text.replaceAll('\\', '/'))
  if (rest === '') return text
  const segments = resolvedSegments(rest)
  const end = rest.endsWith('/') && segments.length > 0 ? '/' : ''
  return `${scheme}${rest.startsWith('/') ? '/' : ''}${segments.join('/')}${end}`
}

/**
 * What a path consists of when its dot segments have been followed; nobody climbs out. In one pass: `normalize` of `node:path` takes
 * longer by the square of the dots in front.
 */
export function resolvedSegments(path: string): string[] {
  const segments: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop()
    else if (segment !== '.' && segment !== '') segments.push(segment)
  }
  return segments
}

function withoutScheme(text: string): [string, string] {
  const [scheme = ''] = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text) ?? []
  return [scheme, text.slice(scheme.length)]
}
