/**
 * MACs of tokens.
 *
 * @see RFC 7518 section 3.2
 */
import type { KeyObject } from 'node:crypto'
import { equalInConstantTime, type MacHash, type MacKey, macKey, macOf } from '@fastify-mcp-auth/core'

const keys = new WeakMap<KeyObject, Map<MacHash, MacKey>>()

/**
 * Compares in constant time.
 *
 * @param secret of any length; whoever makes it sees to it that it is long enough
 * @param mac base64url, as it was sent: a MAC has one spelling
 */
export function isMacOf(
  secret: KeyObject,
  { hash, content, mac }: { hash: MacHash; content: string; mac: string }
): boolean {
  return equalInConstantTime(macOf(keyFor(secret, hash), content, 'base64url'), mac)
}

// Made once for a secret and a hash.
function keyFor(secret: KeyObject, hash: MacHash): MacKey {
  const known = keys.get(secret) ?? new Map<MacHash, MacKey>()
  const found = known.get(hash)
  if (found) return found
  const made = macKey(secret.export(), hash)
  keys.set(secret, known.set(hash, made))
  return made
}
