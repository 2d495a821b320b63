/**
 * What the headers of a document that was fetched say about time: for how long it may be used again, and where the clock of its sender is.
 *
 * @see RFC 9111 sections 4.2.1, 5.1 and 5.2.2
 */

/** Seconds for a document that does not say it. */
const UNSAID = 3600
/** Whatever a document says, it is not asked for with every refresh, and it is looked at again within a day. */
const [LEAST, MOST] = [60, 86_400]

/** @returns seconds, within bounds */
export function freshFor(headers: { readonly [name: string]: string | undefined }): number {
  const directives = (headers['cache-control'] ?? '')
    .toLowerCase()
    .split(',')
    .map(text => text.trim())
  if (directives.some(directive => /^(?:no-store|no-cache)(?:=|$)/.test(directive))) return LEAST
  const said = directives
    .map(directive => /^max-age="?(\d{1,9})"?$/.exec(directive)?.[1])
    .find(text => text !== undefined)
  if (said === undefined) return UNSAID
  const age = /^\d{1,9}$/.test(headers['age'] ?? '') ? Number(headers['age']) : 0
  return Math.min(Math.max(Number(said) - age, LEAST), MOST)
}

/** @param now epoch seconds @returns seconds that the sender's clock is ahead of it; null when nothing says so */
export function clockAhead(headers: { readonly [name: string]: string | undefined }, now: number): number | null {
  const sent = Math.floor(Date.parse(headers['date'] ?? '') / 1000)
  // A cache on the way keeps the date of what it kept.
  const age = /^\d{1,9}$/.test(headers['age'] ?? '') ? Number(headers['age']) : 0
  return Number.isNaN(sent) ? null : sent + age - now
}
