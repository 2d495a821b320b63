import t from 'tap'
import { type TSchema, Type as TypeBox } from 'typebox'
import Value from 'typebox/value'
import { resolveOptions } from '../src/options.ts'
import { conforms, Type } from '../src/type.ts'

const samples = {
  Array: Type.Array(Type.String({ minLength: 1 }), { default: ['a'], minItems: 1 }),
  Boolean: Type.Boolean({ default: false }),
  Enum: Type.Enum(['a', 'b']),
  Function: Type.Function([], Type.Unknown()),
  Integer: Type.Integer({ default: 60, minimum: 1 }),
  Literal: Type.Literal('a'),
  Number: Type.Number({ maximum: 5 }),
  Object: Type.Object({ a: Type.String(), b: Type.Optional(Type.Boolean()) }, { additionalProperties: false }),
  Optional: Type.Optional(Type.Array(Type.String())),
  Record: Type.Record(Type.String(), Type.Array(Type.String()), { default: {} }),
  Refine: Type.Refine(Type.Unknown(), isNaN_, message),
  String: Type.String({ pattern: '^a' }),
  Union: Type.Union([Type.Literal('a'), Type.Array(Type.String())], { default: 'a' }),
  Unknown: Type.Unknown(),
  Unsafe: Type.Unsafe<number>(Type.String())
}
const theirs: Record<keyof typeof samples, TSchema> = {
  Array: TypeBox.Array(TypeBox.String({ minLength: 1 }), { default: ['a'], minItems: 1 }),
  Boolean: TypeBox.Boolean({ default: false }),
  Enum: TypeBox.Enum(['a', 'b']),
  Function: TypeBox.Function([], TypeBox.Unknown()),
  Integer: TypeBox.Integer({ default: 60, minimum: 1 }),
  Literal: TypeBox.Literal('a'),
  Number: TypeBox.Number({ maximum: 5 }),
  Object: TypeBox.Object(
    { a: TypeBox.String(), b: TypeBox.Optional(TypeBox.Boolean()) },
    { additionalProperties: false }
  ),
  Optional: TypeBox.Optional(TypeBox.Array(TypeBox.String())),
  Record: TypeBox.Record(TypeBox.String(), TypeBox.Array(TypeBox.String()), { default: {} }),
  Refine: TypeBox.Refine(TypeBox.Unknown(), isNaN_, message),
  String: TypeBox.String({ pattern: '^a' }),
  Union: TypeBox.Union([TypeBox.Literal('a'), TypeBox.Array(TypeBox.String())], { default: 'a' }),
  Unknown: TypeBox.Unknown(),
  Unsafe: TypeBox.Unsafe<number>(TypeBox.String())
}

function isNaN_(value: unknown): boolean {
  return Number.isNaN(value)
}

function message(): string {
  return 'must be NaN'
}

// With what cannot be enumerated: the marks by which TypeBox knows its own.
const descriptors = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Reflect.ownKeys(value)
      .map(key => [String(key), Object.getOwnPropertyDescriptor(value, key)] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, descriptor]) => [key, descriptor && { ...descriptor, value: descriptors(descriptor.value) }])
  )
}

t.test('Type: each builder makes what the one of TypeBox makes, and there is no other', async t => {
  t.strictSame(Object.keys(Type).toSorted(), Object.keys(samples).toSorted())
  for (const [name, schema] of Object.entries(samples))
    t.strictSame(descriptors(schema), descriptors(theirs[name as keyof typeof samples]), name)
})

t.test('conforms: as TypeBox judges', async t => {
  const values = [undefined, null, 'a', '', 'b', 1, 1.5, 60, Number.NaN, true, [], ['a'], [1], {}, { a: 'x' }, { a: 1 }]
  const more = [{ a: 'x', b: 1 }, { a: 'x', c: 1 }, { a: ['x'] }, { b: true }, () => undefined, new Map(), new Date(0)]
  for (const [name, schema] of Object.entries(samples))
    for (const value of [...values, ...more])
      t.equal(conforms(schema, value), Value.Check(schema, value), `${name}: ${String(value)}`)
})

t.test('options: defaults are those that TypeBox fills in', async t => {
  const limits = Type.Object({ max: Type.Integer({ default: 3 }) }, { additionalProperties: false })
  const schema = Type.Object({
    ttl: Type.Integer({ default: 60 }),
    list: Type.Array(limits, { default: [{}] }),
    table: Type.Record(Type.String(), Type.Array(Type.String()), { default: { a: ['b'] } }),
    limits: Type.Optional(limits),
    either: Type.Optional(Type.Union([Type.Literal(false), limits, Type.Array(limits)])),
    choice: Type.Union([Type.Literal('a'), Type.Literal('b')], { default: 'a' }),
    nested: Type.Optional(Type.Object({ limits, flag: Type.Boolean({ default: true }) }))
  })
  const given: object[] = [
    {},
    { ttl: 1, list: [{}, { max: 1 }], table: {} },
    { limits: {}, either: {} },
    { either: false, choice: 'b' },
    { either: [{}, { max: 9 }] },
    { nested: { limits: {} } },
    { nested: { limits: { max: 5 }, flag: false }, table: { x: [] } }
  ]
  for (const input of given)
    t.strictSame(
      resolveOptions(schema, input, 'test'),
      Value.Default(schema, structuredClone(input)),
      JSON.stringify(input)
    )
  t.throws(() => resolveOptions(schema, { either: { max: 'x' } }, 'test'), { message: /"either.max" must be integer/ })
})

t.test('options: a default is a copy of its own each time', async t => {
  const schema = Type.Object({ list: Type.Array(Type.String(), { default: ['a'] }) })
  t.not(resolveOptions(schema, {}, 'test').list, resolveOptions(schema, {}, 'test').list)
  t.notOk(Object.isFrozen((schema.properties.list as { default?: unknown }).default), 'the schema stays as it is')
})
