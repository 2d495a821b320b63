/**
 * Proof Key for Code Exchange, S256 only.
 *
 * @see RFC 7636 sections 4.1, 4.2 and 4.6
 */
import { Type } from 'typebox'
import { digest, equalInConstantTime, randomSecret } from './secrets.ts'

/** 43 to 128 unreserved characters. */
export const CodeVerifier = Type.String({ pattern: '^[A-Za-z0-9._~-]{43,128}$' })

/** A SHA-256 digest in base64url has 43 characters. */
export const CodeChallenge = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' })

export function createCodeVerifier(): string {
  return randomSecret(32)
}

export function codeChallengeOf(verifier: string): string {
  return digest(verifier)
}

export function verifyCodeVerifier(verifier: string, challenge: string): boolean {
  return equalInConstantTime(codeChallengeOf(verifier), challenge)
}
