import t from 'tap'
import { type TSchema, Type } from 'typebox'
import { Adapter, resolveOptions } from '../src/options.ts'

interface Clock {
  now(): number
}

const Schema = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    ttl: Type.Integer({ default: 60, minimum: 1 }),
    words: Type.Array(Type.String(), { default: ['a'] }),
    nested: Type.Optional(Type.Object({ deep: Type.String() }, { additionalProperties: false })),
    limit: Type.Optional(
      Type.Union([
        Type.Literal(false),
        Type.Object({ max: Type.Integer({ default: 3 }) }, { additionalProperties: false })
      ])
    ),
    table: Type.Optional(Type.Record(Type.String(), Type.Object({ clock: Adapter<Clock>('now') }))),
    clock: Type.Optional(Adapter<Clock>('now'))
  },
  { additionalProperties: false }
)
const resolve = (input: unknown, schema: TSchema = Schema): ReturnType<typeof resolveOptions> =>
  resolveOptions(schema, input, 'plugin')
const message = (input: unknown): string => {
  try {
    resolve(input)
    return 'accepted'
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'FST_OAUTH_OPTION'
      ? error.message
      : String(error)
  }
}

t.test('options: defaults are filled in, and undefined is absent', async t => {
  t.strictSame(resolve({ name: 'x', ttl: undefined }), { name: 'x', ttl: 60, words: ['a'] })
  t.match(resolve({ name: 'x', limit: {} }), { limit: { max: 3 } })
})

t.test('options: the message names the option', async t => {
  const table: [unknown, string][] = [
    [undefined, 'plugin: option "name" is missing'],
    [null, 'plugin: option "name" is missing'],
    [{}, 'plugin: option "name" is missing'],
    [{ name: undefined }, 'plugin: option "name" is missing'],
    [{ name: 'x', nmae: 1 }, 'plugin: there is no option "nmae"'],
    [{ name: 'x', nested: {} }, 'plugin: option "nested.deep" is missing'],
    [{ name: 'x', nested: { deep: 'y', more: 1 } }, 'plugin: there is no option "nested.more"'],
    [{ name: 'x', ttl: '60' }, 'plugin: option "ttl" must be integer'],
    [{ name: 'x', ttl: 0 }, 'plugin: option "ttl" must be >= 1'],
    [{ name: 'x', words: ['a', 1] }, 'plugin: option "words.1" must be string'],
    [{ name: 'x', limit: { max: 'y' } }, 'plugin: option "limit.max" must be integer'],
    [{ name: 'x', clock: {} }, 'plugin: option "clock" must have the methods now'],
    [{ name: 'x', table: { 'https://a/b': {} } }, 'plugin: option "table.https://a/b.clock" is missing']
  ]
  for (const [input, expected] of table) t.equal(message(input), expected)
})

t.test('options: only a plain object', async t => {
  class Options {
    name = 'x'
  }
  const instance = new Options()
  for (const input of ['x', 5, true, [], () => undefined, instance, new Map()])
    t.equal(message(input), 'plugin: the options must be a plain object')
  t.strictSame(Object.keys(instance), ['name'], 'nothing was written into it')
})

t.test('options: keys that reach for a prototype are unknown options', async t => {
  for (const key of ['__proto__', 'constructor', 'toString'])
    t.match(message(JSON.parse(`{"name":"x","${key}":{"polluted":true}}`)), /there is no option/, key)
  t.match(message(JSON.parse('{"__proto__":{"name":"x"}}')), /there is no option|is missing/, 'nor is one inherited')
  t.equal(({} as Record<string, unknown>)['polluted'], undefined)
})

t.test('options: a frozen copy, so that nothing changes them later', async t => {
  const input = { name: 'x', words: ['b'], nested: { deep: 'y' } }
  const options = resolve(input) as typeof input
  t.ok(Object.isFrozen(options) && Object.isFrozen(options.words) && Object.isFrozen(options.nested))
  input.words.push('c')
  input.nested.deep = 'z'
  t.strictSame(options, { name: 'x', ttl: 60, words: ['b'], nested: { deep: 'y' } })
  t.notOk(Object.isFrozen(input), 'what the caller passed stays theirs')
  t.strictSame(Object.keys(input), ['name', 'words', 'nested'])
})

t.test('options: adapters are handed on as they are, instances and literals, wherever the schema has them', async t => {
  class SettableClock {
    time = 1
    now(): number {
      return this.time
    }
  }
  for (const clock of [new SettableClock(), { time: 1, now: () => 1 }]) {
    const options = resolve({ name: 'x', clock, table: { a: { clock } } }) as {
      clock: unknown
      table: { a: { clock: unknown } }
    }
    t.equal(options.clock, clock)
    t.equal(options.table.a.clock, clock)
    t.notOk(Object.isFrozen(clock))
  }
})

t.test('options: two resolutions share nothing', async t => {
  t.not(resolve({ name: 'x' }), resolve({ name: 'x' }))
})

t.test('a Map, an expression or an instance in the place of a record is refused, not taken for an empty one', t => {
  const schema = Type.Object({ rules: Type.Record(Type.String(), Type.Array(Type.String()), { default: {} }) })
  for (const rules of [new Map([['a', ['b']]]), /a/, new Date(0), new (class Rules {})()])
    t.throws(() => resolveOptions(schema, { rules }, 'test'), { code: 'FST_OAUTH_OPTION', message: /"rules"/ })
  t.strictSame(resolveOptions(schema, { rules: { a: ['b'] } }, 'test'), { rules: { a: ['b'] } })
  t.strictSame(resolveOptions(schema, { rules: Object.assign(Object.create(null), { a: [] }) }, 'test').rules, {
    a: []
  })
  t.end()
})
