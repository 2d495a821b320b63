/**
 * How long a document may be used without asking again.
 *
 * @see RFC 9111 sections 4.2 and 5.2.2
 */

/** Seconds a document is kept when its headers say nothing, and at most. */
const DEFAULT_TTL = 300
const MAX_TTL = 86_400

/** @returns seconds; 0 when it has to be fetched every time */
export function timeToLive(headers: { readonly [name: string]: string }): number {
  const { 'cache-control': cacheControl, age } = headers
  if (cacheControl === undefined) return DEFAULT_TTL
  if (/(?:^|[\s,])no-(?:store|cache)\b/i.test(cacheControl)) return 0
  const maxAge = /(?:^|[\s,])max-age="?(\d{1,9})/i.exec(cacheControl)?.[1]
  if (maxAge === undefined) return DEFAULT_TTL
  // What a cache on the way has already used up.
  const spent = /^\d{1,9}$/.test(age ?? '') ? Number(age) : 0
  return Math.min(Math.max(0, Number(maxAge) - spent), MAX_TTL)
}
