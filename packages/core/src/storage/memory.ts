/**
 * The storage driver that keeps everything in this process: for tests, demos and trying things out. It is atomic, because
 * JavaScript runs one thing at a time, but neither durable nor shared, and it says so.
 */
import type { CollectionDeclaration, Guard, Page, PageOptions, StorageDriver, StoredRecord } from './driver.ts'
import { type ExpiryPosition, formatExpiryCursor, parseExpiryCursor } from './expiry-cursor.ts'
import { compareKeys } from './text.ts'

interface Table {
  readonly records: Map<string, StoredRecord>
  /** field name -> kind */
  readonly fields: ReadonlyMap<string, string>
  /** The fields whose values are not just a text or a number. */
  readonly json: readonly string[]
  /** A record in which nothing is set. */
  readonly nothing: StoredRecord
  /** index name -> value -> keys */
  readonly indexes: Map<string, Map<string, Set<string>>>
}

/**
 * Records are copied on the way in and out: what a caller does to its object never reaches the store.
 *
 * Rejects with TypeError, like any driver whose columns are fixed, for a field that was not declared.
 */
export function memoryStorage(): StorageDriver {
  const tables = new Map<string, Table>()

  function tableOf(collection: CollectionDeclaration): Table {
    let table = tables.get(collection.name)
    if (!table) {
      table = {
        records: new Map(),
        fields: new Map(collection.fields.map(({ name, kind }) => [name, kind])),
        json: collection.fields.flatMap(({ name, kind }) => (kind === 'json' ? [name] : [])),
        nothing: Object.fromEntries(collection.fields.map(({ name }) => [name, null])),
        indexes: new Map(collection.indexes.map(index => [index, new Map()]))
      }
      tables.set(collection.name, table)
    }
    return table
  }

  return Object.freeze({
    capabilities: Object.freeze({ durable: false, atomic: true, shared: false }),

    async get(collection: CollectionDeclaration, key: string): Promise<StoredRecord | null> {
      const table = tableOf(collection)
      const record = table.records.get(key)
      return record ? copyOf(table, record) : null
    },

    async insert(collection: CollectionDeclaration, key: string, record: StoredRecord): Promise<boolean> {
      const table = tableOf(collection)
      const whole = merged(collection, table, { record: table.nothing, given: record })
      if (table.records.has(key)) return false
      put(table, key, whole)
      return true
    },

    async update(collection: CollectionDeclaration, key: string, guard: Guard, patch: StoredRecord): Promise<boolean> {
      const table = tableOf(collection)
      const record = table.records.get(key)
      const changed = merged(collection, table, { record: record ?? table.nothing, given: patch })
      assertGuard(collection, table, guard)
      if (!record || !holds(guard, record)) return false
      if (collection.indexes.some(index => changed[index] !== record[index])) {
        drop(table, key)
        put(table, key, changed)
      } else table.records.set(key, changed)
      return true
    },

    async remove(collection: CollectionDeclaration, key: string): Promise<boolean> {
      return drop(tableOf(collection), key)
    },

    async list(
      collection: CollectionDeclaration,
      index: string,
      value: string | number,
      { limit = 100, cursor = null }: PageOptions = {}
    ): Promise<Page<StoredRecord>> {
      const table = tableOf(collection)
      const size = Math.max(1, Math.min(limit, 1000))
      if (index === 'expiresBefore')
        return expiredPage(table, expired(table, collection.expiry, Number(value)), { size, cursor })
      const keys = keysOf(table, index, String(value)).filter(key => cursor === null || key > cursor)
      const page = keys.slice(0, size)
      return {
        records: page.map(key => ({ key, record: copyOf(table, table.records.get(key) as StoredRecord) })),
        cursor: keys.length > size ? (page.at(-1) ?? null) : null
      }
    },

    async removeWhere(
      collection: CollectionDeclaration,
      index: string,
      value: string | number,
      { limit = 1000 }: { limit?: number | undefined } = {}
    ): Promise<number> {
      const table = tableOf(collection)
      const keys =
        index === 'expiresBefore'
          ? expired(table, collection.expiry, Number(value)).map(({ key }) => key)
          : keysOf(table, index, String(value))
      return keys.slice(0, Math.max(1, limit)).filter(key => drop(table, key)).length
    },

    async take(
      collection: CollectionDeclaration,
      keys: readonly string[],
      { expiresBefore, guard }: { expiresBefore: number; guard: Guard }
    ): Promise<string[]> {
      const table = tableOf(collection)
      assertGuard(collection, table, guard)
      return keys.filter(key => {
        const record = table.records.get(key)
        if (!record || !isExpired(record, collection.expiry, expiresBefore)) return false
        return holds(guard, record) && drop(table, key)
      })
    },

    async count(
      collection: CollectionDeclaration,
      { prefix, limit }: { prefix: string; limit: number }
    ): Promise<number> {
      let found = 0
      for (const key of tableOf(collection).records.keys()) {
        if (found === limit) break
        if (key.startsWith(prefix)) found++
      }
      return found
    },

    async scan(
      collection: CollectionDeclaration,
      { limit = 100, cursor = null }: { limit?: number | undefined; cursor?: string | null | undefined } = {}
    ): Promise<Page<StoredRecord>> {
      const table = tableOf(collection)
      const size = Math.max(1, Math.min(limit, 1000))
      const keys = [...table.records.keys()]
        .filter(key => cursor === null || compareKeys(key, cursor) > 0)
        .toSorted(compareKeys)
      const page = keys.slice(0, size)
      return {
        records: page.map(key => ({ key, record: copyOf(table, table.records.get(key) as StoredRecord) })),
        cursor: keys.length > size ? (page.at(-1) ?? null) : null
      }
    }
  })
}

/** The record with a copy of what was given in it; a member that is undefined was not given. */
function merged(
  collection: CollectionDeclaration,
  { fields }: Table,
  { record, given }: { record: StoredRecord; given: StoredRecord }
): StoredRecord {
  const whole: Record<string, unknown> = { ...record }
  for (const name of Object.keys(given)) {
    const value = given[name]
    if (value === undefined) continue
    if (!fields.has(name)) throw new TypeError(`${collection.name}: there is no field "${name}"`)
    whole[name] = copyOfValue(value)
  }
  return whole
}

function copyOf({ json }: Table, record: StoredRecord): StoredRecord {
  const copy: Record<string, unknown> = { ...record }
  for (const name of json) copy[name] = copyOfValue(copy[name])
  return copy
}

// Lists and plain objects are what JSON is made of; copied by hand they cost a tenth of what structuredClone takes for them.
function copyOfValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(copyOfValue)
  if (Object.getPrototypeOf(value) !== Object.prototype) return structuredClone(value)
  const copy: Record<string, unknown> = { ...value }
  for (const name of Object.keys(copy)) copy[name] = copyOfValue(copy[name])
  return copy
}

// A guard that cannot hold, or that nobody meant, must not look like a lost race.
function assertGuard(collection: CollectionDeclaration, { fields }: Table, guard: Guard): void {
  for (const [name, value] of Object.entries(guard)) {
    if (!fields.has(name)) throw new TypeError(`${collection.name}: there is no field "${name}"`)
    if (value === undefined || fields.get(name) === 'json')
      throw new TypeError(`${collection.name}: "${name}" cannot be part of a guard`)
  }
}

function keysOf(table: Table, index: string, value: string): string[] {
  const entries = table.indexes.get(index)
  if (!entries) throw new TypeError(`there is no index "${index}"`)
  return [...(entries.get(value) ?? [])].sort()
}

// Looks at every record: a process that keeps everything in memory has no millions of them.
function expired(table: Table, expiry: string | null, before: number): ExpiryPosition[] {
  if (expiry === null) return []
  return [...table.records].flatMap(([key, record]) =>
    isExpired(record, expiry, before) ? [{ second: Number(record[expiry]), key }] : []
  )
}

function isExpired(record: StoredRecord, expiry: string | null, before: number): boolean {
  const second = expiry === null ? null : record[expiry]
  return typeof second === 'number' && second < before
}

function holds(guard: Guard, record: StoredRecord): boolean {
  return Object.entries(guard).every(([field, value]) => record[field] === value)
}

function expiredPage(
  table: Table,
  found: readonly ExpiryPosition[],
  { size, cursor }: { size: number; cursor: string | null }
): Page<StoredRecord> {
  const after = cursor === null ? null : parseExpiryCursor(cursor)
  const rest = found.filter(position => after === null || compare(position, after) > 0).toSorted(compare)
  const page = rest.slice(0, size)
  const last = page.at(-1)
  return {
    records: page.map(({ key }) => ({ key, record: copyOf(table, table.records.get(key) as StoredRecord) })),
    cursor: last && rest.length > size ? formatExpiryCursor(last) : null
  }
}

const compare = (a: ExpiryPosition, b: ExpiryPosition): number => a.second - b.second || compareKeys(a.key, b.key)

function put(table: Table, key: string, record: StoredRecord): void {
  table.records.set(key, record)
  for (const [index, entries] of table.indexes) {
    const value = record[index]
    if (typeof value !== 'string') continue
    const keys = entries.get(value) ?? new Set()
    entries.set(value, keys.add(key))
  }
}

function drop(table: Table, key: string): boolean {
  const record = table.records.get(key)
  if (!record) return false
  table.records.delete(key)
  for (const [index, entries] of table.indexes) {
    const value = record[index]
    if (typeof value !== 'string') continue
    const keys = entries.get(value)
    keys?.delete(key)
    if (keys?.size === 0) entries.delete(value)
  }
  return true
}
