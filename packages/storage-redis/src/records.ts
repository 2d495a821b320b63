/** How records look in Redis: one JSON text per field, under keys of one slot per collection. */
import {
  type CollectionDeclaration,
  type Field,
  type Guard,
  isStorableKey,
  isStorableText,
  KEY_LENGTH,
  type StoredRecord
} from '@fastify-mcp-auth/core'

/** What the driver knows about a collection. */
export interface Prepared {
  readonly collection: CollectionDeclaration
  /** Begins every key of the collection; the part in braces decides about the slot. */
  readonly root: string
  readonly fields: ReadonlyMap<string, Field>
  /** Seconds after its expiry at which Redis drops a record by itself; '' for never. */
  readonly retention: string
}

/** @throws TypeError when a name cannot be kept: a mistake of the declaring code */
export function prepare(collection: CollectionDeclaration, prefix: string, retention: number): Prepared {
  const { name, indexes, expiry } = collection
  const field = indexes.find(index => !/^\w+$/.test(index))
  if (field !== undefined) throw new TypeError(`${name}: index "${field}" has a character that is no letter`)
  // A record that Redis drops by itself would stay in the lists of its index values, and they cannot be found without it.
  const isDropped = expiry !== null && indexes.length === 0
  return {
    collection,
    root: `${prefix}{${name}}:`,
    fields: new Map(collection.fields.map(each => [each.name, each])),
    retention: isDropped ? String(retention) : ''
  }
}

/** Fields and values of a whole record. @throws TypeError, RangeError like {@link encode} */
export function encodeRecord(prepared: Prepared, record: StoredRecord): Map<string, string> {
  for (const name of Object.keys(record)) fieldOf(prepared, name)
  const { fields } = prepared
  return new Map([...fields.values()].map(field => [field.name, encode(prepared, field, record[field.name] ?? null)]))
}

/** Fields and values of a change; a member that is undefined is not part of it. */
export function encodePatch(prepared: Prepared, patch: StoredRecord): Map<string, string> {
  const given = Object.entries(patch).filter(([, value]) => value !== undefined)
  return new Map(given.map(([name, value]) => [name, encode(prepared, fieldOf(prepared, name), value)]))
}

/** Null when the guard can never hold, because no record can have such a value. */
export function encodeGuard(prepared: Prepared, guard: Guard): Map<string, string> | null {
  const guarded = new Map<string, string>()
  let isPossible = true
  for (const [name, value] of Object.entries(guard)) {
    const field = fieldOf(prepared, name)
    if (field.kind === 'json') throw new TypeError(`${prepared.collection.name}: "${name}" cannot be part of a guard`)
    if (typeof value === 'string' && !isKept(prepared, field, value)) isPossible = false
    // Throws for a value that is missing: that must not widen the guard, and make two winners of one.
    else guarded.set(name, encode(prepared, field, value))
  }
  return isPossible ? guarded : null
}

/** @param flat fields and values by turns; a field from after the record was written is null */
export function decode({ fields }: Prepared, flat: readonly string[]): StoredRecord {
  const kept = new Map<string, string>()
  for (let at = 0; at < flat.length; at += 2) kept.set(String(flat[at]), String(flat[at + 1]))
  return Object.fromEntries([...fields.keys()].map(name => [name, JSON.parse(kept.get(name) ?? 'null')]))
}

/**
 * @throws TypeError for a value of another kind than the field
 * @throws RangeError for a text that not every engine can keep unchanged
 */
function encode(prepared: Prepared, field: Field, value: unknown): string {
  const { kind, name } = field
  if (kind !== 'json' && value !== null && !isOfKind(kind, value))
    throw new TypeError(`${name}: ${typeof value} is not ${kind}`)
  if (kind === 'text' && typeof value === 'string' && !isKept(prepared, field, value))
    throw new RangeError(
      `${name}: text has a NUL character, half a surrogate pair, or is indexed and longer than ${KEY_LENGTH} characters`
    )
  const text = JSON.stringify(value)
  if (text === undefined) throw new TypeError(`${name}: ${typeof value} is not JSON`)
  return text
}

function isOfKind(kind: Field['kind'], value: unknown): boolean {
  if (kind === 'integer') return Number.isSafeInteger(value)
  return typeof value === (kind === 'boolean' ? 'boolean' : 'string')
}

function isKept({ collection }: Prepared, { name }: Field, text: string): boolean {
  return collection.indexes.includes(name) ? isStorableKey(text) : isStorableText(text)
}

function fieldOf({ fields, collection }: Prepared, name: string): Field {
  const field = fields.get(name)
  if (!field) throw new TypeError(`${collection.name}: there is no field "${name}"`)
  return field
}
