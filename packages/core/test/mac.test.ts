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

const HASHES = ['sha256', 'sha384', 'sha512'] as const

t.test('RFC 2104 2: the same as createHmac, for secrets and texts of any length', async t => {
  fc.assert(
    fc.property(
      // Longer than the block of any hash, too; without the size they would all be short.
      fc.uint8Array({ maxLength: 200, size: 'max' }),
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.string({ unit: 'binary', maxLength: 5 }),
      fc.constantFrom(...HASHES),
      (secret, text, other, hash) => {
        const key = macKey(Buffer.from(secret), hash)
        const expected = (content: string): Buffer => createHmac(hash, secret).update(content).digest()
        const mac = macOf(key, text, 'base64url')
        // Twice with one key: the first leaves nothing behind that the second could get wrong.
        return (
          macOf(key, other, 'binary') === expected(other).toString('latin1') &&
          mac === expected(text).toString('base64url')
        )
      }
    ),
    { numRuns: 300 }
  )
  t.pass('held')
})

t.test('RFC 2104 2: a secret as long as the block of its hash, and one byte around it', async t => {
  for (const hash of HASHES)
    for (const length of [63, 64, 65, 127, 128, 129]) {
      const secret = Buffer.alloc(length, 'secret')
      const mac = macOf(macKey(secret, hash), 'content', 'base64url')
      t.equal(mac, createHmac(hash, secret).update('content').digest('base64url'), `${hash}, ${length}`)
    }
})
