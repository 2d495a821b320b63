/**
 * How a text is kept, said in the schema of its record: whoever has a copy of the database has what is plain, and nothing of the rest.
 * The reference pages print it, and tests hold what is really stored against it.
 */
import type { TSchema, TString } from 'typebox'
import { Type } from '../type.ts'

/** `digest`: SHA-256 of at least 128 random bits. `encrypted`: by a key ring. */
export type Protection = 'plain' | 'digest' | 'encrypted'

const KEYWORD = 'protection'

/** Schema of a digest of something random: nobody finds that by it. */
export function Digest(): TString {
  return Type.String({ [KEYWORD]: 'digest' })
}

/** Schema of what a key ring has encrypted. */
export function Encrypted(): TString {
  return Type.String({ [KEYWORD]: 'encrypted' })
}

/** One value inside a record, with its schema. */
export interface Leaf {
  readonly protection: Protection
  readonly value: unknown
}

/** The protections that a schema asks for anywhere inside. */
export function protectionsIn(schema: TSchema): ReadonlySet<Protection> {
  const inner = innerSchemas(schema)
  if (inner.length > 0) return new Set(inner.flatMap(one => [...protectionsIn(one)]))
  return 'type' in schema && schema.type === 'null' ? new Set() : new Set([ownProtection(schema)])
}

/** Every value inside a value, with the protection that its schema asks for. Null is nothing. */
export function leavesOf(schema: TSchema, value: unknown): Leaf[] {
  if (value === null || value === undefined) return []
  const { items, properties, anyOf } = schema as Inner
  if (anyOf) return leavesOf(anyOf.find(one => !('type' in one) || one.type !== 'null') ?? schema, value)
  if (items && Array.isArray(value)) return value.flatMap(one => leavesOf(items, one))
  if (properties && typeof value === 'object')
    return Object.entries(properties).flatMap(([name, one]) => leavesOf(one, Reflect.get(value, name)))
  return [{ protection: ownProtection(schema), value }]
}

type Inner = TSchema & { items?: TSchema; properties?: Record<string, TSchema>; anyOf?: TSchema[] }

function innerSchemas(schema: TSchema): TSchema[] {
  const { items, properties = {}, anyOf = [] } = schema as Inner
  return [...(items ? [items] : []), ...Object.values(properties), ...anyOf]
}

function ownProtection(schema: TSchema): Protection {
  const own: unknown = Reflect.get(schema, KEYWORD)
  return own === 'digest' || own === 'encrypted' ? own : 'plain'
}
