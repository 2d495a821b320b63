/** The part of `app.authorizationServer` that looks after clients: those that registered, and those that the app registers itself. */
import type { ClientMetadata } from './schemas/client-metadata.ts'

/** A client as an operator sees it. Times are epoch seconds. */
export interface ClientSummary {
  readonly clientId: string
  /** As the client calls itself. */
  readonly name: string
  /** By itself (RFC 7591), by `clients.register()`, in the options, or kept by the app in its `clientSource`. */
  readonly registeredBy: 'client' | 'app' | 'options' | 'source'
  readonly redirectUris: readonly string[]
  /** What it may use at the token endpoint. */
  readonly authMethods: readonly string[]
  readonly grantTypes: readonly string[]
  /** What it may do in its own name, scopes by resource; empty for nothing. */
  readonly clientCredentials: { readonly [resource: string]: readonly string[] }
  /** Null for a client of the options or the source, like the other times of it. */
  readonly createdAt: number | null
  /** When somebody allowed it something, to the precision of a renewal; null when nobody did. */
  readonly usedAt: number | null
  /** When it is forgotten unless it is used; null for never. */
  readonly expiresAt: number | null
  /** Those that are valid; the secrets themselves are not kept. */
  readonly secrets: readonly {
    readonly secretId: string
    readonly createdAt: number
    readonly expiresAt: number | null
  }[]
}

/** Clients whose identifier is the URL of a metadata document are not stored here; neither can those of the options be changed. */
export interface RegisteredClients {
  /** Null when there is no such client, or not any more. */
  get(clientId: string): Promise<ClientSummary | null>
  /**
   * In the order of their identifiers.
   *
   * @param page `registeredBy` is `client` when left out; `limit` 100 when left out and 1,000 at most. A page may be empty and
   *   still have a cursor
   */
  list(page?: {
    registeredBy?: 'client' | 'app'
    limit?: number
    cursor?: string | null
  }): Promise<{ readonly clients: readonly ClientSummary[]; readonly cursor: string | null }>
  /**
   * Registers a client that never expires. Checked like a registration, but not held against `dynamicRegistration.policy`.
   *
   * @param options `clientCredentials`: what it may do in its own name, scopes by resource (grant type `client_credentials`); nothing when
   *   left out. A client cannot give itself any of it
   * @returns its id, its secret (told this once; null for one without) and what was kept
   * @throws OAuthError `invalid_client_metadata` or `invalid_redirect_uri`
   * @throws TypeError when `clientCredentials` names a resource or scope that is not known
   */
  register(
    metadata: ClientMetadata,
    options?: { clientCredentials?: { readonly [resource: string]: readonly string[] } }
  ): Promise<{ readonly clientId: string; readonly clientSecret: string | null; readonly metadata: ClientMetadata }>
  /**
   * Changes a client that the app registered; checked in the same way. What is left out stays.
   *
   * It counts from the next request on. Access of its own: from its next token on, while those that are out live to their end;
   * `grants.revokeAll({ clientId })` ends them at once. Redirect URIs: for authorization requests that come after it. What people allowed
   * stays, and is refreshed for as long as `refresh_token` is among its grant types.
   *
   * @param change `metadata` replaces all that was registered; `clientCredentials` replaces all that it may do in its own name, null for
   *   nothing
   * @returns what was kept, with a secret (told this once) where it needs one and had none; null when there is no such client
   * @throws OAuthError `invalid_client_metadata` or `invalid_redirect_uri`
   * @throws TypeError when `clientCredentials` names a resource or scope that is not known, or the client is not one that the app registered
   */
  update(
    clientId: string,
    change: {
      metadata?: ClientMetadata
      clientCredentials?: { readonly [resource: string]: readonly string[] } | null
    }
  ): Promise<{
    readonly clientId: string
    readonly clientSecret: string | null
    readonly metadata: ClientMetadata
  } | null>
  /**
   * One more secret beside those that there are, five at most.
   *
   * @returns the secret, told this once; null when there is no such client
   * @throws OAuthError `invalid_client_metadata` when the client has no secrets, or five
   */
  addSecret(
    clientId: string,
    options?: { expiresAt?: number | null }
  ): Promise<{ readonly secretId: string; readonly clientSecret: string } | null>
  /** The same, and all others end after `overlap` seconds (a day when left out; 0 at once). */
  rotateSecret(
    clientId: string,
    options?: { overlap?: number }
  ): Promise<{ readonly secretId: string; readonly clientSecret: string } | null>
  /** Ends one secret at once. @returns false when there is none of that id */
  removeSecret(clientId: string, secretId: string): Promise<boolean>
  /** Ends a client and all its grants at once. @returns false when it was not there */
  remove(clientId: string): Promise<boolean>
  /**
   * A token with which one client may register, for `dynamicRegistration.initialAccessTokens`.
   *
   * @param options `ttl` in seconds, a day when left out
   */
  issueInitialAccessToken(options?: { ttl?: number }): Promise<{ readonly token: string; readonly expiresAt: number }>
}
