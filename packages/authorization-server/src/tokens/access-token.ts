/**
 * JWT access tokens: signed here, and checked here for resource servers in the same process.
 *
 * @see RFC 9068 sections 2 and 4
 */
import { AccessTokenClaims, formatScope, OAuthError, randomSecret } from '@fastify-mcp-auth/core'
import { errors, jwtVerify } from 'jose'
import { Compile } from 'typebox/compile'
import type { ServerContext } from '../context.ts'
import { isLive } from '../grants/lifecycle.ts'
import type { GrantRecord } from '../records.ts'
import { PUBLIC_ALGORITHMS } from './algorithms.ts'
import { signJwt } from './signer.ts'

const accessTokenClaims = Compile(AccessTokenClaims)

const MAX_LENGTH = 8192

/** What one access token says: one resource of the grant, and scopes that it knows. */
export interface IssuedToken {
  readonly grantId: string
  readonly grant: GrantRecord
  readonly resource: string
  readonly scopes: readonly string[]
}

/**
 * Makes a token that ends with its grant at the latest. Stores nothing.
 *
 * @returns the token and its lifetime in seconds
 * @throws OAuthError `invalid_grant` when the user does not exist any more
 * @throws UnavailableError when the app cannot say
 */
export async function signAccessToken(
  server: ServerContext,
  { grantId, grant, resource, scopes }: IssuedToken
): Promise<{ accessToken: string; expiresIn: number }> {
  const now = server.clock.now()
  const expiresIn = Math.min(server.options.accessTokenTtl, grant.endsAt - now)
  const claims = {
    // First, so that nothing the app adds can replace what the protocol says.
    ...(await additionalClaims(server, { grant, resource, scopes })),
    iss: server.issuer,
    sub: grant.subject,
    aud: resource,
    client_id: grant.clientId,
    scope: formatScope(scopes),
    ...(grant.organization === null ? {} : { org_id: grant.organization }),
    auth_time: grant.authTime,
    ...(grant.acr === null ? {} : { acr: grant.acr }),
    ...(grant.amr.length === 0 ? {} : { amr: grant.amr }),
    grant_id: grantId,
    jti: randomSecret(16),
    iat: now,
    exp: now + expiresIn
  }
  const accessToken = await signJwt(await server.keys.signer('ES256'), 'at+jwt', claims)
  return { accessToken, expiresIn }
}

/** Claims that say who, for whom and for how long: the app's own may not bear these names. */
const RESERVED = new Set([
  'iss',
  'sub',
  'aud',
  'exp',
  'nbf',
  'iat',
  'jti',
  'client_id',
  'scope',
  'org_id',
  'auth_time',
  'acr',
  'amr',
  'grant_id',
  'cnf',
  'act',
  'may_act'
])

async function additionalClaims(
  server: ServerContext,
  { grant, resource, scopes }: Omit<IssuedToken, 'grantId'>
): Promise<Record<string, unknown>> {
  const { subject, organization } = grant
  const claims = await server.users.claims(subject, { scopes, resource, organization })
  if (claims === null) throw new OAuthError('invalid_grant', 'the user is gone', { reason: 'user_gone' })
  return Object.fromEntries(Object.entries(claims).filter(([name]) => !RESERVED.has(name)))
}

/**
 * Checks a token of ours and the grant behind it, so that a revocation bites at once. Does not check scopes.
 *
 * @throws OAuthError `invalid_token`
 * @throws UnavailableError when the storage does not answer
 */
export async function verifyAccessToken(
  server: ServerContext,
  token: string,
  resource: string
): Promise<AccessTokenClaims> {
  const claims = await readClaims(server, token, resource)
  const grant = claims.grant_id === undefined ? null : await server.records.grants.get(claims.grant_id)
  if (!grant || grant.subject !== claims.sub || grant.clientId !== claims.client_id) throw invalidToken('unknown_grant')
  if (!isLive(grant, server.clock.now()))
    throw invalidToken(grant.revokedAt === null ? 'grant_expired' : 'grant_revoked')
  return claims
}

/**
 * Signature, issuer, type and form; the audience when a resource is given. The grant behind the token is not looked at.
 *
 * @throws OAuthError `invalid_token`
 */
export async function readClaims(server: ServerContext, token: string, resource?: string): Promise<AccessTokenClaims> {
  if (token.length > MAX_LENGTH) throw invalidToken('too_long')
  try {
    const { payload } = await jwtVerify(token, header => server.keys.verificationKey(header), {
      issuer: server.issuer,
      typ: 'at+jwt',
      algorithms: [...PUBLIC_ALGORITHMS],
      currentDate: new Date(server.clock.now() * 1000),
      ...(resource === undefined ? {} : { audience: resource })
    })
    if (accessTokenClaims.Check(payload)) return payload
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof OAuthError) throw invalidToken('not_acceptable', error)
    throw error
  }
  throw invalidToken('claims')
}

function invalidToken(reason: string, cause?: unknown): OAuthError {
  return new OAuthError('invalid_token', 'the access token is invalid, expired or revoked', { reason, cause })
}
