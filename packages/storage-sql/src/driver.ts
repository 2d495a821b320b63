/** The seven verbs on SQL: one statement and one round trip each. */
import {
  type Capabilities,
  type CollectionDeclaration,
  ConfigurationError,
  compareKeys,
  formatExpiryCursor,
  type Guard,
  isStorableKey,
  isStorableText,
  type Page,
  type PageOptions,
  parseExpiryCursor,
  type StorageDriver,
  type StoredRecord
} from '@fastify-mcp-auth/core'
import type { CompiledQuery, QueryResult } from 'kysely'
import { answer } from './answer.ts'
import { migrate } from './migrate.ts'
import { type Connection, connect, type SqlStorageOptions } from './options.ts'
import { createStatements, type GuardedColumn, type Statements } from './statements.ts'
import { type Column, decode, encode, KEY, type Row, type SqlValue, type Table, tableOf } from './tables.ts'
import { inTime } from './time-limit.ts'

/** A {@link StorageDriver} on SQL. */
export interface SqlStorage extends StorageDriver {
  readonly capabilities: Capabilities
  open(collections: readonly CollectionDeclaration[]): Promise<void>
  /**
   * Ends the connections that the driver has opened itself; verbs reject with UnavailableError afterwards. A pool that was handed
   * in is for the app to end; so is a Kysely instance, through which verbs keep working.
   */
  close(): Promise<void>
  /**
   * Creates missing tables, columns and indexes, as `open` does, also when `autoMigrate` is off. Never drops or renames. Of processes
   * that do it together one does it and the others find nothing left.
   *
   * @returns the statements that were run, or with `dryRun` those that would be; empty when nothing is missing
   * @throws ConfigurationError `FST_OAUTH_STORAGE` for a database that newer code has migrated, and for columns of another type
   */
  migrate(collections: readonly CollectionDeclaration[], options?: { dryRun?: boolean }): Promise<string[]>
}

/** Everything that a verb needs to know about its collection. */
interface Prepared {
  readonly table: Table
  readonly statements: Statements
  readonly columns: ReadonlyMap<string, Column>
}

/**
 * Keeps records in SQLite, PostgreSQL, MySQL or MariaDB, one table per collection and one column per field.
 *
 * Nothing is connected to and no package of a database is loaded before the first verb or `open`. Keys and indexed values may
 * have 768 characters and 1,536 bytes; text with a NUL character or half a surrogate pair is refused with a RangeError before anything is
 * written, on every engine alike, so that records can move between them.
 *
 * Does not remove expired records by itself, and does not retry a write whose fate is unknown: that is an UnavailableError.
 *
 * @throws ConfigurationError naming the option
 */
export function sqlStorage(options: SqlStorageOptions): SqlStorage {
  return driverOf(connect(options))
}

/** The driver on a connection. */
export function driverOf(connection: Connection): SqlStorage {
  const { db, dialect, autoMigrate } = connection
  const prepared = new WeakMap<CollectionDeclaration, Prepared>()

  function prepare(collection: CollectionDeclaration): Prepared {
    let known = prepared.get(collection)
    if (!known) {
      const table = tableOf(collection, connection)
      const columns = new Map(table.columns.map(column => [column.name, column]))
      known = { table, columns, statements: createStatements(table, dialect, db) }
      prepared.set(collection, known)
    }
    return known
  }

  function run(statement: CompiledQuery, parameters: readonly SqlValue[]): Promise<QueryResult<Row>> {
    const ask = (): Promise<QueryResult<Row>> => db.executeQuery(withParameters(statement, parameters))
    return answer(connection, () => inTime(connection.timeout, ask))
  }

  const changed = async (statement: CompiledQuery, parameters: readonly SqlValue[]): Promise<number> =>
    Number((await run(statement, parameters)).numAffectedRows ?? 0)

  async function listExpired(
    collection: CollectionDeclaration,
    before: number,
    { limit, cursor }: Required<PageOptions>
  ): Promise<Page<StoredRecord>> {
    const { table, statements } = prepare(collection)
    const { expiry } = table
    const after = cursor ? parseExpiryCursor(cursor) : null
    if (expiry === null || (after && !isStorableKey(after.key))) return { records: [], cursor: null }
    const size = Math.min(limit ?? 100, 1000)
    const from = after ? [after.second, after.second, after.key] : []
    const { rows } = await run(statements.listExpired(expiry, after !== null), [before, ...from, size + 1])
    const records = rows.slice(0, size).map(row => ({ key: String(row[KEY]), record: decode(table, row) }))
    const last = records.at(-1)
    const next = last && rows.length > size ? { second: Number(last.record[expiry]), key: last.key } : null
    return { records, cursor: next && formatExpiryCursor(next) }
  }

  return Object.freeze({
    capabilities: connection.capabilities,

    async open(collections) {
      await answer(connection, () => dialect.check(db))
      const tables = collections.map(collection => prepare(collection).table)
      const missing = await answer(connection, () => migrate(connection, tables, { dryRun: !autoMigrate }))
      if (!autoMigrate && missing.length > 0)
        throw new ConfigurationError('FST_OAUTH_STORAGE', `storage-sql: the database lacks: ${missing.join('; ')}`)
    },

    close: () => connection.close(),

    migrate(collections, options) {
      const tables = collections.map(collection => prepare(collection).table)
      return answer(connection, () => migrate(connection, tables, options))
    },

    async get(collection, key) {
      if (!isStorableKey(key)) return null
      const { table, statements } = prepare(collection)
      const [row] = (await run(statements.get(), [key])).rows
      return row ? decode(table, row) : null
    },

    async insert(collection, key, record) {
      if (!isStorableKey(key)) throw new RangeError(`${collection.name}: a key of this kind cannot be kept`)
      const { table, statements, columns } = prepare(collection)
      for (const field of Object.keys(record)) columnOf(columns, collection, field)
      const values = table.columns.map(column => encode(column, record[column.name] ?? null))
      try {
        return (await changed(statements.insert(), [key, ...values])) === 1
      } catch (error) {
        if (dialect.judge(error) === 'duplicate') return false
        throw error
      }
    },

    async update(collection, key, guard, patch) {
      const { statements, columns } = prepare(collection)
      const guarded = readGuard(columns, collection, guard)
      const patched = Object.entries(patch).map(([field, value]) => {
        const column = columnOf(columns, collection, field)
        return { name: field, value: encode(column, value) }
      })
      if (guarded === null || !isStorableKey(key)) return false
      const statement = statements.update(
        patched.map(({ name }) => name),
        shapeOf(guarded)
      )
      const tested = testedOf(guarded)
      return (await changed(statement, [...patched.map(({ value }) => value), key, ...tested])) === 1
    },

    async remove(collection, key) {
      return isStorableKey(key) && (await changed(prepare(collection).statements.remove(), [key])) === 1
    },

    async list(collection, ...where): Promise<Page<StoredRecord>> {
      const [index, value, { limit = 100, cursor = null } = {}] = where
      const { table, statements } = prepare(collection)
      if (index === 'expiresBefore' && typeof value === 'number')
        return listExpired(collection, value, { limit, cursor })
      assertIndex(collection, index)
      if (typeof value !== 'string' || !isStorableKey(value) || (cursor !== null && !isStorableKey(cursor)))
        return { records: [], cursor: null }
      const size = Math.min(limit, 1000)
      const after = cursor === null ? [] : [cursor]
      const { rows } = await run(statements.list(index, cursor !== null), [value, ...after, size + 1])
      return pageOf(table, rows, size)
    },

    async removeWhere(collection, ...where) {
      const [index, value, { limit = 1000 } = {}] = where
      const { table, statements } = prepare(collection)
      if (index === 'expiresBefore' && typeof value === 'number') {
        if (table.expiry === null) return 0
        return changed(statements.removeBatch(table.expiry, '<'), batch(dialect.name, value, limit))
      }
      assertIndex(collection, index)
      if (typeof value !== 'string' || !isStorableKey(value)) return 0
      return changed(statements.removeBatch(index, '='), batch(dialect.name, value, limit))
    },

    async take(collection, keys, { expiresBefore, guard }) {
      const { table, statements, columns } = prepare(collection)
      const guarded = readGuard(columns, collection, guard)
      // In one order, so that two who take the same records wait for each other in the same order.
      const wanted = keys.filter(isStorableKey).toSorted(compareKeys)
      if (guarded === null || table.expiry === null || wanted.length === 0) return []
      const parameters = [...wanted, expiresBefore, ...testedOf(guarded)]
      const statement = statements.take(table.expiry, wanted.length, shapeOf(guarded))
      if (dialect.name !== 'mysql') return keysOf(await run(statement, parameters))
      return answer(connection, () =>
        inTime(connection.timeout, () =>
          db.transaction().execute(async transaction => {
            const locked = keysOf(await transaction.executeQuery<Row>(withParameters(statement, parameters)))
            if (locked.length > 0)
              await transaction.executeQuery(withParameters(statements.removeKeys(locked.length), locked))
            return locked
          })
        )
      )
    },

    async count(collection, { prefix, limit }) {
      if (!isStorableKey(prefix) && prefix !== '') return 0
      const { rows } = await run(prepare(collection).statements.count(), [prefix, `${prefix}${LAST}`, limit])
      return Number(rows[0]?.['found'] ?? 0)
    },

    ...clockOf(connection),

    async scan(collection, { limit = 100, cursor = null } = {}): Promise<Page<StoredRecord>> {
      const { table, statements } = prepare(collection)
      if (cursor !== null && !isStorableKey(cursor)) return { records: [], cursor: null }
      const size = Math.min(limit, 1000)
      const after = cursor === null ? [] : [cursor]
      const { rows } = await run(statements.scan(cursor !== null), [...after, size + 1])
      return pageOf(table, rows, size)
    }
  } satisfies SqlStorage)
}

function clockOf(connection: Connection): Pick<StorageDriver, 'serverTime'> {
  const { db, dialect, timeout } = connection
  const { clock } = dialect
  if (!clock) return {}
  return {
    async serverTime() {
      const { rows } = await answer(connection, () => inTime(timeout, () => clock.execute(db)))
      return Number(rows[0]?.second)
    }
  }
}

/** @param rows one more than fit, when there are more */
function pageOf(table: Table, rows: readonly Row[], size: number): Page<StoredRecord> {
  const records = rows.slice(0, size).map(row => ({ key: String(row[KEY]), record: decode(table, row) }))
  return { records, cursor: rows.length > size ? (records.at(-1)?.key ?? null) : null }
}

/** Behind every key that begins with what stands before it: keys are compared byte by byte. */
const LAST = '\u{10ffff}'

/** The parameters of {@link Statements.removeBatch}. */
function batch(dialect: string, value: SqlValue, limit: number): SqlValue[] {
  return dialect === 'postgres' ? [value, limit, value] : [value, limit]
}

function withParameters(statement: CompiledQuery, parameters: readonly SqlValue[]): CompiledQuery<Row> {
  return { ...statement, parameters } as CompiledQuery<Row>
}

function keysOf({ rows }: QueryResult<Row>): string[] {
  return rows.map(row => String(row[KEY]))
}

type Guarded = readonly { readonly name: string; readonly value: SqlValue }[]

function shapeOf(guarded: Guarded): GuardedColumn[] {
  return guarded.map(({ name, value }) => ({ column: name, isNull: value === null }))
}

/** The parameters of a guard: what is null is part of the statement. */
function testedOf(guarded: Guarded): SqlValue[] {
  return guarded.flatMap(({ value }) => (value === null ? [] : [value]))
}

/** Null when the guard can never hold, because no record can have such a value. */
function readGuard(
  columns: ReadonlyMap<string, Column>,
  collection: CollectionDeclaration,
  guard: Guard
): Guarded | null {
  const guarded: { name: string; value: SqlValue }[] = []
  for (const [field, value] of Object.entries(guard)) {
    const column = columnOf(columns, collection, field)
    // A missing value must not widen the guard: that would make two winners of one.
    if (value === undefined || column.type === 'json')
      throw new TypeError(`${collection.name}: "${field}" cannot be guarded with ${typeof value}`)
    if (typeof value === 'string' && !(column.type === 'indexed' ? isStorableKey(value) : isStorableText(value)))
      return null
    guarded.push({ name: field, value: encode(column, value) })
  }
  return guarded
}

function columnOf(columns: ReadonlyMap<string, Column>, { name }: CollectionDeclaration, field: string): Column {
  const column = columns.get(field)
  if (!column) throw new TypeError(`${name}: there is no field "${field}"`)
  return column
}

function assertIndex(collection: CollectionDeclaration, index: string): void {
  if (!collection.indexes.includes(index)) throw new TypeError(`${collection.name}: there is no index "${index}"`)
}
