/**
 * JWT access tokens signed with a secret that the issuer and this server share. Kept apart from published keys: neither kind of key can
 * be taken for the other.
 *
 * @see RFC 7518 section 3.2, RFC 8725 sections 2.1 and 3.5
 */
import { createSecretKey } from 'node:crypto'
import {
  assertIssuer,
  type Clock,
  ConfigurationError,
  OAuthError,
  resolveOptions,
  systemClock,
  Type
} from '@fastify-mcp-auth/core'
import type { Static } from 'typebox'
import type { Verifier } from '../types.ts'
import { type JwtRules, type Keys, looksLikeOurs, verifyJwt } from './jwt-verifier.ts'
import type { ScopeMapper } from './profile.ts'
import { looksLikeKey } from './shared-secret.ts'
import { type CacheChoice, createTokenCache } from './token-cache.ts'

const callable = Type.Function([], Type.Unknown())

const HmacOptionsSchema = Type.Object(
  {
    /** Issuer identifier, exactly as the tokens have it in `iss`: https, or http on a loopback host. */
    issuer: Type.String({ minLength: 1 }),
    /** The shared secret, as text (its UTF-8 bytes count) or bytes: at least 32 of them, 48 for HS384, 64 for HS512. A key is refused. */
    secret: Type.Unsafe<string | Uint8Array>(Type.Unknown()),
    /** HS256, HS384, HS512. */
    algorithms: Type.Array(Type.Union([Type.Literal('HS256'), Type.Literal('HS384'), Type.Literal('HS512')]), {
      default: ['HS256'],
      minItems: 1
    }),
    /** As for `jwt()`. */
    profile: Type.Union([Type.Literal('rfc9068'), Type.Literal('lenient')], { default: 'rfc9068' }),
    /** Seconds by which the clocks may differ. */
    clockTolerance: Type.Integer({ default: 5, minimum: 0, maximum: 300 }),
    /** Names of claims that have to be there besides those of the profile, with any value but null. */
    requiredClaims: Type.Array(Type.String({ minLength: 1 }), { default: [] }),
    /** As for `jwt()`. */
    mapScopes: Type.Optional(Type.Unsafe<ScopeMapper>(callable)),
    /** Remembers good tokens; `false` to verify every time. */
    cache: Type.Optional(Type.Unsafe<CacheChoice>(Type.Unknown())),
    /** Time source, for tests. */
    clock: Type.Optional(Type.Unsafe<Clock>(Type.Object({ now: callable })))
  },
  { additionalProperties: false }
)
type Resolved = Readonly<Static<typeof HmacOptionsSchema>>

/** What `hmac()` takes; all that has a default may be left out. */
export type HmacOptions = Pick<Resolved, 'issuer' | 'secret'> & Partial<Omit<Resolved, 'issuer' | 'secret'>>

/**
 * Whoever can check these tokens can also make them: prefer `jwt()` where there is a choice.
 *
 * @throws ConfigurationError naming the option; for a secret that is too short, or is a key, a key set or a certificate
 */
export function hmac(input: HmacOptions): Verifier {
  const options = resolveOptions(HmacOptionsSchema, input, 'hmac')
  assertIssuer(options.issuer)
  const clock = options.clock ?? systemClock
  const rules: JwtRules = {
    keys: new Map([[options.issuer, keysOf(input.secret, options.algorithms)]]),
    algorithms: options.algorithms,
    profile: options.profile,
    clockTolerance: options.clockTolerance,
    requiredClaims: options.requiredClaims,
    mapScopes: options.mapScopes,
    clock,
    cache: createTokenCache(options.cache, clock, 'hmac'),
    headers: new Map()
  }
  return Object.freeze({
    issuers: Object.freeze([options.issuer]),
    checksSyntax: true,
    verify: (token: string) => verifyJwt(rules, token),
    accepts: (token: string) => looksLikeOurs(rules, token)
  })
}

function keysOf(secret: unknown, algorithms: readonly string[]): Keys {
  const bytes = bytesOf(secret)
  const needed = Math.max(...algorithms.map(algorithm => Number(algorithm.slice(2)) / 8))
  if (bytes.length < needed) throw wrong(`must have at least ${needed} bytes for ${algorithms.join(', ')}`)
  if (new Set(bytes).size === 1) throw wrong('is a placeholder, not random')
  if (looksLikeKey(bytes))
    throw wrong('is a key, a key set or a certificate, which others may have: use jwt() for those')
  const key = createSecretKey(bytes)
  return {
    known: () => key,
    generation: () => 0,
    // Never asked, because the key is always known.
    key: () => Promise.reject(new OAuthError('invalid_token', 'the token is signed with an unknown key'))
  }
}

function bytesOf(secret: unknown): Buffer {
  if (typeof secret === 'string') return Buffer.from(secret)
  if (secret instanceof Uint8Array) return Buffer.from(secret)
  throw wrong('must be text or bytes')
}

// Never with the value: it ends up in logs.
function wrong(why: string): ConfigurationError {
  return new ConfigurationError('FST_OAUTH_OPTION', `hmac: option "secret" ${why}`)
}
