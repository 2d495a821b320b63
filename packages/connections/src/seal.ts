/**
 * Secrets at rest. What a ciphertext belongs to (which record, whose, what kind, and the URL that it may be sent to) is part of its key:
 * moved to another owner, or pointed at another server, it does not decrypt.
 */
import type { KeyRing } from '@fastify-mcp-auth/core'
import type { JWK } from 'jose'
import type { OAuthClient } from './oauth-client.ts'
import type { Place } from './owner.ts'

/** The secret part of a connection. */
export interface Credential {
  /** Access token, bearer token or value of the header. */
  readonly token: string
  readonly refreshToken: string | null
  /** Key that the token is bound to. @see RFC 9449 */
  readonly dpopKey: { readonly alg: string; readonly privateJwk: JWK; readonly publicJwk: JWK } | null
  /** The client that the token was issued to; null for a key that a person pasted. */
  readonly client: OAuthClient | null
}

/** @param url of the server, as registered */
export function sealCredential(ring: KeyRing, place: Place, url: string, credential: Credential): string {
  return ring.seal(JSON.stringify(credential), contextOf(place, url))
}

/** Null when the key is gone, the record is somebody else's, or the server has another URL now. */
export function unsealCredential(ring: KeyRing, place: Place, url: string, sealed: string): Credential | null {
  const text = ring.unseal(sealed, contextOf(place, url))
  return text === null ? null : (JSON.parse(text) as Credential)
}

function contextOf({ id, ownerKey, server, account }: Place, url: string): string {
  return JSON.stringify(['connections', id, ownerKey, server, account, url])
}
