import { createHmac, createSecretKey, randomBytes } from 'node:crypto'
import t from 'tap'
import { isMacOf } from '../../src/verifiers/mac.ts'

const HASHES = ['sha256', 'sha384', 'sha512'] as const

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
