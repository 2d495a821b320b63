/**
 * A storage driver on Drizzle: records live in tables of the app's own Drizzle database. Here on better-sqlite3; on another engine only the
 * column types and `run()` differ.
 *
 * The tables come from `printMigration()` of `@fastify-mcp-auth/storage-sql`, or from drizzle-kit, which finds them where an app exports
 * `tableOf(collection)`.
 */
import {
  type CollectionDeclaration,
  formatExpiryCursor,
  isStorableKey,
  type Page,
  parseExpiryCursor,
  type StorageDriver,
  type StoredRecord,
  UnavailableError
} from '@fastify-mcp-auth/core'
import { and, asc, eq, gt, inArray, isNull, lt, or, type SQL } from 'drizzle-orm'
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3'
import { index, integer, type SQLiteColumn, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { assertIndex, canHold, cut, readGuard, readRecord } from './declared.ts'

/** The table of a collection: one column per field, indexes with the key, so that pages come in its order. */
export function tableOf({ name, fields, indexes, expiry }: CollectionDeclaration) {
  const columns = fields.map(({ name, kind }) => [name, columnOf(name, kind)] as const)
  const found = [...indexes, ...(expiry === null ? [] : [expiry])]
  return sqliteTable(
    `mcp_auth_${name}`,
    { record_key: text('record_key').primaryKey(), ...Object.fromEntries(columns) },
    table =>
      found.map(field =>
        index(`mcp_auth_${name}_${field}_idx`).on(columnIn(table, field), columnIn(table, 'record_key'))
      )
  )
}

function columnOf(name: string, kind: 'text' | 'integer' | 'boolean' | 'json') {
  if (kind === 'integer') return integer(name)
  if (kind === 'boolean') return integer(name, { mode: 'boolean' })
  return kind === 'json' ? text(name, { mode: 'json' }) : text(name)
}

const columnIn = (table: object, name: string): SQLiteColumn => Reflect.get(table, name)

export function drizzleStorage(db: BetterSQLite3Database): StorageDriver {
  const tables = new Map<CollectionDeclaration, ReturnType<typeof tableOf>>()
  const tableFor = (collection: CollectionDeclaration): ReturnType<typeof tableOf> => {
    const table = tables.get(collection) ?? tableOf(collection)
    tables.set(collection, table)
    return table
  }

  async function page(
    collection: CollectionDeclaration,
    { where, order, limit }: { where: SQL | undefined; order: string[]; limit: number }
  ): Promise<{ key: string; record: StoredRecord }[]> {
    const table = tableFor(collection)
    const columns = order.map(name => asc(columnIn(table, name)))
    const rows = await ask(() =>
      db
        .select()
        .from(table)
        .where(where)
        .orderBy(...columns)
        .limit(limit)
        .all()
    )
    return rows.map(({ record_key: key, ...record }) => ({ key, record }))
  }

  return {
    capabilities: { durable: true, atomic: true, shared: true },

    async get(collection, key) {
      if (!isStorableKey(key)) return null
      const [found] = await page(collection, { where: eq(tableFor(collection).record_key, key), order: [], limit: 1 })
      return found?.record ?? null
    },

    async insert(collection, key, record) {
      if (!isStorableKey(key)) throw new RangeError('a key of this kind cannot be kept')
      const values = { ...readRecord(collection, record), record_key: key }
      return ask(() => db.insert(tableFor(collection)).values(values).onConflictDoNothing().run().changes === 1)
    },

    /** One conditional write, and whether it wrote is the verdict. */
    async update(collection, key, guard, patch) {
      const table = tableFor(collection)
      const guarded = readGuard(collection, guard).map(([name, value]) => {
        const column = columnIn(table, name)
        return value === null ? isNull(column) : eq(column, value)
      })
      const changes = { ...readRecord(collection, patch), record_key: key }
      if (!isStorableKey(key) || !canHold(collection, guard)) return false
      return ask(
        () =>
          db
            .update(table)
            .set(changes)
            .where(and(eq(table.record_key, key), ...guarded))
            .run().changes === 1
      )
    },

    async remove(collection, key) {
      const table = tableFor(collection)
      return isStorableKey(key) && ask(() => db.delete(table).where(eq(table.record_key, key)).run().changes === 1)
    },

    async list(collection, ...where): Promise<Page<StoredRecord>> {
      const [name, value, { limit = 100, cursor = null } = {}] = where
      const table = tableFor(collection)
      const size = Math.max(1, Math.min(limit, 1000))
      const key = table.record_key
      if (name === 'expiresBefore') {
        const { expiry } = collection
        if (expiry === null) return { records: [], cursor: null }
        const column = columnIn(table, expiry)
        const from = cursor === null ? null : parseExpiryCursor(cursor)
        const after = from && or(gt(column, from.second), and(eq(column, from.second), gt(key, from.key)))
        const found = await page(collection, {
          where: and(lt(column, value), ...(after ? [after] : [])),
          order: [expiry, 'record_key'],
          limit: size + 1
        })
        return cut(found, size, last => formatExpiryCursor({ second: Number(last.record[expiry]), key: last.key }))
      }
      assertIndex(collection, name)
      if (!isStorableKey(String(value))) return { records: [], cursor: null }
      const condition = and(eq(columnIn(table, name), value), ...(cursor === null ? [] : [gt(key, cursor)]))
      return cut(
        await page(collection, { where: condition, order: ['record_key'], limit: size + 1 }),
        size,
        last => last.key
      )
    },

    async removeWhere(collection, ...where) {
      const [name, value, { limit = 1000 } = {}] = where
      const table = tableFor(collection)
      const isExpiry = name === 'expiresBefore'
      if (!isExpiry) assertIndex(collection, name)
      if (isExpiry ? collection.expiry === null : !isStorableKey(String(value))) return 0
      const column = columnIn(table, isExpiry ? String(collection.expiry) : name)
      const condition = isExpiry ? lt(column, value) : eq(column, value)
      const some = db.select({ key: table.record_key }).from(table).where(condition).orderBy(asc(column)).limit(limit)
      return ask(() => db.delete(table).where(inArray(table.record_key, some)).run().changes)
    }
  }
}

/** A database that does not answer is an outage, never a verdict. */
async function ask<T>(run: () => T): Promise<T> {
  try {
    return run()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (/^SQLITE_(ERROR|CONSTRAINT|MISMATCH|RANGE|TOOBIG|MISUSE)/.test(code)) throw error
    throw new UnavailableError('the database did not answer', { cause: error })
  }
}
