/** Key pairs of the test issuer. */
import { type CryptoKey, generateKeyPair } from 'jose'

export interface TestKey {
  readonly algorithm: 'ES256' | 'RS256' | 'EdDSA'
  readonly kid: string
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
}

/** A new pair. Extractable, because tests also need the public half as PEM and as JWK. */
export async function createTestKey(algorithm: TestKey['algorithm'], kid: string): Promise<TestKey> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true })
  return { algorithm, kid, privateKey, publicKey }
}
