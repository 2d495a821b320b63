/** Access tokens of RFC 9068 for contenders that leave making them to the app: signed synchronously with a key made once. */
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { systemClock } from '@fastify-mcp-auth/core'
import { type Issuing, issuerOf } from './issuing.ts'

/** Seconds. */
export const LIFETIME = 900

export interface AccessTokens {
  readonly keySet: { readonly keys: readonly unknown[] }
  issue(subject: string, scope: string): string
}

export function createAccessTokens(issuing: Issuing): AccessTokens {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const kid = randomUUID()
  const header = encode({ alg: 'ES256', typ: 'at+jwt', kid })
  return {
    keySet: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' }] },
    issue(subject, scope) {
      const iat = systemClock.now()
      const { clientId, resource } = issuing
      const claims = { iss: issuerOf(issuing), sub: subject, aud: resource, client_id: clientId, scope }
      const content = `${header}.${encode({ ...claims, iat, exp: iat + LIFETIME, jti: randomUUID() })}`
      const signature = sign('sha256', Buffer.from(content), { key: privateKey, dsaEncoding: 'ieee-p1363' })
      return `${content}.${signature.toString('base64url')}`
    }
  }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
