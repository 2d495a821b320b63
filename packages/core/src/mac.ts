/**
 * HMAC-SHA-256 by two digests. An object of `createHmac` costs more than both of them, and once more when it is collected.
 *
 * @see RFC 2104 section 2
 */
import { hash } from 'node:crypto'

/** A secret as the two digests begin with it. */
export interface MacKey {
  readonly inner: Buffer
  readonly outer: Buffer
}

/** Bytes of a block of SHA-256, and of a digest. */
const BLOCK = 64
const DIGEST = 32

/** @param secret 64 bytes at most */
export function macKey(secret: Buffer): MacKey {
  const inner = Buffer.alloc(BLOCK, 0x36)
  const outer = Buffer.alloc(BLOCK + DIGEST, 0x5c)
  for (const [at, byte] of secret.entries()) {
    inner[at] = byte ^ 0x36
    outer[at] = byte ^ 0x5c
  }
  return { inner, outer }
}

/** @returns in that encoding; `binary` has one character for each byte, and costs less than a buffer */
export function macOf({ inner, outer }: MacKey, text: string, encoding: 'binary' | 'base64url'): string {
  // The room for the inner digest is used by one call after the other: nothing here waits.
  outer.write(hash('sha256', Buffer.concat([inner, Buffer.from(text)]), 'binary'), BLOCK, 'binary')
  return hash('sha256', outer, encoding)
}
