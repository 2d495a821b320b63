import fc from 'fast-check'
import t from 'tap'
import { formatExpiryCursor, parseExpiryCursor } from '../../src/storage/expiry-cursor.ts'

t.test('a cursor says where the page ended, whatever is in the key', async t => {
  const position = fc.record({ second: fc.maxSafeInteger(), key: fc.string({ unit: 'binary' }) })
  fc.assert(
    fc.property(position, ({ second, key }) => {
      const plain = { second: second + 0, key }
      t.strictSame(parseExpiryCursor(formatExpiryCursor(plain)), plain)
    })
  )
})

t.test('what is no cursor of such a list is refused', async t => {
  for (const cursor of ['', 'key', ':key', '1', 'x:key', '1.5:key', '99999999999999999:key', '9999999999999999:key'])
    t.throws(() => parseExpiryCursor(cursor), TypeError, cursor)
})
