/** Grants of a fake authorization server. Each decides and records in one turn of the event loop: two requests cannot both win. */
import { codeChallengeOf, randomSecret } from '@fastify-mcp-auth/core'
import { type AuthorizationServerContext, RefusedRequest, scopesOf } from './context.ts'
import type { FakeGrant, FakeToken } from './records.ts'
import type { TokenRequest } from './token.ts'
import { issueTokens } from './token-response.ts'

/** @see RFC 6749 section 4.1.3, RFC 7636 section 4.6 */
export function redeemCode(
  context: AuthorizationServerContext,
  request: TokenRequest
): Promise<Record<string, unknown>> {
  const { records, clock } = context
  const { form, client } = request
  const code = records.codes.get(form.get('code') ?? '')
  if (!code || code.grant.clientId !== client.clientId) throw new RefusedRequest('invalid_grant', 'unknown code')
  if (code.redeemed) {
    records.note('code.reused', clock.now(), code.grant)
    records.end(code.grant, 'reuse', clock.now())
    throw new RefusedRequest('invalid_grant', 'the code was used before')
  }
  code.redeemed = true
  if (code.expiresAt <= clock.now()) throw new RefusedRequest('invalid_grant', 'the code has expired')
  if (code.redirectUri !== form.get('redirect_uri'))
    throw new RefusedRequest('invalid_grant', 'redirect_uri is not that of the request')
  if (codeChallengeOf(form.get('code_verifier') ?? '') !== code.codeChallenge)
    throw new RefusedRequest('invalid_grant', 'wrong code_verifier')
  if (code.grant.resource !== request.resource)
    throw new RefusedRequest('invalid_target', 'resource is not that of the authorization request')
  if (code.grant.dpopJkt !== null && code.grant.dpopJkt !== request.dpopJkt)
    throw new RefusedRequest('invalid_grant', 'the proof is not of the key of the authorization request')
  const grant: FakeGrant = { ...code.grant, dpopJkt: request.dpopJkt }
  records.grants.set(grant.grantId, grant)
  records.codes.set(code.code, { ...code, grant })
  records.note('code.redeemed', clock.now(), grant)
  return issueTokens(context, grant, { scopes: grant.scopes, refreshToken: newRefreshToken(context, grant) })
}

/** @see RFC 6749 section 6, RFC 9700 section 4.14.2 */
export function refresh(context: AuthorizationServerContext, request: TokenRequest): Promise<Record<string, unknown>> {
  const { records, clock, behaviour } = context
  const now = clock.now()
  const used = records.refreshTokens.get(request.form.get('refresh_token') ?? '')
  if (!used || used.grant.clientId !== request.client.clientId)
    throw new RefusedRequest('invalid_grant', 'unknown refresh token')
  const { grant } = used
  if (grant.endedBy !== null) {
    records.note('request.refused', now, grant, `ended by ${grant.endedBy}`)
    throw new RefusedRequest('invalid_grant', 'the grant has ended')
  }
  if (used.revoked || (used.expiresAt !== null && used.expiresAt <= now))
    throw new RefusedRequest('invalid_grant', 'the refresh token has expired')
  if (grant.dpopJkt !== request.dpopJkt) throw new RefusedRequest('invalid_grant', 'the proof is of another key')
  assertNotReused(context, used)
  const asked = request.form.get('scope')
  const scopes = asked === null ? used.scopes : scopesOf(asked)
  if (scopes.some(scope => !grant.scopes.includes(scope)))
    throw new RefusedRequest('invalid_scope', 'more than granted')
  if (behaviour.rotation === 'always') used.spentAt ??= now
  records.note('token.refreshed', now, grant)
  const next = behaviour.rotation === 'always' ? newRefreshToken(context, grant) : used
  return issueTokens(context, grant, { scopes, refreshToken: behaviour.rotation === 'omitted' ? null : next })
}

function assertNotReused({ records, clock, behaviour }: AuthorizationServerContext, used: FakeToken): void {
  if (used.spentAt === null) return
  const inGrace = clock.now() < used.spentAt + behaviour.reuseGrace
  records.note(inGrace ? 'token.reused_in_grace' : 'token.reused', clock.now(), used.grant)
  if (inGrace) return
  records.end(used.grant, 'reuse', clock.now())
  throw new RefusedRequest('invalid_grant', 'the refresh token was used before')
}

function newRefreshToken(context: AuthorizationServerContext, grant: FakeGrant): FakeToken | null {
  const { behaviour, records, clock } = context
  if (behaviour.refreshTokens === 'never') return null
  if (behaviour.refreshTokens === 'offline_access' && !grant.scopes.includes('offline_access')) return null
  const lifetime = behaviour.refreshTokenLifetime
  const issued: FakeToken = {
    token: `rt-${randomSecret(24)}`,
    grant,
    scopes: grant.scopes,
    issuedAt: clock.now(),
    expiresAt: lifetime === null ? null : clock.now() + lifetime,
    revoked: false,
    spentAt: null
  }
  records.refreshTokens.set(issued.token, issued)
  return issued
}

/** @see RFC 6749 section 4.4 */
export function clientCredentials(
  context: AuthorizationServerContext,
  request: TokenRequest
): Promise<Record<string, unknown>> {
  const { client, form, resource, dpopJkt } = request
  const isConfidential = client.clientSecret !== null || form.has('client_assertion')
  if (!isConfidential) throw new RefusedRequest('unauthorized_client', 'the client has no credentials')
  const scopes = context.behaviour.grantScopes(scopesOf(form.get('scope')))
  return issueTokens(
    context,
    startGrant(context, { clientId: client.clientId, subject: client.clientId, scopes, resource, dpopJkt }),
    {
      scopes,
      refreshToken: null
    }
  )
}

/** A grant without a browser. */
export function startGrant(
  { records, clock }: AuthorizationServerContext,
  grant: Pick<FakeGrant, 'clientId' | 'subject' | 'scopes' | 'resource' | 'dpopJkt'>
): FakeGrant {
  const started: FakeGrant = { ...grant, grantId: `grant-${randomSecret(9)}`, issuedAt: clock.now(), endedBy: null }
  records.grants.set(started.grantId, started)
  return started
}
