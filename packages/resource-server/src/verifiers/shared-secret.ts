/**
 * Whether a "secret" is really a key in some spelling. A public key that is used as a secret is a secret that everybody knows: tokens
 * signed with it are as good as those of the issuer.
 */
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'

const KEY_TEXT =
  /-----\s*BEGIN|----\s*BEGIN SSH2|(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+\s+AAAA|AAAA[BCEI]3NzaC1|AAAAE2VjZHNh|PuTTY-User-Key-File/i

/** Looks through leading blanks, comments, a byte order mark, and one layer of base64. */
export function looksLikeKey(secret: Buffer): boolean {
  // What is no base64 decodes to noise, which is no key.
  return isKey(secret) || isKey(Buffer.from(secret.toString('utf8'), 'base64'))
}

function isKey(bytes: Buffer): boolean {
  const text = bytes.toString('utf8')
  return KEY_TEXT.test(text) || hasJwk(text) || isDer(bytes)
}

// Also in the middle of other text: what a parser makes of the rest is not for us to guess.
function hasJwk(text: string): boolean {
  return /"kty"\s*:|"keys"\s*:\s*\[/.test(text)
}

function isDer(bytes: Buffer): boolean {
  const attempts: (() => unknown)[] = [
    () => createPublicKey({ key: bytes, format: 'der', type: 'spki' }),
    () => createPublicKey({ key: bytes, format: 'der', type: 'pkcs1' }),
    // Whatever type is said: the other forms of private keys are recognised, too.
    () => createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' }),
    () => new X509Certificate(bytes)
  ]
  return attempts.some(attempt => {
    try {
      attempt()
      return true
    } catch {
      return false
    }
  })
}
