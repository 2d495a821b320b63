/** A client, wherever it comes from: the options, a registration, or a metadata document. */
import type { ClientMetadata } from '@fastify-mcp-auth/core'
import type { KeySource } from './client-keys.ts'
import type { ClientSecret } from './client-secret.ts'

export const CLIENT_AUTH_METHODS = ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const
export type ClientAuthMethod = (typeof CLIENT_AUTH_METHODS)[number]

export interface Client {
  readonly clientId: string
  /** As the client calls itself; only `verifiedHost` vouches for it. */
  readonly name: string
  /** The same in other languages, by language tag. */
  readonly names: { readonly [languageTag: string]: string }
  readonly redirectUris: readonly string[]
  /** Where the browser may go after a sign-out that it asked for. */
  readonly postLogoutRedirectUris: readonly string[]
  /** What it may use at the token endpoint, one of them in each request. */
  readonly authMethods: readonly ClientAuthMethod[]
  /** Of a client that has secrets; several while one replaces the other. */
  readonly secrets: readonly ClientSecret[]
  /** Of a client that signs assertions. */
  readonly keys: KeySource | null
  readonly grantTypes: readonly string[]
  /** Requests that it did not push are not its own. @see RFC 9126 section 6 */
  readonly pushesRequests: boolean
  /** Host of its metadata document, or of this app for clients of the operator. */
  readonly verifiedHost: string | null
  /** Resources whose tokens it may ask about, because it is their resource server. Only clients of the options have any. */
  readonly introspects?: readonly string[]
  /** What it may do in its own name: scopes by canonical resource. Only the operator gives any. */
  readonly ownAccess?: ReadonlyMap<string, readonly string[]>
  readonly clientUri: string | null
  readonly logoUri: string | null
  readonly policyUri: string | null
  readonly tosUri: string | null
}

/** Grant types of a client that names none. RFC 7591 says only the code; clients in the wild expect to stay connected. */
export const DEFAULT_GRANT_TYPES: readonly string[] = Object.freeze(['authorization_code', 'refresh_token'])

/** The members that a metadata document and a registration have in common. */
export function clientFromMetadata(
  clientId: string,
  metadata: ClientMetadata,
  rest: Pick<Client, 'authMethods' | 'secrets' | 'keys' | 'verifiedHost'>
): Client {
  return {
    clientId,
    name: metadata.client_name ?? fallbackName(metadata),
    names: localisedNames(metadata),
    redirectUris: metadata.redirect_uris ?? [],
    postLogoutRedirectUris: metadata.post_logout_redirect_uris ?? [],
    grantTypes: metadata.grant_types ?? DEFAULT_GRANT_TYPES,
    pushesRequests: metadata.require_pushed_authorization_requests ?? false,
    clientUri: metadata.client_uri ?? null,
    logoUri: metadata.logo_uri ?? null,
    policyUri: metadata.policy_uri ?? null,
    tosUri: metadata.tos_uri ?? null,
    ...rest
  }
}

/**
 * What a client with this method may send. A client with a secret may use either way to send it: clients in the wild mix the
 * two up, and neither is weaker.
 */
export function methodsOf(method: ClientAuthMethod): readonly ClientAuthMethod[] {
  return method.startsWith('client_secret') ? ['client_secret_basic', 'client_secret_post'] : [method]
}

export function isAuthMethod(method: string): method is ClientAuthMethod {
  return CLIENT_AUTH_METHODS.some(known => known === method)
}

// A client without a name is called by the place where its answers go.
function fallbackName(metadata: ClientMetadata): string {
  return URL.parse(metadata.redirect_uris?.[0] ?? '')?.host || 'Unnamed app'
}

function localisedNames(metadata: ClientMetadata): Record<string, string> {
  const prefix = 'client_name#'
  return Object.fromEntries(
    Object.entries(metadata).flatMap(([member, value]) =>
      member.startsWith(prefix) && typeof value === 'string' ? [[member.slice(prefix.length), value]] : []
    )
  )
}
