/**
 * The builders of TypeBox that schemas of options and wire formats are written with.
 *
 * `Type` of TypeBox itself is four hundred modules: a language for types with a parser, conditions and mappings, of which a schema of options
 * needs nothing. Named one by one they are few, and a bundler leaves out the rest; what they make is what `Type` makes, and either may
 * stand inside the other.
 */
import type { Static, TObjectOptions, TRecord, TSchema, TString, Type as TypeBox } from 'typebox'
import { Check } from 'typebox/schema'
import {
  Array as ArrayOf,
  Boolean as BooleanType,
  Enum,
  Function as FunctionType,
  Integer,
  Literal,
  Number as NumberType,
  Object as ObjectType,
  Optional,
  RecordFromPattern,
  Refine,
  String as StringType,
  Union,
  Unknown,
  Unsafe
} from 'typebox/type'

const ANY_KEY = '^.*$'

/** Only with keys of any text: the key is there because TypeBox has it there. */
function RecordType<Value extends TSchema>(
  _key: TString,
  value: Value,
  options: TObjectOptions = {}
): TRecord<typeof ANY_KEY, Value> {
  return Object.assign(RecordFromPattern(ANY_KEY, value), options)
}

/** Builders of schemas. Each is the one of that name in TypeBox, and gives its types. */
export const Type: Pick<
  typeof TypeBox,
  | 'Array'
  | 'Boolean'
  | 'Enum'
  | 'Function'
  | 'Integer'
  | 'Literal'
  | 'Number'
  | 'Object'
  | 'Optional'
  | 'Refine'
  | 'String'
  | 'Union'
  | 'Unknown'
  | 'Unsafe'
> & { readonly Record: typeof RecordType } = Object.freeze({
  Array: ArrayOf,
  Boolean: BooleanType,
  Enum,
  Function: FunctionType,
  Integer,
  Literal,
  Number: NumberType,
  Object: ObjectType,
  Optional,
  Record: RecordType,
  Refine,
  String: StringType,
  Union,
  Unknown,
  Unsafe
})

/**
 * Whether the value is as the schema says. Fills in no defaults.
 *
 * @param schema made with {@link Type}, or with TypeBox
 */
export function conforms<Schema extends TSchema>(schema: Schema, value: unknown): value is Static<Schema> {
  return Check(schema, value)
}
