import { createHmac, createSecretKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import t from 'tap'
import { isSignedBy } from '../../src/verifiers/signature.ts'

const content = 'header.claims'

function ecdsa(namedCurve: string, hash: string) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve })
  const signed = (): Buffer => sign(hash, Buffer.from(content), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return { publicKey, signed }
}

/** Signs until a signature has the form that is looked for: each signature is another one. */
function signedWith(signed: () => Buffer, isWanted: (signature: Buffer) => boolean): Buffer {
  for (;;) {
    const signature = signed()
    if (isWanted(signature)) return signature
  }
}

t.test('RFC 7518 3.1: an algorithm that is none of them proves nothing, whatever the key', async t => {
  const { publicKey, signed } = ecdsa('P-256', 'sha256')
  const signature = signed().toString('base64url')
  for (const alg of ['none', '', 'ES256K', 'es256', 'HS1', 'RS1', '__proto__', 'constructor'])
    for (const key of [publicKey, createSecretKey(randomBytes(32))])
      for (const sent of ['', signature]) t.equal(isSignedBy(key, { alg, content, signature: sent }), false, alg)
})

t.test(
  'RFC 7515 5.2: a signature is of all of the content, also where that is longer than the room for it',
  async t => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    for (const length of [8192, 8193, 24_576, 24_577, 40_000]) {
      const long = 'x'.repeat(length)
      const signature = sign(null, Buffer.from(long), privateKey).toString('base64url')
      t.equal(isSignedBy(publicKey, { alg: 'EdDSA', content: long, signature }), true, `${length}`)
      t.equal(isSignedBy(publicKey, { alg: 'EdDSA', content: `${long}x`, signature }), false, `${length} and one more`)
    }
  }
)

t.test('RFC 8725 2.1: a secret is never taken for a public key, nor a public key for a secret', async t => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const secret = createSecretKey(rsa.publicKey.export({ type: 'spki', format: 'der' }))
  const good = sign('sha256', Buffer.from(content), rsa.privateKey).toString('base64url')
  t.equal(isSignedBy(rsa.publicKey, { alg: 'RS256', content, signature: good }), true)
  t.equal(isSignedBy(secret, { alg: 'RS256', content, signature: good }), false)
  t.equal(isSignedBy(secret, { alg: 'ES256', content, signature: good }), false)
  t.equal(isSignedBy(rsa.publicKey, { alg: 'HS256', content, signature: good }), false)
})

t.test('RFC 7518 3.2: a MAC is of the whole content, by the secret, with the hash of its algorithm', async t => {
  const secret = randomBytes(64)
  const key = createSecretKey(secret)
  for (const bits of ['256', '384', '512']) {
    const mac = createHmac(`sha${bits}`, secret).update(content).digest('base64url')
    const check = (signature: string, alg = `HS${bits}`): boolean => isSignedBy(key, { alg, content, signature })
    t.equal(check(mac), true)
    for (const other of ['', mac.slice(1), `${mac}A`, `${mac}=`, `A${mac.slice(1)}`])
      if (other !== mac) t.equal(check(other), false, other)
    for (const alg of ['HS256', 'HS384', 'HS512'].filter(name => name !== `HS${bits}`)) t.equal(check(mac, alg), false)
    t.equal(isSignedBy(createSecretKey(randomBytes(64)), { alg: `HS${bits}`, content, signature: mac }), false)
  }
})

t.test('RFC 7518 3.4: ECDSA signatures are read whatever their numbers begin with', async t => {
  const { publicKey, signed } = ecdsa('P-256', 'sha256')
  const forms: [string, (signature: Buffer) => boolean][] = []
  for (const [name, at] of [['r', 0] as const, ['s', 32] as const])
    forms.push(
      [`${name} begins with a zero`, bytes => bytes[at] === 0 && (bytes[at + 1] ?? 0) < 0x80],
      [`${name} begins with a zero before a set bit`, bytes => bytes[at] === 0 && (bytes[at + 1] ?? 0) >= 0x80],
      [`${name} begins with 7f`, bytes => bytes[at] === 0x7f],
      [`${name} begins with 80`, bytes => bytes[at] === 0x80]
    )
  for (const [name, isWanted] of forms) {
    const signature = signedWith(signed, isWanted)
    t.equal(isSignedBy(publicKey, { alg: 'ES256', content, signature: signature.toString('base64url') }), true, name)
    t.equal(isSignedBy(publicKey, { alg: 'ES256', content: 'x', signature: signature.toString('base64url') }), false)
  }
  for (const [curve, hash, alg] of [['P-384', 'sha384', 'ES384'] as const, ['P-521', 'sha512', 'ES512'] as const]) {
    const { publicKey, signed } = ecdsa(curve, hash)
    for (let n = 0; n < 20; n++)
      t.equal(isSignedBy(publicKey, { alg, content, signature: signed().toString('base64url') }), true, alg)
  }
})

t.test('CVE-2022-21449: numbers that are zero are no signature, and no error', async t => {
  const curves = [['P-256', 'sha256', 'ES256', 32] as const, ['P-521', 'sha512', 'ES512', 66] as const]
  for (const [curve, hash, alg, size] of curves) {
    const { publicKey, signed } = ecdsa(curve, hash)
    const one = Buffer.alloc(size)
    one[size - 1] = 1
    const zero = Buffer.alloc(size)
    const good = signed()
    const [r, s] = [good.subarray(0, size), good.subarray(size)]
    for (const parts of [
      [zero, zero],
      [zero, one],
      [one, zero],
      [zero, s],
      [r, zero],
      [one, one],
      [s, r]
    ])
      t.equal(isSignedBy(publicKey, { alg, content, signature: Buffer.concat(parts).toString('base64url') }), false)
  }
})

t.test('RFC 7515 5.2: a signature of another length or in another spelling is none, and no error', async t => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const ed = generateKeyPairSync('ed25519')
  const ec = ecdsa('P-256', 'sha256')
  const cases: [string, KeyObject, Buffer][] = [
    ['RS256', rsa.publicKey, sign('sha256', Buffer.from(content), rsa.privateKey)],
    ['ES256', ec.publicKey, ec.signed()],
    ['EdDSA', ed.publicKey, sign(null, Buffer.from(content), ed.privateKey)],
    ['Ed25519', ed.publicKey, sign(null, Buffer.from(content), ed.privateKey)]
  ]
  for (const [alg, key, good] of cases) {
    const check = (signature: string): boolean => isSignedBy(key, { alg, content, signature })
    const text = good.toString('base64url')
    t.equal(check(text), true, alg)
    const others = [good.subarray(1), good.subarray(0, -1), Buffer.concat([good, Buffer.alloc(1)]), good.subarray(0, 1)]
    for (const other of others) t.equal(check(other.toString('base64url')), false, `${alg}, ${other.length} bytes`)
    for (const other of ['', 'A', `${text}=`, `${text}!`, ` ${text}`, `${text}\n`]) t.equal(check(other), false, alg)
  }
})
