/** Mints the tokens of a run and publishes its key. Synchronous, so that ten thousand tokens are there in seconds. */
import { createHmac, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { randomSecret, systemClock } from '@fastify-mcp-auth/core'
import type { Algorithm, Protection } from './protection.ts'

export interface Issuer {
  readonly protection: Protection
  /** An access token of RFC 9068 with ids as long as real ones; 600 to 900 characters, no two alike. */
  mint(changes?: { readonly [claim: string]: unknown }): string
  /** The same with a signature that is not its own. */
  forge(): string
  close(): void
}

/** Seconds; longer than any run. */
const LIFETIME = 7200

/** Serves its key set on 127.0.0.1. */
export async function startIssuer(algorithm: Algorithm): Promise<Issuer> {
  const signer = createSigner(algorithm)
  const server = await serveKeys(signer.keySet)
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const protection: Protection = {
    algorithm,
    issuer,
    jwksUri: `${issuer}/jwks.json`,
    resource: 'http://127.0.0.1/mcp',
    scope: 'notes:read',
    publicKey: signer.publicKey,
    secret: signer.secret
  }
  const foreign = signer.sign('something else')
  const header = encode({ alg: algorithm, typ: 'at+jwt', kid: signer.kid })
  return {
    protection,
    mint(changes) {
      const content = `${header}.${encode({ ...claimsFor(protection), ...changes })}`
      return `${content}.${signer.sign(content)}`
    },
    forge: () => `${header}.${encode(claimsFor(protection))}.${foreign}`,
    close() {
      server.closeAllConnections()
      server.close()
    }
  }
}

function claimsFor({ issuer, resource, scope }: Protection): Record<string, unknown> {
  const now = systemClock.now()
  return {
    iss: issuer,
    sub: randomUUID(),
    aud: resource,
    client_id: randomUUID(),
    iat: now,
    exp: now + LIFETIME,
    jti: randomUUID(),
    scope: `openid mcp:tools notes:list ${scope} notes:write`,
    auth_time: now - 60,
    grant_id: randomSecret(16)
  }
}

interface Signer {
  readonly kid: string
  readonly publicKey: Protection['publicKey']
  readonly secret: string | null
  readonly keySet: { readonly keys: readonly unknown[] }
  sign(content: string): string
}

function createSigner(algorithm: Algorithm): Signer {
  const kid = randomSecret(16)
  if (algorithm === 'HS256') {
    const secret = randomSecret()
    return {
      kid,
      secret,
      publicKey: null,
      keySet: { keys: [] },
      sign: content => createHmac('sha256', secret).update(content).digest('base64url')
    }
  }
  const { publicKey, privateKey } = createKeys(algorithm)
  const digestName = algorithm === 'EdDSA' ? null : 'sha256'
  return {
    kid,
    secret: null,
    publicKey: { kid, pem: publicKey.export({ type: 'spki', format: 'pem' }).toString() },
    keySet: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid, alg: algorithm, use: 'sig' }] },
    sign: content =>
      sign(digestName, Buffer.from(content), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')
  }
}

function createKeys(algorithm: Exclude<Algorithm, 'HS256'>): { publicKey: KeyObject; privateKey: KeyObject } {
  if (algorithm === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return algorithm === 'RS256' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ed25519')
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

async function serveKeys(keySet: Signer['keySet']): Promise<Server> {
  const body = JSON.stringify(keySet)
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return server
}
