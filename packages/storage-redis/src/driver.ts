/** The seven verbs on Redis: one script or command, and one round trip each. */
import {
  type Capabilities,
  type CollectionDeclaration,
  formatExpiryCursor,
  isStorableKey,
  type Page,
  type PageOptions,
  parseExpiryCursor,
  type StorageDriver,
  type StoredRecord
} from '@fastify-mcp-auth/core'
import { checkServers } from './check-servers.ts'
import { answer, connect } from './connection.ts'
import { type RedisStorageOptions, readOptions } from './options.ts'
import { decode, encodeGuard, encodePatch, encodeRecord, type Prepared, prepare } from './records.ts'
import { INSERT, LIST, LIST_EXPIRED, REMOVE, REMOVE_WHERE, SCAN, type Script, TAKE, UPDATE } from './scripts.ts'

/** Records that one script may remove, so that nobody waits long for it. */
const BATCH = 200

/** A {@link StorageDriver} on Redis. */
export interface RedisStorage extends StorageDriver {
  readonly capabilities: Capabilities
  open(collections: readonly CollectionDeclaration[]): Promise<void>
  /** Ends the driver's own connection; verbs reject with UnavailableError afterwards. A client that was handed in stays open. */
  close(): Promise<void>
  count(collection: CollectionDeclaration, options: { prefix: string; limit: number }): Promise<number>
}

/**
 * Keeps records in Redis 7 or Valkey: one server, Sentinel, or a cluster, where each collection has one slot.
 *
 * Nothing is connected to before the first verb or `open`. Keys and indexed values may have 768 characters and 1,536 bytes; text with a NUL
 * character or half a surrogate pair is refused with a RangeError before anything is written, as by `sqlStorage`, so that
 * records can move between them.
 *
 * Does not make Redis durable: what a server forgets when it dies or fails over depends on its `appendonly`, `appendfsync` and
 * replicas. Does not retry a write whose fate is unknown: that is an UnavailableError.
 *
 * @throws ConfigurationError naming the option
 */
export function redisStorage(input: RedisStorageOptions): RedisStorage {
  const options = readOptions(input)
  const connection = connect(options)
  const { client, prefix } = connection
  const known = new WeakMap<CollectionDeclaration, Prepared>()

  function prepared(collection: CollectionDeclaration): Prepared {
    const found = known.get(collection) ?? prepare(collection, prefix, options.retention)
    known.set(collection, found)
    return found
  }

  function run(script: Script, { root }: Prepared, args: readonly (string | number)[]): Promise<unknown> {
    // Two keys, and no key has the name of the root: so a cluster answers TRYAGAIN for as long as the slot is on its way to
    // another node. With one it would send the script there before the records, which it would take for missing.
    const keys = [root, `${root}keys`]
    return answer(async () => {
      try {
        return await client.evalsha(script.sha, keys.length, ...keys, ...args)
      } catch (error) {
        // The server has not met the script since it started. Nothing was run.
        if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
        return await client.eval(script.lua, keys.length, ...keys, ...args)
      }
    })
  }

  async function listExpired(
    place: Prepared,
    before: number,
    { limit, cursor }: Required<PageOptions>
  ): Promise<Page<StoredRecord>> {
    const after = cursor ? parseExpiryCursor(cursor) : null
    if (place.collection.expiry === null || (after && !isStorableKey(after.key))) return { records: [], cursor: null }
    const size = Math.max(1, Math.min(limit ?? 100, 1000))
    const found = await run(LIST_EXPIRED, place, [before, size + 1, after?.second ?? '', after?.key ?? ''])
    const all = found as [key: string, flat: string[], second: string][]
    const page = all.slice(0, size)
    // What is listed but gone was dropped by Redis.
    const records = page.flatMap(([key, flat]) => (flat.length === 0 ? [] : [{ key, record: decode(place, flat) }]))
    const last = all.length > size ? page.at(-1) : undefined
    return { records, cursor: last ? formatExpiryCursor({ second: Number(last[2]), key: last[0] }) : null }
  }

  return Object.freeze({
    capabilities: Object.freeze({ durable: true, atomic: true, shared: true }),

    async open(collections) {
      for (const collection of collections) prepared(collection)
      await answer(() => checkServers(connection, collections, options))
    },

    async close() {
      connection.close()
    },

    async get(collection, key) {
      if (!isStorableKey(key)) return null
      const place = prepared(collection)
      const record = await answer(() => client.hgetall(`${place.root}record:${key}`))
      const flat = Object.entries(record).flat()
      return flat.length === 0 ? null : decode(place, flat)
    },

    async insert(collection, key, record) {
      if (!isStorableKey(key)) throw new RangeError(`${collection.name}: a key of this kind cannot be kept`)
      const place = prepared(collection)
      const values = encodeRecord(place, record)
      const head = [key, place.retention, secondOf(collection, values), collection.indexes.join()]
      return (await run(INSERT, place, [...head, ...[...values].flat()])) === 1
    },

    async update(collection, key, guard, patch) {
      const place = prepared(collection)
      const guarded = encodeGuard(place, guard)
      const changes = encodePatch(place, patch)
      if (guarded === null || !isStorableKey(key)) return false
      const moved = collection.indexes.filter(index => changes.has(index)).join()
      const head = [key, place.retention, secondOf(collection, changes), moved, guarded.size]
      return (await run(UPDATE, place, [...head, ...[...guarded].flat(), ...[...changes].flat()])) === 1
    },

    async remove(collection, key) {
      if (!isStorableKey(key)) return false
      return (await run(REMOVE, prepared(collection), [key, collection.indexes.join()])) === 1
    },

    async list(collection, ...where): Promise<Page<StoredRecord>> {
      const [index, value, { limit = 100, cursor = null } = {}] = where
      const place = prepared(collection)
      if (index === 'expiresBefore' && typeof value === 'number') return listExpired(place, value, { limit, cursor })
      assertIndex(collection, index)
      if (typeof value !== 'string' || !isStorableKey(value) || (cursor !== null && !isStorableKey(cursor)))
        return { records: [], cursor: null }
      const size = Math.max(1, Math.min(limit, 1000))
      const from = cursor === null ? '-' : `(${cursor}`
      const found = await run(LIST, place, [index, JSON.stringify(value), from, size + 1])
      return pageOf(place, found as Found, size)
    },

    async removeWhere(collection, ...where) {
      const [index, value, { limit = 1000 } = {}] = where
      const place = prepared(collection)
      const isExpiry = index === 'expiresBefore' && typeof value === 'number'
      if (!isExpiry) assertIndex(collection, index)
      if (isExpiry ? collection.expiry === null : !isStorableKey(String(value))) return 0
      const condition = isExpiry ? ['', value] : [index, JSON.stringify(value)]
      let removed = 0
      for (;;) {
        const most = Math.min(BATCH, Math.max(1, limit) - removed)
        const result = await run(REMOVE_WHERE, place, [collection.indexes.join(), most, ...condition])
        const [gone, seen] = result as [number, number]
        removed += gone
        if (seen < most || removed >= limit) return removed
      }
    },

    async take(collection, keys, { expiresBefore, guard }) {
      const place = prepared(collection)
      const guarded = encodeGuard(place, guard)
      const wanted = keys.filter(isStorableKey)
      if (guarded === null || collection.expiry === null) return []
      const head = [collection.indexes.join(), expiresBefore, guarded.size, ...[...guarded].flat()]
      const taken: string[] = []
      for (let at = 0; at < wanted.length; at += BATCH)
        taken.push(...((await run(TAKE, place, [...head, ...wanted.slice(at, at + BATCH)])) as string[]))
      return taken
    },

    async count(collection, { prefix: beginning, limit }) {
      if (!isStorableKey(beginning)) return 0
      const keys = `${prepared(collection).root}keys`
      const [from, to] = beginning === '' ? ['-', '+'] : [`[${beginning}`, `(${beginning}\u{10ffff}`]
      return Math.min(limit, await answer(() => client.zlexcount(keys, from, to)))
    },

    async serverTime() {
      const [second] = await answer(() => client.time())
      return Number(second)
    },

    async scan(collection, { limit = 100, cursor = null } = {}): Promise<Page<StoredRecord>> {
      if (cursor !== null && !isStorableKey(cursor)) return { records: [], cursor: null }
      const place = prepared(collection)
      const size = Math.max(1, Math.min(limit, 1000))
      const found = await run(SCAN, place, [cursor === null ? '-' : `(${cursor}`, size + 1])
      return pageOf(place, found as Found, size)
    }
  } satisfies RedisStorage)
}

type Found = readonly [key: string, flat: string[]][]

/** @param found one more than fit, when there are more */
function pageOf(place: Prepared, found: Found, size: number): Page<StoredRecord> {
  const page = found.slice(0, size)
  // A record that is listed but gone was evicted, or dropped by Redis itself after its time.
  const records = page.flatMap(([key, flat]) => (flat.length === 0 ? [] : [{ key, record: decode(place, flat) }]))
  return { records, cursor: found.length > size ? (page.at(-1)?.[0] ?? null) : null }
}

/** Of the fields that are written, the expiry as JSON; '' when it is not among them. */
function secondOf({ expiry }: CollectionDeclaration, values: ReadonlyMap<string, string>): string {
  return (expiry === null ? undefined : values.get(expiry)) ?? ''
}

function assertIndex(collection: CollectionDeclaration, index: string): void {
  if (!collection.indexes.includes(index)) throw new TypeError(`${collection.name}: there is no index "${index}"`)
}
