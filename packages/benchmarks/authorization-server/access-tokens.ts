/** Access tokens of RFC 9068 for contenders that leave making them to the app: signed synchronously with a key made once. */
import { generateKeyPairSync, randomUUID, sign, verify } from 'node:crypto'
import { systemClock } from '@fastify-mcp-auth/core'
import { type Issuing, issuerOf } from './issuing.ts'

/** Seconds. */
export const LIFETIME = 900

export interface AccessTokens {
  readonly keySet: { readonly keys: readonly unknown[] }
  issue(subject: string, scope: string): string
}

export interface Signer extends Pick<AccessTokens, 'keySet'> {
  sign(header: object, claims: object): string
  /** @throws Error for what it did not sign */
  verify(token: string): Record<string, unknown>
}

export function createSigner(): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const kid = randomUUID()
  return {
    keySet: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' }] },
    sign(header, claims) {
      const content = `${encode({ alg: 'ES256', kid, ...header })}.${encode(claims)}`
      const signature = sign('sha256', Buffer.from(content), { key: privateKey, dsaEncoding: 'ieee-p1363' })
      return `${content}.${signature.toString('base64url')}`
    },
    verify(token) {
      const end = token.lastIndexOf('.')
      const signature = Buffer.from(token.slice(end + 1), 'base64url')
      const content = Buffer.from(token.slice(0, end))
      if (!verify('sha256', content, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature))
        throw new Error('the signature is wrong')
      return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    }
  }
}

export function createAccessTokens(issuing: Issuing): AccessTokens {
  const signer = createSigner()
  return {
    keySet: signer.keySet,
    issue(subject, scope) {
      const iat = systemClock.now()
      const { clientId, resource } = issuing
      const claims = { iss: issuerOf(issuing), sub: subject, aud: resource, client_id: clientId, scope }
      return signer.sign({ typ: 'at+jwt' }, { ...claims, iat, exp: iat + LIFETIME, jti: randomUUID() })
    }
  }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
