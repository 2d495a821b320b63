import { createHmac, createSecretKey, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { isMacOf } from '../../src/verifiers/mac.ts'

const HASHES = ['sha256', 'sha384', 'sha512']

t.test('RFC 2104 2: the same MAC as that of OpenSSL, for secrets and contents of any length', t => {
  const content = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.integer({ min: 8100, max: 8300 }).map(length => 'é'.repeat(length))
  )
  fc.assert(
    fc.property(
      // Longer than the block of any hash, too; without the size they would all be short.
      fc.uint8Array({ minLength: 1, maxLength: 200, size: 'max' }),
      fc.array(content, { minLength: 1, maxLength: 3 }),
      fc.constantFrom(...HASHES),
      (bytes, contents, hash) => {
        const secret = createSecretKey(Buffer.from(bytes))
        return contents.every(content => {
          const mac = createHmac(hash, bytes).update(content).digest('base64url')
          const other = createHmac(hash, bytes).update(`${content}.`).digest('base64url')
          return isMacOf(secret, { hash, content, mac }) && !isMacOf(secret, { hash, content, mac: other })
        })
      }
    ),
    { numRuns: 300 }
  )
  t.pass('held')
  t.end()
})

t.test('RFC 2104 2: content of as many bytes as there is room for, and of more', async t => {
  const secret = createSecretKey(randomBytes(64))
  for (const content of ['€'.repeat(8192), '€'.repeat(8193), 'x'.repeat(30_000)]) {
    const mac = createHmac('sha256', secret).update(content).digest('base64url')
    t.equal(isMacOf(secret, { hash: 'sha256', content, mac }), true)
    t.equal(isMacOf(secret, { hash: 'sha256', content: content.slice(0, -1), mac }), false)
  }
})

t.test('RFC 7518 3.2: nothing but the MAC as it is written, whatever was computed before', t => {
  const [secret, other] = [createSecretKey(randomBytes(64)), createSecretKey(randomBytes(64))]
  for (const hash of HASHES) {
    const mac = createHmac(hash, secret).update('content').digest('base64url')
    const is = (mac: string, key = secret): boolean => isMacOf(key, { hash, content: 'content', mac })
    const lookalike = String.fromCharCode(mac.charCodeAt(0) + 0x100) + mac.slice(1)
    for (const wrong of [
      '',
      mac.slice(1),
      `${mac}A`,
      ` ${mac.slice(1)}`,
      lookalike,
      `é${mac.slice(2)}`,
      mac.slice(0, -1)
    ]) {
      t.equal(is(mac), true, hash)
      t.equal(is(wrong), false, JSON.stringify(wrong))
      t.equal(is(mac, other), false)
    }
  }
  t.end()
})
