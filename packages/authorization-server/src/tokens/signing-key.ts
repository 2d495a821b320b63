/**
 * One stored signing key: made, encrypted, opened. What is stored never changes but for its encryption and for whether anybody still signs
 * with it, so that many processes can read keys at any time and agree.
 *
 * @see RFC 7517, RFC 7638 (the kid is the thumbprint)
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { ConfigurationError, digest, type KeyRing, randomSecret } from '@fastify-mcp-auth/core'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'
import type { Records, SigningKeyRecord } from '../records.ts'
import type { Algorithm } from './algorithms.ts'
import { localSigner, privateKeyOf, type Signer } from './signer.ts'

/** A stored key in memory, parsed once. */
export interface SigningKey {
  readonly record: SigningKeyRecord
  readonly signer: Signer
  /** For HS256 the secret itself. */
  readonly verificationKey: KeyObject
}

export interface KeyPlace {
  readonly records: Records
  readonly keyRing: KeyRing
  readonly issuer: string
}

/** When a new key begins to sign, and when the ones before it leave the key set. */
export type Validity = Pick<SigningKeyRecord, 'createdAt' | 'activeFrom' | 'previousUntil'>

/**
 * Stores a new key as number `sequence` of its algorithm.
 *
 * @returns its kid, or null when another process has stored that number: then its key counts
 */
export async function storeNewKey(
  { records, keyRing, issuer }: KeyPlace,
  { alg, sequence, validity }: { alg: Algorithm; sequence: number; validity: Validity }
): Promise<string | null> {
  const { publicJwk, privateJwk } = await makeKey(alg)
  const kid = alg === 'HS256' ? randomSecret(16) : await calculateJwkThumbprint(publicJwk)
  const stored = await records.signingKeys.insert(recordKey({ issuer, alg, sequence }), {
    issuer,
    alg,
    sequence,
    kid,
    publicJwk: { ...publicJwk, kid, alg, use: 'sig' },
    privateJwk: keyRing.seal(JSON.stringify(privateJwk), sealContext(kid)),
    ...validity,
    retiresAt: null
  })
  return stored ? kid : null
}

async function makeKey(alg: Algorithm): Promise<{ publicJwk: JWK; privateJwk: JWK }> {
  if (alg === 'HS256') return { publicJwk: { kty: 'oct' }, privateJwk: { kty: 'oct', k: randomSecret(32) } }
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength: 2048 })
  return { publicJwk: await exportJWK(publicKey), privateJwk: await exportJWK(privateKey) }
}

/** @throws ConfigurationError when the encryption keys do not open it */
export function openKey({ keyRing }: KeyPlace, record: SigningKeyRecord): SigningKey {
  const { kid } = record
  const alg = record.alg as Algorithm
  const privateJwk = keyRing.unseal(record.privateJwk, sealContext(kid))
  if (privateJwk === null) {
    throw new ConfigurationError(
      'FST_OAUTH_OPTION',
      'authorization-server: option "encryptionKeys" has no key that decrypts the stored signing key; without the option every start makes a key of its own'
    )
  }
  const key = privateKeyOf(alg, JSON.parse(privateJwk) as JWK)
  return {
    record,
    signer: localSigner({ kid, alg }, key),
    verificationKey: alg === 'HS256' ? key : createPublicKey({ key: record.publicJwk, format: 'jwk' })
  }
}

/** After a rotation of `encryptionKeys` the first process to start does it; whoever comes second finds it done. */
export async function sealAnew(place: KeyPlace, record: SigningKeyRecord): Promise<void> {
  const { records, keyRing } = place
  if (!keyRing.isOutdated(record.privateJwk)) return
  const privateJwk = keyRing.unseal(record.privateJwk, sealContext(record.kid))
  if (privateJwk === null) return
  const sealed = keyRing.seal(privateJwk, sealContext(record.kid))
  await records.signingKeys.update(recordKey(record), { privateJwk: record.privateJwk }, { privateJwk: sealed })
}

/** Of many processes that store the same number one wins. Issuers that share a database have keys of their own. */
export function recordKey({ issuer, alg, sequence }: Pick<SigningKeyRecord, 'issuer' | 'alg' | 'sequence'>): string {
  return `${digest(issuer)}:${alg}:${sequence}`
}

const sealContext = (kid: string): string => `signing key ${kid}`
