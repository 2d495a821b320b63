/** A client that signs: its key, and assertions as good or as bad as a test wants them. */
import { exportJWK, generateKeyPair, type JWK, type JWTHeaderParameters, SignJWT } from 'jose'
import { ORIGIN } from '../fixture.ts'

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

export interface Signer {
  /** Public. */
  readonly jwk: JWK
  /** With the private members: what must never be published. */
  readonly privateJwk: JWK
  /** Claims that are null are left out. */
  sign(claims?: Record<string, unknown>, header?: Partial<JWTHeaderParameters>): Promise<string>
  /** Parameters of a request that is authenticated by such an assertion. */
  proof(claims?: Record<string, unknown>, header?: Partial<JWTHeaderParameters>): Promise<Record<string, string | null>>
}

let assertions = 0

export async function createSigner(clientId: () => string, now: () => number, alg = 'ES256'): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  const kid = `key-${++assertions}`
  const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' }
  async function sign(
    claims: Record<string, unknown> = {},
    header: Partial<JWTHeaderParameters> = {}
  ): Promise<string> {
    const all = {
      iss: clientId(),
      sub: clientId(),
      aud: ORIGIN,
      jti: `jti-${++assertions}`,
      iat: now(),
      exp: now() + 60,
      ...claims
    }
    const kept = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null))
    return new SignJWT(kept).setProtectedHeader({ alg, kid, ...header }).sign(privateKey, { crit: { x: true } })
  }
  return {
    jwk,
    privateJwk: { ...(await exportJWK(privateKey)), kid, alg },
    sign,
    proof: async (claims, header) => ({
      client_id: null,
      client_secret: null,
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: await sign(claims, header)
    })
  }
}
