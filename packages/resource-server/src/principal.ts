/** From what a verifier found to what handlers see: `request.auth` and the `AuthInfo` of the MCP SDKs. */
import { OAuthError, sameResource } from '@fastify-mcp-auth/core'
import type { AuthInfo, Principal, VerifiedToken } from './types.ts'
import { type SealedToken, sealVerifiedToken } from './verified-token.ts'

/**
 * @param resource canonical identifier of this resource
 * @param aliases the option `audienceAliases`
 * @returns the same, frozen for good
 * @throws OAuthError `invalid_token` when the token was issued for somebody else, or when it is bound to a key that nobody has shown
 * @see RFC 8707 section 2, RFC 9068 section 4, RFC 9449 section 7.1, RFC 8705 section 3
 */
export function approveToken(verified: VerifiedToken, resource: string, aliases: readonly string[] = []): SealedToken {
  // Here and not in the verifiers, so that no verifier can forget it.
  if (!names(verified.audience, resource, aliases))
    throw new OAuthError('invalid_token', 'the token is not for this resource', { reason: 'audience' })
  // Taking it as a bearer token would take its protection away.
  if (verified.claims['cnf'] !== undefined && verified.claims['cnf'] !== null)
    throw new OAuthError('invalid_token', 'the token is bound to a key and is not accepted as a bearer token', {
      reason: 'sender_constrained'
    })
  return sealVerifiedToken(verified)
}

function names(audience: readonly string[], resource: string, aliases: readonly string[]): boolean {
  return audience.includes(resource) || audience.some(name => aliases.includes(name) || sameResource(name, resource))
}

/** The principal of one request. */
export function createPrincipal(approved: SealedToken, token: string): BearerPrincipal {
  return new BearerPrincipal(approved, token)
}

// A class, because a private field is hidden from serialisers, spreads and inspectors at no cost.
export class BearerPrincipal implements Principal {
  readonly subject: string
  readonly clientId: string
  readonly scopes: readonly string[]
  readonly issuer: string
  readonly audience: readonly string[]
  readonly expiresAt: number | null
  readonly organization: string | null
  readonly claims: Principal['claims']
  readonly scheme = 'Bearer'
  readonly #token: string
  readonly #approved: SealedToken

  constructor(approved: SealedToken, token: string) {
    this.subject = approved.subject
    this.clientId = approved.clientId
    this.scopes = approved.scopes
    this.issuer = approved.issuer
    this.audience = approved.audience
    this.expiresAt = approved.expiresAt
    this.organization = approved.organization
    this.claims = approved.claims
    this.#token = token
    this.#approved = approved
    Object.freeze(this)
  }

  get token(): string {
    return this.#token
  }

  get props(): unknown {
    return this.#approved.props
  }

  /** What the MCP SDKs get of it besides the members that they know. */
  static extraOf(principal: BearerPrincipal): AuthInfo['extra'] {
    return principal.#approved.extra
  }
}

interface ShownTo {
  readonly resource: string
  readonly metadataUrl: string
}

/**
 * A new one for each request: its `scopes` and its `resource`, a URL object, can be written to.
 *
 * @param server where the token was shown
 */
export function createAuthInfo(principal: BearerPrincipal, server: ShownTo): AuthInfo {
  return new SdkAuthInfo(principal, server)
}

class SdkAuthInfo implements AuthInfo {
  readonly clientId: string
  readonly scopes: string[]
  declare readonly expiresAt?: number
  readonly resourceMetadataUrl: string
  readonly extra: AuthInfo['extra']
  readonly #token: string
  #resource: string | URL

  constructor(principal: BearerPrincipal, { resource, metadataUrl }: ShownTo) {
    this.clientId = principal.clientId
    this.scopes = [...principal.scopes]
    if (principal.expiresAt !== null) this.expiresAt = principal.expiresAt
    this.resourceMetadataUrl = metadataUrl
    this.extra = BearerPrincipal.extraOf(principal)
    this.#token = principal.token
    this.#resource = resource
  }

  // Not an own property: serialisers, spreads and inspectors skip it. Whoever wants the token has to name it.
  get token(): string {
    return this.#token
  }

  // Most requests never ask for it, and parsing a URL takes longer than everything else here.
  get resource(): URL {
    if (typeof this.#resource === 'string') this.#resource = new URL(this.#resource)
    return this.#resource
  }
}
