/**
 * The storage contract: seven verbs that any database can keep.
 *
 * Drivers see digests and ciphertext only, never a token. Collections are declared as data, so a driver can derive tables,
 * keys and indexes from them. `@fastify-mcp-auth/testing/storage-suite` holds every driver to these promises.
 */
import type { Static, TObject, TSchema } from 'typebox'

/** How a driver has to keep one field of a record. */
export interface Field {
  readonly name: string
  /** `json`: any JSON value; never part of a guard or an index. `integer` is safe to 2^53. */
  readonly kind: 'text' | 'integer' | 'boolean' | 'json'
  readonly nullable: boolean
}

/** One kind of record, declared once by the package that owns it. */
export interface CollectionDeclaration<S extends TObject = TObject> {
  /** snake_case, unique in a deployment; a driver may prefix it. */
  readonly name: string
  /**
   * Raised by a change that older code must not work beside, such as a field by which records are refused. A driver that can
   * remember it refuses code that knows a lower one than the records were last kept by. A field, index or collection that is merely new
   * needs none: older code may go on beside it.
   */
  readonly version: number
  /** Shape of the record. Every member is required; "nothing" is null. */
  readonly record: S
  readonly fields: readonly Field[]
  /** Text fields that `list` and `removeWhere` may look records up by. */
  readonly indexes: readonly string[]
  /** Integer field with the epoch second after which the record may be removed; null in a record means never. */
  readonly expiry: string | null
  /**
   * Records live for minutes and may be kept in another database than the rest. Losing one costs a repeated try, or lets something
   * that was used be used again before it expires.
   */
  readonly shortLived: boolean
}

/** A record as the driver sees it: every declared field is present, absent values are null. */
export type StoredRecord = { readonly [field: string]: unknown }

/** All named fields must hold exactly these values. Only text, integer and boolean fields. */
export type Guard = { readonly [field: string]: string | number | boolean | null }

/** Some of the records of a list. */
export interface Page<R> {
  /** In the order of their keys; with `expiresBefore` in that of their expiry, and of their keys where that is the same. */
  readonly records: readonly { readonly key: string; readonly record: R }[]
  /** Pass it to get the next page; null when this was the last. */
  readonly cursor: string | null
}

/** Which page of a list. */
export interface PageOptions {
  readonly limit?: number | undefined
  /** Of the page before; null or nothing for the first. */
  readonly cursor?: string | null | undefined
}

/** What a driver promises. The authorization server refuses one that cannot keep what it needs. */
export interface Capabilities {
  /** Records survive the end of the process. */
  readonly durable: boolean
  /** `insert` and `update` have exactly one winner, whatever runs beside them. */
  readonly atomic: boolean
  /** Other processes see the same records. */
  readonly shared: boolean
}

/**
 * Seven verbs, each one step. Every verb rejects with `UnavailableError` when the database does not answer;
 * a lost race is a verdict (`false`), never an error.
 */
export interface StorageDriver {
  readonly capabilities: Capabilities
  /** Called once at boot by each plugin with the collections it uses; creates or checks what they need. Safe when processes start together. */
  open?(collections: readonly CollectionDeclaration[]): Promise<void>
  close?(): Promise<void>
  /** The record or null. Expired records are returned: the caller judges, so that "expired" and "unknown" stay apart. */
  get(collection: CollectionDeclaration, key: string): Promise<StoredRecord | null>
  /** True when this call created the record, false when the key was taken. */
  insert(collection: CollectionDeclaration, key: string, record: StoredRecord): Promise<boolean>
  /** One atomic conditional write: true only for the caller whose guard held at the moment of the write. */
  update(collection: CollectionDeclaration, key: string, guard: Guard, patch: StoredRecord): Promise<boolean>
  /** True when the record was there. */
  remove(collection: CollectionDeclaration, key: string): Promise<boolean>
  /**
   * Records whose declared index holds `value`, or, with the index `expiresBefore`, those that expired before that epoch second, for
   * whoever has to look at them before they go; at most `limit` (100 by default, 1,000 at most). Reads no more of an index than that.
   *
   * A driver whose database drops expired records by itself keeps those of collections with an index until they are removed.
   */
  list(
    collection: CollectionDeclaration,
    ...where:
      | [index: 'expiresBefore', before: number, options?: PageOptions | undefined]
      | [index: string, value: string, options?: PageOptions | undefined]
  ): Promise<Page<StoredRecord>>
  /**
   * Removes by a declared index, or, with the index `expiresBefore`, what expired before that epoch second.
   *
   * @returns how many records went; at most `limit` (1,000 by default), so a caller repeats until it gets less
   */
  removeWhere(
    collection: CollectionDeclaration,
    ...where:
      | [index: 'expiresBefore', before: number, options?: { limit?: number | undefined } | undefined]
      | [index: string, value: string, options?: { limit?: number | undefined } | undefined]
  ): Promise<number>
  /**
   * Optional. How many records there are whose keys begin with `prefix`, expired ones included, counted no further than `limit`: never
   * more work than reading so many entries of an index.
   */
  count?(collection: CollectionDeclaration, options: { prefix: string; limit: number }): Promise<number>
  /**
   * Optional. Every record of a collection, expired ones included, in the order of the UTF-8 bytes of their keys, so that two databases
   * can be compared side by side; at most `limit` (100 by default, 1,000 at most). What is written meanwhile may be missed. For moving
   * and looking after a storage, never for serving.
   */
  scan?(
    collection: CollectionDeclaration,
    options?: { limit?: number | undefined; cursor?: string | null | undefined }
  ): Promise<Page<StoredRecord>>
  /**
   * Optional. Removes, of the records with these keys, those that expired before `expiresBefore` and for which the guard holds: the same
   * as one conditional removal each, in one go. For what has to be told when it goes.
   *
   * @param keys 1,000 at most
   * @returns the keys of those that this call removed, in any order: whoever asks at the same moment, each is in one answer
   */
  take?(
    collection: CollectionDeclaration,
    keys: readonly string[],
    condition: { expiresBefore: number; guard: Guard }
  ): Promise<readonly string[]>
  /**
   * Optional. Epoch seconds by the clock of the server that has the records; a driver whose records are on this machine has none. No verb
   * goes by it: it is for finding out that the clocks of a deployment differ.
   */
  serverTime?(): Promise<number>
  /** Optional; nothing in the suite needs it to be correct. */
  transaction?<T>(run: (driver: StorageDriver) => Promise<T>): Promise<T>
}

/**
 * Declares a collection. Strings become text fields, integers and booleans theirs, `Union([..., Null()])` makes a field
 * nullable, and everything else is kept as JSON.
 *
 * @throws TypeError for a name that is not snake_case, a version that is no positive integer, an optional member, an index that is not a text field or an expiry that
 *   is not an integer field: mistakes of the declaring code
 */
export function defineCollection<S extends TObject>(declaration: {
  name: string
  version?: number
  record: S
  indexes?: readonly (keyof Static<S> & string)[]
  expiry?: keyof Static<S> & string
  shortLived?: boolean
}): CollectionDeclaration<S> {
  const { name, version = 1, record, indexes = [], expiry = null, shortLived = false } = declaration
  if (!/^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/.test(name)) throw new TypeError(`${name}: a collection has a snake_case name`)
  if (!Number.isSafeInteger(version) || version < 1) throw new TypeError(`${name}: version ${version} is none`)
  const required: readonly string[] = record.required ?? []
  const optional = Object.keys(record.properties).find(field => !required.includes(field))
  if (optional !== undefined) throw new TypeError(`${name}: "${optional}" is optional; use null for nothing`)
  const fields = Object.entries(record.properties).map(([field, schema]) => fieldOf(field, schema as TSchema))
  const kindOf = (field: string): string | undefined => fields.find(candidate => candidate.name === field)?.kind
  for (const index of indexes)
    if (kindOf(index) !== 'text' || index === 'expiresBefore')
      throw new TypeError(`${name}: index "${index}" is not a text field`)
  if (expiry !== null && kindOf(expiry) !== 'integer')
    throw new TypeError(`${name}: expiry "${expiry}" is not an integer field`)
  return Object.freeze({
    name,
    version,
    record,
    fields: Object.freeze(fields),
    indexes: Object.freeze([...indexes]),
    expiry,
    shortLived
  })
}

const KINDS: Record<string, Field['kind']> = { string: 'text', integer: 'integer', boolean: 'boolean' }

function fieldOf(name: string, schema: TSchema): Field {
  const options: TSchema[] = 'anyOf' in schema && Array.isArray(schema.anyOf) ? schema.anyOf : [schema]
  const types = options.map(option => ('type' in option ? String(option.type) : 'json'))
  const nullable = types.includes('null')
  const kinds = new Set(types.filter(type => type !== 'null').map(type => KINDS[type] ?? 'json'))
  const [kind = 'json'] = kinds
  return Object.freeze({ name, kind: kinds.size === 1 ? kind : 'json', nullable })
}
