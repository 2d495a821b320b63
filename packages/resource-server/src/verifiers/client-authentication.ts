/**
 * How this server shows at an endpoint of the issuer that it may ask there.
 *
 * @see RFC 6749 section 2.3.1, RFC 7523 section 2.2
 */
import { createPrivateKey, type JsonWebKeyInput, type KeyObject } from 'node:crypto'
import { type Clock, ConfigurationError, randomSecret } from '@fastify-mcp-auth/core'

export interface SecretClient {
  readonly id: string
  readonly secret: string
  /** `client_secret_basic` when left out. */
  readonly method?: 'client_secret_basic' | 'client_secret_post'
}

/** `private_key_jwt`: nothing that could be stolen goes over the wire. */
export interface KeyClient {
  readonly id: string
  /** Private key: PEM (PKCS 8), a JWK, or a `KeyObject`. */
  readonly key: string | JsonWebKeyInput['key'] | KeyObject
  /** By the kind of key when left out: ES256, ES384, ES512, RS256, EdDSA. */
  readonly algorithm?: string
  readonly kid?: string
}

/** As whom the endpoint is asked: with a secret, or with a key that signs. */
export type IntrospectionClient = SecretClient | KeyClient

/** What goes along with a request. */
export interface Credentials {
  readonly headers: Record<string, string>
  readonly parameters: Record<string, string>
}

/**
 * @param audience whom an assertion is for: the issuer
 * @throws ConfigurationError naming what is wrong with the client
 */
export function createClientAuthentication(
  client: IntrospectionClient,
  { audience, clock }: { audience: string; clock: Clock }
): () => Promise<Credentials> {
  if (typeof client?.id !== 'string' || client.id === '') throw wrong('needs an "id"')
  assertMembers(client)
  if ('key' in client) return privateKeyJwt(client, { audience, clock })
  const { id, secret, method = 'client_secret_basic' } = client
  if (typeof secret !== 'string' || secret === '') throw wrong('needs a "secret" or a "key"')
  if (method === 'client_secret_post')
    return async () => ({ headers: {}, parameters: { client_id: id, client_secret: secret } })
  if (method !== 'client_secret_basic') throw wrong('has a "method" that is not known')
  // RFC 6749 section 2.3.1: both are form-encoded before they are joined, so a colon in the id cannot move the border.
  const basic = Buffer.from(`${formEncode(id)}:${formEncode(secret)}`).toString('base64')
  return async () => ({ headers: { authorization: `Basic ${basic}` }, parameters: {} })
}

// A misspelt member would be left out without a word, and another method used than was meant.
function assertMembers(client: IntrospectionClient): void {
  const known = 'key' in client ? ['id', 'key', 'algorithm', 'kid'] : ['id', 'secret', 'method']
  const unknown = Object.keys(client).find(member => !known.includes(member))
  if (unknown !== undefined) throw wrong(`has a member that does not go with the others: ${JSON.stringify(unknown)}`)
}

function formEncode(value: string): string {
  return new URLSearchParams({ v: value }).toString().slice(2)
}

function privateKeyJwt(
  { id, key: input, algorithm, kid }: KeyClient,
  { audience, clock }: { audience: string; clock: Clock }
): () => Promise<Credentials> {
  const key = privateKey(input)
  const fitting = algorithmsOf(key)
  const alg = algorithm ?? fitting[0]
  if (alg === undefined || !fitting.includes(alg)) throw wrong('has a "key" that cannot sign with its "algorithm"')
  return async () => {
    const { SignJWT } = await import('jose/jwt/sign')
    const now = clock.now()
    const assertion = await new SignJWT({
      iss: id,
      sub: id,
      aud: audience,
      jti: randomSecret(16),
      iat: now,
      exp: now + 60
    })
      .setProtectedHeader(kid === undefined ? { alg } : { alg, kid })
      .sign(key)
    return {
      headers: {},
      parameters: {
        client_id: id,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion
      }
    }
  }
}

function privateKey(input: KeyClient['key']): KeyObject {
  try {
    if (typeof input === 'string') return createPrivateKey(input)
    const key =
      'type' in input ? (input as KeyObject) : createPrivateKey({ key: input as JsonWebKeyInput['key'], format: 'jwk' })
    if (key.type === 'private') return key
  } catch {
    // Nothing of the key may get into a message.
  }
  throw wrong('has a "key" that is not a private key')
}

/** What a key can sign with, the usual one first. */
function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): readonly string[] {
  const { modulusLength = 0, namedCurve } = asymmetricKeyDetails ?? {}
  if (asymmetricKeyType === 'ed25519') return ['EdDSA', 'Ed25519']
  // RFC 7518 section 3.3: at least 2048 bits.
  if (asymmetricKeyType === 'rsa' && modulusLength >= 2048) return 'RS256 RS384 RS512 PS256 PS384 PS512'.split(' ')
  return CURVES.get(namedCurve ?? '') ?? []
}

const CURVES: ReadonlyMap<string, readonly string[]> = new Map([
  ['prime256v1', ['ES256']],
  ['secp384r1', ['ES384']],
  ['secp521r1', ['ES512']]
])

function wrong(what: string): ConfigurationError {
  return new ConfigurationError('FST_OAUTH_OPTION', `introspection: option "client" ${what}`)
}
