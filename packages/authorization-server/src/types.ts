/** What the integrator hands over, and what the plugin adds to Fastify. */
import type { AuthorizationServer, ClientMetadata, Display } from '@fastify-mcp-auth/core'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** Who is signed in, and how. */
export interface CurrentUser<User = unknown> {
  readonly user: User
  /** Epoch second of the sign-in, a whole number; becomes `auth_time`. */
  readonly authTime: number
  /** How strong the sign-in was, in a word that the resources know; becomes `acr`. */
  readonly acr?: string
  /** How the person proved who they are, for example `['pwd', 'otp']`; becomes `amr`. @see RFC 8176 */
  readonly methods?: readonly string[]
}

/** What a login page is told. Values come from the client: escape them, and take them for hints. */
export interface LoginTarget {
  /** Where the browser goes afterwards: a path on this origin, or what `interactionUrl` made. */
  readonly returnTo: string
  /** `login`: sign in anew. `select_account`: let the person choose between accounts. */
  readonly prompt?: 'login' | 'select_account'
  /** Name of the account that the client expects. */
  readonly loginHint?: string
  /** Languages in the order of preference, as BCP 47 tags. */
  readonly uiLocales?: readonly string[]
  /** How strong a sign-in the client would like, in the order of preference. */
  readonly acrValues?: readonly string[]
  readonly display?: Display
}

/** A team, workspace or tenant that a person acts for. */
export interface Organization {
  /** Stable, never reused; becomes `org_id`. */
  readonly id: string
  /** For people. */
  readonly name: string
}

/** Where scopes are about to be allowed. */
export interface ScopesContext {
  readonly clientId: string
  readonly resource: string
  /** Null where the app knows no organizations. */
  readonly organization: string | null
}

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
  /** Who is signed in in this browser, by the app's own session; null when nobody is. */
  current(request: FastifyRequest): Promise<CurrentUser<User> | null> | CurrentUser<User> | null
  /**
   * Where a person signs in. After it, the app sends the browser to `returnTo`, a path on this origin. The rest is for the page
   * to use or not, but for one thing: with `prompt: 'login'` it must sign in anew even if somebody is signed in, because the
   * session counts only when its `authTime` is later than the request.
   */
  loginUrl(target: LoginTarget): string
  /** A stable identifier, never reused for somebody else; becomes `sub`. 1 to 255 characters, anything else is a 500. */
  subject(user: User): string
  /**
   * The user behind a `sub`, or null when there is none any more: then refresh tokens stop working. Also asked with the `client_id` of a
   * client that acts in its own name, which must be nobody's: answer null for what is no subject of yours.
   */
  find(subject: string): Promise<User | null> | User | null
  /** Additional claims of the access token. Names of registered claims are ignored. */
  claims?(user: User, context: ClaimsContext): Promise<Record<string, unknown>> | Record<string, unknown>
  /**
   * What to attach to a grant that a person has just allowed, for example tokens of another API that its tools need. Stored so that only
   * who presents a token of the grant can read it, and handed to resource servers of this process: `request.auth.props`. At most 16 KiB
   * of JSON; null for nothing. It stays the same for the life of the grant. Asked before the grant is stored: once, but for requests at the
   * same moment and for a repetition after an error, of which one answer is kept.
   */
  props?(user: User, context: PropsContext): Promise<unknown> | unknown
  /**
   * The organizations that a person acts for. With more than one the consent page asks for which; access is for that one, and ends
   * when it is not in the list any more. Leave it out, or answer with none, where there is nothing to pick.
   */
  organizations?(user: User): Promise<readonly Organization[]> | readonly Organization[]
  /**
   * Which of these scopes this person may allow there: asked for the consent page and again whenever tokens are made. What is
   * not among `scopes` is ignored, and `openid` and its like are not asked about. All of them when left out.
   */
  allowedScopes?(
    user: User,
    scopes: readonly string[],
    context: ScopesContext
  ): Promise<readonly string[]> | readonly string[]
  /**
   * Ends the app's own session in this browser, as its own logout does: destroys it and clears its cookie on `reply`, which it must not
   * send. With it and the option `openid`, clients can sign people out; without it there is no such endpoint.
   *
   * @see OpenID Connect RP-Initiated Logout 1.0
   */
  signOut?(request: FastifyRequest, reply: FastifyReply): Promise<void> | void
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

/**
 * Finds the user that an identity provider speaks for.
 *
 * @param claims of the assertion, verified: signature, issuer, audience, time, client
 * @returns null for nobody. `organization`: the id of one of `users.organizations`, needed where there are several. What it throws or
 *   rejects with is an outage (503), never a refusal
 * @see draft-ietf-oauth-identity-assertion-authz-grant section 4.4
 */
export type AssertedUser<User = unknown> = (claims: {
  readonly iss: string
  readonly sub: string
  readonly [name: string]: unknown
}) => AssertedPerson<User> | null | Promise<AssertedPerson<User> | null>

/** A user of the app, and for which organization the access is. */
export interface AssertedPerson<User = unknown> {
  readonly user: User
  readonly organization?: string
}

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
    authorizationServer: AuthorizationServer<FastifyRequest, FastifyReply>
  }
}
