/**
 * The keys that sign access tokens: made once, kept encrypted, shared by all processes.
 *
 * @see RFC 7517, RFC 7638 (the kid is the thumbprint)
 */
import { type Clock, ConfigurationError, type KeyRing, OAuthError } from '@fastify-mcp-auth/core'
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose'
import type { Events } from '../events.ts'
import type { Records, SigningKeyRecord } from '../records.ts'

const ALG = 'ES256'

export interface SigningKeys {
  readonly current: { readonly kid: string; readonly alg: string; readonly privateKey: CryptoKey }
  /** Document of `jwks_uri`. Public members only. */
  readonly jwks: { readonly keys: readonly JWK[] }
  /** @throws OAuthError `invalid_token` for a key that is not ours */
  publicKey(kid: string | undefined, alg: string): CryptoKey
}

/**
 * Loads the key, or makes it. Of many processes that start together on an empty storage one wins the insert; the others read
 * what it wrote.
 *
 * @throws ConfigurationError when the stored key cannot be decrypted with the given encryption keys
 */
export async function loadSigningKeys({
  records,
  keyRing,
  clock,
  emit
}: {
  records: Records
  keyRing: KeyRing
  clock: Clock
  emit: Events['emit']
}): Promise<SigningKeys> {
  const stored = (await firstKey(records)) ?? (await makeKey(records, { keyRing, clock, emit }))
  const privateJwk = keyRing.unseal(stored.privateJwk, sealContext(stored.kid))
  if (privateJwk === null) {
    throw new ConfigurationError(
      'FST_OAUTH_OPTION',
      'authorization-server: option "encryptionKeys" has no key that decrypts the stored signing key; without the option every start makes a key of its own'
    )
  }
  if (keyRing.isOutdated(stored.privateJwk)) await sealAnew(records, { stored, privateJwk, keyRing })
  const privateKey = (await importJWK(JSON.parse(privateJwk) as JWK, ALG)) as CryptoKey
  const publicKey = (await importJWK(stored.publicJwk as JWK, ALG)) as CryptoKey
  return {
    current: { kid: stored.kid, alg: ALG, privateKey },
    jwks: { keys: [stored.publicJwk as JWK] },
    publicKey(kid, alg) {
      if (kid === stored.kid && alg === ALG) return publicKey
      throw new OAuthError('invalid_token', 'the token was signed with another key', { reason: 'unknown_key' })
    }
  }
}

// After a rotation of `encryptionKeys` the first process to start does it; whoever comes second finds it done.
async function sealAnew(
  records: Records,
  { stored, privateJwk, keyRing }: { stored: SigningKeyRecord; privateJwk: string; keyRing: KeyRing }
): Promise<void> {
  const sealed = keyRing.seal(privateJwk, sealContext(stored.kid))
  await records.signingKeys.update(`${ALG}:1`, { privateJwk: stored.privateJwk }, { privateJwk: sealed })
}

async function firstKey(records: Records): Promise<SigningKeyRecord | null> {
  return records.signingKeys.get(`${ALG}:1`)
}

async function makeKey(
  records: Records,
  { keyRing, clock, emit }: { keyRing: KeyRing; clock: Clock; emit: Events['emit'] }
): Promise<SigningKeyRecord> {
  const pair = await generateKeyPair(ALG, { extractable: true })
  const publicJwk = await exportJWK(pair.publicKey)
  const kid = await calculateJwkThumbprint(publicJwk)
  const record: SigningKeyRecord = {
    alg: ALG,
    kid,
    publicJwk: { ...publicJwk, kid, alg: ALG, use: 'sig' },
    privateJwk: keyRing.seal(JSON.stringify(await exportJWK(pair.privateKey)), sealContext(kid)),
    createdAt: clock.now()
  }
  if (await records.signingKeys.insert(`${ALG}:1`, record)) {
    emit('key.created', { kid, alg: ALG })
    return record
  }
  return (await firstKey(records)) ?? record
}

const sealContext = (kid: string): string => `signing key ${kid}`
