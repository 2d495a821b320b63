/**
 * JWT access tokens of other authorization servers, by their published keys.
 *
 * @see RFC 9068 (profile), RFC 7519, RFC 8725 (what goes wrong)
 */
import {
  ASYMMETRIC_ALGORITHMS,
  assertIssuer,
  type Clock,
  ConfigurationError,
  createSafeFetch,
  resolveOptions,
  type SafeFetch,
  systemClock,
  Type
} from '@fastify-mcp-auth/core'
import type { Static } from 'typebox'
import type { Verifier, VerifierEvent } from '../types.ts'
import { createIssuerKeys } from './issuer-keys.ts'
import { type JwtRules, looksLikeOurs, verifyJwt } from './jwt-verifier.ts'
import { createListeners } from './listeners.ts'
import type { ScopeMapper } from './profile.ts'
import { type CacheChoice, createTokenCache } from './token-cache.ts'

const callable = Type.Function([], Type.Unknown())

const TrustedIssuer = Type.Object(
  {
    /** Exactly as the tokens have it in `iss`. */
    issuer: Type.String({ minLength: 1 }),
    /** Where its keys are, if not where its metadata says. */
    jwksUri: Type.Optional(Type.String({ pattern: '^https?://' })),
    /** Its public keys, for an issuer that is not asked. */
    jwks: Type.Optional(Type.Unknown())
  },
  { additionalProperties: false }
)

const JwtOptionsSchema = Type.Object(
  {
    /** Issuer identifier, exactly as the tokens have it in `iss`: https, or http on a loopback host. This or `issuers`. */
    issuer: Type.Optional(Type.String({ minLength: 1 })),
    /** Several of them, each with keys of its own: identifiers, or objects of `issuer` with `jwksUri` or `jwks`. */
    issuers: Type.Optional(Type.Array(Type.Union([Type.String({ minLength: 1 }), TrustedIssuer]), { minItems: 1 })),
    /** Where the keys of `issuer` are. Found through its metadata when left out. @see RFC 8414 */
    jwksUri: Type.Optional(Type.String({ pattern: '^https?://' })),
    /** The public keys of `issuer` as a JWK set. Nothing is fetched then, and nothing is rotated. */
    jwks: Type.Optional(Type.Unknown()),
    /** Signature algorithms that are accepted; asymmetric ones only. */
    algorithms: Type.Array(Type.String(), {
      default: ['ES256', 'RS256', 'PS256', 'EdDSA'],
      minItems: 1
    }),
    /**
     * `rfc9068` takes access tokens of that profile only. `lenient` is for issuers that came before it (Entra, Keycloak, Okta, Auth0,
     * Cognito): `typ` may be `JWT` or missing, the client may be in `azp`, `cid` or `appid`, scopes may be a list and may be in `scp`,
     * `iat` and `jti` may be missing. It refuses what it can recognise as an ID token, and the audience is checked all the same.
     */
    profile: Type.Union([Type.Literal('rfc9068'), Type.Literal('lenient')], { default: 'rfc9068' }),
    /** Seconds by which the clocks may differ. */
    clockTolerance: Type.Integer({ default: 5, minimum: 0, maximum: 300 }),
    /** Names of claims that have to be there besides those of the profile, with any value but null. */
    requiredClaims: Type.Array(Type.String({ minLength: 1 }), { default: [] }),
    /** Reads the scopes out of the claims: from `permissions` or `roles`, or with a prefix taken off. Replaces `scope` and `scp`. */
    mapScopes: Type.Optional(Type.Unsafe<ScopeMapper>(callable)),
    /** Remembers good tokens, so that only the first request with one costs a signature; `false` to verify every time. */
    cache: Type.Optional(Type.Unsafe<CacheChoice>(Type.Unknown())),
    /** Time source, for tests. */
    clock: Type.Optional(Type.Unsafe<Clock>(Type.Object({ now: callable }))),
    /** Fetches metadata and keys. The default takes any address, because the operator chose the issuer, but no redirect and nothing large. */
    fetch: Type.Optional(Type.Unsafe<SafeFetch>(callable))
  },
  { additionalProperties: false }
)
type Resolved = Readonly<Static<typeof JwtOptionsSchema>>

/** What `jwt()` takes; all that has a default may be left out. */
export type JwtOptions = Partial<Resolved>

type TrustedIssuer = Readonly<Static<typeof TrustedIssuer>>

/**
 * Accepts access tokens of the RFC 9068 profile: `typ` is `at+jwt`, and `iss`, `sub`, `aud`, `exp`, `iat`, `jti`, `client_id` are all
 * there with the right types. ID tokens are refused. Keys are taken from the issuer only, never from the token.
 *
 * Fetches the keys when the app listens, or with the first token. Does not notice a revocation: the token works until its `exp`, see the
 * option `isRevoked` of the plugin.
 *
 * @throws ConfigurationError naming the option
 */
export function jwt(input: JwtOptions): Verifier {
  const options = resolveOptions(JwtOptionsSchema, input, 'jwt')
  const trusted = trustedIssuers(options)
  assertAlgorithms(options.algorithms)
  const clock = options.clock ?? systemClock
  const listeners = createListeners<VerifierEvent>()
  const fetch = options.fetch ?? createSafeFetch({ addresses: 'any' })
  const settings = { algorithms: options.algorithms, fetch, clock, tell: listeners.tell }
  const issuers = trusted.map(issuer => createIssuerKeys(issuer, settings))
  const sources = new Map(issuers.map(({ issuer, keys }) => [issuer, keys] as const))
  const rules: JwtRules = {
    keys: sources,
    algorithms: options.algorithms,
    profile: options.profile,
    clockTolerance: options.clockTolerance,
    requiredClaims: options.requiredClaims,
    mapScopes: options.mapScopes,
    clock,
    cache: createTokenCache(options.cache, clock, 'jwt'),
    headers: new Map()
  }
  return Object.freeze({
    issuers: Object.freeze([...sources.keys()]),
    checksSyntax: true,
    verify: (token: string) => verifyJwt(rules, token),
    accepts: (token: string) => looksLikeOurs(rules, token),
    observe: listeners.add,
    async prepare() {
      await Promise.all([...sources.values()].map(source => source.prefetch()))
    },
    health: () => issuers.flatMap(one => one.health())
  })
}

function trustedIssuers({ issuer, issuers, jwksUri, jwks }: Resolved): TrustedIssuer[] {
  if ((issuer === undefined) === (issuers === undefined))
    throw wrong('"issuer" is missing: give it, or "issuers", and not both')
  if (issuers && (jwksUri !== undefined || jwks !== undefined))
    throw wrong('"jwksUri" and "jwks" belong to one issuer: put them into the members of "issuers"')
  const single = { issuer, ...(jwksUri === undefined ? {} : { jwksUri }), ...(jwks === undefined ? {} : { jwks }) }
  const trusted = issuers?.map(one => (typeof one === 'string' ? { issuer: one } : one)) ?? [single as TrustedIssuer]
  for (const one of trusted) {
    assertIssuer(one.issuer, issuers ? 'issuers' : 'issuer')
    if (one.jwksUri !== undefined && one.jwks !== undefined) throw wrong('"jwks" and "jwksUri" exclude each other')
  }
  if (new Set(trusted.map(one => one.issuer)).size !== trusted.length)
    throw wrong('"issuers" names the same issuer twice')
  return trusted
}

function assertAlgorithms(algorithms: readonly string[]): void {
  const bad = algorithms.find(algorithm => !ASYMMETRIC_ALGORITHMS.includes(algorithm))
  if (bad !== undefined)
    throw wrong(`"algorithms": ${JSON.stringify(bad)} is not one of ${ASYMMETRIC_ALGORITHMS.join(', ')}`)
}

function wrong(what: string): ConfigurationError {
  return new ConfigurationError('FST_OAUTH_OPTION', `jwt: option ${what}`)
}
