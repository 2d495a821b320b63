/** How a fake authorization server behaves. Every member can be changed while it runs. */

/** Well-known places of metadata. @see RFC 8414 section 3, OpenID Connect Discovery 1.0 section 4 */
export type MetadataPlace =
  /** `/.well-known/oauth-authorization-server`, before the path of the issuer. */
  | 'oauth-authorization-server'
  /** `/.well-known/openid-configuration`, before the path of the issuer. */
  | 'openid-configuration'
  /** `/.well-known/openid-configuration`, after the path of the issuer. */
  | 'openid-configuration-appended'

/** Settings of a fake authorization server. See {@link defaultBehaviour} for where they start. */
export interface AuthorizationServerBehaviour {
  /** Where the metadata is; nowhere (an empty list) is a server of 2025-03-26 that has only default endpoints. */
  metadataAt: readonly MetadataPlace[]
  /** Replaces or adds members of the metadata; undefined takes one away. */
  metadata: { readonly [member: string]: unknown }
  /** Dynamic registration. @see RFC 7591 */
  registration: 'open' | 'closed'
  /** Seconds that a secret from registration lives; null for ever. */
  clientSecretLifetime: number | null
  /** Takes URLs of metadata documents for client ids. Documents on loopback over http are fetched, too. */
  clientIdMetadataDocuments: boolean
  tokenEndpointAuthMethods: readonly ('none' | 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt')[]
  /** Status of `invalid_client` for a client that is not known. */
  unknownClientStatus: 400 | 401
  /** @see RFC 9126 */
  pushedAuthorization: 'none' | 'supported' | 'required'
  /** `page`: a login form and a consent form, which take any account. `automatic`: straight back, as `subject`. */
  consent: 'page' | 'automatic'
  /** Who is signed in when nobody is asked. */
  subject: string
  scopesSupported: readonly string[] | null
  /** What of the requested scopes is granted. */
  grantScopes: (requested: readonly string[]) => readonly string[]
  /** `iss` of the authorization response; a text is sent as it is. @see RFC 9207 */
  iss: 'right' | 'missing' | (string & {})
  /**
   * What is done with `resource`. `refused`: `invalid_target`; `refused-as-entra`: `invalid_request`, at all three legs.
   *
   * @see RFC 8707
   */
  resource: 'optional' | 'required' | 'refused' | 'refused-as-entra'
  /** Seconds. */
  accessTokenLifetime: number
  /** Whether the token response says `expires_in`. */
  expiresIn: boolean
  /** `jwt` in the profile of RFC 9068, signed with ES256 and published at `jwks_uri`. */
  accessTokenFormat: 'opaque' | 'jwt'
  refreshTokens: 'always' | 'offline_access' | 'never'
  /** Seconds; null for ever. */
  refreshTokenLifetime: number | null
  /** `always`: each refresh ends the token that was used. `same`: it is said again. `omitted`: it stays good and is not said again. */
  rotation: 'always' | 'same' | 'omitted'
  /** Seconds in which a spent refresh token is taken once more; 0 means that the second use ends the grant at once. */
  reuseGrace: number
  /** @see RFC 9449 */
  dpop: 'none' | 'supported' | 'required'
  /** Demands a nonce in every proof, and changes it after so many seconds; null demands none. */
  dpopNonceLifetime: number | null
  /** Seconds that a code lives. */
  codeLifetime: number
  revocation: boolean
}

/** A server as the specification of 2026-07-28 wants it: rotation without grace, consent on a page, `iss`, PKCE. */
export const defaultBehaviour: AuthorizationServerBehaviour = {
  metadataAt: ['oauth-authorization-server'],
  metadata: {},
  registration: 'open',
  clientSecretLifetime: null,
  clientIdMetadataDocuments: false,
  tokenEndpointAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
  unknownClientStatus: 401,
  pushedAuthorization: 'none',
  consent: 'page',
  subject: 'alice',
  scopesSupported: null,
  grantScopes: requested => requested,
  iss: 'right',
  resource: 'optional',
  accessTokenLifetime: 3600,
  expiresIn: true,
  accessTokenFormat: 'opaque',
  refreshTokens: 'always',
  refreshTokenLifetime: null,
  rotation: 'always',
  reuseGrace: 0,
  dpop: 'none',
  dpopNonceLifetime: null,
  codeLifetime: 60,
  revocation: true
}
