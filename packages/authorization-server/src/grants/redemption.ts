/**
 * The first tokens of a grant, for whichever code they are. One conditional write decides who gets them.
 *
 * @see RFC 6749 section 4.1.2, RFC 8628 section 3.5
 */
import { digest, OAuthError, type TokenResponse } from '@fastify-mcp-auth/core'
import { narrowedScopes } from '../catalogue.ts'
import type { ServerContext } from '../context.ts'
import type { GrantRecord } from '../records.ts'
import { firstRefreshToken, type RefreshToken } from '../tokens/refresh-token.ts'
import { type IssuedTokens, issueTokens } from '../tokens/token-response.ts'
import { grantedResource } from './lifecycle.ts'
import { revokeGrant } from './revocation.ts'
import { stillAllowed } from './still-allowed.ts'

export interface Redemption {
  readonly grantId: string
  readonly grant: GrantRecord
  /** Secret of the code, which opens the props. */
  readonly presented: string
  readonly resource: string | undefined
  readonly grantType: string
  /** What else the grant's record gets by the same write. */
  readonly patch?: Partial<Pick<GrantRecord, 'props'>>
}

/**
 * Does not look at the code: who calls this has.
 *
 * @throws OAuthError `invalid_grant` when somebody was faster, or what was allowed is not any more; `invalid_target`
 * @throws UnavailableError
 */
export async function redeemGrant(server: ServerContext, redemption: Redemption): Promise<TokenResponse> {
  const { grantId, grant, presented, resource, grantType } = redemption
  const policy = grantedResource(server, grant, resource)
  const refreshToken = grant.refreshable ? firstRefreshToken(grantId) : null
  const narrowed = narrowedScopes(policy, grant.scopes, undefined)
  const scopes = await stillAllowed(server, { grant, resource: policy.resource, scopes: narrowed })
  const issued = await issueTokens(server, {
    grantId,
    grant,
    policy,
    scopes,
    refreshToken,
    presented,
    nonce: grant.nonce
  })
  await redeem(server, redemption, { refreshToken, issued })
  const { clientId, subject } = grant
  server.emit('token.issued', { grantId, clientId, subject, grantType, resource: policy.resource, scopes })
  return issued.response
}

/** The one conditional write: consumes the code and starts the refresh family. Nothing has left the server before it. */
async function redeem(
  server: ServerContext,
  { grantId, grant, patch = {} }: Redemption,
  { refreshToken, issued }: { refreshToken: RefreshToken | null; issued: IssuedTokens }
): Promise<void> {
  const { clock, options, records } = server
  const now = clock.now()
  const ttl = refreshToken ? options.refreshTokenTtl : issued.expiresIn
  const won = await records.grants.update(
    grantId,
    { codeConsumedAt: null, revokedAt: null },
    {
      ...patch,
      ...issued.patch,
      codeConsumedAt: now,
      lastUsedAt: now,
      expiresAt: Math.min(now + ttl, grant.endsAt),
      familyDigest: refreshToken ? digest(refreshToken.family) : null,
      refreshDigest: refreshToken ? digest(refreshToken.secret) : null
    }
  )
  if (!won) throw await tooLate(server, grantId)
}

/** Somebody else redeemed the same code a moment ago, or the grant was taken back, which is no theft. */
async function tooLate(server: ServerContext, grantId: string): Promise<OAuthError> {
  const grant = await server.records.grants.get(grantId)
  if (grant && grant.codeConsumedAt !== null) return replayed(server, grantId, grant)
  return new OAuthError('invalid_grant', 'code is invalid, expired or was used before', { reason: 'grant_revoked' })
}

/** What a used code has bought dies when it comes back. @see RFC 6749 section 4.1.2 */
export async function replayed(
  server: ServerContext,
  grantId: string,
  { clientId, subject }: GrantRecord
): Promise<OAuthError> {
  server.emit('code.replayed', { grantId, clientId, subject })
  await revokeGrant(server, grantId, { reason: 'code_replayed' })
  return new OAuthError('invalid_grant', 'code is invalid, expired or was used before', { reason: 'code_replayed' })
}
