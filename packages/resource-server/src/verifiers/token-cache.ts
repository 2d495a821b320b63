/**
 * Tokens that were found good a moment ago, so that they need not be verified again. Remembers good ones only: what is bad is decided
 * anew each time, so nobody can fill the memory, and no verdict outlives its reason.
 *
 * - Found by the SHA-256 of the whole token; tokens themselves are not kept.
 * - Where verifying is cheap, only a token that comes a second time is remembered: one that never comes again would be kept for nothing.
 * - Belongs to one verifier. Scopes, revocation and everything about the request are checked each time, outside of it.
 * - What it hands out is frozen.
 */
import { hash } from 'node:crypto'
import { type Clock, resolveOptions, Type } from '@fastify-mcp-auth/core'
import type { Static } from 'typebox'
import type { VerifiedToken } from '../types.ts'
import { sealVerifiedToken } from '../verified-token.ts'
import { createSightings, markOf, type Sightings } from './sightings.ts'

/** Bounds of what is remembered. */
export const CacheOptions = Type.Object(
  {
    /** Tokens that are remembered. Which are dropped for new ones is decided by when they were last seen. */
    maxEntries: Type.Integer({ default: 10_000, minimum: 2, maximum: 1_000_000 }),
    /** Seconds after which a token is verified again. Its `exp` ends it earlier, and so does a key that its issuer drops. */
    maxTtl: Type.Integer({ default: 300, minimum: 1, maximum: 86_400 })
  },
  { additionalProperties: false }
)
export type CacheOptions = Partial<Static<typeof CacheOptions>>

/** False, or bounds. */
export type CacheChoice = false | CacheOptions

export interface TokenCache {
  /** Under which a token is remembered. */
  nameOf(token: string): string
  /** @returns null for a token that is not known, or has to be verified again */
  get(name: string): VerifiedToken | null
  /** The same by the token, which is not even given its name when it is certainly not known. */
  find(token: string): VerifiedToken | null
  /** Freezes it. @returns the same */
  add(name: string, verified: VerifiedToken, terms: CacheTerms): VerifiedToken
  /**
   * Adds a token that comes for the second time, and notes one that comes for the first. Some are forgotten, and very few are taken for
   * another one: good enough to decide what is worth remembering.
   */
  addReturning(token: string, verified: VerifiedToken, terms: CacheTerms): VerifiedToken
}

/** How long a token may be remembered. */
export interface CacheTerms {
  /** Epoch seconds. */
  readonly until: number
  /** Whose generation is compared on each hit; the token is forgotten when it is not what it was. */
  readonly keys: { generation(): number | null }
}

interface Entry {
  readonly verified: VerifiedToken
  readonly since: number
  readonly until: number
  readonly generation: number
  readonly keys: CacheTerms['keys']
  /** Of the token; null when it is not looked for by its mark. */
  readonly mark: number | null
}

/**
 * @param owner name of the verifier, for the message
 * @returns null when it is switched off
 * @throws ConfigurationError naming the option
 */
export function createTokenCache(choice: CacheChoice | undefined, clock: Clock, owner: string): TokenCache | null {
  if (choice === false) return null
  const { maxEntries, maxTtl } = resolveOptions(CacheOptions, choice ?? {}, `${owner}: cache`)
  return new RecentTokens({ maxEntries, maxTtl, clock })
}

class RecentTokens implements TokenCache {
  readonly #half: number
  readonly #maxTtl: number
  readonly #clock: Clock
  readonly #sightings: Sightings
  /** Two halves instead of one list in order of use: a hit moves nothing unless it is in the older half. */
  #young = new Map<string, Entry>()
  #old = new Map<string, Entry>()
  /** One bit for each mark of a token that may be in one of the halves; none for one that certainly is not. */
  #youngMarks: Uint8Array
  #oldMarks: Uint8Array

  constructor({ maxEntries, maxTtl, clock }: { maxEntries: number; maxTtl: number; clock: Clock }) {
    this.#half = Math.floor(maxEntries / 2)
    this.#maxTtl = maxTtl
    this.#clock = clock
    this.#sightings = createSightings(maxEntries)
    // Eight bits for each token: what is not there is mistaken for something that is once in sixteen times at most.
    this.#youngMarks = new Uint8Array(2 ** Math.ceil(Math.log2(maxEntries)))
    this.#oldMarks = this.#youngMarks
  }

  nameOf(token: string): string {
    // One character for each byte: the shortest, and the quickest to look up. A cache belongs to one verifier, so nothing has to be added
    // that tells verifiers apart, which would copy the token once more: a twentieth of what a server does for a request.
    return hash('sha256', token, 'binary')
  }

  get(name: string): VerifiedToken | null {
    const young = this.#young.get(name)
    const entry = young ?? this.#old.get(name)
    if (!entry) return null
    const now = this.#clock.now()
    // A clock that was set back makes everything uncertain, also what was not valid yet.
    if (now >= entry.until || now < entry.since || entry.keys.generation() !== entry.generation) {
      this.#young.delete(name)
      this.#old.delete(name)
      return null
    }
    if (!young) this.#insert(name, entry)
    return entry.verified
  }

  find(token: string): VerifiedToken | null {
    const mark = markOf(token)
    const isMarked = this.#isMarked(this.#youngMarks, mark) || this.#isMarked(this.#oldMarks, mark)
    return isMarked ? this.get(this.nameOf(token)) : null
  }

  add(name: string, verified: VerifiedToken, terms: CacheTerms): VerifiedToken {
    return this.#add(name, verified, terms, null)
  }

  addReturning(token: string, verified: VerifiedToken, terms: CacheTerms): VerifiedToken {
    return this.#sightings.note(token) ? this.#add(this.nameOf(token), verified, terms, markOf(token)) : verified
  }

  #add(name: string, verified: VerifiedToken, { until, keys }: CacheTerms, mark: number | null): VerifiedToken {
    const sealed = sealVerifiedToken(verified)
    const now = this.#clock.now()
    const generation = keys.generation()
    if (generation === null || until <= now) return sealed
    const latest = Math.min(until, now + this.#maxTtl)
    this.#insert(name, { verified: sealed, since: now, until: latest, generation, keys, mark })
    return sealed
  }

  #insert(name: string, entry: Entry): void {
    this.#young.set(name, entry)
    if (entry.mark !== null) this.#mark(entry.mark)
    if (this.#young.size < this.#half) return
    this.#old = this.#young
    this.#oldMarks = this.#youngMarks
    this.#young = new Map()
    this.#youngMarks = new Uint8Array(this.#oldMarks.length)
  }

  #mark(mark: number): void {
    const at = (mark >>> 3) & (this.#youngMarks.length - 1)
    this.#youngMarks[at] = (this.#youngMarks[at] ?? 0) | (1 << (mark & 7))
  }

  #isMarked(marks: Uint8Array, mark: number): boolean {
    return ((marks[(mark >>> 3) & (marks.length - 1)] ?? 0) & (1 << (mark & 7))) !== 0
  }
}
