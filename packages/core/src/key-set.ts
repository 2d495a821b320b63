/**
 * One key set as an issuer published it: which key belongs to a token header, and whether a later set lacks one of its keys.
 *
 * @see RFC 7517 sections 4 and 5
 */
import { KeyObject } from 'node:crypto'
import type { CryptoKey, JSONWebKeySet, JWK } from 'jose'
import { OAuthError } from './errors.ts'

/** What a token says about the key that signed it. */
export interface KeyHeader {
  kid?: string | undefined
  alg: string
}

export interface KeySet {
  /** How many keys can be used. */
  readonly size: number
  /**
   * @returns null when there is none
   * @throws OAuthError `invalid_token` when several fit and the header does not tell them apart
   */
  find(header: KeyHeader): Promise<CryptoKey | null>
  /** What {@link find} found before, for `node:crypto`; made once for each key and algorithm. */
  known(header: KeyHeader): KeyObject | null
  /** Whether every key of this set is in the other one, unchanged. */
  isPartOf(other: KeySet): boolean
  has(fingerprint: string): boolean
}

/** @returns null for what is no key set. Keys that are not public signature keys are left out of it. */
export function createKeySet(document: unknown): KeySet | null {
  return isKeySet(document) ? new PublicKeys(document.keys.filter(isPublicKey)) : null
}

class PublicKeys implements KeySet {
  readonly #keys: JWK[]
  #picker: Promise<Picker> | null = null
  readonly #fingerprints: ReadonlySet<string>
  /** Bounded by the set: only what was found gets in. */
  readonly #known = new Map<string, KeyObject>()

  constructor(keys: JWK[]) {
    this.#keys = keys
    this.#fingerprints = new Set(keys.map(fingerprintOf))
  }

  get size(): number {
    return this.#fingerprints.size
  }

  async find(header: KeyHeader): Promise<CryptoKey | null> {
    this.#picker ??= createPicker(this.#keys)
    const key = await (await this.#picker)(header)
    if (key) this.#known.set(nameOf(header), KeyObject.from(key))
    return key
  }

  known(header: KeyHeader): KeyObject | null {
    return this.#known.get(nameOf(header)) ?? null
  }

  isPartOf(other: KeySet): boolean {
    return [...this.#fingerprints].every(fingerprint => other.has(fingerprint))
  }

  has(fingerprint: string): boolean {
    return this.#fingerprints.has(fingerprint)
  }
}

/** One name for each header. No algorithm has a blank in it. */
export function nameOf({ alg, kid }: KeyHeader): string {
  return kid === undefined ? alg : `${alg} ${kid}`
}

/** The members that decide what the key verifies, in one order. */
function fingerprintOf(key: JWK): string {
  const { kty, kid, alg, use, key_ops, crv, x, y, n, e } = key
  return JSON.stringify([kty, kid, alg, use, key_ops, crv, x, y, n, e])
}

function isKeySet(value: unknown): value is JSONWebKeySet {
  return typeof value === 'object' && value !== null && 'keys' in value && Array.isArray(value.keys)
}

/** A set that publishes private or symmetric keys has given them away: whoever reads it could sign. */
function isPublicKey(key: unknown): key is JWK {
  if (typeof key !== 'object' || key === null || !('kty' in key)) return false
  return ['RSA', 'EC', 'OKP'].includes(String(key.kty)) && !['d', 'p', 'q', 'k'].some(member => member in key)
}

type Picker = (header: KeyHeader) => Promise<CryptoKey | null>

/** Loads what it needs of jose, with the first key that is looked for: a server need not have it to listen. All of jose would be ten times as much. */
async function createPicker(keys: JWK[]): Promise<Picker> {
  const [{ createLocalJWKSet }, { JWKSMultipleMatchingKeys }] = await Promise.all([
    import('jose/jwks/local'),
    import('jose/errors')
  ])
  const pick = createLocalJWKSet({ keys })
  return async ({ alg, kid }) => {
    try {
      const key = await pick(kid === undefined ? { alg } : { alg, kid })
      return key.type === 'public' && isLongEnough(key) ? key : null
    } catch (error) {
      if (!(error instanceof JWKSMultipleMatchingKeys)) return null
      throw new OAuthError('invalid_token', 'the token does not say which key signed it', { reason: 'key_ambiguous' })
    }
  }
}

// RFC 7518 section 3.3: RSA keys have at least 2048 bits.
function isLongEnough(key: CryptoKey): boolean {
  return !('modulusLength' in key.algorithm) || Number(key.algorithm.modulusLength) >= 2048
}
