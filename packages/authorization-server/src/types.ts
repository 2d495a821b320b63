/** What the integrator hands over, and what the plugin adds to Fastify. */
import type { AuthorizationServer, ClientMetadata } from '@fastify-mcp-auth/core'
import type { FastifyRequest } from 'fastify'

/** What a token is about to say. */
export interface ClaimsContext {
  readonly scopes: readonly string[]
  /** The one resource that it is for. */
  readonly resource: string
  /** The organization that was picked at consent; null where there is none. */
  readonly organization: string | null
}

/** What a person has just allowed. */
export interface PropsContext {
  readonly clientId: string
  readonly resources: readonly string[]
  readonly scopes: readonly string[]
  readonly organization: string | null
}

/**
 * The seam to the app's own users, login and session. The authorization server never sees a password and keeps no session.
 *
 * Methods may reject when the app's database is down: that becomes a 503, never a refusal.
 */
export interface UserAdapter<User = unknown> {
  /**
   * Who is signed in in this browser, by the app's own session.
   *
   * @returns null when nobody is; `authTime` is the epoch second of the sign-in, a whole number
   */
  current(
    request: FastifyRequest
  ): Promise<{ user: User; authTime: number } | null> | { user: User; authTime: number } | null
  /**
   * Where a person signs in. After it, the app sends the browser to `returnTo`, a path on this origin.
   * `prompt: 'login'` asks for a sign-in even if somebody is signed in: the person wants to switch.
   */
  loginUrl(target: { returnTo: string; prompt?: 'login'; loginHint?: string }): string
  /** A stable identifier, never reused for somebody else; becomes `sub`. 1 to 255 characters, anything else is a 500. */
  subject(user: User): string
  /** The user behind a `sub`, or null when there is none any more: then refresh tokens stop working. */
  find(subject: string): Promise<User | null> | User | null
  /** Additional claims of the access token. Names of registered claims are ignored. */
  claims?(user: User, context: ClaimsContext): Promise<Record<string, unknown>> | Record<string, unknown>
  /**
   * What to attach to a grant that a person has just allowed, for example tokens of another API that its tools need. Stored so that only
   * who presents a token of the grant can read it, and handed to resource servers of this process: `request.auth.props`. At most 16 KiB
   * of JSON; null for nothing. It stays the same for the life of the grant.
   */
  props?(user: User, context: PropsContext): Promise<unknown> | unknown
  /** How the consent page names the account, for example the e-mail address. */
  displayName(user: User): string
}

/**
 * Decides about a registration, after it was found acceptable by itself. `clientId` is null for a new client.
 *
 * @returns nothing to keep it as it is, or changed metadata, which is checked like any other
 * @throws OAuthError `invalid_client_metadata`, `invalid_redirect_uri` or `invalid_token` to refuse it in these words; anything
 *   else that it throws is an outage
 */
export type RegistrationPolicy = (registration: {
  readonly metadata: ClientMetadata
  readonly clientId: string | null
  readonly request: FastifyRequest
}) => ClientMetadata | undefined | Promise<ClientMetadata | undefined>

/** A signing key that never leaves a key management service (KMS, HSM). */
export interface ExternalSigner {
  readonly algorithm: 'ES256' | 'RS256' | 'PS256' | 'EdDSA'
  /** What is published; RSA has at least 2048 bits. `kid` is its thumbprint (RFC 7638) when left out. */
  readonly publicJwk: { readonly [member: string]: unknown }
  /**
   * Signs these bytes as JOSE wants it: for ES256 that is r and s, 32 bytes each, not the ASN.1 that many services return. Whatever it
   * throws, and an answer that takes longer than five seconds, is an outage (503).
   *
   * @see RFC 7518 section 3
   */
  sign(data: Uint8Array, options: { readonly signal: AbortSignal }): Promise<Uint8Array> | Uint8Array
}

declare module 'fastify' {
  interface FastifyInstance {
    authorizationServer: AuthorizationServer<FastifyRequest>
  }
}
