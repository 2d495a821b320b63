/** What a schema says about how its texts are kept. */
import t from 'tap'
import { Type } from 'typebox'
import { Digest, Encrypted, leavesOf, protectionsIn } from '../../src/index.ts'

const record = Type.Object({
  name: Type.String(),
  code: Digest(),
  answer: Type.Union([Encrypted(), Type.Null()]),
  tokens: Type.Union([
    Type.Array(Type.Object({ id: Type.String(), digest: Digest(), content: Encrypted() })),
    Type.Null()
  ])
})

t.test('protections, wherever they are', t => {
  const { name, code, answer, tokens } = record.properties
  const told = [name, code, answer, tokens].map(schema => [...protectionsIn(schema)])
  t.strictSame(told, [['plain'], ['digest'], ['encrypted'], ['plain', 'digest', 'encrypted']])
  t.end()
})

t.test('every value with its protection; null is nothing', t => {
  const leaves = leavesOf(record, {
    name: 'n',
    code: 'c',
    answer: null,
    tokens: [{ id: 'i', digest: 'd', content: 'e' }]
  })
  t.strictSame(
    leaves.map(({ protection, value }) => [protection, value]),
    [
      ['plain', 'n'],
      ['digest', 'c'],
      ['plain', 'i'],
      ['digest', 'd'],
      ['encrypted', 'e']
    ]
  )
  t.strictSame(leavesOf(record, null), [])
  t.end()
})
