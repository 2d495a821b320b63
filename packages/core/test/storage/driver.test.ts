import t from 'tap'
import { Type } from 'typebox'
import { defineCollection } from '../../src/storage/driver.ts'

const Nullable = Type.Union([Type.Integer(), Type.Null()])

t.test('defineCollection: the kinds of fields follow from the schema', async t => {
  const { fields } = defineCollection({
    name: 'things',
    record: Type.Object({
      text: Type.String(),
      state: Type.Union([Type.Literal('a'), Type.Literal('b'), Type.Null()]),
      count: Nullable,
      flag: Type.Boolean(),
      ratio: Type.Number(),
      list: Type.Array(Type.String()),
      mixed: Type.Union([Type.String(), Type.Integer()]),
      anything: Type.Unknown()
    })
  })
  t.strictSame(
    fields.map(({ name, kind, nullable }) => [name, kind, nullable]),
    [
      ['text', 'text', false],
      ['state', 'text', true],
      ['count', 'integer', true],
      ['flag', 'boolean', false],
      ['ratio', 'json', false],
      ['list', 'json', false],
      ['mixed', 'json', false],
      ['anything', 'json', false]
    ]
  )
})

t.test('defineCollection: mistakes of the declaring code are told at once', async t => {
  const record = Type.Object({ owner: Type.String(), count: Type.Integer(), expiresBefore: Type.String() })
  const wrong: (() => unknown)[] = [
    () => defineCollection({ name: 'things', record, indexes: ['count'] }),
    () => defineCollection({ name: 'things', record, indexes: ['missing' as 'owner'] }),
    () => defineCollection({ name: 'things', record, indexes: ['expiresBefore'] }),
    () => defineCollection({ name: 'things', record, expiry: 'owner' }),
    () => defineCollection({ name: 'things', record, expiry: 'missing' as 'owner' }),
    () => defineCollection({ name: 'things', record: Type.Object({ a: Type.Optional(Type.String()) }) })
  ]
  for (const [n, define] of wrong.entries()) t.throws(define, TypeError, String(n))
  for (const name of ['', 'Things', 'my-things', 'things"; drop', '_things', 'things_', '1things'])
    t.throws(() => defineCollection({ name, record }), TypeError, name)
})

t.test('defineCollection: declarations cannot change later', async t => {
  const declaration = defineCollection({ name: 'a_b_2', record: Type.Object({ a: Type.String() }), indexes: ['a'] })
  t.ok([declaration, declaration.fields, declaration.fields[0], declaration.indexes].every(Object.isFrozen))
})
