/** A client, wherever it comes from: the options, a registration, or a metadata document. */
import type { ClientMetadata } from '@fastify-mcp-auth/core'

export const CLIENT_AUTH_METHODS = ['none', 'client_secret_basic', 'client_secret_post'] as const
export type ClientAuthMethod = (typeof CLIENT_AUTH_METHODS)[number]

export interface Client {
  readonly clientId: string
  /** As the client calls itself; only `verifiedHost` vouches for it. */
  readonly name: string
  readonly redirectUris: readonly string[]
  readonly authMethod: ClientAuthMethod
  /** Digest of the secret of a confidential client. */
  readonly secretDigest: string | null
  readonly grantTypes: readonly string[]
  /** Host of its metadata document. */
  readonly verifiedHost: string | null
  readonly clientUri: string | null
  readonly policyUri: string | null
  readonly tosUri: string | null
}

/** Grant types of a client that names none. RFC 7591 says only the code; clients in the wild expect to stay connected. */
export const DEFAULT_GRANT_TYPES: readonly string[] = Object.freeze(['authorization_code', 'refresh_token'])

/** The members that a metadata document and a registration have in common. */
export function clientFromMetadata(
  clientId: string,
  metadata: ClientMetadata,
  rest: Pick<Client, 'authMethod' | 'secretDigest' | 'verifiedHost'>
): Client {
  return {
    clientId,
    name: metadata.client_name ?? fallbackName(metadata),
    redirectUris: metadata.redirect_uris ?? [],
    grantTypes: metadata.grant_types ?? DEFAULT_GRANT_TYPES,
    clientUri: metadata.client_uri ?? null,
    policyUri: metadata.policy_uri ?? null,
    tosUri: metadata.tos_uri ?? null,
    ...rest
  }
}

// A client without a name is called by the place where its answers go.
function fallbackName(metadata: ClientMetadata): string {
  return URL.parse(metadata.redirect_uris?.[0] ?? '')?.host || 'Unnamed app'
}
