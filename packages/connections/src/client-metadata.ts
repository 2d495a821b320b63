/**
 * What we say about ourselves: in the document that our client id points to, and when we register.
 *
 * @see RFC 7591 section 2, draft-ietf-oauth-client-id-metadata-document section 4
 */
import { isHttpLoopback } from '@fastify-mcp-auth/core'
import type { ClientAuthMethod } from './oauth-client.ts'
import type { ResolvedOptions } from './options.ts'
import type { ClientMetadataDocument, ConnectionUrls } from './types.ts'

interface Sources {
  readonly options: ResolvedOptions
  readonly urls: ConnectionUrls
}

/** Undefined members are left out. */
export function clientMetadata({ options, urls }: Sources, method: ClientAuthMethod): Record<string, unknown> {
  const { client } = options
  const metadata = {
    client_name: client.name,
    redirect_uris: [urls.callback],
    // Said outright: a server that is not told about refresh tokens may not give any.
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: method,
    application_type: isHttpLoopback(urls.callback) ? 'native' : 'web',
    client_uri: client.uri,
    logo_uri: client.logoUri,
    policy_uri: client.policyUri,
    tos_uri: client.tosUri,
    contacts: client.contacts,
    software_id: client.softwareId,
    software_version: client.softwareVersion,
    ...(method === 'private_key_jwt'
      ? { jwks_uri: urls.jwks, token_endpoint_auth_signing_alg: client.keys === 'RS256' ? 'RS256' : 'ES256' }
      : {})
  }
  return Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== undefined))
}

/** @param isPublic the variant for authorization servers that cannot check keys */
export function clientDocument({ options, urls }: Sources, isPublic: boolean): ClientMetadataDocument {
  const method = isPublic || options.client.keys === 'none' ? 'none' : 'private_key_jwt'
  const document = {
    client_id: method === 'none' ? urls.publicClientDocument : urls.clientDocument,
    ...clientMetadata({ options, urls }, method)
  }
  return Object.freeze(document) as ClientMetadataDocument
}
