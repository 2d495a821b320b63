/**
 * Whose session a session is. The session IDs of MCP servers are no credentials: whoever comes with one must be who it was made for.
 * Bound to issuer, subject and client, never to a token, which is another one after each refresh.
 *
 * @see MCP Streamable HTTP, session management; MCP security best practices, session hijacking
 */
import {
  type Clock,
  type Collection,
  defineCollection,
  digest,
  openCollection,
  type StorageDriver,
  Type
} from '@fastify-mcp-auth/core'
import type { Static } from 'typebox'
import { RefusedRequestError, RPC_CODES } from './errors.ts'
import type { Principal } from './types.ts'

const SessionRecord = Type.Object({
  /** Digest of issuer, subject and client; empty while a stranger has it. */
  owner: Type.String(),
  expiresAt: Type.Integer()
})
type SessionRecord = Static<typeof SessionRecord>

const sessions = defineCollection({ name: 'mcp_session', record: SessionRecord, expiry: 'expiresAt' })

const STRANGER = ''
/** Seconds between two rounds of removing what has expired. */
const SWEEP_INTERVAL = 60

export interface SessionBinding {
  /**
   * To be awaited before the session ID is told to anybody.
   *
   * @throws Error when the ID belongs to somebody else: the server makes IDs that are not unique
   */
  bind(id: string, principal: Principal | null): Promise<void>
  /**
   * A session of a stranger belongs to the first one who comes with a token.
   *
   * @throws RefusedRequestError 404 for a session of somebody else, and for one that is not known: nobody can tell which
   */
  assertOwner(id: string, principal: Principal | null): Promise<void>
  release(id: string): Promise<void>
}

/** @param options `ttl`: seconds after which a session that nobody uses is forgotten */
export async function createSessionBinding(options: {
  readonly storage: StorageDriver
  readonly ttl: number
  readonly resource: string
  readonly clock: Clock
}): Promise<SessionBinding> {
  await options.storage.open?.([sessions])
  return new StoredBinding(options, openCollection(options.storage, sessions))
}

class StoredBinding implements SessionBinding {
  readonly #records: Collection<SessionRecord>
  readonly #clock: Clock
  readonly #ttl: number
  readonly #resource: string
  #swept: number

  constructor(
    { clock, ttl, resource }: { readonly clock: Clock; readonly ttl: number; readonly resource: string },
    records: Collection<SessionRecord>
  ) {
    this.#records = records
    this.#clock = clock
    this.#ttl = ttl
    this.#resource = resource
    this.#swept = clock.now()
  }

  async bind(id: string, principal: Principal | null): Promise<void> {
    const now = this.#clock.now()
    await this.#sweep(now)
    const record = { owner: ownerOf(principal), expiresAt: now + this.#ttl }
    const key = this.#key(id)
    if (await this.#records.insert(key, record)) return
    const known = await this.#records.get(key)
    if (known && known.expiresAt > now && known.owner !== record.owner)
      throw new Error('the server gave a session ID that another caller has')
    await this.#records.update(key, {}, record)
  }

  async assertOwner(id: string, principal: Principal | null): Promise<void> {
    const key = this.#key(id)
    const owner = ownerOf(principal)
    const now = this.#clock.now()
    let record = await this.#records.get(key)
    if (!record || record.expiresAt <= now) throw notFound()
    if (record.owner === STRANGER && owner !== STRANGER) {
      // Of two who come at once one wins, and the other finds it taken.
      await this.#records.update(key, { owner: STRANGER }, { owner })
      record = await this.#records.get(key)
    }
    if (record?.owner !== owner) throw notFound()
    if (record.expiresAt - now < this.#ttl / 2)
      await this.#records.update(key, { owner }, { expiresAt: now + this.#ttl })
  }

  async release(id: string): Promise<void> {
    await this.#records.remove(this.#key(id))
  }

  #key(id: string): string {
    return digest(JSON.stringify([this.#resource, id]))
  }

  async #sweep(now: number): Promise<void> {
    if (now - this.#swept < SWEEP_INTERVAL) return
    this.#swept = now
    await this.#records.removeExpired(now)
  }
}

function ownerOf(principal: Principal | null): string {
  if (!principal) return STRANGER
  return digest(JSON.stringify([principal.issuer, principal.subject, principal.clientId]))
}

function notFound(): RefusedRequestError {
  return new RefusedRequestError(404, 'session not found', { rpcCode: RPC_CODES.unauthorized, reason: 'session' })
}
