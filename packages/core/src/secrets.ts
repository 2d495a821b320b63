/**
 * Random values, digests, constant-time comparison and encryption at rest. Nothing else in the suite compares a secret
 * or holds a key that encrypts.
 */
import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hash,
  type KeyObject,
  randomBytes,
  randomFillSync,
  timingSafeEqual
} from 'node:crypto'
import { ConfigurationError } from './errors.ts'
import { type MacKey, macKey, macOf } from './mac.ts'

/** A random value of `bytes` bytes (32 by default: 256 bits; nothing below 16 is a secret), base64url. */
export function randomSecret(bytes = 32): string {
  if (bytes > POOL_SIZE / 16) return randomBytes(bytes).toString('base64url')
  if (used + bytes > POOL_SIZE) {
    randomFillSync(pool)
    used = 0
  }
  const secret = pool.toString('base64url', used, used + bytes)
  // What was given out is nowhere in memory a second time.
  pool.fill(0, used, used + bytes)
  used += bytes
  return secret
}

// Asking the system costs the same for 16 bytes as for some thousand, and more than everything else that is done with them.
const POOL_SIZE = 4096
const pool = Buffer.alloc(POOL_SIZE)
let used = POOL_SIZE

/** SHA-256, base64url: what the storage sees of a token, code, handle or secret. Only for values of at least 128 random bits. */
export function digest(value: string): string {
  return hash('sha256', value, 'base64url')
}

/** Compares without telling by its duration where two strings differ. It may tell that their lengths do: compare digests. */
export function equalInConstantTime(a: string, b: string): boolean {
  return equalBytesInConstantTime(Buffer.from(a), Buffer.from(b))
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
  /** Whether the key of a text is one of these. Decrypts nothing. */
  hasKeyOf(sealed: string): boolean
  /**
   * Keyed digests of a value that is too short for {@link digest}, such as one that people type: under the first key, then under each of
   * the others, for what was kept before a rotation. Who has the storage but no key cannot try values out.
   *
   * @param context what kind of value it is
   */
  digests(value: string, context: string): readonly [string, ...string[]]
  /** Whether a text was sealed under a key other than the first: seal it anew before that key goes. */
  isOutdated(sealed: string): boolean
}

/**
 * AES-256-GCM. Each text has a key of its own, derived (HKDF-SHA-256) from the ring's key, a random salt and the context,
 * so a ciphertext cannot be moved to another record, and nonces cannot collide.
 *
 * @see RFC 5869 section 3.3: a key that is random already needs no extraction
 *
 * @param keys base64 or base64url, 32 bytes each; the first encrypts
 * @throws ConfigurationError when there is none, or one is not base64, not 32 bytes, or 32 times the same byte
 */
export function createKeyRing(keys: readonly string[]): KeyRing {
  const [current, ...others] = keys.map(decodeKey)
  if (!current) throw new ConfigurationError('FST_OAUTH_OPTION', 'option "encryptionKeys": at least one key is needed')
  return ringOf(ringKey(current), others.map(ringKey))
}

function ringOf(current: RingKey, others: readonly RingKey[] = []): KeyRing {
  const ring = [current, ...others]
  return Object.freeze({
    seal(plaintext: string, context: string): string {
      const salt = randomSecret(SALT)
      const cipher = createCipheriv('aes-256-gcm', deriveKey(current.key, salt, context), NONCE)
      const body = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return `${current.id}.${salt}.${body.toString('base64url')}`
    },
    unseal(sealed: string, context: string): string | null {
      const [id, salt = '', body = '', ...more] = sealed.split('.')
      const entry = ring.find(candidate => candidate.id === id)
      const bytes = Buffer.from(body, 'base64url')
      if (!entry || more.length > 0 || salt.length !== SALT_LENGTH || bytes.length < 16) return null
      // One text, one spelling: decoding skips stray bits and foreign characters without a word.
      if (bytes.toString('base64url') !== body) return null
      const key = deriveKey(entry.key, salt, context)
      const decipher = createDecipheriv('aes-256-gcm', key, NONCE, { authTagLength: 16 })
      decipher.setAuthTag(bytes.subarray(-16))
      try {
        return decipher.update(bytes.subarray(0, -16), undefined, 'utf8') + decipher.final('utf8')
      } catch {
        return null
      }
    },
    hasKeyOf: (sealed: string) => ring.some(({ id }) => sealed.startsWith(`${id}.`)),
    digests: (value: string, context: string): [string, ...string[]] => [
      keyedDigest(current.key, context, value),
      ...others.map(({ key }) => keyedDigest(key, context, value))
    ],
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
  return ringOf({ id: 'secret', key: macKey(Buffer.from(macOf(SEALED_BY_A_SECRET, secret, 'binary'), 'binary')) })
}

/** The salt with which a key is extracted from a secret. @see RFC 5869 section 2.2 */
const SEALED_BY_A_SECRET = macKey(Buffer.from('sealed by a secret'))

interface RingKey {
  readonly id: string
  readonly key: MacKey
}

function ringKey(bytes: Buffer): RingKey {
  const id = hash('sha256', Buffer.concat([KEY_ID, bytes]), 'base64url').slice(0, 8)
  return { id, key: macKey(bytes) }
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

/** Bytes of the salt, and characters of its base64url. */
const SALT = 16
const SALT_LENGTH = 22

// Ends unlike what keys are derived from, so that neither is ever the other.
function keyedDigest(key: MacKey, context: string, value: string): string {
  return macOf(key, `${JSON.stringify([context, value])}\u0002`, 'base64url')
}

/**
 * One block of HKDF-Expand, whose `info` is the salt, always as long, and the context. A key object, because node:crypto takes more time
 * to find out that bytes are none than to encrypt with it.
 *
 * @see RFC 5869 section 2.3
 */
function deriveKey(key: MacKey, salt: string, context: string): KeyObject {
  return createSecretKey(macOf(key, `${salt}${context}\u0001`, 'binary'), 'binary')
}
