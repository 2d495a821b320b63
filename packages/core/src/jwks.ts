/**
 * The public keys of one issuer, fetched when they are needed and kept within bounds: neither a flood of unknown key ids nor
 * an endpoint that is down makes more than one fetch per cooldown, and an outage does not log everybody out at once.
 *
 * @see RFC 7517 section 5, RFC 8725 sections 2.1 and 3.1
 */
import { type CryptoKey, createLocalJWKSet, errors, type JSONWebKeySet, type JWK, type LocalJWKSet } from 'jose'
import { type Clock, systemClock } from './clock.ts'
import { ConfigurationError, OAuthError, UnavailableError } from './errors.ts'
import { jsonBody, type SafeFetch } from './safe-fetch.ts'

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
  key(header: { kid?: string | undefined; alg: string }): Promise<CryptoKey>
}

export interface JwksSourceOptions {
  /** The URL of the key set, or how to find it (discovery): run lazily, and again after a failure. */
  uri: string | (() => Promise<string>)
  fetch: SafeFetch
  clock?: Clock
  /** Seconds between two fetches, whether the first one succeeded or failed; 30 by default. */
  cooldown?: number
  /** Seconds after which the set is fetched again; 600 by default. A key that was removed works no longer than this. */
  maxAge?: number
  /** Seconds past `maxAge` during which known keys keep working while the endpoint is down; 3,600 by default. */
  staleIfError?: number
  /** What may be asked for; {@link ASYMMETRIC_ALGORITHMS} by default, of which this has to be a part. */
  algorithms?: readonly string[]
  /** Told of every refresh that failed, also when known keys hide it from callers. */
  onError?: (error: UnavailableError) => void
}

const MAX_KID_LENGTH = 256

/** @throws ConfigurationError for an algorithm that is not asymmetric */
export function createJwksSource(options: JwksSourceOptions): JwksSource {
  const { clock = systemClock, cooldown = 30, maxAge = 600, staleIfError = 3600 } = options
  const { algorithms = ASYMMETRIC_ALGORITHMS } = options
  const symmetric = algorithms.find(alg => !ASYMMETRIC_ALGORITHMS.includes(alg))
  if (symmetric !== undefined)
    throw new ConfigurationError('FST_OAUTH_OPTION', `option "algorithms": ${symmetric} is not an asymmetric algorithm`)

  let set: { readonly keys: LocalJWKSet; readonly fetchedAt: number } | null = null
  let lastAttempt: { readonly at: number; readonly failure: unknown } | null = null
  let running: Promise<void> | null = null
  const load = keySetLoader(options)

  // A clock that was set back must not keep a set, or a cooldown, alive for longer than it says.
  const isWithin = (since: number, seconds: number): boolean => {
    const age = clock.now() - since
    return age >= 0 && age < seconds
  }
  const refresh = async (): Promise<void> => {
    try {
      set = { keys: await load(), fetchedAt: clock.now() }
      lastAttempt = { at: clock.now(), failure: null }
    } catch (cause) {
      lastAttempt = { at: clock.now(), failure: cause }
      options.onError?.(unavailable(cause, cooldown))
    } finally {
      running = null
    }
  }
  const refreshOnce = async (): Promise<void> => {
    if (!running && lastAttempt && isWithin(lastAttempt.at, cooldown)) return
    running ??= refresh()
    await running
  }

  return Object.freeze({
    async key(header: { kid?: string | undefined; alg: string }): Promise<CryptoKey> {
      assertHeader(header, algorithms)
      if (!set || !isWithin(set.fetchedAt, maxAge)) await refreshOnce()
      const found = set && isWithin(set.fetchedAt, maxAge + staleIfError) ? await pick(set.keys, header) : null
      if (found) return found
      await refreshOnce()
      const fresh = set && isWithin(set.fetchedAt, maxAge) ? await pick(set.keys, header) : null
      if (fresh) return fresh
      // Nobody knows whether the key is wrong or new while the set cannot be read.
      if (lastAttempt?.failure) throw unavailable(lastAttempt.failure, lastAttempt.at + cooldown - clock.now())
      throw new OAuthError('invalid_token', 'the token is signed with an unknown key', { reason: 'unknown_key' })
    }
  })
}

function unavailable(cause: unknown, retryAfter: number): UnavailableError {
  return new UnavailableError('the key set of the issuer cannot be had', { cause, retryAfter: Math.max(1, retryAfter) })
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
function keySetLoader({ uri, fetch }: Pick<JwksSourceOptions, 'uri' | 'fetch'>): () => Promise<LocalJWKSet> {
  let known: string | null = null
  return async () => {
    const url = known ?? (typeof uri === 'string' ? uri : await uri())
    known = null
    const response = await fetch(url, { headers: { accept: 'application/jwk-set+json, application/json' } })
    const document = response.status === 200 ? jsonBody(response) : undefined
    if (!isKeySet(document)) throw new Error(`status ${response.status}, or not a key set`)
    known = url
    return createLocalJWKSet({ keys: document.keys.filter(isPublicKey) })
  }
}

function isKeySet(value: unknown): value is JSONWebKeySet {
  return typeof value === 'object' && value !== null && 'keys' in value && Array.isArray(value.keys)
}

/** A set that publishes private or symmetric keys has given them away: whoever reads it could sign. */
function isPublicKey(key: unknown): key is JWK {
  if (typeof key !== 'object' || key === null || !('kty' in key)) return false
  return ['RSA', 'EC', 'OKP'].includes(String(key.kty)) && !['d', 'p', 'q', 'k'].some(member => member in key)
}

async function pick(keys: LocalJWKSet, header: { kid?: string | undefined; alg: string }): Promise<CryptoKey | null> {
  try {
    const { alg, kid } = header
    const key = await keys(kid === undefined ? { alg } : { alg, kid })
    return key.type === 'public' && isLongEnough(key) ? key : null
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) return null
    throw new OAuthError('invalid_token', 'the token does not say which key signed it', { reason: 'key_ambiguous' })
  }
}

// RFC 7518 section 3.3: RSA keys have at least 2048 bits.
function isLongEnough(key: CryptoKey): boolean {
  return !('modulusLength' in key.algorithm) || Number(key.algorithm.modulusLength) >= 2048
}
