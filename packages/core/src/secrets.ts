/**
 * Random values, digests, constant-time comparison and encryption at rest. Nothing else in the suite compares a secret
 * or holds a key that encrypts.
 */
import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hash,
  hkdfSync,
  type KeyObject,
  randomBytes,
  timingSafeEqual
} from 'node:crypto'
import { ConfigurationError } from './errors.ts'

/** A random value of `bytes` bytes (32 by default: 256 bits; nothing below 16 is a secret), base64url. */
export function randomSecret(bytes = 32): string {
  return randomBytes(bytes).toString('base64url')
}

/** SHA-256, base64url: what the storage sees of a token, code, handle or secret. Only for values of at least 128 random bits. */
export function digest(value: string): string {
  return hash('sha256', value, 'base64url')
}

/** Compares without telling by its duration where two strings differ, nor how long the right one is. */
export function equalInConstantTime(a: string, b: string): boolean {
  return timingSafeEqual(hash('sha256', a, 'buffer'), hash('sha256', b, 'buffer'))
}

/** The same for bytes whose length is no secret, such as a MAC and the one it should be. */
export function equalBytesInConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && timingSafeEqual(a, b)
}

/** Encrypts with its first key, decrypts with any. Rotate by putting a new key in front and keeping the old one behind. */
export interface KeyRing {
  /**
   * @param context what the ciphertext belongs to (collection, record, token); unsealing needs the same, byte for byte
   */
  seal(plaintext: string, context: string): string
  /** @returns the plaintext, or null when the key is gone, the context differs or the text was altered */
  unseal(sealed: string, context: string): string | null
  /** Whether a text was sealed under a key other than the first: seal it anew before that key goes. */
  isOutdated(sealed: string): boolean
}

/**
 * AES-256-GCM. Each text has a key of its own, derived (HKDF-SHA-256) from the ring's key, a random salt and the context,
 * so a ciphertext cannot be moved to another record, and nonces cannot collide.
 *
 * @param keys base64 or base64url, 32 bytes each; the first encrypts
 * @throws ConfigurationError when there is none, or one is not base64, not 32 bytes, or 32 times the same byte
 */
export function createKeyRing(keys: readonly string[]): KeyRing {
  const [current, ...others] = keys.map(decodeKey)
  if (!current) throw new ConfigurationError('FST_OAUTH_OPTION', 'option "encryptionKeys": at least one key is needed')
  return ringOf(current, others)
}

function ringOf(first: Buffer, others: readonly Buffer[] = []): KeyRing {
  const current = ringKey(first)
  const ring = [current, ...others.map(ringKey)]
  return Object.freeze({
    seal(plaintext: string, context: string): string {
      const salt = randomBytes(16)
      const cipher = createCipheriv('aes-256-gcm', deriveKey(current.key, salt, context), NONCE)
      const body = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return `${current.id}.${salt.toString('base64url')}.${body.toString('base64url')}`
    },
    unseal(sealed: string, context: string): string | null {
      const [id, ...encoded] = sealed.split('.')
      const entry = ring.find(candidate => candidate.id === id)
      const [salt, bytes, ...more] = encoded.map(part => Buffer.from(part, 'base64url'))
      if (!entry || !salt || !bytes || more.length > 0 || bytes.length < 16) return null
      // One text, one spelling: decoding skips stray bits and foreign characters without a word.
      if ([entry.id, salt.toString('base64url'), bytes.toString('base64url')].join('.') !== sealed) return null
      const key = deriveKey(entry.key, salt, context)
      const decipher = createDecipheriv('aes-256-gcm', key, NONCE, { authTagLength: 16 })
      decipher.setAuthTag(bytes.subarray(-16))
      try {
        return decipher.update(bytes.subarray(0, -16), undefined, 'utf8') + decipher.final('utf8')
      } catch {
        return null
      }
    },
    isOutdated: (sealed: string) => !sealed.startsWith(`${current.id}.`)
  })
}

/**
 * A key ring of one key that is derived from a secret, for example a token: whoever has the storage and all keys of the app, but not the
 * secret, reads nothing.
 *
 * @param secret at least 128 random bits in it; not a password
 */
export function keyRingOfSecret(secret: string): KeyRing {
  const key = createSecretKey(secret, 'utf8')
  return ringOf(Buffer.from(hkdfSync('sha256', key, '', 'sealed by a secret', 32)))
}

interface RingKey {
  readonly id: string
  readonly key: KeyObject
}

// A key object from the start: node:crypto takes more time to find out that bytes are no key object than to encrypt with it.
function ringKey(bytes: Buffer): RingKey {
  const id = hash('sha256', Buffer.concat([KEY_ID, bytes]), 'base64url').slice(0, 8)
  return { id, key: createSecretKey(bytes) }
}

const KEY_ID = Buffer.from('key id')

// Buffer.from skips what is not base64, so a password or a truncated key would pass as some other key.
function decodeKey(text: string): Buffer {
  const key = /^[A-Za-z0-9+/_-]{43}=?$/.test(text) ? Buffer.from(text, 'base64') : Buffer.alloc(0)
  const written = text.replaceAll('+', '-').replaceAll('/', '_').replace('=', '')
  if (key.length !== 32 || key.toString('base64url') !== written)
    throw new ConfigurationError('FST_OAUTH_OPTION', 'option "encryptionKeys": each key is 32 bytes in base64')
  if (new Set(key).size === 1)
    throw new ConfigurationError('FST_OAUTH_OPTION', 'option "encryptionKeys": a key is a placeholder, not random')
  return key
}

// The nonce may be constant because the key is never used twice: the salt is 128 random bits.
const NONCE = Buffer.alloc(12)

function deriveKey(key: KeyObject, salt: Buffer, context: string): KeyObject {
  // HKDF limits its info to 1,024 bytes; a context may be longer.
  return createSecretKey(Buffer.from(hkdfSync('sha256', key, salt, hash('sha256', context, 'buffer'), 32)))
}
