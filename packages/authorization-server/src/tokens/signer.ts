/**
 * Something that signs: a key of this server, or one that never leaves a key management service.
 *
 * @see RFC 7515 section 7.1 (compact serialization)
 */
import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import { ConfigurationError, UnavailableError } from '@fastify-mcp-auth/core'
import { calculateJwkThumbprint, type JWK } from 'jose'
import type { ExternalSigner } from '../types.ts'
import { type Algorithm, isSignature, signBytes } from './algorithms.ts'

export interface Signer {
  readonly kid: string
  readonly alg: Algorithm
  /** @returns the signature; a promise only where the key is somewhere else */
  sign(data: Buffer): Buffer | Promise<Buffer>
}

/** Makes a token. @param typ what kind of token it is, so that no kind can be taken for another (RFC 8725 section 3.11) */
export async function signJwt(signer: Signer, typ: string, claims: object): Promise<string> {
  const content = `${headerOf(signer, typ)}.${encoded(claims)}`
  const signature = await signer.sign(Buffer.from(content, 'latin1'))
  return `${content}.${signature.toString('base64url')}`
}

/** The same for every token of a kind. */
const headers = new WeakMap<Signer, Map<string, string>>()

function headerOf(signer: Signer, typ: string): string {
  const known = headers.get(signer) ?? new Map<string, string>()
  const header = known.get(typ) ?? encoded({ alg: signer.alg, typ, kid: signer.kid })
  headers.set(signer, known.set(typ, header))
  return header
}

const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')

/** The key that is read once and used for every signature. */
export function privateKeyOf(alg: Algorithm, jwk: JWK): KeyObject {
  return alg === 'HS256'
    ? createSecretKey(Buffer.from(String(jwk['k']), 'base64url'))
    : createPrivateKey({ key: jwk as Record<string, unknown>, format: 'jwk' })
}

export function localSigner({ kid, alg }: { kid: string; alg: Algorithm }, key: KeyObject): Signer {
  return { kid, alg, sign: data => signBytes(alg, key, data) }
}

/** Milliseconds that an external signer has for one signature. */
const TIMEOUT = 5000

/** A signer of the options, ready to be used and published. */
export interface ReadyExternalSigner extends Signer {
  readonly publicJwk: JWK
  readonly publicKey: KeyObject
}

/**
 * Lets it sign once, so that a signature in another format, or a public key that is not its own, is noticed at boot.
 *
 * @throws ConfigurationError naming the option; UnavailableError when it does not answer
 */
export async function readExternalSigner(given: ExternalSigner): Promise<ReadyExternalSigner> {
  const alg = given.algorithm
  const publicKey = readPublicKey(given)
  const members = publicKey.export({ format: 'jwk' }) as JWK
  const kid =
    typeof given.publicJwk['kid'] === 'string' ? given.publicJwk['kid'] : await calculateJwkThumbprint(members)
  const signer = { kid, alg, sign: (data: Buffer) => signOutside(given, data) }
  const data = Buffer.from('fastify-mcp-auth checks its signer')
  if (!isSignature(alg, publicKey, { data, signature: await signer.sign(data) }))
    throw wrong(`makes signatures that are not ${alg} of its publicJwk (ES256: r and s, 32 bytes each)`)
  return { ...signer, publicKey, publicJwk: { ...members, kid, alg, use: 'sig' } }
}

/** The one curve of ES256, as OpenSSL calls it. */
const P256 = 'prime256v1'

const KEY_TYPES: Record<ExternalSigner['algorithm'], string> = {
  ES256: 'ec',
  RS256: 'rsa',
  PS256: 'rsa',
  EdDSA: 'ed25519'
}

function readPublicKey({ algorithm, publicJwk }: ExternalSigner): KeyObject {
  // Whoever hands over a private key has not understood what will be published.
  if (['d', 'p', 'q', 'k'].some(member => Object.hasOwn(publicJwk, member)))
    throw wrong('has a private key in publicJwk')
  try {
    const key = createPublicKey({ key: publicJwk as Record<string, unknown>, format: 'jwk' })
    const { modulusLength = 2048, namedCurve = P256 } = key.asymmetricKeyDetails ?? {}
    if (key.asymmetricKeyType === KEY_TYPES[algorithm] && modulusLength >= 2048 && namedCurve === P256) return key
  } catch {
    // Said below.
  }
  throw wrong(`needs a publicJwk for ${algorithm}`)
}

function wrong(why: string): ConfigurationError {
  return new ConfigurationError('FST_OAUTH_OPTION', `authorization-server: option "signers" ${why}`)
}

async function signOutside(signer: ExternalSigner, data: Buffer): Promise<Buffer> {
  const signal = AbortSignal.timeout(TIMEOUT)
  const timedOut = new Promise<never>((_resolve, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  )
  try {
    return Buffer.from(await Promise.race([signer.sign(data, { signal }), timedOut]))
  } catch (cause) {
    throw new UnavailableError('the external signer did not sign', { cause })
  }
}
