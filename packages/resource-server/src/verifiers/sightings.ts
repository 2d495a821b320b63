/**
 * Which tokens came before, in a memory of fixed size that costs nothing to write to: four bytes for each, and no object. What a new object
 * costs is paid when it survives a collection of garbage, which is late enough to be overlooked.
 */

export interface Sightings {
  /** @returns whether it was noted before; sometimes no when it was, and very rarely yes when it was not */
  note(token: string): boolean
}

/**
 * @param count tokens that are to be told apart; for each four places, so that few take the place of another
 */
export function createSightings(count: number): Sightings {
  const places = 2 ** Math.ceil(Math.log2(4 * count))
  const tags = new Uint32Array(places)
  return Object.freeze({
    note(token: string): boolean {
      const place = markOf(token) & (places - 1)
      const tag = markOf(token, MARKED) >>> 0
      if (tags[place] === tag) return true
      tags[place] = tag
      return false
    }
  })
}

/** Characters that make a mark. */
const MARKED = 9

/**
 * A number that tells tokens apart roughly and at nearly no cost, by a few characters near their end: in a JWT these are of the signature.
 * The very last one of those has only a few values. Good for finding out that a token is not there, and never for finding one.
 *
 * @param skipped characters at the end that are left out
 */
export function markOf(token: string, skipped = 0): number {
  const end = token.length - 1 - skipped
  let mark = 0x811c9dc5
  for (let at = end - MARKED; at < end; at++) mark = Math.imul(mark ^ token.charCodeAt(at), 0x01000193)
  // The lower bits of what is multiplied do not know of the higher ones.
  return mark ^ (mark >>> 15)
}
