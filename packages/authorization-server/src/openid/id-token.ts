/**
 * ID tokens: say to the client who signed in, when and how. No access token, and never taken for one: another type, another audience, no
 * scope.
 *
 * @see OpenID Connect Core sections 2, 3.1.3.6 and 12.2
 */
import { createHash } from 'node:crypto'
import type { ServerContext } from '../context.ts'
import type { GrantRecord } from '../records.ts'
import type { PublicAlgorithm } from '../tokens/algorithms.ts'
import { signJwt } from '../tokens/signer.ts'
import { subOf } from '../tokens/subject.ts'
import { OPENID } from './identity-scopes.ts'

/**
 * @param nonce of the authorization request; null for a refresh, where there is no request to bind to
 * @returns undefined when OpenID Connect is off, or the person did not allow `openid` for this token
 */
export async function makeIdToken(
  server: ServerContext,
  {
    grant,
    scopes,
    accessToken,
    expiresIn,
    nonce
  }: { grant: GrantRecord; scopes: readonly string[]; accessToken: string; expiresIn: number; nonce: string | null }
): Promise<string | undefined> {
  const { openid } = server.options
  if (!openid || !scopes.includes(OPENID)) return undefined
  const iat = server.clock.now()
  return signJwt(await server.keys.signer(openid.algorithm), 'JWT', {
    iss: server.issuer,
    sub: subOf(grant),
    aud: grant.clientId,
    iat,
    exp: iat + expiresIn,
    auth_time: grant.authTime,
    ...(nonce === null ? {} : { nonce }),
    ...(grant.acr === null ? {} : { acr: grant.acr }),
    ...(grant.amr.length === 0 ? {} : { amr: grant.amr }),
    at_hash: halfHash(openid.algorithm, accessToken)
  })
}

/** The left half of the hash that the signature uses; of Ed25519 that is SHA-512. */
function halfHash(algorithm: PublicAlgorithm, text: string): string {
  const hash = createHash(algorithm === 'EdDSA' ? 'sha512' : 'sha256')
    .update(text)
    .digest()
  return hash.subarray(0, hash.length / 2).toString('base64url')
}
