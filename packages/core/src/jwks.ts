/**
 * The public keys of one issuer, fetched when they are needed and kept within bounds: neither a flood of unknown key ids nor
 * an endpoint that is down makes more than one fetch per cooldown, one unknown key id again and again makes fewer and fewer, and an outage
 * does not log everybody out at once.
 *
 * @see RFC 7517 section 5, RFC 8725 sections 2.1 and 3.1
 */
import type { KeyObject } from 'node:crypto'
import type { CryptoKey } from 'jose'
import { type Clock, systemClock } from './clock.ts'
import { ConfigurationError, OAuthError, UnavailableError } from './errors.ts'
import { createKeySet, type KeyHeader, type KeySet, nameOf } from './key-set.ts'
import { jsonBody, type SafeFetch } from './safe-fetch.ts'
import { UnknownKeys } from './unknown-keys.ts'

/** Signature algorithms whose verification key is public. Symmetric ones and `none` have no place in a key set. */
export const ASYMMETRIC_ALGORITHMS: readonly string[] = Object.freeze(
  'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ')
)

/** Keys of one issuer. */
export interface JwksSource {
  /**
   * The public key for a token header. `kid` is only ever compared.
   *
   * Does not verify anything: pass `alg` on to the verification as the only algorithm that is allowed.
   *
   * @throws OAuthError `invalid_token` when there is none, or more than one without a `kid` that tells them apart
   * @throws UnavailableError when the set cannot be had, or when the key is unknown and the last refresh failed
   */
  key(header: KeyHeader): Promise<CryptoKey>
  /** The key that {@link key} gave for such a header before, if it would give it again without waiting. Else null, never a verdict. */
  known(header: KeyHeader): KeyObject | null
  /**
   * Changes when a refresh drops or alters a key: what was verified under another generation has to be verified again. Null while
   * the keys at hand are too old to be used without asking.
   */
  generation(): number | null
  /** Fetches the set unless it is there. Never throws, and a failure does not start the cooldown. */
  prefetch(): Promise<void>
  health(): KeyHealth
}

/** How the keys of an issuer are, for readiness probes. */
export interface KeyHealth {
  readonly state: 'unknown' | 'up' | 'down'
  /** Seconds since the set was fetched; null when there is none, or it is too old to be used. */
  readonly age: number | null
}

/** `failed` and `recovered` come once for an outage, however long it is and however many refreshes fail. */
export type JwksEvent =
  | { readonly type: 'refreshed' }
  | { readonly type: 'failed'; readonly error: UnavailableError }
  | { readonly type: 'recovered' }

/** Where the keys are, and how long they count. All times are in seconds. */
export interface JwksSourceOptions {
  /** The URL of the key set, or how to find it (discovery): run lazily, and again after a failure. */
  uri: string | (() => Promise<string>)
  fetch: SafeFetch
  clock?: Clock
  /** Seconds between two fetches, whether the first one succeeded or failed; 30 by default. */
  cooldown?: number
  /** Seconds after which the set is fetched again; 600 by default. A key that was removed works no longer than this. */
  maxAge?: number
  /** Seconds before `maxAge` from which on the set is fetched while callers go on with the old one; a tenth of `maxAge`, at most 60. */
  refreshAhead?: number
  /** Seconds past `maxAge` during which known keys keep working while the endpoint is down; 3,600 by default. */
  staleIfError?: number
  /** What may be asked for; {@link ASYMMETRIC_ALGORITHMS} by default, of which this has to be a part. */
  algorithms?: readonly string[]
  /** Told of every refresh that failed, also when known keys hide it from callers. */
  onError?: (error: UnavailableError) => void
  onEvent?: (event: JwksEvent) => void
}

const MAX_KID_LENGTH = 256

/** @throws ConfigurationError for an algorithm that is not asymmetric */
export function createJwksSource(options: JwksSourceOptions): JwksSource {
  return new RemoteKeys(options)
}

class RemoteKeys implements JwksSource {
  readonly #options: JwksSourceOptions
  readonly #clock: Clock
  readonly #algorithms: readonly string[]
  readonly #cooldown: number
  readonly #maxAge: number
  readonly #refreshAfter: number
  readonly #usable: number
  readonly #load: () => Promise<KeySet>
  readonly #unknown: UnknownKeys
  #set: { readonly keys: KeySet; readonly fetchedAt: number } | null = null
  #generation = 0
  #lastAttempt: { readonly at: number; readonly failure: unknown } | null = null
  #running: Promise<void> | null = null
  #isDown = false

  constructor(options: JwksSourceOptions) {
    const { cooldown = 30, maxAge = 600, staleIfError = 3600, algorithms = ASYMMETRIC_ALGORITHMS } = options
    assertAsymmetric(algorithms)
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#algorithms = algorithms
    this.#cooldown = cooldown
    this.#maxAge = maxAge
    this.#refreshAfter = maxAge - (options.refreshAhead ?? Math.min(60, maxAge / 10))
    this.#usable = maxAge + staleIfError
    this.#load = keySetLoader(options)
    this.#unknown = new UnknownKeys({ cooldown, longest: maxAge, clock: this.#clock })
  }

  async key(header: KeyHeader): Promise<CryptoKey> {
    assertHeader(header, this.#algorithms)
    if (!this.#current()) await this.#refreshOnce()
    const found = (await this.#usableKeys(this.#usable)?.find(header)) ?? null
    if (found) return found
    if (this.#isKnownToLack(header)) throw unknownKey()
    await this.#refreshOnce()
    const fresh = (await this.#usableKeys(this.#maxAge)?.find(header)) ?? null
    if (fresh) return fresh
    // Nobody knows whether the key is wrong or new while the set cannot be read.
    const { failure, at } = this.#lastAttempt ?? { failure: null, at: 0 }
    if (failure) throw unavailable(failure, at + this.#cooldown - this.#clock.now())
    this.#unknown.add(nameOf(header), at)
    throw unknownKey()
  }

  known(header: KeyHeader): KeyObject | null {
    return this.#current()?.known(header) ?? null
  }

  generation(): number | null {
    return this.#current() ? this.#generation : null
  }

  async prefetch(): Promise<void> {
    if (this.#set || this.#running) return
    await this.#refreshOnce()
    // At boot everything starts at once: the first token should not have to sit out the cooldown of a neighbour that was slower.
    if (!this.#set) this.#lastAttempt = null
  }

  health(): KeyHealth {
    const age = this.#set && this.#usableKeys(this.#usable) ? this.#clock.now() - this.#set.fetchedAt : null
    if (this.#isDown) return { state: 'down', age }
    return { state: this.#set ? 'up' : 'unknown', age }
  }

  /** The keys that need no waiting: young enough, or old while a refresh has just failed. Renews them in passing. */
  #current(): KeySet | null {
    const fresh = this.#usableKeys(this.#maxAge)
    if (fresh) {
      if (!this.#usableKeys(this.#refreshAfter)) void this.#refreshOnce()
      return fresh
    }
    const isCoolingDown = this.#lastAttempt?.failure && this.#isWithin(this.#lastAttempt.at, this.#cooldown)
    return isCoolingDown ? this.#usableKeys(this.#usable) : null
  }

  // After a failure nothing is known: it may have got the key in the meantime.
  #isKnownToLack(header: KeyHeader): boolean {
    return !this.#lastAttempt?.failure && this.#unknown.has(nameOf(header))
  }

  #usableKeys(seconds: number): KeySet | null {
    return this.#set && this.#isWithin(this.#set.fetchedAt, seconds) ? this.#set.keys : null
  }

  // A clock that was set back must not keep a set, or a cooldown, alive for longer than it says.
  #isWithin(since: number, seconds: number): boolean {
    const age = this.#clock.now() - since
    return age >= 0 && age < seconds
  }

  async #refreshOnce(): Promise<void> {
    if (!this.#running && this.#lastAttempt && this.#isWithin(this.#lastAttempt.at, this.#cooldown)) return
    this.#running ??= this.#refresh()
    await this.#running
  }

  async #refresh(): Promise<void> {
    try {
      const keys = await this.#load()
      if (this.#set && !this.#set.keys.isPartOf(keys)) this.#generation++
      this.#set = { keys, fetchedAt: this.#clock.now() }
      this.#lastAttempt = { at: this.#clock.now(), failure: null }
      this.#tell({ type: 'refreshed' })
      if (this.#isDown) this.#tell({ type: 'recovered' })
      this.#isDown = false
    } catch (cause) {
      this.#lastAttempt = { at: this.#clock.now(), failure: cause }
      const error = unavailable(cause, this.#cooldown)
      quietly(() => this.#options.onError?.(error))
      if (!this.#isDown) this.#tell({ type: 'failed', error })
      this.#isDown = true
    } finally {
      this.#running = null
    }
  }

  #tell(event: JwksEvent): void {
    quietly(() => this.#options.onEvent?.(event))
  }
}

// Whoever listens has no part in whether keys can be had.
function quietly(call: () => void): void {
  try {
    call()
  } catch {}
}

/** @throws ConfigurationError */
function assertAsymmetric(algorithms: readonly string[]): void {
  const symmetric = algorithms.find(alg => !ASYMMETRIC_ALGORITHMS.includes(alg))
  if (symmetric !== undefined)
    throw new ConfigurationError('FST_OAUTH_OPTION', `option "algorithms": ${symmetric} is not an asymmetric algorithm`)
}

function unavailable(cause: unknown, retryAfter: number): UnavailableError {
  return new UnavailableError('the key set of the issuer cannot be had', { cause, retryAfter: Math.max(1, retryAfter) })
}

function unknownKey(): OAuthError {
  return new OAuthError('invalid_token', 'the token is signed with an unknown key', { reason: 'unknown_key' })
}

function assertHeader({ kid, alg }: { kid?: unknown; alg: unknown }, algorithms: readonly string[]): void {
  if (typeof alg !== 'string' || !algorithms.includes(alg))
    throw new OAuthError('invalid_token', 'the token is signed with an algorithm that is not allowed', {
      reason: 'algorithm_not_allowed'
    })
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KID_LENGTH))
    throw new OAuthError('invalid_token', 'the token has a key id that is not acceptable', { reason: 'kid_malformed' })
}

/** Keeps the URL that discovery found for as long as it works. */
function keySetLoader({ uri, fetch }: Pick<JwksSourceOptions, 'uri' | 'fetch'>): () => Promise<KeySet> {
  let known: string | null = null
  return async () => {
    const url = known ?? (typeof uri === 'string' ? uri : await uri())
    known = null
    const response = await fetch(url, { headers: { accept: 'application/jwk-set+json, application/json' } })
    const keys = response.status === 200 ? createKeySet(jsonBody(response)) : null
    if (!keys) throw new Error(`status ${response.status}, or not a key set`)
    known = url
    return keys
  }
}

/**
 * The same for a set that is part of the configuration: nothing is fetched, and nothing changes.
 *
 * @param document in the shape of RFC 7517 section 5
 * @throws ConfigurationError when there is no public key in it, or a private or symmetric one; for an algorithm that is not asymmetric
 */
export function createStaticJwks(document: unknown, algorithms: readonly string[] = ASYMMETRIC_ALGORITHMS): JwksSource {
  assertAsymmetric(algorithms)
  const keys = createKeySet(document)
  const { length } = keys ? (document as { keys: unknown[] }).keys : []
  if (!keys || length === 0 || keys.size !== length)
    throw new ConfigurationError(
      'FST_OAUTH_OPTION',
      'option "jwks" must be a set of public keys, without private or symmetric ones and without duplicates'
    )
  return Object.freeze({
    async key(header: KeyHeader): Promise<CryptoKey> {
      assertHeader(header, algorithms)
      const key = await keys.find(header)
      if (key) return key
      throw unknownKey()
    },
    known: (header: KeyHeader) => keys.known(header),
    generation: () => 0,
    async prefetch() {},
    health: () => ({ state: 'up', age: null }) as const
  })
}
