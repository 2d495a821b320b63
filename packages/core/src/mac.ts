/**
 * HMAC by two digests. An object of `createHmac` costs more than both of them, and once more when it is collected.
 *
 * @see RFC 2104 section 2
 */
import { hash } from 'node:crypto'

/** Hashes of which there are MACs here, by their names in `node:crypto`. */
export type MacHash = 'sha256' | 'sha384' | 'sha512'

/** A secret as the two digests begin with it. */
export interface MacKey {
  readonly name: MacHash
  readonly inner: Buffer
  /** With room for the first digest behind it, which is used by one call after the other: nothing here waits. */
  readonly outer: Buffer
}

/** Bytes. */
const BLOCKS: Record<MacHash, number> = { sha256: 64, sha384: 128, sha512: 128 }
const DIGESTS: Record<MacHash, number> = { sha256: 32, sha384: 48, sha512: 64 }

/** @param secret of any length; whoever makes it sees to it that it is long enough */
export function macKey(secret: Buffer, name: MacHash = 'sha256'): MacKey {
  const block = BLOCKS[name]
  const inner = Buffer.alloc(block, 0x36)
  const outer = Buffer.alloc(block + DIGESTS[name], 0x5c)
  for (const [at, byte] of (secret.length > block ? hash(name, secret, 'buffer') : secret).entries()) {
    inner[at] = byte ^ 0x36
    outer[at] = byte ^ 0x5c
  }
  return { name, inner, outer }
}

/** @returns in that encoding; `binary` has one character for each byte, and costs less than a buffer */
export function macOf({ name, inner, outer }: MacKey, text: string, encoding: 'binary' | 'base64url'): string {
  outer.write(hash(name, Buffer.concat([inner, Buffer.from(text)]), 'binary'), inner.length, 'binary')
  return hash(name, outer, encoding)
}
