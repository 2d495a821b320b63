/**
 * Proof Key for Code Exchange, S256 only.
 *
 * @see RFC 7636 sections 4.1, 4.2 and 4.6
 */

import { digest, equalInConstantTime, randomSecret } from './secrets.ts'
import { Type } from './type.ts'

const VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/

/** 43 to 128 unreserved characters. */
export const CodeVerifier = Type.String({ pattern: VERIFIER.source })

/** A SHA-256 digest in base64url has 43 characters. */
export const CodeChallenge = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' })

/** 43 characters with 256 random bits. */
export function createCodeVerifier(): string {
  return randomSecret(32)
}

/** The challenge of method S256. Does not check the verifier. */
export function codeChallengeOf(verifier: string): string {
  return digest(verifier)
}

/** False for a verifier that is not well-formed, whatever it hashes to. */
export function verifyCodeVerifier(verifier: string, challenge: string): boolean {
  return VERIFIER.test(verifier) && equalInConstantTime(codeChallengeOf(verifier), challenge)
}
