/**
 * JWT access tokens of another authorization server, by its published keys.
 *
 * @see RFC 9068 (profile), RFC 7519, RFC 8725 (what goes wrong)
 */
import {
  ASYMMETRIC_ALGORITHMS,
  assertIssuer,
  type Clock,
  ConfigurationError,
  createJwksSource,
  createSafeFetch,
  discoverMetadata,
  type JwksSource,
  OAuthError,
  resolveOptions,
  type SafeFetch,
  systemClock,
  UnavailableError
} from '@fastify-mcp-auth/core'
import { compactVerify } from 'jose'
import { type Static, Type } from 'typebox'
import type { VerifiedToken, Verifier } from '../types.ts'
import { assertClaims, fromClaims } from './claims.ts'

const callable = Type.Function([], Type.Unknown())

const JwtOptionsSchema = Type.Object(
  {
    /** Issuer identifier, exactly as the tokens have it in `iss`: https, or http on a loopback host. */
    issuer: Type.String({ minLength: 1 }),
    /** Where the keys are. Found through the metadata of the issuer when left out. @see RFC 8414 */
    jwksUri: Type.Optional(Type.String({ pattern: '^https?://' })),
    /** Signature algorithms that are accepted; asymmetric ones only. */
    algorithms: Type.Array(Type.String(), {
      default: ['ES256', 'RS256', 'PS256', 'EdDSA'],
      minItems: 1
    }),
    /** Seconds by which the clocks may differ. */
    clockTolerance: Type.Integer({ default: 5, minimum: 0, maximum: 300 }),
    /** Time source, for tests. */
    clock: Type.Optional(Type.Unsafe<Clock>(Type.Object({ now: callable }))),
    /** Fetches metadata and keys. The default takes any address, because the operator chose the issuer, but no redirect and nothing large. */
    fetch: Type.Optional(Type.Unsafe<SafeFetch>(callable))
  },
  { additionalProperties: false }
)
type Resolved = Readonly<Static<typeof JwtOptionsSchema>>

export type JwtOptions = Pick<Resolved, 'issuer'> & Partial<Omit<Resolved, 'issuer'>>

interface JwtVerifier {
  readonly issuer: string
  readonly algorithms: readonly string[]
  readonly clockTolerance: number
  readonly clock: Clock
  readonly keys: JwksSource
}

/**
 * Accepts access tokens of the RFC 9068 profile: `typ` is `at+jwt`, and `iss`, `sub`, `aud`, `exp`, `iat`, `jti`, `client_id` are all
 * there with the right types. ID tokens are refused. Keys are taken from the issuer only, never from the token.
 *
 * Nothing is fetched before the first token. Does not notice a revocation: the token works until its `exp`.
 *
 * @throws ConfigurationError naming the option
 */
export function jwt(input: JwtOptions): Verifier {
  const options = resolveOptions(JwtOptionsSchema, input, 'jwt')
  assertIssuer(options.issuer)
  const wrong = options.algorithms.find(algorithm => !ASYMMETRIC_ALGORITHMS.includes(algorithm))
  if (wrong !== undefined)
    throw new ConfigurationError(
      'FST_OAUTH_OPTION',
      `jwt: option "algorithms": ${JSON.stringify(wrong)} is not one of ${ASYMMETRIC_ALGORITHMS.join(', ')}`
    )
  const verifier: JwtVerifier = {
    issuer: options.issuer,
    algorithms: options.algorithms,
    clockTolerance: options.clockTolerance,
    clock: options.clock ?? systemClock,
    keys: keysOf(options)
  }
  return Object.freeze({
    issuers: Object.freeze([options.issuer]),
    verify: (token: string) => verifyJwt(verifier, token)
  })
}

function keysOf(options: Resolved): JwksSource {
  const fetch = options.fetch ?? createSafeFetch({ addresses: 'any' })
  return createJwksSource({
    uri: options.jwksUri ?? (() => discoverKeys(options.issuer, fetch)),
    fetch,
    algorithms: options.algorithms,
    ...(options.clock ? { clock: options.clock } : {})
  })
}

async function discoverKeys(issuer: string, fetch: SafeFetch): Promise<string> {
  const { jwks_uri } = await discoverMetadata(issuer, fetch)
  if (jwks_uri === undefined) throw new UnavailableError(`the metadata of ${issuer} has no jwks_uri`)
  return jwks_uri
}

/** What is cheap and needs no key comes first: a token of somebody else costs no fetch. */
async function verifyJwt(verifier: JwtVerifier, token: string): Promise<VerifiedToken> {
  const { header, claims } = decode(token)
  const { alg, kid } = assertHeader(header, verifier.algorithms)
  if (claims.iss !== verifier.issuer) throw refused('the token is from another issuer', 'issuer')
  assertAccessToken(header, claims)
  const key = await verifier.keys.key(kid === undefined ? { alg } : { alg, kid })
  await compactVerify(token, key, { algorithms: [alg] }).catch(() => {
    throw refused('the signature of the token is not valid', 'signature')
  })
  assertClaims(claims)
  assertTime(verifier, claims)
  return fromClaims(claims)
}

interface Decoded {
  readonly header: Record<string, unknown>
  readonly claims: Record<string, unknown>
}

// The very text that is decoded here is what the signature is checked over afterwards.
function decode(token: string): Decoded {
  const parts = token.split('.')
  const [header, claims] = parts.slice(0, 2).map(parseObject)
  if (parts.length !== 3 || !header || !claims) throw refused('the token is not a signed JWT', 'not_a_jwt')
  return { header, claims }
}

function parseObject(part: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null
  } catch {
    return null
  }
}

// jwk, jku, x5u and x5c are not even looked at: a token does not get to say which key it is checked with.
function assertHeader(
  header: Record<string, unknown>,
  algorithms: readonly string[]
): { alg: string; kid: string | undefined } {
  const { alg, kid, crit, b64 } = header
  if (typeof alg !== 'string' || !algorithms.includes(alg))
    throw refused('the token is signed with an algorithm that is not accepted', 'algorithm')
  // RFC 7515 section 4.1.11: what is critical has to be understood, and nothing here is.
  if (crit !== undefined || b64 !== undefined) throw refused('the token has critical headers', 'critical_header')
  if (kid !== undefined && typeof kid !== 'string') throw refused('the token has no usable kid', 'kid')
  return { alg, kid }
}

// RFC 9068 section 4: the type keeps other JWTs of the same issuer out, above all ID tokens.
function assertAccessToken(header: Record<string, unknown>, claims: Record<string, unknown>): void {
  const { typ } = header
  if (typeof typ === 'string' && /^(application\/)?at\+jwt$/i.test(typ)) return
  const isIdToken = ['nonce', 'at_hash', 'c_hash', 's_hash'].some(name => name in claims)
  if (isIdToken) throw refused('this is an ID token: send the access token instead', 'id_token')
  throw refused('the token is not an access token of RFC 9068 (typ at+jwt)', 'type')
}

function assertTime({ clock, clockTolerance }: JwtVerifier, claims: { exp: number; nbf?: number }): void {
  const now = clock.now()
  if (claims.exp + clockTolerance <= now) throw refused('the token has expired', 'expired')
  if (claims.nbf !== undefined && claims.nbf - clockTolerance > now) throw refused('the token is not valid yet', 'nbf')
}

function refused(description: string, reason: string): OAuthError {
  return new OAuthError('invalid_token', description, { reason })
}
