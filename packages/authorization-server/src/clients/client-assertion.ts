/**
 * `private_key_jwt`: the client proves itself by a short-lived JWT that it signed for this server, good for one request.
 *
 * @see RFC 7523 sections 2.2 and 3, OpenID Connect Core section 9
 */
import { ASYMMETRIC_ALGORITHMS, digest, isOAuthError, type JwksSource, OAuthError } from '@fastify-mcp-auth/core'
import { decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose'
import type { ServerContext } from '../context.ts'
import type { Client } from './client.ts'

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** Seconds from `iat` (or now) to `exp`: what has to be remembered, and how long a stolen one is worth something. */
const MAX_LIFETIME = 3600

/** Seconds by which clocks may differ. */
const SKEW = 30

const MAX_JTI_LENGTH = 255

function invalidClient(reason: string, cause?: unknown): OAuthError {
  return new OAuthError('invalid_client', 'client is unknown or not authenticated', { reason, cause })
}

/** Who an assertion is from, before anything is verified: good for nothing but finding the keys. */
export function claimedClientId(assertion: string): string {
  try {
    const { sub } = decodeJwt(assertion)
    if (typeof sub === 'string' && sub !== '') return sub
  } catch {
    // Falls through to the same answer.
  }
  throw invalidClient('assertion_malformed')
}

/**
 * @param audiences the names of this server that an assertion may be made for
 * @throws OAuthError `invalid_client` for anything but a fresh assertion of this client that was not seen before
 * @throws UnavailableError when the client's keys or the storage cannot be had
 */
export async function verifyClientAssertion(
  server: ServerContext,
  { client, assertion, audiences }: { client: Client; assertion: string; audiences: readonly string[] }
): Promise<void> {
  if (!client.keys) throw invalidClient('no_keys')
  const claims = await verifySignature(server, { client, assertion, keys: server.clientKeys(client.keys) })
  assertAudience(claims, audiences)
  assertLifetime(claims, server.clock.now())
  await useOnce(server, client, claims)
}

async function verifySignature(
  server: ServerContext,
  { client, assertion, keys }: { client: Client; assertion: string; keys: JwksSource }
): Promise<JWTPayload> {
  const alg = client.keys?.alg ?? null
  try {
    const { payload, protectedHeader } = await jwtVerify(assertion, header => keys.key(header), {
      issuer: client.clientId,
      subject: client.clientId,
      algorithms: ASYMMETRIC_ALGORITHMS.filter(known => alg === null || known === alg),
      requiredClaims: ['exp', 'jti'],
      clockTolerance: SKEW,
      currentDate: new Date(server.clock.now() * 1000)
    })
    assertType(protectedHeader.typ)
    return payload
  } catch (error) {
    // A key that is not there is a verdict about the assertion; keys that cannot be had are an outage, and pass.
    if (isOAuthError(error) || error instanceof errors.JOSEError) throw invalidClient('assertion_refused', error)
    throw error
  }
}

// RFC 8725 section 3.11: a JWT that was made for another purpose is no client authentication.
function assertType(typ: string | undefined): void {
  if (typ !== undefined && !/^(?:application\/)?(?:jwt|client-authentication\+jwt)$/i.test(typ))
    throw invalidClient('assertion_type_differs')
}

// One audience, and it is us: an assertion for several servers could be used at one by another. Compared character by character.
function assertAudience({ aud }: JWTPayload, audiences: readonly string[]): void {
  const [only, ...others] = [aud].flat()
  if (only === undefined || others.length > 0 || !audiences.includes(only)) throw invalidClient('assertion_audience')
}

function assertLifetime({ exp = 0, iat }: JWTPayload, now: number): void {
  if (iat !== undefined && iat > now + SKEW) throw invalidClient('assertion_from_the_future')
  if (exp - Math.min(iat ?? now, now) > MAX_LIFETIME + SKEW) throw invalidClient('assertion_lifetime')
}

/** Last, so that only the client itself can use a `jti` up. */
async function useOnce(server: ServerContext, client: Client, { jti, exp = 0 }: JWTPayload): Promise<void> {
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_LENGTH) throw invalidClient('assertion_jti')
  const key = digest(JSON.stringify([client.clientId, jti]))
  const isFirst = await server.records.clientAssertions.insert(key, { expiresAt: Math.ceil(exp) + SKEW + 1 })
  if (!isFirst) throw invalidClient('assertion_replayed')
}
