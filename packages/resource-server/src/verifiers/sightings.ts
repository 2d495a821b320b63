/**
 * Which names came before, in a memory of fixed size that costs nothing to write to: four bytes for each, and no object. What a new object
 * costs is paid when it survives a collection of garbage, which is late enough to be overlooked.
 */

export interface Sightings {
  /** @returns whether it was noted before; sometimes no when it was, and once in four billion times yes when it was not */
  note(name: string): boolean
}

/**
 * @param count names that are to be told apart; for each four places, so that few take the place of another
 */
export function createSightings(count: number): Sightings {
  const places = 2 ** Math.ceil(Math.log2(4 * count))
  const tags = new Uint32Array(places)
  return Object.freeze({
    note(name: string): boolean {
      const place = wordAt(name, 0) & (places - 1)
      const tag = wordAt(name, 4)
      if (tags[place] === tag) return true
      tags[place] = tag
      return false
    }
  })
}

/** Four of the bytes of a digest, which is written as one character for each byte. */
function wordAt(digest: string, at: number): number {
  const low = digest.charCodeAt(at) | (digest.charCodeAt(at + 1) << 8)
  return (low | (digest.charCodeAt(at + 2) << 16) | (digest.charCodeAt(at + 3) << 24)) >>> 0
}
