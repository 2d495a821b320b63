/**
 * What an issuer answers about a token, read as strictly as a token would be.
 *
 * @see RFC 7662 section 2.2
 */
import { isScopeToken } from '@fastify-mcp-auth/core'
import type { VerifiedToken } from '../types.ts'
import { isText, isTime, wrongClaim } from './claims.ts'
import { refused } from './signed-token.ts'

/**
 * @param expected `issuer`: the only one that is accepted, if it is known; `fallback`: who issued it when the answer does not say
 * @throws OAuthError `invalid_token`; also for `active` that is anything but true
 */
export function readIntrospection(
  body: Readonly<Record<string, unknown>>,
  expected: { readonly issuer: string | undefined; readonly fallback: string; readonly now: number }
): VerifiedToken {
  if (body['active'] !== true) throw refused('the token is not active', 'inactive')
  const { iss, token_type } = body
  if (iss !== undefined && (!isText(iss) || (expected.issuer !== undefined && iss !== expected.issuer)))
    throw refused('the token is from another issuer', 'issuer')
  if (token_type !== undefined && !/^(bearer|access_token)$/i.test(String(token_type)))
    throw refused('the token is not a bearer token', 'token_type')
  assertTime(body, expected.now)
  const subject = body['sub'] ?? body['client_id']
  const clientId = body['client_id'] ?? body['sub']
  if (!isText(subject)) throw wrongClaim('sub')
  if (!isText(clientId)) throw wrongClaim('client_id')
  const { exp, org_id } = body
  return {
    subject,
    clientId,
    scopes: scopesOf(body['scope']),
    issuer: iss ?? expected.fallback,
    audience: audienceOf(body['aud']),
    expiresAt: isTime(exp) ? exp : null,
    organization: isText(org_id) ? org_id : null,
    claims: { ...body }
  }
}

function assertTime({ exp, nbf }: Readonly<Record<string, unknown>>, now: number): void {
  if (exp !== undefined && !isTime(exp)) throw wrongClaim('exp')
  if (nbf !== undefined && !isTime(nbf)) throw wrongClaim('nbf')
  // The issuer has looked at its own clock; no tolerance, because none of ours is involved in `active`.
  if (exp !== undefined && exp <= now) throw refused('the token has expired', 'expired')
}

function scopesOf(scope: unknown): string[] {
  if (scope === undefined) return []
  const scopes = typeof scope === 'string' ? scope.split(' ').filter(word => word !== '') : null
  if (!scopes?.every(isScopeToken)) throw wrongClaim('scope')
  return [...new Set(scopes)]
}

// None is no error here: the plugin refuses a token that does not name its resource.
function audienceOf(aud: unknown): string[] {
  const audience = aud === undefined ? [] : [aud].flat()
  if (!audience.every(isText)) throw wrongClaim('aud')
  return audience
}
