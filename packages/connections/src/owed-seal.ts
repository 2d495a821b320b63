/**
 * Encrypting anew what is owed: around it, and within it the credential of a connection that whoever wrote it down could not read.
 *
 * @see revocation.ts, which writes and reads it
 */
import type { Context } from './context.ts'
import type { Place } from './owner.ts'
import { sealCredential, unsealCredential } from './seal.ts'

/** A member of what is owed for a connection that was not read. */
interface Unread {
  readonly place: Place
  readonly url: string
  readonly credential: string
}

/** What a ciphertext of the outbox is bound to. */
export function owedSeal(key: string): string {
  return JSON.stringify(['connection_outbox', key])
}

/** @returns the new ciphertext; null when nothing of it is outdated, or nobody here can read it */
export function resealOwed({ ring }: Pick<Context, 'ring'>, key: string, sealed: string): string | null {
  const seal = owedSeal(key)
  const text = ring.unseal(sealed, seal)
  if (text === null) return null
  const owed = JSON.parse(text) as object | Unread
  const credential = 'credential' in owed ? resealedCredential(ring, owed) : null
  if (credential === null) return ring.isOutdated(sealed) ? ring.seal(text, seal) : null
  return ring.seal(JSON.stringify({ ...owed, credential }), seal)
}

function resealedCredential(ring: Context['ring'], { place, url, credential }: Unread): string | null {
  const read = ring.isOutdated(credential) ? unsealCredential(ring, place, url, credential) : null
  return read && sealCredential(ring, place, url, read)
}
