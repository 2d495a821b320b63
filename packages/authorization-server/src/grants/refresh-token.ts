/**
 * Trades a refresh token for fresh tokens and a new refresh token. A used one is worth nothing any more, with one exception: for
 * a short time a retry with the one just replaced gets the very same response, because agents refresh in parallel and networks
 * lose answers. Anything older is theft until proven otherwise, and ends the grant.
 *
 * @see RFC 6749 section 6, RFC 9700 section 4.14.2, OAuth 2.1 section 4.3.1
 */
import { digest, equalInConstantTime, OAuthError, type TokenResponse } from '@fastify-mcp-auth/core'
import { Type } from 'typebox'
import { narrowedScopes } from '../catalogue.ts'
import type { Client } from '../clients/client.ts'
import type { ServerContext } from '../context.ts'
import type { GrantRecord } from '../records.ts'
import type { ResourcePolicy } from '../resource-policy.ts'
import { nextRefreshToken, parseRefreshToken, type RefreshToken } from '../tokens/refresh-token.ts'
import { issueTokens } from '../tokens/token-response.ts'
import { defineGrant } from './grant.ts'
import { grantedResource, isLive } from './lifecycle.ts'
import { revokeGrant } from './revocation.ts'
import { stillAllowed } from './still-allowed.ts'

/** How often one response may be repeated. */
const MAX_REPLAYS = 50

interface Presented {
  readonly token: RefreshToken
  /** Of its secret, which is all that the grant's record knows of it. */
  readonly secretDigest: string
  readonly grant: GrantRecord
  readonly policy: ResourcePolicy
  readonly scope: string | undefined
}

export const refreshToken = defineGrant({
  grantType: 'refresh_token',
  body: Type.Object({
    refresh_token: Type.String(),
    scope: Type.Optional(Type.String()),
    resource: Type.Optional(Type.String())
  }),
  async exchange({ server, client, body }) {
    const token = parseRefreshToken(body.refresh_token)
    if (!token) throw invalidGrant('malformed_refresh_token')
    const secretDigest = digest(token.secret)
    // A lost race is followed by one more look: then the winner's response is there to be repeated.
    for (let attempt = 0; attempt <= MAX_REPLAYS; attempt++) {
      const grant = await findGrant(server, client, token)
      const policy = grantedResource(server, grant, body.resource)
      const presented = { token, secretDigest, grant, policy, scope: body.scope }
      const response = isCurrent(presented) ? await rotate(server, presented) : await repeat(server, presented)
      if (response) return response
    }
    throw new OAuthError('temporarily_unavailable', 'too many requests with one refresh token', {
      reason: 'contention',
      retryAfter: 1
    })
  }
})

function invalidGrant(reason: string): OAuthError {
  return new OAuthError('invalid_grant', 'refresh_token is invalid, expired or was used before', { reason })
}

async function findGrant(server: ServerContext, client: Client, token: RefreshToken): Promise<GrantRecord> {
  const grant = await server.records.grants.get(token.grantId)
  if (!grant?.familyDigest || !equalInConstantTime(digest(token.family), grant.familyDigest))
    throw invalidGrant('unknown_refresh_token')
  if (grant.clientId !== client.clientId) throw invalidGrant('refresh_token_of_another_client')
  if (!isLive(grant, server.clock.now()))
    throw invalidGrant(grant.revokedAt === null ? 'grant_expired' : 'grant_revoked')
  return grant
}

function isCurrent({ secretDigest, grant }: Presented): boolean {
  return grant.refreshDigest !== null && equalInConstantTime(secretDigest, grant.refreshDigest)
}

/** @returns null when another request rotated first */
async function rotate(server: ServerContext, presented: Presented): Promise<TokenResponse | null> {
  const { token, secretDigest, grant, policy, scope } = presented
  const { clock, options, records, keyRing } = server
  const narrowed = narrowedScopes(policy, grant.scopes, scope)
  const scopes = await stillAllowed(server, { grant, resource: policy.resource, scopes: narrowed })
  const next = nextRefreshToken(token)
  const issue = {
    grantId: token.grantId,
    grant,
    policy,
    scopes,
    refreshToken: next,
    presented: token.secret,
    nonce: null
  }
  const { response, expiresIn, patch } = await issueTokens(server, issue)
  const now = clock.now()
  const won = await records.grants.update(
    token.grantId,
    { refreshDigest: secretDigest, revokedAt: null },
    {
      ...patch,
      refreshDigest: digest(next.secret),
      previousDigest: secretDigest,
      replay: keyRing.seal(JSON.stringify(response), replayContext(presented)),
      // A repeated response must not hand out an access token that is dead already.
      replayUntil: now + Math.min(options.refreshGrace, expiresIn),
      replays: 0,
      lastUsedAt: now,
      expiresAt: Math.min(now + options.refreshTokenTtl, grant.endsAt)
    }
  )
  if (!won) return null
  server.emit('token.issued', {
    grantId: token.grantId,
    clientId: grant.clientId,
    subject: grant.subject,
    grantType: 'refresh_token',
    resource: policy.resource,
    scopes
  })
  return response
}

/** @returns null when another retry was counted at the same moment */
async function repeat(server: ServerContext, presented: Presented): Promise<TokenResponse | null> {
  const { token, secretDigest, grant } = presented
  const isPrevious = grant.previousDigest !== null && equalInConstantTime(secretDigest, grant.previousDigest)
  const inTime = grant.replayUntil !== null && server.clock.now() < grant.replayUntil
  if (!isPrevious || !inTime || grant.replays >= MAX_REPLAYS) {
    server.emit('token.reused', whose(presented))
    await revokeGrant(server, token.grantId, { reason: 'refresh_token_reused' })
    throw invalidGrant('refresh_token_reused')
  }
  const response = grant.replay === null ? null : server.keyRing.unseal(grant.replay, replayContext(presented))
  // The retry asks for something else than the request it claims to repeat, or the key is gone. Refused, but no sign of theft.
  if (response === null) throw invalidGrant('retry_differs')
  const { refreshDigest, replays } = grant
  const counted = await server.records.grants.update(
    token.grantId,
    { refreshDigest, replays, revokedAt: null },
    { replays: replays + 1 }
  )
  if (!counted) return null
  server.emit('token.replayed', whose(presented))
  return JSON.parse(response) as TokenResponse
}

function whose({ token, grant }: Presented): { grantId: string; clientId: string; subject: string } {
  return { grantId: token.grantId, clientId: grant.clientId, subject: grant.subject }
}

// The token itself is part of the context: who has the database and the key, but not the token, cannot read the response.
function replayContext({ token, policy, scope = '' }: Presented): string {
  return `replay ${token.grantId} ${token.secret} ${policy.resource} ${scope}`
}
