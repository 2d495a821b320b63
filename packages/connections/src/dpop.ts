/** Keys that tokens are bound to: one for each connection, sealed with its token. @see RFC 9449 */
import { type DpopKeyPair, DpopSession } from '@modelcontextprotocol/client'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK } from 'jose'
import { LRUCache } from 'lru-cache'
import type { Discovered } from './discovery.ts'
import type { ServerDefinition } from './options.ts'
import type { Credential } from './seal.ts'

type DpopKey = NonNullable<Credential['dpopKey']>

// The nonce of a server is worth keeping; it is no secret and belongs to nobody.
const sessions = new LRUCache<string, Promise<DpopSession>>({ max: 1000 })

/** A new key where the options want one and the server can check it. */
export async function newDpopKey({ oauth }: ServerDefinition, { metadata }: Discovered): Promise<DpopKey | null> {
  const algorithms = metadata['dpop_signing_alg_values_supported']
  if (!oauth?.dpop || !Array.isArray(algorithms) || !algorithms.includes('ES256')) return null
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  return { alg: 'ES256', privateJwk: await exportJWK(privateKey), publicJwk: await exportJWK(publicKey) }
}

/** Makes proofs by that key; remembers the nonces of its servers while the process runs. */
export async function dpopSession(key: DpopKey): Promise<DpopSession> {
  const thumbprint = await calculateJwkThumbprint(key.publicJwk)
  let session = sessions.get(thumbprint)
  if (!session) {
    session = openSession(key, thumbprint)
    sessions.set(thumbprint, session)
  }
  return session
}

async function openSession(key: DpopKey, thumbprint: string): Promise<DpopSession> {
  const [privateKey, publicKey] = await Promise.all([
    importJWK(key.privateJwk, key.alg),
    importJWK(key.publicJwk, key.alg)
  ])
  const keyPair = { alg: key.alg, privateKey, publicKey, publicJwk: key.publicJwk, thumbprint } as DpopKeyPair
  return DpopSession.create({ keyPair })
}
