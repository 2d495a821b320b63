/**
 * The keys that prove who our client is (`private_key_jwt`): made once, kept encrypted, shared by all processes, and replaced with an
 * overlap. A new key is published for a day before it signs and stays published for a day after: authorization servers keep key sets.
 *
 * @see RFC 7523 section 3, RFC 7517 section 5
 */
import { type Clock, digest, type KeyRing, randomSecret, UnavailableError } from '@fastify-mcp-auth/core'
import { exportJWK, generateKeyPair, importJWK, importPKCS8, type JWK, SignJWT } from 'jose'
import type { ClientKeyRecord, Records } from './records.ts'

/** Seconds. */
const LEAD = 86_400
const RELOAD_AFTER = 60
const ASSERTION_LIFETIME = 60

/** A key that the operator registered together with a client. */
export interface OwnPrivateKey {
  /** PKCS #8, PEM. */
  readonly pem: string
  readonly alg: string
  readonly kid?: string | undefined
}

export interface ClientKeys {
  /** Whether there are keys at all. */
  readonly algorithm: 'ES256' | 'RS256' | null
  /** Null when none of our keys is of an algorithm that the server takes: what it takes is its own to say, and may change any day. */
  assertion(options: {
    readonly clientId: string
    readonly audience: string
    /** Algorithms that the server takes; any when undefined. */
    readonly algorithms: readonly string[] | undefined
    /** Signs in place of our keys. */
    readonly privateKey?: OwnPrivateKey | undefined
  }): Promise<string | null>
  jwks(): Promise<{ readonly keys: readonly JWK[] }>
  /** A successor, published now, signing in a day. @returns whether one was made */
  rotate(): Promise<boolean>
  /** Encrypts anew what another key encrypted. @returns how many */
  reseal(): Promise<number>
  /** As they are kept, encrypted. */
  stored(): Promise<readonly Pick<ClientKeyRecord, 'sealed'>[]>
}

export function createClientKeys(settings: {
  readonly algorithm: 'ES256' | 'RS256' | 'none'
  readonly records: Pick<Records, 'clientKeys'>
  readonly ring: KeyRing
  readonly clock: Clock
}): ClientKeys {
  return new StoredClientKeys(settings)
}

class StoredClientKeys implements ClientKeys {
  readonly #settings: Parameters<typeof createClientKeys>[0]
  #records: readonly ClientKeyRecord[] = []
  #loadedAt = Number.NEGATIVE_INFINITY

  constructor(settings: Parameters<typeof createClientKeys>[0]) {
    this.#settings = settings
  }

  get algorithm(): 'ES256' | 'RS256' | null {
    return this.#settings.algorithm === 'none' ? null : this.#settings.algorithm
  }

  async assertion({
    clientId,
    audience,
    algorithms,
    privateKey
  }: Parameters<ClientKeys['assertion']>[0]): Promise<string | null> {
    const now = this.#settings.clock.now()
    const signer = privateKey ? await imported(privateKey) : await this.#signer(algorithms, now)
    if (!signer) return null
    const { alg, kid, key } = signer
    return new SignJWT({ jti: randomSecret(16) })
      .setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }), typ: 'client-authentication+jwt' })
      .setIssuer(clientId)
      .setSubject(clientId)
      .setAudience(audience)
      .setIssuedAt(now)
      .setExpirationTime(now + ASSERTION_LIFETIME)
      .sign(key)
  }

  async jwks(): Promise<{ readonly keys: readonly JWK[] }> {
    const records = this.algorithm === null ? [] : await this.#published()
    return { keys: records.map(({ publicJwk }) => publicJwk as JWK) }
  }

  async rotate(): Promise<boolean> {
    if (this.algorithm === null) return false
    await this.#published()
    await this.#load()
    const latest = this.#records.at(-1)
    const now = this.#settings.clock.now()
    // One that still waits for its time is the rotation that is asked for.
    if (latest && latest.activeFrom > now) return false
    await this.#make(this.#records.length + 1, now + LEAD)
    await this.#load()
    return true
  }

  async reseal(): Promise<number> {
    const { ring, records } = this.#settings
    await this.#load()
    let count = 0
    for (const record of this.#records) {
      if (!ring.isOutdated(record.sealed)) continue
      const plain = ring.unseal(record.sealed, contextOf(record))
      if (plain === null) continue
      const patch = { sealed: ring.seal(plain, contextOf(record)) }
      if (await records.clientKeys.update(record.kid, { sealed: record.sealed }, patch)) count++
    }
    return count
  }

  async stored(): Promise<readonly Pick<ClientKeyRecord, 'sealed'>[]> {
    await this.#load()
    return this.#records
  }

  async #signer(algorithms: readonly string[] | undefined, now: number) {
    const usable = (await this.#published()).filter(({ alg }) => algorithms?.includes(alg) ?? true)
    const record = usable.findLast(({ activeFrom }) => activeFrom <= now) ?? usable[0]
    return record && { alg: record.alg, kid: record.kid, key: await this.#privateKey(record) }
  }

  /** Oldest first: the one that signs, its successor, and its predecessor for as long as that may be in use. */
  async #published(): Promise<readonly ClientKeyRecord[]> {
    const { clock } = this.#settings
    if (Math.abs(clock.now() - this.#loadedAt) >= RELOAD_AFTER) await this.#load()
    if (this.#records.length === 0) {
      await this.#make(1, clock.now())
      await this.#load()
    }
    const now = clock.now()
    return this.#records.filter((_record, index) => {
      const successor = this.#records[index + 1]
      return !successor || successor.activeFrom + LEAD > now
    })
  }

  async #load(): Promise<void> {
    const page = await this.#settings.records.clientKeys.list('purpose', 'client', { limit: 1000 })
    this.#records = page.records.map(({ record }) => record).toSorted((a, b) => a.activeFrom - b.activeFrom)
    this.#loadedAt = this.#settings.clock.now()
  }

  /** Of processes that make the same key at once one wins: its place in the sequence is its key id. */
  async #make(sequence: number, activeFrom: number): Promise<void> {
    const { records, ring, clock } = this.#settings
    const alg = this.algorithm ?? 'ES256'
    const kid = digest(`client key ${alg} ${sequence}`).slice(0, 16)
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
    const publicJwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' }
    const base = { purpose: 'client', kid, alg, createdAt: clock.now(), activeFrom }
    const sealed = ring.seal(JSON.stringify(await exportJWK(privateKey)), contextOf(base))
    await records.clientKeys.insert(kid, { ...base, publicJwk, sealed })
  }

  async #privateKey(record: ClientKeyRecord) {
    const plain = this.#settings.ring.unseal(record.sealed, contextOf(record))
    if (plain === null) throw new UnavailableError('a client key cannot be decrypted with the given encryption keys')
    return importJWK(JSON.parse(plain) as JWK, record.alg)
  }
}

async function imported({ pem, alg, kid }: OwnPrivateKey) {
  return { alg, kid, key: await importPKCS8(pem, alg) }
}

function contextOf({ kid, alg }: Pick<ClientKeyRecord, 'kid' | 'alg'>): string {
  return JSON.stringify(['connection_client_keys', kid, alg])
}
