/** Proofs of possession, as a server checks them. @see RFC 9449 section 4.3 */
import { createHash } from 'node:crypto'
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from 'jose'
import type { ReceivedRequest } from '../loopback/server.ts'
import { RefusedRequest } from './context.ts'

/** What a proof is checked against. */
export interface ProofExpectation {
  readonly url: string
  readonly now: number
  /** The nonce that must be in it; null for none. */
  readonly nonce: string | null
  /** The access token that it goes with; null at the token endpoint. */
  readonly accessToken: string | null
  /** `jti` values of earlier proofs. */
  readonly seen: Set<string>
}

/**
 * @returns the thumbprint of the key
 * @throws RefusedRequest with `use_dpop_nonce` or `invalid_dpop_proof`
 */
export async function checkProof(request: ReceivedRequest, expected: ProofExpectation): Promise<string> {
  const { url, now, nonce, accessToken, seen } = expected
  try {
    const { payload, protectedHeader } = await jwtVerify(request.headers['dpop'] ?? '', EmbeddedJWK, {
      typ: 'dpop+jwt',
      algorithms: ['ES256', 'RS256', 'EdDSA'],
      currentDate: new Date(now * 1000),
      maxTokenAge: 300,
      clockTolerance: 60
    })
    if (nonce !== null && payload['nonce'] !== nonce)
      throw new RefusedRequest('use_dpop_nonce', 'a nonce is required', 400, { 'dpop-nonce': nonce })
    if (payload['htm'] !== request.method || payload['htu'] !== url) throw new Error('htm or htu is of another request')
    if (typeof payload.jti !== 'string' || seen.has(payload.jti)) throw new Error('jti is missing or was used')
    if (accessToken !== null && payload['ath'] !== createHash('sha256').update(accessToken).digest('base64url'))
      throw new Error('ath is not of the access token')
    if (!protectedHeader.jwk) throw new Error('no key')
    seen.add(payload.jti)
    return await calculateJwkThumbprint(protectedHeader.jwk)
  } catch (error) {
    if (error instanceof RefusedRequest) throw error
    throw new RefusedRequest('invalid_dpop_proof', (error as Error).message)
  }
}

/** The nonce that a server wants at that time; null when it wants none. */
export function nonceAt(now: number, lifetime: number | null): string | null {
  return lifetime === null ? null : `nonce-${Math.floor(now / lifetime)}`
}
