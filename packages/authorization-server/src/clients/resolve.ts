/** Finds the client behind a `client_id`. */
import type { ServerContext } from '../context.ts'
import { type Client, type ClientAuthMethod, clientFromMetadata, DEFAULT_GRANT_TYPES } from './client.ts'
import { isMetadataDocumentId } from './metadata-document.ts'

/**
 * The order is that of trust: what the operator wrote, what a URL vouches for, what anybody registered.
 *
 * @returns null when there is no such client
 * @throws OAuthError `invalid_client_metadata` when the metadata document is not acceptable
 * @throws UnavailableError when the storage or the document's host does not answer
 */
export async function resolveClient(server: ServerContext, clientId: string): Promise<Client | null> {
  const configured = configuredClient(server, clientId)
  if (configured) return configured
  if (server.documents && isMetadataDocumentId(clientId)) return server.documents(clientId)
  return registeredClient(server, clientId)
}

/**
 * The same for endpoints where the client must prove itself. A metadata document is not fetched again: its client is public,
 * and what it may redeem was bound to its `client_id` when a person said yes.
 */
export async function resolveCaller(server: ServerContext, clientId: string): Promise<Client | null> {
  const configured = configuredClient(server, clientId)
  // First here as well: a confidential client of the operator may have a URL for its client_id, and must not pass as public.
  if (configured) return configured
  if (server.documents && isMetadataDocumentId(clientId)) {
    const host = new URL(clientId).host
    return clientFromMetadata(clientId, {}, { authMethod: 'none', secretDigest: null, verifiedHost: host })
  }
  return registeredClient(server, clientId)
}

function configuredClient(server: ServerContext, clientId: string): Client | null {
  const definition = server.options.clients.find(client => client.client_id === clientId)
  if (!definition) return null
  const secretDigest = definition.client_secret_digest ?? null
  return {
    clientId: definition.client_id,
    name: definition.client_name,
    redirectUris: definition.redirect_uris,
    authMethod: secretDigest === null ? 'none' : 'client_secret_basic',
    secretDigest,
    grantTypes: DEFAULT_GRANT_TYPES,
    // Whoever wrote the options vouches for the name: this very app.
    verifiedHost: new URL(server.issuer).host,
    clientUri: definition.client_uri ?? null,
    policyUri: null,
    tosUri: null
  }
}

async function registeredClient(server: ServerContext, clientId: string): Promise<Client | null> {
  if (clientId.length > 255) return null
  const record = await server.records.clients.get(clientId)
  if (!record) return null
  return clientFromMetadata(clientId, record.metadata, {
    authMethod: record.authMethod as ClientAuthMethod,
    secretDigest: record.secretDigest,
    verifiedHost: null
  })
}
