/**
 * Access tokens that are grants by themselves, so that each can be looked at and taken back like any other: no code came before, no refresh
 * token comes after. Who can prove itself, or is vouched for again, needs none.
 */
import { digest, OAuthError, randomSecret, type TokenResponse } from '@fastify-mcp-auth/core'
import { renewClient } from '../clients/resolve.ts'
import type { ServerContext } from '../context.ts'
import type { GrantRecord } from '../records.ts'
import type { ResourcePolicy } from '../resource-policy.ts'
import { NO_PROPS } from '../tokens/props.ts'
import { issueTokens } from '../tokens/token-response.ts'
import { newGrantId } from './grant-id.ts'
import { NO_REFRESH, storeGrant } from './lifecycle.ts'
import { wasRevokedSince } from './recent-revocations.ts'
import { revokeGrant } from './revocation.ts'

/** The part of the record that is the same for all of them. */
export function singleToken(
  server: ServerContext,
  { resource, accessToken }: ResourcePolicy
): Omit<
  GrantRecord,
  'clientId' | 'clientName' | 'clientNames' | 'byClient' | 'subject' | 'sub' | 'organization' | 'scopes' | 'authTime'
> {
  const now = server.clock.now()
  const endsAt = now + (accessToken.lifetime ?? server.options.accessTokenTtl)
  return {
    resources: [resource],
    redirectUri: null,
    acr: null,
    amr: [],
    createdAt: now,
    lastUsedAt: now,
    expiresAt: endsAt,
    endsAt,
    refreshable: false,
    revokedAt: null,
    // There was no code: it is the digest of what nobody knows, and used.
    codeDigest: digest(randomSecret()),
    codeChallenge: null,
    codeExpiresAt: now,
    codeConsumedAt: now,
    nonce: null,
    ...NO_REFRESH,
    ...NO_PROPS,
    accessTokens: null
  }
}

export interface SingleIssue {
  readonly grant: GrantRecord
  readonly policy: ResourcePolicy
  readonly grantType: string
  /** Opens the props of the grant, if it has any. Nobody ever has it. */
  readonly presented?: string
  /** The last revocation of many before anybody was let in. */
  readonly since: string | null
  /** Uses up what it came with, when all the rest is ready: an outage before that costs nobody anything. */
  readonly consume?: () => Promise<void>
}

/**
 * @throws OAuthError `temporarily_unavailable` when access was revoked at this moment: who may still have it gets it by asking again; what
 *   `consume` throws
 * @throws UnavailableError
 */
export async function issueSingle(server: ServerContext, issue: SingleIssue): Promise<TokenResponse> {
  const { grant, policy, grantType, presented = '', since, consume } = issue
  const { clientId, subject, scopes } = grant
  const grantId = newGrantId(server.clock.now())
  const made = { grantId, grant, policy, scopes, refreshToken: null, presented, nonce: null }
  const { response, patch } = await issueTokens(server, made)
  await consume?.()
  const record = { ...grant, ...patch }
  // A client that acts for itself renews nothing and tells nobody: it is no consent.
  if (grant.byClient) await server.records.grants.insert(grantId, record)
  else {
    await renewClient(server, clientId, grant.endsAt)
    await storeGrant(server, { grantId, record })
  }
  if (await wasRevokedSince(server, grant, since)) {
    await revokeGrant(server, grantId, { reason: 'access_withdrawn' })
    throw new OAuthError('temporarily_unavailable', 'access was revoked at this very moment', {
      reason: 'access_withdrawn',
      retryAfter: 1
    })
  }
  server.emit('token.issued', { grantId, clientId, subject, grantType, resource: policy.resource, scopes })
  return response
}
