/** An issuer with one key of each kind, and tokens of it that no library would write. */
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { exportJWK, type JWK } from 'jose'
import { RESOURCE } from '../app.ts'

export const ISSUER = 'https://issuer.test'
export const NOW = 1_800_000_000

export const CLAIMS = {
  iss: ISSUER,
  sub: 'alice',
  aud: RESOURCE,
  exp: NOW + 300,
  iat: NOW,
  jti: 'j-1',
  client_id: 'client'
}

export const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
export const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })

/** The key set of the issuer, without `alg` and `use`, so that nothing but the configuration says what the keys are for. */
export async function bareJwks(): Promise<{ keys: JWK[] }> {
  return {
    keys: [
      { ...(await exportJWK(ec.publicKey)), kid: 'ec' },
      { ...(await exportJWK(rsa.publicKey)), kid: 'rsa' }
    ]
  }
}

/** Signed by `key`; ES256 of the issuer when left out. A text is taken for an HMAC secret, null for no signature at all. */
export function forge(
  header: object,
  claims: object = {},
  key: KeyObject | Uint8Array | string | null = ec.privateKey
): string {
  const content = `${encode({ alg: 'ES256', typ: 'at+jwt', kid: 'ec', ...header })}.${encode({ ...CLAIMS, ...claims })}`
  return `${content}.${signatureOf(content, key)}`
}

function signatureOf(content: string, key: KeyObject | Uint8Array | string | null): string {
  if (key === null) return ''
  if (typeof key === 'string' || key instanceof Uint8Array)
    return createHmac('sha256', key).update(content).digest('base64url')
  if (key.asymmetricKeyType === 'rsa') return sign('sha256', Buffer.from(content), key).toString('base64url')
  return sign('sha256', Buffer.from(content), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
