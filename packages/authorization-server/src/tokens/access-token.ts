/**
 * JWT access tokens: signed here, and checked here for resource servers in the same process.
 *
 * @see RFC 9068 sections 2 and 4
 */
import { AccessTokenClaims, formatScope, OAuthError, randomSecret } from '@fastify-mcp-auth/core'
import { errors, jwtVerify, SignJWT } from 'jose'
import { Compile } from 'typebox/compile'
import type { ServerContext } from '../context.ts'
import { isLive } from '../grants/lifecycle.ts'
import type { GrantRecord } from '../records.ts'

const accessTokenClaims = Compile(AccessTokenClaims)

const MAX_LENGTH = 8192

/**
 * Makes a token that ends with its grant at the latest. Stores nothing.
 *
 * @returns the token and its lifetime in seconds
 * @throws OAuthError `invalid_grant` when the user does not exist any more
 * @throws UnavailableError when the app cannot say
 */
export async function signAccessToken(
  server: ServerContext,
  { grantId, grant, scopes }: { grantId: string; grant: GrantRecord; scopes: readonly string[] }
): Promise<{ accessToken: string; expiresIn: number }> {
  const now = server.clock.now()
  const expiresIn = Math.min(server.options.accessTokenTtl, grant.endsAt - now)
  const { kid, alg, privateKey } = server.keys.current
  const claims = {
    // First, so that nothing the app adds can replace what the protocol says.
    ...(await additionalClaims(server, grant, scopes)),
    iss: server.issuer,
    sub: grant.subject,
    aud: grant.resource,
    client_id: grant.clientId,
    scope: formatScope(scopes),
    auth_time: grant.authTime,
    grant_id: grantId,
    jti: randomSecret(16),
    iat: now,
    exp: now + expiresIn
  }
  const accessToken = await new SignJWT(claims).setProtectedHeader({ alg, kid, typ: 'at+jwt' }).sign(privateKey)
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
  'auth_time',
  'grant_id',
  'cnf',
  'act',
  'may_act'
])

async function additionalClaims(
  server: ServerContext,
  grant: GrantRecord,
  scopes: readonly string[]
): Promise<Record<string, unknown>> {
  const claims = await server.users.claims(grant.subject, { scopes, resource: grant.resource })
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
    const { payload } = await jwtVerify(token, ({ kid, alg }) => server.keys.publicKey(kid, alg), {
      issuer: server.issuer,
      typ: 'at+jwt',
      algorithms: [server.keys.current.alg],
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
