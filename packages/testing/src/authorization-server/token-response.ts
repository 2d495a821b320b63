/** Access tokens of a fake authorization server, and the answer that carries them. @see RFC 6749 section 5.1 */
import { randomSecret } from '@fastify-mcp-auth/core'
import { SignJWT } from 'jose'
import type { AuthorizationServerContext } from './context.ts'
import type { FakeGrant, FakeToken } from './records.ts'

export async function issueTokens(
  context: AuthorizationServerContext,
  grant: FakeGrant,
  { scopes, refreshToken }: { scopes: readonly string[]; refreshToken: FakeToken | null }
): Promise<Record<string, unknown>> {
  const { behaviour, records, clock } = context
  const expiresAt = clock.now() + behaviour.accessTokenLifetime
  const token =
    behaviour.accessTokenFormat === 'jwt' ? await signed(context, grant, scopes, expiresAt) : `at-${randomSecret(24)}`
  records.accessTokens.set(token, {
    token,
    grant,
    scopes,
    issuedAt: clock.now(),
    expiresAt,
    revoked: false,
    spentAt: null
  })
  records.note('token.issued', clock.now(), grant)
  return {
    access_token: token,
    token_type: grant.dpopJkt === null ? 'Bearer' : 'DPoP',
    ...(behaviour.expiresIn ? { expires_in: behaviour.accessTokenLifetime } : {}),
    ...(scopes.length > 0 ? { scope: scopes.join(' ') } : {}),
    ...(refreshToken === null ? {} : { refresh_token: refreshToken.token })
  }
}

function signed(
  { issuer, key, clock }: AuthorizationServerContext,
  grant: FakeGrant,
  scopes: readonly string[],
  expiresAt: number
): Promise<string> {
  const claims = { client_id: grant.clientId, scope: scopes.join(' '), jti: randomSecret(12) }
  return new SignJWT(grant.dpopJkt === null ? claims : { ...claims, cnf: { jkt: grant.dpopJkt } })
    .setProtectedHeader({ alg: key.algorithm, kid: key.kid, typ: 'at+jwt' })
    .setIssuer(issuer)
    .setSubject(grant.subject)
    .setAudience(grant.resource ?? issuer)
    .setIssuedAt(clock.now())
    .setExpirationTime(expiresAt)
    .sign(key.privateKey)
}
