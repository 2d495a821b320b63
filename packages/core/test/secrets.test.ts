import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { createKeyRing, digest, equalInConstantTime, randomSecret } from '../src/secrets.ts'

const newKey = (): string => randomBytes(32).toString('base64')

t.test('randomSecret: base64url of as many bytes as asked for', async t => {
  t.match(randomSecret(), /^[A-Za-z0-9_-]{43}$/)
  t.match(randomSecret(16), /^[A-Za-z0-9_-]{22}$/)
  t.not(randomSecret(), randomSecret())
})

t.test('randomSecret: no two have a part in common, however many are taken at a time', async t => {
  const parts = new Set<string>()
  let taken = 0
  for (let round = 0; round < 500; round++)
    for (const bytes of [16, 32, 24, 255, 256, 257, 5000]) {
      const secret = randomSecret(bytes)
      const plain = Buffer.from(secret, 'base64url')
      if (plain.length !== bytes) t.fail(`${plain.length} bytes in place of ${bytes}`)
      for (let at = 0; at + 8 <= Math.min(bytes, 256); at += 8) {
        parts.add(plain.toString('hex', at, at + 8))
        taken++
      }
    }
  t.equal(parts.size, taken)
})

t.test('key ring: RFC 5869 2.3: a text of another implementation of the same is opened', async t => {
  // Sealed by the HKDFExpand and AESGCM of Python's cryptography. What is stored outlives a release: this must never change.
  const sealed = 'LqjGAJ5W.AAECAwQFBgcICQoLDA0ODw.dg6OrmUTje6Qt_DYI9Hs3zVbG2xrpQ'
  const ring = createKeyRing([Buffer.from('0123456789abcdef0123456789abcdef').toString('base64')])
  t.equal(ring.unseal(sealed, 'a context'), 'a text')
})

t.test('key ring: keyed digests say nothing without the key, and are found again after a rotation', async t => {
  const [old, fresh] = [newKey(), newKey()]
  const [before] = createKeyRing([old]).digests('BCDF', 'user code')
  t.match(before, /^[A-Za-z0-9_-]{43}$/)
  t.strictSame(createKeyRing([old]).digests('BCDF', 'user code'), [before])
  const after = createKeyRing([fresh, old]).digests('BCDF', 'user code')
  t.not(after[0], before)
  t.equal(after[1], before)
  const others = [
    createKeyRing([old]).digests('BCDG', 'user code'),
    createKeyRing([old]).digests('BCDF', 'other'),
    [digest('BCDF')]
  ]
  for (const [other] of others) t.not(other, before)
})

t.test('digest: SHA-256 in base64url', async t => {
  t.equal(digest('abc'), 'ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0')
})

t.test('equalInConstantTime: equal is equal, of any length', async t => {
  fc.assert(fc.property(fc.string(), fc.string(), (a, b) => equalInConstantTime(a, b) === (a === b)))
  t.ok(equalInConstantTime('', ''))
  t.notOk(equalInConstantTime('a', 'aa'))
})

t.test('key ring: what is sealed is unsealed with the same context only', async t => {
  const ring = createKeyRing([newKey()])
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string(), fc.string(), (text, context, other) => {
      const sealed = ring.seal(text, context)
      return ring.unseal(sealed, context) === text && (other === context || ring.unseal(sealed, other) === null)
    }),
    { numRuns: 50 }
  )
  t.equal(ring.unseal(ring.seal('', ''), ''), '', 'empty texts too')
})

t.test('key ring: the same text never seals to the same ciphertext', async t => {
  const ring = createKeyRing([newKey()])
  t.not(ring.seal('a', 'c'), ring.seal('a', 'c'))
})

t.test('key ring: an altered, cut or foreign text is null, never an error', async t => {
  const ring = createKeyRing([newKey()])
  const sealed = ring.seal('the plaintext', 'context')
  for (let at = 0; at < sealed.length; at++) {
    const altered = `${sealed.slice(0, at)}${sealed[at] === 'A' ? 'B' : 'A'}${sealed.slice(at + 1)}`
    if (ring.unseal(altered, 'context') !== null) t.fail(`altered at ${at}`)
    if (ring.unseal(sealed.slice(0, at), 'context') !== null) t.fail(`cut at ${at}`)
  }
  for (const text of ['', '.', '..', '...', 'a.b.c', `${sealed}.x`, `.${sealed}`])
    t.equal(ring.unseal(text, 'context'), null, text)
  fc.assert(fc.property(fc.string(), text => ring.unseal(text, 'context') === null))
  t.equal(createKeyRing([newKey()]).unseal(sealed, 'context'), null, 'another ring has not the key')
})

t.test('key ring: the first key encrypts, all decrypt, and a removed key is gone', async t => {
  const [old, current] = [newKey(), newKey()]
  const before = createKeyRing([old]).seal('text', 'c')
  const rotated = createKeyRing([current, old])
  t.equal(rotated.unseal(before, 'c'), 'text')
  const after = rotated.seal('text', 'c')
  t.equal(createKeyRing([old]).unseal(after, 'c'), null)
  t.equal(createKeyRing([current]).unseal(after, 'c'), 'text')
  t.equal(createKeyRing([current]).unseal(before, 'c'), null)
})

t.test('key ring: base64 and base64url, with and without padding, are the same key', async t => {
  const key = Buffer.from([...Array(31).fill(0xfb), 0x0f])
  const sealed = createKeyRing([key.toString('base64')]).seal('text', 'c')
  t.equal(createKeyRing([key.toString('base64url')]).unseal(sealed, 'c'), 'text')
  t.equal(createKeyRing([key.toString('base64').replace('=', '')]).unseal(sealed, 'c'), 'text')
})

t.test('key ring: what is not 32 bytes of base64 is refused, with the option named', async t => {
  const good = newKey()
  const refused: [string, string[]][] = [
    ['no key', []],
    ['empty', ['']],
    ['16 bytes', [randomBytes(16).toString('base64')]],
    ['33 bytes', [randomBytes(33).toString('base64')]],
    ['64 bytes', [randomBytes(64).toString('base64')]],
    ['hexadecimal', [randomBytes(32).toString('hex')]],
    ['a password', ['correct horse battery staple correct horse b']],
    ['blanks inside', [`${good.slice(0, 10)} ${good.slice(10)}`]],
    ['blank behind', [`${good} `]],
    ['line end', [`${good}\n`]],
    ['two paddings', [`${good}=`]],
    ['stray bits at the end', [`${'A'.repeat(42)}B`]],
    ['zeros', [Buffer.alloc(32).toString('base64')]],
    ['one byte repeated', [Buffer.alloc(32, 0x61).toString('base64')]],
    ['a bad one behind a good one', [good, 'x']]
  ]
  for (const [what, keys] of refused)
    t.throws(() => createKeyRing(keys), { code: 'FST_OAUTH_OPTION', message: /encryptionKeys/ }, what)
})

t.test('key ring: only the encodings of 32 bytes pass', async t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), bytes => {
      const placeholder = new Set(bytes).size === 1
      try {
        createKeyRing([Buffer.from(bytes).toString('base64')])
        return bytes.length === 32 && !placeholder
      } catch {
        return bytes.length !== 32 || placeholder
      }
    })
  )
  t.pass('held')
})
