/**
 * A signed assertion, whoever made it: for this server alone, short-lived, and with a name of its own by which it can be used up.
 *
 * @see RFC 7523 section 3, RFC 8725 section 3
 */
import { ASYMMETRIC_ALGORITHMS, digest, isOAuthError, type JwksSource, type OAuthError } from '@fastify-mcp-auth/core'
import { errors, type JWTPayload, type JWTVerifyResult, jwtVerify } from 'jose'
import type { ServerContext } from '../context.ts'

/** Seconds from `iat` (or now) to `exp`: what has to be remembered, and how long a stolen one is worth something. */
const MAX_LIFETIME = 3600

/** Seconds by which clocks may differ. */
const SKEW = 30

const MAX_JTI_LENGTH = 255

/** The answer for an assertion that is no good, with a stable word for the log. */
export type Refusal = (reason: string, cause?: unknown) => OAuthError

export interface AssertionRules {
  readonly keys: JwksSource
  readonly issuer: string
  /** The only algorithm that it may be signed with; every asymmetric one when left out. */
  readonly algorithm?: string | null
  /** The names of this server that it may be made for. */
  readonly audiences: readonly string[]
  /** What the `typ` of its header may be, if it has one; the empty text stands for one that has none. */
  readonly type: RegExp
  /** Claims that have to be there besides `iss`, `exp` and `jti`. */
  readonly claims?: readonly string[]
  readonly refused: Refusal
}

/**
 * Verifies everything but whether it was used before: {@link useOnce} is for the very end.
 *
 * @throws OAuthError as `refused` makes it
 * @throws UnavailableError when the keys cannot be had
 */
export async function readAssertion(
  server: ServerContext,
  assertion: string,
  rules: AssertionRules
): Promise<JWTPayload> {
  const now = server.clock.now()
  const { payload: claims, protectedHeader } = await verifySignature(assertion, rules, now)
  // RFC 7797 section 7: a JWT never changes how it is encoded.
  if ('b64' in protectedHeader) throw rules.refused('assertion_encoding')
  // RFC 8725 section 3.11: one that was made for another purpose proves nothing here.
  if (!rules.type.test(protectedHeader.typ ?? '')) throw rules.refused('assertion_type_differs')
  assertAudience(claims, rules)
  assertLifetime(claims, rules, now)
  const { jti } = claims
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_LENGTH) throw rules.refused('assertion_jti')
  return claims
}

async function verifySignature(assertion: string, rules: AssertionRules, now: number): Promise<JWTVerifyResult> {
  const { keys, issuer, algorithm = null, claims = [], refused } = rules
  try {
    return await jwtVerify(assertion, header => keys.key(header), {
      issuer,
      algorithms: ASYMMETRIC_ALGORITHMS.filter(known => algorithm === null || known === algorithm),
      requiredClaims: ['exp', 'jti', ...claims],
      clockTolerance: SKEW,
      currentDate: new Date(now * 1000)
    })
  } catch (error) {
    // A key that is not there is a verdict about the assertion; keys that cannot be had are an outage, and pass.
    if (isOAuthError(error) || error instanceof errors.JOSEError) throw refused('assertion_refused', error)
    throw error
  }
}

// One audience, and it is us: an assertion for several servers could be used at one by another. Compared character by character.
function assertAudience({ aud }: JWTPayload, { audiences, refused }: AssertionRules): void {
  const [only, ...others] = [aud].flat()
  if (only === undefined || others.length > 0 || !audiences.includes(only)) throw refused('assertion_audience')
}

function assertLifetime({ exp = 0, iat }: JWTPayload, { refused }: AssertionRules, now: number): void {
  if (iat !== undefined && iat > now + SKEW) throw refused('assertion_from_the_future')
  if (exp - Math.min(iat ?? now, now) > MAX_LIFETIME + SKEW) throw refused('assertion_lifetime')
}

/**
 * Uses the name of an assertion up, for every process, until it would have expired anyway. Last, so that only who made it can do that.
 *
 * @param maker what its `jti` is unique for
 * @throws OAuthError when somebody was faster
 * @throws UnavailableError
 */
export async function useOnce(
  server: ServerContext,
  { jti, exp = 0 }: JWTPayload,
  { maker, refused }: { maker: readonly string[]; refused: Refusal }
): Promise<void> {
  const key = digest(JSON.stringify([...maker, jti]))
  const isFirst = await server.records.clientAssertions.insert(key, { expiresAt: Math.ceil(exp) + SKEW + 1 })
  if (!isFirst) throw refused('assertion_replayed')
}
