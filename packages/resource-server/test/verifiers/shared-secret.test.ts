import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import t from 'tap'
import { looksLikeKey } from '../../src/verifiers/shared-secret.ts'

const der = (key: KeyObject, type: 'spki' | 'pkcs1' | 'pkcs8' | 'sec1'): Buffer =>
  key.export({ type, format: 'der' } as { type: 'pkcs8'; format: 'der' })

// A self-signed certificate of P-256: made once, worth nothing.
const CERTIFICATE = [
  'MIIBhDCCASmgAwIBAgIUQDVeEoH9MFDbtG0UhqsR4UJlLLkwCgYIKoZIzj0EAwIwFjEUMBIGA1UEAwwLZXhhbXBsZS5jb20wIBcN',
  'MjYxMTIxMTEzMDIxWhgPMjEyNjEwMjgxMTMwMjFaMBYxFDASBgNVBAMMC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0D',
  'AQcDQgAEQugm0WRrqhG2UFqTPvp9OYmAeYuD2h6SdYs/UP1ZnqNgAP7wIP6PtjwUet7+j8EBuVZG9eer16gOX3vY39Bv9KNTMFEw',
  'HQYDVR0OBBYEFHPF4uMukcltNfth7xM4/iEmXbK4MB8GA1UdIwQYMBaAFHPF4uMukcltNfth7xM4/iEmXbK4MA8GA1UdEwEB/wQF',
  'MAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAI9vYpPjR+fvQySpZKlIvlpoBydKMn3xbuCMWtxcK5GoAiEAo1Wegsuh3zleBLTkR1xO',
  'Wbln7G6tw5QHcQwcQvO9umI='
].join('')

t.test('RFC 8725 2.1: a key of each kind in each binary form is no secret, also in base64', async t => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const ed = generateKeyPairSync('ed25519')
  const forms: [string, Buffer][] = [
    ['RSA, SPKI', der(rsa.publicKey, 'spki')],
    ['RSA, PKCS 1 public', der(rsa.publicKey, 'pkcs1')],
    ['RSA, PKCS 8', der(rsa.privateKey, 'pkcs8')],
    ['RSA, PKCS 1 private', der(rsa.privateKey, 'pkcs1')],
    ['EC, SPKI', der(ec.publicKey, 'spki')],
    ['EC, PKCS 8', der(ec.privateKey, 'pkcs8')],
    ['EC, SEC 1', der(ec.privateKey, 'sec1')],
    ['Ed25519, SPKI', der(ed.publicKey, 'spki')],
    ['Ed25519, PKCS 8', der(ed.privateKey, 'pkcs8')],
    ['certificate', Buffer.from(CERTIFICATE, 'base64')]
  ]
  for (const [name, bytes] of forms) {
    t.equal(looksLikeKey(bytes), true, name)
    for (const encoding of ['base64', 'base64url'] as const)
      t.equal(looksLikeKey(Buffer.from(bytes.toString(encoding))), true, `${name} in ${encoding}`)
    const lines = bytes.toString('base64').replace(/(.{64})/g, '$1\n')
    t.equal(looksLikeKey(Buffer.from(`\n${lines}\n`)), true, `${name} in lines`)
  }
})

t.test('RFC 8725 2.1: nor is a key as text, in any dress', async t => {
  const dresses = [
    '-----BEGIN PUBLIC KEY-----',
    '----- BEGIN PUBLIC KEY -----',
    '-----begin certificate-----',
    '---- BEGIN SSH2 PUBLIC KEY ----',
    '----BEGIN SSH2 PUBLIC KEY----',
    '----  BEGIN SSH2 PUBLIC KEY',
    'ssh-rsa AAAAQ',
    'ssh-rsa \t AAAAQ',
    'sk-ssh-ed25519@openssh.com AAAAGnNr',
    'sk-ecdsa-sha2-nistp256@openssh.com AAAAInNr',
    'from="*" ecdsa-sha2-nistp256 AAAAQ',
    'AAAAB3NzaC1yc2E',
    'AAAAC3NzaC1lZDI1NTE5',
    'AAAAE2VjZHNh',
    'PuTTY-User-Key-File-3: ssh-rsa',
    '{"kty":"RSA"}',
    '{"kty" \n : "RSA"}',
    '{"keys":[]}',
    '{"keys"  :  [ ]}',
    'x = {"keys":\n\n[]}'
  ]
  for (const text of dresses) {
    t.equal(looksLikeKey(Buffer.from(text)), true, text)
    t.equal(looksLikeKey(Buffer.from(`\uFEFF# a comment\n${text}`)), true, `${text}, after a comment`)
    t.equal(looksLikeKey(Buffer.from(Buffer.from(text).toString('base64'))), true, `${text}, in base64`)
  }
})

t.test('RFC 7518 3.2: what is random is a secret, whatever it begins with', async t => {
  for (let round = 0; round < 40; round++) {
    const bytes = randomBytes(64)
    // As every key in binary form does.
    if (round % 2) bytes[0] = 0x30
    t.equal(looksLikeKey(bytes), false)
    for (const encoding of ['base64', 'base64url', 'hex'] as const)
      t.equal(looksLikeKey(Buffer.from(bytes.toString(encoding))), false, encoding)
  }
  for (const text of ['a keys: [list] of words', 'kty:RSA', '"keys" of the house', '--BEGIN', ''])
    t.equal(looksLikeKey(Buffer.from(text)), false, text)
})
