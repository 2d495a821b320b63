/**
 * Tokens that were found good a moment ago, so that they need not be verified again. Remembers good ones only: what is bad is decided
 * anew each time, so nobody can fill the memory, and no verdict outlives its reason.
 *
 * - Found by the SHA-256 of the whole token, salted for this cache; tokens themselves are not kept.
 * - Where verifying is cheap, only a token that comes a second time is remembered: one that never comes again would be kept for nothing.
 * - Belongs to one verifier. Scopes, revocation and everything about the request are checked each time, outside of it.
 * - What it hands out is frozen.
 */
import { hash } from 'node:crypto'
import { type Clock, randomSecret, resolveOptions } from '@fastify-mcp-auth/core'
import { type Static, Type } from 'typebox'
import type { VerifiedToken } from '../types.ts'
import { sealVerifiedToken } from '../verified-token.ts'
import { createSightings, type Sightings } from './sightings.ts'

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
  /** Under which the token is remembered. */
  nameOf(token: string): string
  /** @returns null for a token that is not known, or has to be verified again */
  get(name: string): VerifiedToken | null
  /**
   * Whether this was asked for the name before. Some are forgotten, and very few are taken for another one: good enough to decide what is
   * worth remembering, and for nothing else.
   */
  isReturning(name: string): boolean
  /** Freezes it. @returns the same */
  add(name: string, verified: VerifiedToken, terms: CacheTerms): VerifiedToken
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
  readonly #salt = randomSecret(16)
  readonly #half: number
  readonly #maxTtl: number
  readonly #clock: Clock
  readonly #sightings: Sightings
  /** Two halves instead of one list in order of use: a hit moves nothing unless it is in the older half. */
  #young = new Map<string, Entry>()
  #old = new Map<string, Entry>()

  constructor({ maxEntries, maxTtl, clock }: { maxEntries: number; maxTtl: number; clock: Clock }) {
    this.#half = Math.floor(maxEntries / 2)
    this.#maxTtl = maxTtl
    this.#clock = clock
    this.#sightings = createSightings(maxEntries)
  }

  nameOf(token: string): string {
    // One character for each byte: the shortest, and the quickest to look up.
    return hash('sha256', this.#salt + token, 'binary')
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

  isReturning(name: string): boolean {
    return this.#sightings.note(name)
  }

  add(name: string, verified: VerifiedToken, { until, keys }: CacheTerms): VerifiedToken {
    const sealed = sealVerifiedToken(verified)
    const now = this.#clock.now()
    const generation = keys.generation()
    if (generation === null || until <= now) return sealed
    this.#insert(name, {
      verified: sealed,
      since: now,
      until: Math.min(until, now + this.#maxTtl),
      generation,
      keys
    })
    return sealed
  }

  #insert(name: string, entry: Entry): void {
    this.#young.set(name, entry)
    if (this.#young.size < this.#half) return
    this.#old = this.#young
    this.#young = new Map()
  }
}
