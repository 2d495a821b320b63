/** Finds the client behind a `client_id`. */
import { canonicalResource, InteractionError, isOAuthError } from '@fastify-mcp-auth/core'
import type { ServerContext } from '../context.ts'
import type { Options } from '../options.ts'
import type { ClientRecord } from '../records.ts'
import { type Client, DEFAULT_GRANT_TYPES } from './client.ts'
import { configuredSecret } from './client-secret.ts'
import { sourceClient } from './client-source.ts'
import type { Credentials } from './credentials.ts'
import { keepDocument } from './documents.ts'
import { isMetadataDocumentId } from './metadata-document.ts'
import { CLIENT_CREDENTIALS, readOwnAccess } from './own-access.ts'
import { isRegistered, keepClient, registeredClient } from './registered-client.ts'

/**
 * The order is that of trust: what the operator wrote, what a URL vouches for, what the app keeps, what anybody registered.
 *
 * @returns null when there is no such client
 * @throws OAuthError `invalid_client_metadata` when the metadata document is not acceptable, or what the app keeps
 * @throws InteractionError `client_forgotten` for one that was registered once
 * @throws UnavailableError when the storage, the app's clients or the document's host does not answer
 */
export async function resolveClient(server: ServerContext, clientId: string): Promise<Client | null> {
  const configured = configuredClient(server, clientId)
  if (configured) return configured
  if (server.documents && isMetadataDocumentId(clientId)) return server.documents.current(clientId, server.caller())
  const kept = await sourceClient(server, clientId)
  if (kept) return kept
  const record = await findRecord(server, clientId)
  if (!record) return null
  if (isRegistered(record, server.clock.now())) return registeredClient(clientId, record)
  throw new InteractionError('client_forgotten', { statusCode: 410, clientName: record.clientName || null })
}

/**
 * The same for endpoints where the client must prove itself; what ended is unknown there.
 *
 * A metadata document is read again only for its keys: what a client without any may redeem was bound to its `client_id` when a
 * person said yes, and a host that is down must not end what it does not take part in.
 */
export async function resolveCaller(
  server: ServerContext,
  { clientId, method }: Pick<Credentials, 'clientId' | 'method'>
): Promise<Client | null> {
  const configured = configuredClient(server, clientId)
  // First here as well: a confidential client of the operator may have a URL for its client_id, and must not pass as public.
  if (configured) return configured
  if (server.documents && isMetadataDocumentId(clientId)) {
    if (method === 'private_key_jwt') return acceptableOrNull(server.documents.usable(clientId, server.caller()))
    // No document can hold a secret, so none is fetched to find that out.
    return method === 'none' ? acceptableOrNull(server.documents.known(clientId, server.caller())) : null
  }
  const kept = await acceptableOrNull(sourceClient(server, clientId))
  if (kept) return kept
  const record = await findRecord(server, clientId)
  return record && isRegistered(record, server.clock.now()) ? registeredClient(clientId, record) : null
}

/** Whether what is known of the client is in a document of its own, which is fetched for whoever names it. */
export function isDocumentClient(server: ServerContext, clientId: string): boolean {
  return server.documents !== null && !configuredClient(server, clientId) && isMetadataDocumentId(clientId)
}

// A document or record that is not acceptable any more is the end of its client; one that cannot be had is an outage.
async function acceptableOrNull(client: Promise<Client | null>): Promise<Client | null> {
  try {
    return await client
  } catch (error) {
    if (isOAuthError(error)) return null
    throw error
  }
}

/**
 * Keeps what is known of a client for as long as a grant of it can live. To be called before that is stored.
 *
 * @returns false for one that was removed or is unknown here: {@link resolveClient} says which, and whether the app keeps it. A metadata
 *   document is not read again: nobody removes it here, and its host may be down
 */
export async function renewClient(server: ServerContext, clientId: string, grantEndsAt: number): Promise<boolean> {
  if (configuredClient(server, clientId)) return true
  if (!isMetadataDocumentId(clientId)) return keepClient(server, clientId, grantEndsAt)
  await keepDocument(server.records, clientId, grantEndsAt)
  return true
}

export function configuredClient(server: ServerContext, clientId: string): Client | null {
  return server.configuredClients.get(clientId) ?? null
}

/** The clients of the option `clients`, by their client_id. */
export function readConfiguredClients({ clients, issuer }: Options): ReadonlyMap<string, Client> {
  return new Map(clients.map(definition => [definition.client_id, Object.freeze(clientOf(definition, issuer))]))
}

function clientOf(definition: Options['clients'][number], issuer: string): Client {
  const secrets = [definition.client_secret_digest ?? []].flat().map(configuredSecret)
  const { jwks = null, jwks_uri: jwksUri = null } = definition
  const keys = jwks || jwksUri !== null ? { jwks, jwksUri, alg: null } : null
  return {
    clientId: definition.client_id,
    name: definition.client_name,
    names: {},
    redirectUris: definition.redirect_uris,
    postLogoutRedirectUris: definition.post_logout_redirect_uris ?? [],
    authMethods:
      secrets.length > 0 ? ['client_secret_basic', 'client_secret_post'] : keys ? ['private_key_jwt'] : ['none'],
    secrets,
    keys,
    grantTypes: grantTypesOf(definition),
    ownAccess: readOwnAccess(definition.client_credentials),
    introspects: (definition.introspects ?? []).map(canonicalResource),
    pushesRequests: definition.require_pushed_authorization_requests ?? false,
    // Whoever wrote the options vouches for the name: this very app.
    verifiedHost: new URL(issuer).host,
    clientUri: definition.client_uri ?? null,
    logoUri: definition.logo_uri ?? null,
    policyUri: null,
    tosUri: null
  }
}

/** What is written down for a client says what it is for, where it does not say so itself. */
function grantTypesOf(definition: Options['clients'][number]): readonly string[] {
  const { grant_types: given, introspects, client_credentials: own, redirect_uris: uris } = definition
  if (given) return given
  const personal = introspects || (own && uris.length === 0) ? [] : DEFAULT_GRANT_TYPES
  return own ? [...personal, CLIENT_CREDENTIALS] : personal
}

export async function findRecord(server: ServerContext, clientId: string): Promise<ClientRecord | null> {
  return clientId.length > 255 ? null : server.records.clients.get(clientId)
}
