import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { macKey, macOf } from '../src/mac.ts'

t.test('RFC 4231 4.3: HMAC-SHA-256 of the test case', async t => {
  const mac = macOf(macKey(Buffer.from('Jefe')), 'what do ya want for nothing?', 'binary')
  t.equal(
    Buffer.from(mac, 'latin1').toString('hex'),
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'
  )
})

t.test('RFC 2104 2: the same as createHmac for every secret of up to a block, and any text', async t => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 64 }),
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.string({ unit: 'binary', maxLength: 5 }),
      (secret, text, other) => {
        const key = macKey(Buffer.from(secret))
        const expected = (content: string): Buffer => createHmac('sha256', secret).update(content).digest()
        const mac = macOf(key, text, 'base64url')
        // Twice with one key: the first leaves nothing behind that the second could get wrong.
        return (
          macOf(key, other, 'binary') === expected(other).toString('latin1') &&
          mac === expected(text).toString('base64url')
        )
      }
    )
  )
  t.pass('held')
})
