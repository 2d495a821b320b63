/** A token check by jose, as its documentation shows it. */
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose'
import type { Protection } from './protection.ts'

/** @returns a check that gives the claims of a good token and rejects for any other */
export function joseVerifier(protection: Protection): (token: string) => Promise<JWTPayload> {
  const { algorithm, issuer, jwksUri, resource, secret } = protection
  const options = { algorithms: [algorithm], issuer, audience: resource, typ: 'at+jwt' }
  if (secret !== null) {
    const key = new TextEncoder().encode(secret)
    return async token => (await jwtVerify(token, key, options)).payload
  }
  const keys = createRemoteJWKSet(new URL(jwksUri))
  return async token => (await jwtVerify(token, keys, options)).payload
}
