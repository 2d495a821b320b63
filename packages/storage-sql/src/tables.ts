/** The table of a collection: one column per field, derived from its declaration. */
import {
  type CollectionDeclaration,
  type Field,
  isStorableKey,
  isStorableText,
  KEY_BYTES,
  KEY_LENGTH,
  type StoredRecord
} from '@fastify-mcp-auth/core'
import type { ColumnType, Schema } from './dialects/dialect.ts'

/** Column of the key, beside one column for each field under the name of the field. */
export const KEY = 'record_key'

/** Column that MySQL tables have besides: counts the updates of a record. */
export const REVISION = 'record_revision'

/** PostgreSQL cuts longer names off, and two of them could become one. */
const NAME_LENGTH = 63

export type SqlValue = string | number | null
export type Row = { readonly [column: string]: unknown }

export interface Column {
  readonly name: string
  readonly type: ColumnType
}

export interface Table {
  /** Without its schema. */
  readonly name: string
  /** With its schema, as statements call it. */
  readonly path: string
  /** What the collection declares; see `defineCollection`. */
  readonly version: number
  readonly collection: string
  readonly columns: readonly Column[]
  /** By column: indexed fields together with the key, so that pages come in key order; so is the expiry. */
  readonly indexes: readonly { readonly name: string; readonly columns: readonly string[] }[]
  readonly expiry: string | null
}

/** @throws TypeError when a name cannot be kept: a mistake of the declaring code */
export function tableOf(
  collection: CollectionDeclaration,
  { tablePrefix, schema }: { tablePrefix: string; schema: Schema }
): Table {
  const name = tablePrefix + collection.name
  const columns = collection.fields.map(field => columnOf(field, collection.indexes))
  const byField = collection.indexes.map(field => ({ name: `${name}_${field}_idx`, columns: [field, KEY] }))
  const { expiry } = collection
  const indexes = expiry === null ? byField : [...byField, { name: `${name}_${expiry}_idx`, columns: [expiry, KEY] }]
  const names = [KEY, REVISION, ...columns.map(column => column.name)]
  for (const each of [name, ...names, ...indexes.map(index => index.name)])
    if (each.length > NAME_LENGTH) throw new TypeError(`${collection.name}: "${each}" is longer than ${NAME_LENGTH}`)
  // Column names ignore case on two of the three engines.
  if (new Set(names.map(each => each.toLowerCase())).size !== names.length)
    throw new TypeError(`${collection.name}: two of ${names.join(', ')} would be the same column`)
  const path = schema === null ? name : `${schema}.${name}`
  return { name, path, version: collection.version, collection: collection.name, columns, indexes, expiry }
}

function columnOf(field: Field, indexes: readonly string[]): Column {
  const indexed = indexes.includes(field.name)
  return { name: field.name, type: indexed ? 'indexed' : field.kind }
}

/**
 * @throws TypeError for a value of another kind than the field
 * @throws RangeError for a text that not every engine can keep unchanged
 */
export function encode(column: Column, value: unknown): SqlValue {
  if (value === null) return null
  if (column.type === 'json') return toJson(column, value)
  if (column.type === 'integer' && Number.isSafeInteger(value)) return value as number
  if (column.type === 'boolean' && typeof value === 'boolean') return value ? 1 : 0
  if (column.type === 'integer' || column.type === 'boolean' || typeof value !== 'string')
    throw new TypeError(`${column.name}: ${typeof value} is not ${column.type}`)
  if (!isStorableText(value)) throw new RangeError(`${column.name}: text has a NUL character or half a surrogate pair`)
  if (column.type === 'indexed' && !isStorableKey(value))
    throw new RangeError(`${column.name}: text is longer than ${KEY_LENGTH} characters or ${KEY_BYTES} bytes`)
  return value
}

function toJson(column: Column, value: unknown): string {
  const text = JSON.stringify(value)
  if (text === undefined) throw new TypeError(`${column.name}: ${typeof value} is not JSON`)
  return text
}

export function decode(table: Table, row: Row): StoredRecord {
  const record: Record<string, unknown> = {}
  for (const { name, type } of table.columns) record[name] = decodeValue(type, row[name])
  return record
}

function decodeValue(type: ColumnType, value: unknown): unknown {
  if (value === null || value === undefined) return null
  // Engines and their settings disagree about 64-bit integers: number, bigint or string.
  if (type === 'integer') return Number(value)
  if (type === 'boolean') return Number(value) !== 0
  // MySQL keeps what is indexed as bytes, and an older process may not know that it is.
  return type === 'json' ? JSON.parse(String(value)) : String(value)
}
