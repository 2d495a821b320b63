/** The clients of an authorization server that was built on the first generation of the official MCP SDK. */
import { OAuthError } from '@fastify-mcp-auth/core'
import type { ClientInformation, ClientSource } from './client-source.ts'
import type { RegisteredMetadata } from './registration-policy.ts'

/** Of the SDK's `OAuthServerProvider`, what is needed of it. */
export interface OAuthServerProvider {
  /** Asked for at every call. */
  readonly clientsStore: OAuthRegisteredClientsStore
}

/** In the shape of the SDK's interface of this name. */
export interface OAuthRegisteredClientsStore {
  getClient(clientId: string): Promise<ClientInformation | undefined> | ClientInformation | undefined
  registerClient?(client: ClientInformation & RegisteredMetadata): Promise<ClientInformation> | ClientInformation
}

/**
 * Runs the clients of an existing `OAuthServerProvider` of the MCP SDK v1 on this plugin, for the option `clientSource`.
 *
 * Only `clientsStore` is used: `getClient` finds those that registered before, `registerClient` keeps those that register from now on
 * (without it the plugin keeps them). Does not take over codes, tokens or consents of the old server.
 */
export function fromOAuthServerProvider(provider: OAuthServerProvider): ClientSource {
  return {
    find: clientId => provider.clientsStore.getClient(clientId),
    ...(provider.clientsStore.registerClient ? { register: client => register(provider, client) } : {})
  }
}

async function register(
  { clientsStore }: OAuthServerProvider,
  client: ClientInformation & RegisteredMetadata
): Promise<ClientInformation> {
  try {
    const kept = await clientsStore.registerClient?.(client)
    if (kept) return kept
  } catch (error) {
    throw isRefusal(error)
      ? new OAuthError('invalid_client_metadata', error.message, { reason: 'client_source' })
      : error
  }
  throw new TypeError('clientsStore.registerClient() is gone or answered nothing')
}

// The SDK's own error, known by its code: there may be several copies of the SDK.
function isRefusal(error: unknown): error is Error {
  return error instanceof Error && 'errorCode' in error && error.errorCode === 'invalid_client_metadata'
}
