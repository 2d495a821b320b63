/**
 * What authorization servers say about themselves, remembered by issuer: one document for all servers that name it, and all owners.
 *
 * Servers can do each other no harm by it. A document is read at the places of its own issuer and has to name it, whoever asks; one that
 * was read within a private network is not handed to a server of the public one. An entry stays for as long as somebody holds it, and each
 * server holds a few, so that one that names ever new issuers pushes out its own only. A challenge has a document read once more, and the
 * one that is there counts until there is another.
 *
 * @see RFC 9111
 */
import type { Clock } from '@fastify-mcp-auth/core'
import { LRUCache } from 'lru-cache'
import { type IssuerDocument, type IssuerMetadata, readIssuer } from './issuer-metadata.ts'
import type { Route } from './network.ts'
import { StepLog } from './step-log.ts'

/** Seconds between two looks that challenges led to. */
export const COOLDOWN = 30

/** Servers that hold something, and what each of them holds at most. */
const [SERVERS, ISSUERS_OF_ONE] = [500, 8]

interface Entry {
  look: IssuerMetadata
  /** Epoch seconds. */
  at: number
  isDoubted: boolean
  holders: number
}

/** Who wants to know. */
export interface Asker {
  readonly server: string
  readonly route: Route
  readonly clock: Clock
}

export class Issuers {
  readonly #entries = new Map<string, Entry>()
  readonly #running = new Map<string, Promise<IssuerMetadata>>()
  readonly #held = new LRUCache<string, LRUCache<string, true>>({
    max: SERVERS,
    dispose: held => held.clear()
  })

  /** @param isNews what is known counts only if it was read a moment ago */
  async read(
    { server, route, clock }: Asker,
    spellings: readonly [string, ...string[]],
    isNews: boolean
  ): Promise<IssuerMetadata> {
    const key = JSON.stringify([route.addresses, ...spellings])
    const entry = this.#entries.get(key)
    const age = entry ? clock.now() - entry.at : Number.POSITIVE_INFINITY
    // A clock may also jump back.
    const isFresh = entry !== undefined && age >= 0 && age < entry.look.freshFor
    if (isFresh && !entry.isDoubted && !(isNews && age >= COOLDOWN)) return this.#remembered(entry, server, key)
    const look = await this.#readTogether(key, () => readIssuer(route, spellings, clock))
    if (isFresh && look.outage) return this.#remembered(entry, server, key)
    // That there is none is remembered only of one that nobody has named.
    const isVerdict = !look.outage && !look.refusal && (look.document !== null || spellings.length > 1)
    if (isVerdict) this.#keep(server, key, { look, at: clock.now() })
    return look
  }

  documents(): IssuerDocument[] {
    return [...this.#entries.values()].flatMap(({ look }) => look.document ?? [])
  }

  /** Whatever route it was read by. */
  doubt(issuer: string): void {
    for (const entry of this.#entries.values()) if (entry.look.document?.issuer === issuer) entry.isDoubted = true
  }

  #remembered({ look }: Entry, server: string, key: string): IssuerMetadata {
    this.#hold(server, key)
    const log = new StepLog()
    const place = look.document?.issuer ?? null
    log.add('authorization server metadata', place, 'skipped', 'as it was read before', 'RFC 9111 section 4')
    return { ...look, steps: log.steps }
  }

  #readTogether(key: string, read: () => Promise<IssuerMetadata>): Promise<IssuerMetadata> {
    let running = this.#running.get(key)
    if (!running) {
      running = read().finally(() => this.#running.delete(key))
      this.#running.set(key, running)
    }
    return running
  }

  #keep(server: string, key: string, { look, at }: Pick<Entry, 'look' | 'at'>): void {
    const { holders = 0 } = this.#entries.get(key) ?? {}
    this.#entries.set(key, { look, at, isDoubted: false, holders })
    this.#hold(server, key)
  }

  #hold(server: string, key: string): void {
    let held = this.#held.get(server)
    if (!held) {
      held = new LRUCache({ max: ISSUERS_OF_ONE, dispose: (_, released) => this.#release(released) })
      this.#held.set(server, held)
    }
    const entry = this.#entries.get(key)
    if (entry && !held.has(key)) entry.holders++
    held.set(key, true)
  }

  #release(key: string): void {
    const entry = this.#entries.get(key)
    if (entry && --entry.holders === 0) this.#entries.delete(key)
  }
}
