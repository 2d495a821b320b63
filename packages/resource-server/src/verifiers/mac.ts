/**
 * HMAC by two digests. An object of `createHmac` costs as much as both of them, and once more when it is collected; this costs neither.
 *
 * @see RFC 2104 section 2, RFC 7518 section 3.2
 */
import { createHmac, hash, type KeyObject } from 'node:crypto'
import { equalBytesInConstantTime } from '@fastify-mcp-auth/core'

/** Characters of content for which there is room; what is longer takes the slow way. */
const ROOM = 8192
const INNER = 0x36
const OUTER = 0x5c

/** What is made once for a secret and a hash, and the room in which MACs are computed, one after the other. */
interface MacKey {
  readonly block: number
  /** The padded secret, and room for content in UTF-8. */
  readonly inner: Buffer
  /** The padded secret, and room for a digest. */
  readonly outer: Buffer
  /** Room for the MAC as text, as it should be and as it was sent. */
  readonly expected: Buffer
  readonly sent: Buffer
}

const keys = new WeakMap<KeyObject, Map<string, MacKey>>()

/**
 * Compares in constant time.
 *
 * @param secret of any length; whoever makes it sees to it that it is long enough
 * @param mac base64url, as it was sent
 */
export function isMacOf(
  secret: KeyObject,
  { hash: name, content, mac }: { hash: string; content: string; mac: string }
): boolean {
  const key = keyFor(secret, name)
  // As text: a MAC has one spelling.
  key.expected.write(macOf(key, name, content) ?? createHmac(name, secret).update(content).digest('base64url'))
  return (
    mac.length === key.sent.length &&
    key.sent.write(mac) === key.sent.length &&
    equalBytesInConstantTime(key.expected, key.sent)
  )
}

/** @returns base64url; null when there is no room for the content */
function macOf({ block, inner, outer }: MacKey, name: string, content: string): string | null {
  if (content.length > ROOM) return null
  const length = inner.write(content, block)
  outer.write(hash(name, inner.subarray(0, block + length), 'binary'), block, 'binary')
  return hash(name, outer, 'base64url')
}

function keyFor(secret: KeyObject, name: string): MacKey {
  const known = keys.get(secret) ?? new Map<string, MacKey>()
  const found = known.get(name)
  if (found) return found
  const made = createMacKey(secret.export(), name)
  keys.set(secret, known.set(name, made))
  return made
}

function createMacKey(secret: Buffer, name: string): MacKey {
  const size = hash(name, '', 'buffer').length
  const block = size > 32 ? 128 : 64
  const padded = Buffer.alloc(block)
  ;(secret.length > block ? hash(name, secret, 'buffer') : secret).copy(padded)
  // Three bytes are the most that a character of a string takes.
  const inner = Buffer.alloc(block + 3 * ROOM)
  const outer = Buffer.alloc(block + size)
  for (const [at, byte] of padded.entries()) {
    inner[at] = byte ^ INNER
    outer[at] = byte ^ OUTER
  }
  const characters = Math.ceil((size * 4) / 3)
  return { block, inner, outer, expected: Buffer.alloc(characters), sent: Buffer.alloc(characters) }
}
