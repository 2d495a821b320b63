/**
 * A storage driver on Prisma: records live in tables of the app's own PostgreSQL database. On another engine the column types of
 * `prismaModels` differ.
 *
 * The models go into the app's `schema.prisma`; the tables come from `printMigration()` of `@fastify-mcp-auth/storage-sql`, as a migration
 * of the app.
 */
import {
  type CollectionDeclaration,
  type Field,
  formatExpiryCursor,
  isStorableKey,
  type Page,
  parseExpiryCursor,
  type StorageDriver,
  type StoredRecord,
  UnavailableError
} from '@fastify-mcp-auth/core'
import { assertIndex, canHold, cut, readGuard, readRecord } from './declared.ts'

const COLUMNS = { text: 'String? @db.Text', integer: 'BigInt?', boolean: 'Int? @db.SmallInt', json: 'String? @db.Text' }

/** For `schema.prisma`: a model per collection, one column per field. */
export function prismaModels(collections: readonly CollectionDeclaration[]): string {
  return collections
    .map(({ name, fields, indexes, expiry }) => {
      const columns = fields.map(field => `  ${field.name} ${COLUMNS[field.kind]}`)
      const found = [...indexes, ...(expiry === null ? [] : [expiry])]
      const lists = found.map(field => `  @@index([${field}, record_key], map: "mcp_auth_${name}_${field}_idx")`)
      const lines = [`model mcp_auth_${name} {`, '  record_key String @id @db.Text', ...columns, ...lists, '}', '']
      return lines.join('\n')
    })
    .join('\n')
}

type Row = { readonly record_key: string } & { readonly [column: string]: unknown }

/** What the driver uses of a model of a Prisma client. */
interface Model {
  findUnique(query: object): Promise<Row | null>
  findMany(query: object): Promise<Row[]>
  createMany(query: object): Promise<{ count: number }>
  updateMany(query: object): Promise<{ count: number }>
  deleteMany(query: object): Promise<{ count: number }>
}

/** @param client a `PrismaClient` whose schema has the models of {@link prismaModels} */
export function prismaStorage(client: object): StorageDriver {
  const modelOf = ({ name }: CollectionDeclaration): Model => Reflect.get(client, `mcp_auth_${name}`)

  async function find(
    collection: CollectionDeclaration,
    { where, order, limit }: { where: object; order: readonly string[]; limit: number }
  ): Promise<{ key: string; record: StoredRecord }[]> {
    const orderBy = order.map(name => ({ [name]: 'asc' }))
    const rows = await ask(() => modelOf(collection).findMany({ where, orderBy, take: limit }))
    return rows.map(row => ({ key: row.record_key, record: decode(collection, row) }))
  }

  return {
    capabilities: { durable: true, atomic: true, shared: true },

    async get(collection, key) {
      if (!isStorableKey(key)) return null
      const row = await ask(() => modelOf(collection).findUnique({ where: { record_key: key } }))
      return row && decode(collection, row)
    },

    async insert(collection, key, record) {
      if (!isStorableKey(key)) throw new RangeError('a key of this kind cannot be kept')
      const data = [{ ...encode(collection, readRecord(collection, record)), record_key: key }]
      return (await ask(() => modelOf(collection).createMany({ data, skipDuplicates: true }))).count === 1
    },

    /** One conditional write, and whether it wrote is the verdict. */
    async update(collection, key, guard, patch) {
      const guarded = encode(collection, Object.fromEntries(readGuard(collection, guard)))
      // The key always changes to itself, so that there is a statement also for an empty patch.
      const data = { ...encode(collection, readRecord(collection, patch)), record_key: key }
      if (!isStorableKey(key) || !canHold(collection, guard)) return false
      const where = { ...guarded, record_key: key }
      return (await ask(() => modelOf(collection).updateMany({ where, data }))).count === 1
    },

    async remove(collection, key) {
      if (!isStorableKey(key)) return false
      return (await ask(() => modelOf(collection).deleteMany({ where: { record_key: key } }))).count === 1
    },

    async list(collection, ...where): Promise<Page<StoredRecord>> {
      const [name, value, { limit = 100, cursor = null } = {}] = where
      const size = Math.max(1, Math.min(limit, 1000))
      if (name === 'expiresBefore') {
        const { expiry } = collection
        if (expiry === null) return { records: [], cursor: null }
        const from = cursor === null ? null : parseExpiryCursor(cursor)
        const after = from && {
          OR: [{ [expiry]: { gt: from.second } }, { [expiry]: from.second, record_key: { gt: from.key } }]
        }
        const found = await find(collection, {
          where: { AND: [{ [expiry]: { lt: value } }, ...(after ? [{ [expiry]: { gte: from?.second } }, after] : [])] },
          order: [expiry, 'record_key'],
          limit: size + 1
        })
        return cut(found, size, last => formatExpiryCursor({ second: Number(last.record[expiry]), key: last.key }))
      }
      assertIndex(collection, name)
      if (!isStorableKey(String(value))) return { records: [], cursor: null }
      const condition = { [name]: value, ...(cursor === null ? {} : { record_key: { gt: cursor } }) }
      const found = await find(collection, { where: condition, order: ['record_key'], limit: size + 1 })
      return cut(found, size, last => last.key)
    },

    /** Two statements a batch: the condition holds again at the removal, so what moved on meanwhile stays and another one is looked for. */
    async removeWhere(collection, ...where) {
      const [name, value, { limit = 1000 } = {}] = where
      const isExpiry = name === 'expiresBefore'
      if (!isExpiry) assertIndex(collection, name)
      if (isExpiry ? collection.expiry === null : !isStorableKey(String(value))) return 0
      const field = isExpiry ? String(collection.expiry) : name
      const condition = { [field]: isExpiry ? { lt: value } : value }
      for (let removed = 0; ; ) {
        const query = {
          where: condition,
          select: { record_key: true },
          orderBy: { [field]: 'asc' },
          take: limit - removed
        }
        const keys = (await ask(() => modelOf(collection).findMany(query))).map(({ record_key: key }) => key)
        if (keys.length === 0) return removed
        const meant = { ...condition, record_key: { in: keys } }
        removed += (await ask(() => modelOf(collection).deleteMany({ where: meant }))).count
        if (removed === limit) return removed
      }
    }
  }
}

function encode({ fields }: CollectionDeclaration, record: StoredRecord): Record<string, unknown> {
  const given = fields.filter(({ name }) => record[name] !== undefined)
  return Object.fromEntries(given.map(field => [field.name, encodeValue(field, record[field.name])]))
}

function encodeValue({ kind }: Field, value: unknown): unknown {
  if (value === null) return null
  if (kind === 'boolean') return value ? 1 : 0
  return kind === 'json' ? JSON.stringify(value) : value
}

function decode({ fields }: CollectionDeclaration, row: Row): StoredRecord {
  return Object.fromEntries(fields.map(({ name, kind }) => [name, decodeValue(kind, row[name])]))
}

function decodeValue(kind: Field['kind'], value: unknown): unknown {
  if (value === null || value === undefined) return null
  if (kind === 'boolean') return value !== 0
  if (kind === 'integer') return Number(value)
  return kind === 'json' ? JSON.parse(String(value)) : value
}

/** A database that does not answer is an outage, never a verdict. What Prisma itself refuses to ask is a mistake of the caller. */
async function ask<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof Error && error.name === 'PrismaClientValidationError') throw error
    throw new UnavailableError('the database did not answer', { cause: error })
  }
}
