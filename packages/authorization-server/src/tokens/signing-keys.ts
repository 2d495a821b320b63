/**
 * The keys that sign: made once, kept encrypted, shared by all processes, replaced from time to time.
 *
 * A new key is published long before it signs, and stays published until its last token has expired after another took its place.
 * Records say when each of this happens, so all processes agree without talking to each other. There is no timer: whoever uses a key
 * looks at the storage once a minute, and that is also when a key that has become old gets a successor.
 *
 * Keys of an algorithm that is not signed with any more, or only by an external signer, get none. A process that has no use for them says
 * when they are over, and one that still signs with them, because it runs with options of before, takes that back each time: so they go a
 * day after the last process that signed with them, however long a deployment takes. A key whose time is over is over for every process,
 * one that would have signed with it included, which then makes another.
 *
 * @see RFC 7517 section 5
 */
import type { KeyObject } from 'node:crypto'
import { type Clock, OAuthError, type SigningKeySummary } from '@fastify-mcp-auth/core'
import type { JWK } from 'jose'
import type { Events } from '../events.ts'
import type { SigningKeyRecord } from '../records.ts'
import type { Algorithm } from './algorithms.ts'
import type { ReadyExternalSigner, Signer } from './signer.ts'
import { type KeyPlace, openKey, recordKey, type SigningKey, sealAnew, storeNewKey } from './signing-key.ts'

/** Seconds for which what was read from the storage is used. */
const RELOAD_AFTER = 60

/** Seconds between publication and first use: verifiers that cache the key set longer than that must fetch it for an unknown key. */
export const LEAD_TIME = 3600

/** Seconds for which a key stays published after its last use: no token of ours may live longer, whatever the options say. */
const LONGEST_TOKEN = 86_400

/**
 * Seconds after which a key is over that a process has no use for. Whoever still signs with it sees within {@link RELOAD_AFTER} that this
 * was said; the rest of the hour is for clocks that differ.
 */
const UNUSED_FOR = 3600 + LONGEST_TOKEN

/** How often keys that are missing are made, until they are there. */
const ATTEMPTS = 5

export interface SigningKeys {
  /** @throws UnavailableError when the storage does not answer */
  signer(alg: Algorithm): Promise<Signer>
  /**
   * @param header `past`: also a key that was retired in its time, while it is still stored. One that was replaced at once was stolen
   * @throws OAuthError `invalid_token` for a key that is not ours
   * @throws UnavailableError
   */
  verificationKey(header: {
    kid: unknown
    alg: unknown
    past?: boolean
  }): Promise<{ readonly key: KeyObject; readonly alg: Algorithm }>
  /** Document of `jwks_uri`, serialised. Public members only, no HS256. What was known before when the storage does not answer. */
  jwks(): Promise<string>
  list(): Promise<SigningKeySummary[]>
  /** With `immediately` no key of before is left, those of algorithms that are not signed with any more included. */
  rotate(options?: { immediately?: boolean }): Promise<SigningKeySummary[]>
  /** Removes keys that are not published any more. */
  removeRetired(): Promise<number>
}

export interface KeySettings extends KeyPlace {
  readonly clock: Clock
  /** What is going to be signed with. */
  readonly algorithms: readonly Algorithm[]
  readonly external: readonly ReadyExternalSigner[]
  /** Seconds after which a key gets a successor; 0 for never. */
  readonly rotateAfter: number
  readonly emit: Events['emit']
}

/**
 * Loads the keys, or makes them: of many processes that start together on an empty storage one wins, the others read what it wrote.
 *
 * @throws ConfigurationError when a stored key cannot be decrypted with the given encryption keys
 */
export async function loadSigningKeys(settings: KeySettings): Promise<SigningKeys> {
  const keys = new StoredKeys(settings)
  await keys.reload()
  await Promise.all((await keys.all()).map(({ record }) => sealAnew(settings, record)))
  return keys
}

class StoredKeys implements SigningKeys {
  readonly #settings: KeySettings
  /** Oldest first. */
  #keys: readonly SigningKey[] = []
  #loadedAt = Number.NEGATIVE_INFINITY
  #loading: Promise<void> | null = null
  #jwks = ''

  constructor(settings: KeySettings) {
    this.#settings = settings
  }

  async signer(alg: Algorithm): Promise<Signer> {
    const external = this.#settings.external.find(signer => signer.alg === alg)
    if (external) return external
    await this.#fresh()
    const current = this.#current(alg)
    if (!current) throw new Error(`there is no signing key for ${alg}`)
    return current.signer
  }

  async verificationKey({
    kid,
    alg,
    past = false
  }: {
    kid: unknown
    alg: unknown
    past?: boolean
  }): Promise<{ key: KeyObject; alg: Algorithm }> {
    const external = this.#settings.external.find(signer => signer.kid === kid && signer.alg === alg)
    if (external) return { key: external.publicKey, alg: external.alg }
    await this.#fresh()
    const found = (past ? this.#trusted() : this.#published()).find(
      ({ record }) => record.kid === kid && record.alg === alg
    )
    if (found) return { key: found.verificationKey, alg: found.signer.alg }
    throw new OAuthError('invalid_token', 'the token was signed with another key', { reason: 'unknown_key' })
  }

  async jwks(): Promise<string> {
    // A set that is a little old is better than none: its keys sign for at least as long as it may be cached.
    await this.#fresh().catch(() => undefined)
    return this.#jwks
  }

  async list(): Promise<SigningKeySummary[]> {
    await this.#fresh()
    const stored = this.#published().map(({ record }) => this.#summaryOf(record))
    const external = this.#settings.external.map(({ kid, alg }, index) => ({
      kid,
      alg,
      state: this.#settings.external.findIndex(other => other.alg === alg) === index ? 'current' : 'next',
      createdAt: null,
      activeFrom: null
    }))
    return [...stored, ...external] as SigningKeySummary[]
  }

  async rotate({ immediately = false }: { immediately?: boolean } = {}): Promise<SigningKeySummary[]> {
    await this.reload()
    const now = this.#settings.clock.now()
    for (const alg of this.#storedAlgorithms()) {
      const latest = this.#latest(alg)
      if (!latest || isJustMade(latest.record, { now, immediately })) continue
      const activeFrom = immediately ? now : now + LEAD_TIME
      await this.#addAfter(latest.record, { activeFrom, previousUntil: immediately ? now : activeFrom + LONGEST_TOKEN })
    }
    // No successor says that they are over. A process that still signs with one finds it gone and makes another.
    if (immediately) await this.#remove(this.#keys.filter(({ record }) => !this.#signsWith(record.alg)))
    await this.reload()
    return this.list()
  }

  async removeRetired(): Promise<number> {
    await this.#fresh()
    const published = new Set(this.#published())
    const retired = this.#keys.filter(key => !published.has(key))
    await this.#remove(retired)
    if (retired.length > 0) await this.reload()
    return retired.length
  }

  // Oldest first: none may be left without the one after it, which says that its time is over.
  async #remove(keys: readonly SigningKey[]): Promise<void> {
    const { records, emit } = this.#settings
    for (const { record } of keys) {
      const { kid, alg } = record
      if (await records.signingKeys.remove(recordKey(record))) emit('key.removed', { kid, alg })
    }
  }

  async all(): Promise<readonly SigningKey[]> {
    return this.#keys
  }

  /** Parallel requests wait for one reading. */
  reload(): Promise<void> {
    this.#loading ??= this.#read().finally(() => {
      this.#loading = null
    })
    return this.#loading
  }

  async #fresh(): Promise<void> {
    // A clock may also jump back.
    if (Math.abs(this.#settings.clock.now() - this.#loadedAt) >= RELOAD_AFTER) await this.reload()
  }

  async #read(): Promise<void> {
    this.#keys = await this.#stored()
    // Once: a process with other options may be saying the opposite at this moment, and neither is wrong.
    if (await this.#sayWhatIsUsed()) this.#keys = await this.#stored()
    // Another process may remove at this moment what was read.
    for (let attempt = 0; attempt < ATTEMPTS && (await this.#addMissing()); attempt++) this.#keys = await this.#stored()
    this.#loadedAt = this.#settings.clock.now()
    const jwks = [
      ...this.#settings.external.map(({ publicJwk }) => publicJwk),
      ...this.#published().flatMap(({ record }) => (record.alg === 'HS256' ? [] : [record.publicJwk as JWK]))
    ]
    this.#jwks = JSON.stringify({ keys: jwks })
  }

  async #stored(): Promise<SigningKey[]> {
    const { records, issuer } = this.#settings
    const known = new Map(this.#keys.map(key => [key.record.kid, key]))
    // Not paged: rotation once a minute would need most of a day to fill a page, and retired keys are removed.
    const { records: found } = await records.signingKeys.list('issuer', issuer, { limit: 1000 })
    return found
      .map(({ record }) => ({ ...(known.get(record.kid) ?? openKey(this.#settings, record)), record }))
      .toSorted((a, b) => a.record.sequence - b.record.sequence)
  }

  /**
   * Of keys that this process has no use for when they are over, and of those that it signs with that they are not.
   *
   * @returns whether there is something new to read
   */
  async #sayWhatIsUsed(): Promise<boolean> {
    const { clock, records } = this.#settings
    const now = clock.now()
    let changed = false
    for (const { record } of this.#keys) {
      const { alg, retiresAt } = record
      const isUsed = this.#signsWith(alg)
      if (isUsed === (retiresAt === null) || isOver(record, now)) continue
      const patch = { retiresAt: isUsed ? null : now + UNUSED_FOR }
      await records.signingKeys.update(recordKey(record), { retiresAt }, patch)
      changed = true
    }
    return changed
  }

  /** First keys, and successors of those that have become old or are over. @returns whether there is something new to read */
  async #addMissing(): Promise<boolean> {
    const { clock, rotateAfter } = this.#settings
    const now = clock.now()
    let added = false
    for (const alg of this.#storedAlgorithms()) {
      const latest = this.#latest(alg)?.record
      const isGone = latest !== undefined && isOver(latest, now)
      const isOld = latest !== undefined && rotateAfter > 0 && latest.activeFrom + rotateAfter <= now + LEAD_TIME
      if (latest && !isGone && !isOld) continue
      const activeFrom = isGone ? now : now + LEAD_TIME
      if (latest) await this.#addAfter(latest, { activeFrom, previousUntil: activeFrom + LONGEST_TOKEN })
      else await this.#add(alg, 1, { activeFrom: now, previousUntil: now })
      added = true
    }
    return added
  }

  #addAfter(latest: SigningKeyRecord, validity: { activeFrom: number; previousUntil: number }): Promise<void> {
    return this.#add(latest.alg as Algorithm, latest.sequence + 1, validity)
  }

  async #add(alg: Algorithm, sequence: number, validity: { activeFrom: number; previousUntil: number }): Promise<void> {
    const { clock, emit } = this.#settings
    const createdAt = clock.now()
    const kid = await storeNewKey(this.#settings, { alg, sequence, validity: { createdAt, ...validity } })
    if (kid !== null) emit('key.created', { kid, alg, activeFrom: validity.activeFrom })
  }

  /** Those that a key of this server signs for. */
  #storedAlgorithms(): Algorithm[] {
    const { algorithms, external } = this.#settings
    return [...new Set(algorithms)].filter(alg => !external.some(signer => signer.alg === alg))
  }

  #signsWith(alg: string): boolean {
    return this.#storedAlgorithms().some(one => one === alg)
  }

  #latest(alg: Algorithm): SigningKey | undefined {
    return this.#keys.findLast(({ record }) => record.alg === alg)
  }

  #current(alg: string): SigningKey | undefined {
    const now = this.#settings.clock.now()
    const keys = this.#published().filter(({ record }) => record.alg === alg)
    // The first one when none has begun: another process made it, and its clock is ahead of this one.
    return keys.findLast(({ record }) => record.activeFrom <= now) ?? keys[0]
  }

  /** Without those whose time is over: their successors say so, or they themselves. */
  #published(): SigningKey[] {
    const now = this.#settings.clock.now()
    return this.#keys.filter(
      ({ record }) =>
        !isOver(record, now) &&
        !this.#keys.some(
          ({ record: later }) =>
            later.alg === record.alg && later.sequence > record.sequence && later.previousUntil <= now
        )
    )
  }

  /** Without those that were replaced at once: those before them, too, for all that anybody knows. */
  #trusted(): SigningKey[] {
    return this.#keys.filter(
      ({ record }) =>
        !this.#keys.some(
          ({ record: later }) =>
            later.alg === record.alg && later.sequence > record.sequence && later.previousUntil <= later.activeFrom
        )
    )
  }

  #summaryOf({ kid, alg, sequence, createdAt, activeFrom }: SigningKeyRecord): SigningKeySummary {
    const current = this.#signsWith(alg) ? (this.#current(alg)?.record.sequence ?? 0) : Number.POSITIVE_INFINITY
    const state = sequence === current ? 'current' : sequence > current ? 'next' : 'previous'
    return { kid, alg: alg as Algorithm, state, createdAt, activeFrom }
  }
}

function isOver({ retiresAt }: SigningKeyRecord, now: number): boolean {
  return retiresAt !== null && retiresAt <= now
}

// One that waits for its time is the rotation that is asked for; so is one that another process, or a second click, made a moment ago.
function isJustMade(
  { createdAt, activeFrom, previousUntil, sequence }: SigningKeyRecord,
  { now, immediately }: { now: number; immediately: boolean }
): boolean {
  const isRecent = sequence > 1 && createdAt > now - RELOAD_AFTER
  return immediately ? isRecent && previousUntil <= now : activeFrom > now || isRecent
}
