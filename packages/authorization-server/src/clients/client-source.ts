/**
 * Clients that the app keeps itself, for example in the table of the server that stood here before. Each is read anew for every
 * request; of its secret only a digest gets past this file.
 *
 * @see RFC 7591 section 3.2.1
 */
import {
  digest,
  isOAuthError,
  isUnavailableError,
  OAuthError,
  randomSecret,
  UnavailableError
} from '@fastify-mcp-auth/core'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import type { ServerContext } from '../context.ts'
import { type Client, type ClientAuthMethod, clientFromMetadata, methodsOf } from './client.ts'
import { readKeySource } from './client-keys.ts'
import { configuredSecret } from './client-secret.ts'
import { hasSecret } from './registration.ts'
import { acceptMetadata, type RegisteredMetadata } from './registration-policy.ts'

/** A client as it is told at its registration. Metadata of RFC 7591 section 2 may come with it, and is checked like a registration. */
export interface ClientInformation {
  readonly client_id: string
  /** In clear, as it was handed out. A client that has one must prove it, whatever its `token_endpoint_auth_method` says. */
  readonly client_secret?: string | undefined
  /** Epoch second from which on the secret is refused; 0 for never. */
  readonly client_secret_expires_at?: number | undefined
  readonly client_id_issued_at?: number | undefined
  readonly redirect_uris: readonly string[]
}

/** Clients that the app keeps itself. What a method throws is an outage (503), unless it is an `OAuthError` of `register`. */
export interface ClientSource {
  /** @returns null or undefined when there is no client of exactly this id: then the plugin's own storage is asked */
  find(clientId: string): Promise<ClientInformation | null | undefined> | ClientInformation | null | undefined
  /**
   * Keeps a client that registers. Without this method the plugin keeps it.
   *
   * @param client with id, secret (unless it needs none) and everything that was accepted
   * @returns what the client is told; may differ in what the app keeps otherwise
   * @throws OAuthError `invalid_client_metadata` or `invalid_redirect_uri` to refuse it in these words
   */
  register?(client: ClientInformation & RegisteredMetadata): Promise<ClientInformation> | ClientInformation
}

/** What there is beside metadata. A secret must fit into a header. */
const Information = Compile(
  Type.Object({
    client_id: Type.String(),
    client_secret: Type.Optional(Type.Union([Type.String({ maxLength: 1024 }), Type.Null()])),
    client_secret_expires_at: Type.Optional(Type.Union([Type.Number({ minimum: 0 }), Type.Null()]))
  })
)

/** What a client may be called there; no other is asked for. @see RFC 6749 appendix A.1 */
const CLIENT_ID = /^[\x20-\x7E]{1,255}$/

/**
 * @returns null when the source has no such client
 * @throws OAuthError `invalid_client_metadata` or `invalid_redirect_uri` when it has one that we cannot stand by
 * @throws UnavailableError when it fails
 */
export async function sourceClient(server: ServerContext, clientId: string): Promise<Client | null> {
  const { clientSource } = server.options
  if (!clientSource || !CLIENT_ID.test(clientId)) return null
  const found = await asked('find', () => clientSource.find(clientId))
  if (found === null || found === undefined) return null
  const { information, metadata } = accept(server, found)
  // A database that does not tell A from a has found somebody else.
  if (information.client_id !== clientId) return null
  const secrets = information.client_secret
    ? [
        {
          ...configuredSecret(digest(information.client_secret)),
          expiresAt: information.client_secret_expires_at || null
        }
      ]
    : []
  return clientFromMetadata(clientId, metadata, {
    authMethods: methodsOf(metadata.token_endpoint_auth_method),
    secrets,
    keys: readKeySource(metadata),
    verifiedHost: null
  })
}

/** Whether the source keeps the clients that register. */
export function keepsRegistrations(server: ServerContext): boolean {
  return server.options.clientSource?.register !== undefined
}

/**
 * Hands a registration to the source.
 *
 * @returns the client information response; there is no management of the registration (RFC 7592) for it
 * @throws OAuthError as the app says
 * @throws UnavailableError when the source fails; TypeError when it answers something that is no client
 */
export async function registerAtSource(
  server: ServerContext,
  accepted: RegisteredMetadata
): Promise<Record<string, unknown>> {
  const issuedAt = server.clock.now()
  const kept = await asked('register', () =>
    server.options.clientSource?.register?.({
      ...structuredClone(accepted),
      client_id: randomSecret(16),
      client_id_issued_at: issuedAt,
      ...(hasSecret(accepted) ? { client_secret: randomSecret(), client_secret_expires_at: 0 } : {})
    })
  )
  const { information, metadata } = promised(() => accept(server, kept))
  const { client_id: clientId, client_secret: secret, client_secret_expires_at: expiresAt } = information
  if (!CLIENT_ID.test(clientId))
    throw new TypeError('clientSource.register() answered with a client_id that cannot be used')
  server.emit('client.registered', {
    clientId,
    clientName: metadata.client_name ?? '',
    redirectUris: metadata.redirect_uris
  })
  return {
    ...metadata,
    client_id: clientId,
    client_id_issued_at: issuedAt,
    ...(secret ? { client_secret: secret, client_secret_expires_at: expiresAt ?? 0 } : {})
  }
}

// The method that counts is decided by what the client can prove, as the servers did that wrote these records.
function accept(server: ServerContext, found: unknown) {
  if (!Information.Check(found)) throw new OAuthError('invalid_client_metadata', 'the stored client is malformed')
  const { token_endpoint_auth_method: named } = found as { token_endpoint_auth_method?: unknown }
  const metadata = acceptMetadata(server, {
    ...found,
    token_endpoint_auth_method: methodOf(named, Boolean(found.client_secret))
  })
  return { information: found, metadata }
}

function methodOf(named: unknown, isSecret: boolean): unknown {
  if (isSecret) return named === 'client_secret_post' ? named : ('client_secret_basic' satisfies ClientAuthMethod)
  return named ?? ('none' satisfies ClientAuthMethod)
}

// What the app answers to a registration is not the client's mistake.
function promised<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!isOAuthError(error)) throw error
    throw new TypeError(`clientSource.register() answered with no client: ${error.description}`)
  }
}

async function asked<T>(method: 'find' | 'register', ask: () => Promise<T> | T): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    const isRefusal = method === 'register' && isOAuthError(error)
    if (isRefusal || isUnavailableError(error)) throw error
    throw new UnavailableError(`clientSource.${method}() failed`, { cause: error })
  }
}
