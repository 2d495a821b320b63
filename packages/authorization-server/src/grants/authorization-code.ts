/**
 * Trades an authorization code for tokens, once.
 *
 * @see RFC 6749 section 4.1.3, RFC 7636 section 4.6, RFC 8707 section 2.2
 */
import { CodeVerifier, digest, equalInConstantTime, OAuthError, verifyCodeVerifier } from '@fastify-mcp-auth/core'
import { Type } from 'typebox'
import type { Client } from '../clients/client.ts'
import type { ServerContext } from '../context.ts'
import type { GrantRecord } from '../records.ts'
import { defineGrant } from './grant.ts'
import { type GrantToken, parseCode } from './lifecycle.ts'
import { redeemGrant, replayed } from './redemption.ts'

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
    return redeemGrant(server, {
      grantId,
      grant,
      presented: secret,
      resource: body.resource,
      grantType: 'authorization_code'
    })
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
  if (grant.codeChallenge === null || !verifyCodeVerifier(verifier, grant.codeChallenge)) {
    throw new OAuthError('invalid_grant', 'code_verifier does not match', { reason: 'code_verifier_differs' })
  }
}
