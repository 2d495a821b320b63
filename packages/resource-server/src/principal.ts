/** From what a verifier found to what handlers see: `request.auth` and the `AuthInfo` of the MCP SDKs. */
import { OAuthError, sameResource } from '@fastify-mcp-auth/core'
import type { AuthInfo, Principal, VerifiedToken } from './types.ts'

/**
 * @param resource canonical identifier of this resource
 * @throws OAuthError `invalid_token` when the token was issued for somebody else
 * @see RFC 8707 section 2, RFC 9068 section 4
 */
export function createPrincipal(verified: VerifiedToken, token: string, resource: string): Principal {
  // Here and not in the verifiers, so that no verifier can forget it.
  if (!verified.audience.some(audience => audience === resource || sameResource(audience, resource)))
    throw new OAuthError('invalid_token', 'the token is not for this resource', { reason: 'audience' })
  const principal = {
    subject: verified.subject,
    clientId: verified.clientId,
    scopes: [...verified.scopes],
    issuer: verified.issuer,
    audience: [...verified.audience],
    expiresAt: verified.expiresAt,
    organization: verified.organization,
    claims: verified.claims,
    scheme: 'Bearer' as const
  }
  return deepFreeze(withHiddenToken(principal, token))
}

/**
 * A new one for each request: `resource` is a URL object, which cannot be frozen.
 *
 * @param server where the token was shown
 */
export function createAuthInfo(
  principal: Principal,
  server: { readonly resource: string; readonly metadataUrl: string }
): AuthInfo {
  const { subject, issuer, organization, claims } = principal
  const info = {
    clientId: principal.clientId,
    scopes: [...principal.scopes],
    ...(principal.expiresAt === null ? {} : { expiresAt: principal.expiresAt }),
    resource: new URL(server.resource),
    resourceMetadataUrl: server.metadataUrl,
    extra: Object.freeze({ sub: subject, iss: issuer, organization, claims })
  }
  return withHiddenToken(info, principal.token)
}

// Serialisers, spreads and inspectors skip what is not enumerable; whoever wants the token has to name it.
function withHiddenToken<T extends object>(target: T, token: string): T & { readonly token: string } {
  return Object.defineProperty(target, 'token', { value: token, enumerable: false }) as T & { readonly token: string }
}

function deepFreeze<T>(value: T, seen = new Set<unknown>()): T {
  if (!isPlain(value) || seen.has(value)) return value
  seen.add(value)
  for (const member of Object.values(value)) deepFreeze(member, seen)
  return Object.freeze(value)
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return Array.isArray(value) || prototype === Object.prototype || prototype === null
}
