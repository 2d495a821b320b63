/** Keys that tokens are bound to: one for each connection, sealed with its token. @see RFC 9449 */
import { type Clock, digest, randomSecret } from '@fastify-mcp-auth/core'
import { type DpopKeyPair, DpopSession } from '@modelcontextprotocol/client'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose'
import { LRUCache } from 'lru-cache'
import type { Discovered } from './discovery.ts'
import type { ServerDefinition } from './options.ts'
import type { Credential } from './seal.ts'

type DpopKey = NonNullable<Credential['dpopKey']>

/** A new key where the options want one and the server can check it. */
export async function newDpopKey({ oauth }: ServerDefinition, { metadata }: Discovered): Promise<DpopKey | null> {
  const algorithms = metadata['dpop_signing_alg_values_supported']
  if (!oauth?.dpop || !Array.isArray(algorithms) || !algorithms.includes('ES256')) return null
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  return { alg: 'ES256', privateJwk: await exportJWK(privateKey), publicJwk: await exportJWK(publicKey) }
}

/** Gives what makes proofs by a key; remembers the nonces of its servers while the process runs. */
export type DpopSessions = (key: DpopKey) => Promise<DpopSession>

/** @param clock says when a proof was made */
export function createDpopSessions(clock: Clock): DpopSessions {
  // The nonce of a server is worth keeping; it is no secret and belongs to nobody.
  const sessions = new LRUCache<string, Promise<DpopSession>>({ max: 1000 })
  return async key => {
    const thumbprint = await calculateJwkThumbprint(key.publicJwk)
    let session = sessions.get(thumbprint)
    if (!session) {
      session = openSession(key, thumbprint, clock)
      sessions.set(thumbprint, session)
    }
    return session
  }
}

async function openSession(key: DpopKey, thumbprint: string, clock: Clock): Promise<DpopSession> {
  const [privateKey, publicKey] = await Promise.all([
    importJWK(key.privateJwk, key.alg),
    importJWK(key.publicJwk, key.alg)
  ])
  const keyPair = { alg: key.alg, privateKey, publicKey, publicJwk: key.publicJwk, thumbprint } as DpopKeyPair
  const session = await DpopSession.create({ keyPair })
  // The SDK asks the time of the computer, and everything else here asks the clock of the options.
  session.buildProof = async ({ htm, htu, accessToken, nonce = session.nonceFor(htu) }) =>
    new SignJWT({
      htm: htm.toUpperCase(),
      htu: bare(htu),
      ...(accessToken === undefined ? {} : { ath: digest(accessToken) }),
      ...(nonce === undefined ? {} : { nonce })
    })
      .setProtectedHeader({ typ: 'dpop+jwt', alg: keyPair.alg, jwk: keyPair.publicJwk })
      .setJti(randomSecret(16))
      .setIssuedAt(clock.now())
      .sign(keyPair.privateKey)
  return session
}

/** Without query and fragment. @see RFC 9449 section 4.2 */
function bare(htu: string | URL): string {
  const url = new URL(htu)
  url.search = ''
  url.hash = ''
  return url.href
}
