/**
 * Trades an authorization code for tokens, once.
 *
 * @see RFC 6749 section 4.1.3, RFC 7636 section 4.6, RFC 8707 section 2.2
 */
import { CodeVerifier, digest, equalInConstantTime, OAuthError, verifyCodeVerifier } from '@fastify-mcp-auth/core'
import { Type } from 'typebox'
import { narrowedScopes } from '../catalogue.ts'
import type { Client } from '../clients/client.ts'
import type { ServerContext } from '../context.ts'
import type { GrantRecord } from '../records.ts'
import { firstRefreshToken, type RefreshToken } from '../tokens/refresh-token.ts'
import { type IssuedTokens, issueTokens } from '../tokens/token-response.ts'
import { defineGrant } from './grant.ts'
import { type GrantToken, grantedResource, parseCode } from './lifecycle.ts'
import { revokeGrant } from './revocation.ts'
import { stillAllowed } from './still-allowed.ts'

export const authorizationCode = defineGrant({
  grantType: 'authorization_code',
  body: Type.Object({
    code: Type.String(),
    code_verifier: CodeVerifier,
    redirect_uri: Type.Optional(Type.String()),
    resource: Type.Optional(Type.String())
  }),
  async exchange({ server, client, body }) {
    const { grantId, secret, grant } = await findCode(server, client, body.code)
    assertSameRedirectUri(grant, body.redirect_uri)
    assertCodeVerifier(grant, body.code_verifier)
    const policy = grantedResource(server, grant, body.resource)
    const refreshToken = grant.refreshable ? firstRefreshToken(grantId) : null
    const narrowed = narrowedScopes(policy, grant.scopes, undefined)
    const scopes = await stillAllowed(server, { grant, resource: policy.resource, scopes: narrowed })
    const issued = await issueTokens(server, {
      grantId,
      grant,
      policy,
      scopes,
      refreshToken,
      presented: secret,
      nonce: grant.nonce
    })
    await redeem(server, { grantId, grant, refreshToken, issued })
    server.emit('token.issued', {
      grantId,
      clientId: grant.clientId,
      subject: grant.subject,
      grantType: 'authorization_code',
      resource: policy.resource,
      scopes
    })
    return issued.response
  }
})

function invalidGrant(reason: string): OAuthError {
  return new OAuthError('invalid_grant', 'code is invalid, expired or was used before', { reason })
}

/** Also the place where a used code betrays itself: then the tokens it bought die. @see RFC 6749 section 4.1.2 */
async function findCode(
  server: ServerContext,
  client: Client,
  code: string
): Promise<GrantToken & { grant: GrantRecord }> {
  const { grantId, secret } = parseCode(code) ?? { grantId: '', secret: '' }
  const grant = grantId === '' ? null : await server.records.grants.get(grantId)
  if (!grant || !equalInConstantTime(digest(secret), grant.codeDigest)) throw invalidGrant('unknown_code')
  if (grant.clientId !== client.clientId) throw invalidGrant('code_of_another_client')
  if (grant.codeConsumedAt !== null) {
    throw await replayed(server, grantId, grant)
  }
  if (grant.revokedAt !== null) throw invalidGrant('grant_revoked')
  if (grant.codeExpiresAt <= server.clock.now()) throw invalidGrant('code_expired')
  return { grantId, secret, grant }
}

// Compared with what was asked for, not with what is registered: the loopback port counts here.
function assertSameRedirectUri(grant: GrantRecord, redirectUri: string | undefined): void {
  if (redirectUri !== undefined && redirectUri !== grant.redirectUri) {
    throw new OAuthError('invalid_grant', 'redirect_uri differs from the authorization request', {
      reason: 'redirect_uri_differs'
    })
  }
}

function assertCodeVerifier(grant: GrantRecord, verifier: string): void {
  if (!verifyCodeVerifier(verifier, grant.codeChallenge)) {
    throw new OAuthError('invalid_grant', 'code_verifier does not match', { reason: 'code_verifier_differs' })
  }
}

/** The one conditional write: consumes the code and starts the refresh family. Nothing has left the server before it. */
async function redeem(
  server: ServerContext,
  {
    grantId,
    grant,
    refreshToken,
    issued
  }: { grantId: string; grant: GrantRecord; refreshToken: RefreshToken | null; issued: IssuedTokens }
): Promise<void> {
  const { clock, options, records } = server
  const now = clock.now()
  const ttl = refreshToken ? options.refreshTokenTtl : issued.expiresIn
  const won = await records.grants.update(
    grantId,
    { codeConsumedAt: null, revokedAt: null },
    {
      ...issued.patch,
      codeConsumedAt: now,
      lastUsedAt: now,
      expiresAt: Math.min(now + ttl, grant.endsAt),
      familyDigest: refreshToken ? digest(refreshToken.family) : null,
      refreshDigest: refreshToken ? digest(refreshToken.secret) : null
    }
  )
  if (won) return
  // Somebody else redeemed the same code a moment ago.
  throw await replayed(server, grantId, grant)
}

/** @see RFC 6749 section 4.1.2: what the code bought dies with it */
async function replayed(
  server: ServerContext,
  grantId: string,
  { clientId, subject }: GrantRecord
): Promise<OAuthError> {
  server.emit('code.replayed', { grantId, clientId, subject })
  await revokeGrant(server, grantId, { reason: 'code_replayed' })
  return invalidGrant('code_replayed')
}
