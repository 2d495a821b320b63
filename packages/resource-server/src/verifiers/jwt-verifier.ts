/**
 * The steps that all JWTs go through, whatever their key is: what is cheap and needs no key comes first, so a token of somebody else
 * costs nothing.
 */
import { type KeyObject, KeyObject as NodeKey } from 'node:crypto'
import type { Clock, JwksSource } from '@fastify-mcp-auth/core'
import type { VerifiedToken } from '../types.ts'
import { sealOwnToken } from '../verified-token.ts'
import { assertAccessToken, type Profile, readClaims, type ScopeMapper } from './profile.ts'
import { isSignedBy } from './signature.ts'
import { assertHeader, type JoseHeader, peek, readSignedToken, refused, type SignedToken } from './signed-token.ts'
import type { TokenCache } from './token-cache.ts'

/** Where the keys of one issuer are. */
export type Keys = Pick<JwksSource, 'key' | 'known' | 'generation'>

export interface JwtRules {
  /** By issuer. A token is never checked with the key of another one. */
  readonly keys: ReadonlyMap<string, Keys>
  readonly algorithms: readonly string[]
  readonly profile: Profile
  /** Seconds. */
  readonly clockTolerance: number
  readonly requiredClaims: readonly string[]
  readonly mapScopes: ScopeMapper | undefined
  readonly clock: Clock
  readonly cache: TokenCache | null
  /** Headers of good tokens, decoded: an issuer writes the same few again and again. */
  readonly headers: Map<string, JoseHeader>
}

/** Headers that are kept. More than any issuer has keys; an issuer that writes each one anew gains nothing and loses nothing. */
const MAX_HEADERS = 100

/**
 * Answers without a promise when the token or its key is known.
 *
 * @throws OAuthError `invalid_token`
 * @throws UnavailableError when the key cannot be had
 */
export function verifyJwt(rules: JwtRules, token: string): VerifiedToken | Promise<VerifiedToken> {
  const hit = rules.cache?.find(token)
  if (hit) return hit
  const signed = readSignedToken(token, rules.headers)
  const header = assertHeader(signed.header, rules.algorithms)
  const keys = keysOf(rules, signed.claims['iss'])
  assertAccessToken(signed, rules.profile)
  const key = keys.known(header)
  if (key) {
    const verified = check(rules, { signed, alg: header.alg, key })
    // Not before: strangers must not be able to fill the memory.
    if (rules.headers.size < MAX_HEADERS && !rules.headers.has(signed.encodedHeader))
      // A copy: as a part of the token it would keep all of it in memory.
      rules.headers.set(Buffer.from(signed.encodedHeader).toString(), signed.header)
    return remember(rules, { token, keys, verified })
  }
  // Not remembered: the set may have changed between the look-up and the end of it. The next time the key is known.
  return keys.key(header).then(found => check(rules, { signed, alg: header.alg, key: NodeKey.from(found) }))
}

/** Whether a token says that it is from one of the issuers, signed in a way that is accepted. Proves nothing. */
export function looksLikeOurs({ keys, algorithms }: Pick<JwtRules, 'keys' | 'algorithms'>, token: string): boolean {
  const seen = peek(token)
  return seen !== null && keys.has(seen.iss as string) && algorithms.includes(seen.alg as string)
}

// `iss` is what the map is asked for, so an array or an object is no issuer.
function keysOf({ keys }: JwtRules, iss: unknown): Keys {
  const found = keys.get(iss as string)
  if (!found) throw refused('the token is from another issuer', 'issuer')
  return found
}

function check(
  rules: JwtRules,
  { signed, alg, key }: { signed: SignedToken; alg: string; key: KeyObject }
): VerifiedToken {
  const { content, signature, claims } = signed
  if (!isSignedBy(key, { alg, content, signature }))
    throw refused('the signature of the token is not valid', 'signature')
  const verified = readClaims(claims, rules.profile, rules.mapScopes)
  assertTime(rules, claims)
  for (const claim of rules.requiredClaims)
    if (!Object.hasOwn(claims, claim) || claims[claim] === null)
      throw refused(`the token has no claim ${claim}`, 'required_claim')
  return sealOwnToken(verified)
}

function remember(
  { cache, clockTolerance }: JwtRules,
  { token, keys, verified }: { token: string; keys: Keys; verified: VerifiedToken }
): VerifiedToken {
  if (!cache || verified.expiresAt === null) return verified
  return cache.addReturning(token, verified, { until: verified.expiresAt + clockTolerance, keys })
}

// Their types have been checked with the other claims.
function assertTime({ clock, clockTolerance }: JwtRules, { exp, nbf }: SignedToken['claims']): void {
  const now = clock.now()
  if (Number(exp) + clockTolerance <= now) throw refused('the token has expired', 'expired')
  // Without nbf this compares with NaN, which is never more.
  if (Number(nbf) - clockTolerance > now) throw refused('the token is not valid yet', 'nbf')
}
