/**
 * The many ways to write one URI. Servers decode and normalise a URI before they look the resource up, each in its own way, so a
 * rule about URIs has to look at every way it could be read.
 *
 * @see RFC 3986 section 6.2
 */
import { posix } from 'node:path'
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
  for (let text = uri, round = 0; round < ROUNDS; text = decoded(text), round++) {
    const [path = ''] = text.split(/[?#]/, 1)
    for (const start of [text, path].flatMap(one => [one, singleSlashes(one), asPath(one)])) {
      const normal = URL.parse(start)?.href ?? start
      for (const spelling of [start, normal, decoded(normal)]) spellings.add(spelling).add(foldedUri(spelling))
    }
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
  return rest === '' ? text : scheme + posix.normalize(rest).replace(/^(?:\.\.\/)+/, '')
}

function withoutScheme(text: string): [string, string] {
  const [scheme = ''] = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text) ?? []
  return [scheme, text.slice(scheme.length)]
}
