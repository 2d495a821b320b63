/**
 * Access tokens as they are made: a JWT that resource servers check by themselves, or an opaque one that they ask about.
 *
 * @see RFC 9068 section 2
 */
import { formatScope, OAuthError, randomSecret } from '@fastify-mcp-auth/core'
import type { ServerContext } from '../context.ts'
import { IDENTITY_CLAIMS } from '../openid/identity-scopes.ts'
import type { GrantRecord, KeptToken } from '../records.ts'
import type { ResourcePolicy } from '../resource-policy.ts'
import { keepToken } from './kept-token.ts'
import { newOpaqueToken } from './opaque-token.ts'
import { signJwt } from './signer.ts'
import { subOf } from './subject.ts'

/** What one access token says: one resource of the grant, and scopes that it knows. */
export interface AccessTokenIssue {
  readonly grantId: string
  readonly grant: GrantRecord
  readonly policy: ResourcePolicy
  readonly scopes: readonly string[]
  /** Opens the props of the grant; null when it has none. */
  readonly propsKey: string | null
}

export interface IssuedAccessToken {
  readonly accessToken: string
  /** Seconds. */
  readonly expiresIn: number
  /** What the grant's record has to keep of it, if anything. */
  readonly kept: KeptToken | null
}

/**
 * Makes a token that ends with its grant at the latest. Stores nothing.
 *
 * @throws OAuthError `invalid_grant` when the user does not exist any more, or the grant has just ended
 * @throws UnavailableError when the app or an external signer does not answer
 */
export async function makeAccessToken(server: ServerContext, issue: AccessTokenIssue): Promise<IssuedAccessToken> {
  const { grantId, grant, policy, propsKey } = issue
  const { format, algorithm, lifetime } = policy.accessToken
  const now = server.clock.now()
  const expiresIn = Math.min(lifetime ?? server.options.accessTokenTtl, grant.endsAt - now)
  // The app was asked since the grant was looked at, and may have taken its time.
  if (expiresIn <= 0) throw new OAuthError('invalid_grant', 'the grant has ended', { reason: 'grant_expired' })
  const expiresAt = now + expiresIn
  const claims = await claimsOf(server, issue, { iat: now, exp: expiresAt })
  if (format === 'opaque') {
    const accessToken = newOpaqueToken(grantId)
    return { accessToken, expiresIn, kept: keepToken(accessToken, expiresAt, { claims, propsKey }) }
  }
  const accessToken = await signJwt(await server.keys.signer(algorithm), 'at+jwt', claims)
  const kept = propsKey === null ? null : keepToken(accessToken, expiresAt, { claims: null, propsKey })
  return { accessToken, expiresIn, kept }
}

async function claimsOf(
  server: ServerContext,
  issue: AccessTokenIssue,
  time: { iat: number; exp: number }
): Promise<Record<string, unknown>> {
  const { grantId, grant, policy, scopes } = issue
  return {
    // First, so that nothing the app adds can replace what the protocol says.
    ...(await additionalClaims(server, issue)),
    iss: server.issuer,
    sub: subOf(grant),
    aud: policy.resource,
    client_id: grant.clientId,
    scope: formatScope(scopes),
    ...(grant.organization === null ? {} : { org_id: grant.organization }),
    ...(grant.byClient || grant.authTime === 0 ? {} : { auth_time: grant.authTime }),
    ...(grant.acr === null ? {} : { acr: grant.acr }),
    ...(grant.amr.length === 0 ? {} : { amr: grant.amr }),
    grant_id: grantId,
    jti: randomSecret(16),
    ...time
  }
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
  { grant, policy, scopes }: AccessTokenIssue
): Promise<Record<string, unknown>> {
  // The app says something about people, and here is none.
  if (grant.byClient) return {}
  const { resource, accessToken } = policy
  const claims = await server.users.claims(grant.subject, { scopes, resource, organization: grant.organization })
  if (claims === null) throw new OAuthError('invalid_grant', 'the user is gone', { reason: 'user_gone' })
  // With OpenID Connect, a name or an address is for the client at the userinfo endpoint, not for every resource server.
  const isForClients = (name: string): boolean => server.options.openid !== undefined && IDENTITY_CLAIMS.has(name)
  const isWanted = (name: string): boolean => accessToken.claims?.has(name) ?? !isForClients(name)
  return Object.fromEntries(Object.entries(claims).filter(([name]) => !RESERVED.has(name) && isWanted(name)))
}
