import t from 'tap'
import { parseScope } from '../src/scope.ts'

t.test('RFC 6749 3.3: keeps the order and drops duplicates', async t => {
  t.strictSame(parseScope('b a b'), ['b', 'a'])
})
