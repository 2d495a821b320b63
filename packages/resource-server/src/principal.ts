/** From what a verifier found to what handlers see: `request.auth` and the `AuthInfo` of the MCP SDKs. */
import { OAuthError, sameResource } from '@fastify-mcp-auth/core'
import type { AuthInfo, Principal, VerifiedToken } from './types.ts'

/** A principal but for the token that it came with: the same for every request with that token. */
export type ApprovedToken = Omit<Principal, 'token'>

/**
 * @param resource canonical identifier of this resource
 * @param aliases the option `audienceAliases`
 * @throws OAuthError `invalid_token` when the token was issued for somebody else, or when it is bound to a key that nobody has shown
 * @see RFC 8707 section 2, RFC 9068 section 4, RFC 9449 section 7.1, RFC 8705 section 3
 */
export function approveToken(
  verified: VerifiedToken,
  resource: string,
  aliases: readonly string[] = []
): ApprovedToken {
  // Here and not in the verifiers, so that no verifier can forget it.
  const isForUs = (audience: string): boolean =>
    audience === resource || aliases.includes(audience) || sameResource(audience, resource)
  if (!verified.audience.some(isForUs))
    throw new OAuthError('invalid_token', 'the token is not for this resource', { reason: 'audience' })
  // Taking it as a bearer token would take its protection away.
  if (verified.claims['cnf'] !== undefined && verified.claims['cnf'] !== null)
    throw new OAuthError('invalid_token', 'the token is bound to a key and is not accepted as a bearer token', {
      reason: 'sender_constrained'
    })
  return deepFreeze({
    subject: verified.subject,
    clientId: verified.clientId,
    scopes: [...verified.scopes],
    issuer: verified.issuer,
    audience: [...verified.audience],
    expiresAt: verified.expiresAt,
    organization: verified.organization,
    claims: verified.claims,
    props: verified.props ?? null,
    scheme: 'Bearer' as const
  })
}

/** The principal of one request. */
export function createPrincipal(approved: ApprovedToken, token: string): Principal {
  return new TokenHolder(approved, token)
}

// A class, because a private field is hidden from serialisers, spreads and inspectors at no cost.
class TokenHolder implements Principal {
  readonly subject: string
  readonly clientId: string
  readonly scopes: readonly string[]
  readonly issuer: string
  readonly audience: readonly string[]
  readonly expiresAt: number | null
  readonly organization: string | null
  readonly claims: Principal['claims']
  readonly scheme: 'Bearer'
  readonly #token: string
  readonly #props: unknown

  constructor(approved: ApprovedToken, token: string) {
    this.subject = approved.subject
    this.clientId = approved.clientId
    this.scopes = approved.scopes
    this.issuer = approved.issuer
    this.audience = approved.audience
    this.expiresAt = approved.expiresAt
    this.organization = approved.organization
    this.claims = approved.claims
    this.scheme = approved.scheme
    this.#token = token
    this.#props = approved.props
    Object.freeze(this)
  }

  get token(): string {
    return this.#token
  }

  get props(): unknown {
    return this.#props
  }
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
    extra: Object.freeze(withHidden({ sub: subject, iss: issuer, organization, claims }, 'props', principal.props))
  }
  return withHidden(info, 'token', principal.token)
}

// Serialisers, spreads and inspectors skip what is not enumerable; whoever wants the token has to name it.
function withHidden<T extends object, N extends string, V>(target: T, name: N, value: V): T & { readonly [K in N]: V } {
  return Object.defineProperty(target, name, { value, enumerable: false }) as T & { readonly [K in N]: V }
}

/** Freezes arrays and plain objects, all the way down; what cannot be frozen stays as it is. */
export function deepFreeze<T>(value: T, seen = new Set<unknown>()): T {
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
