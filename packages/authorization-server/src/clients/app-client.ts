/**
 * Clients that the app registers, and what the operator lets them do in their own name. New or changed, they are held to the same rules.
 *
 * @see RFC 7591 section 2, RFC 6749 section 4.4
 */
import { type AuthorizationServer, type ClientMetadata, OAuthError } from '@fastify-mcp-auth/core'
import type { ServerContext } from '../context.ts'
import type { ClientRecord } from '../records.ts'
import { faultOf, type OwnAccess, storedAccess } from './own-access.ts'
import { changeClient, registerClient, secretsFor } from './registration.ts'
import { acceptMetadata, type RegisteredMetadata } from './registration-policy.ts'

type Clients = AuthorizationServer['clients']
type Registered = Awaited<ReturnType<Clients['register']>>
type Change = Parameters<Clients['update']>[1]

const CHANGES: readonly string[] = ['metadata', 'clientCredentials'] satisfies (keyof Change)[]

/** @throws OAuthError, TypeError */
export async function registerAppClient(
  server: ServerContext,
  given: ClientMetadata,
  access: OwnAccess | null
): Promise<Registered> {
  if (access) assertKnown(server, access)
  const accepted = accept(server, given, access)
  const { clientId, clientSecret, metadata } = await registerClient(server, { ...accepted, registeredBy: 'app' })
  return { clientId, clientSecret, metadata }
}

/** @returns null when there is no such client; throws like {@link registerAppClient} */
export async function updateAppClient(
  server: ServerContext,
  clientId: string,
  change: Change
): Promise<Registered | null> {
  const { metadata, clientCredentials } = readChange(change)
  if (clientCredentials) assertKnown(server, clientCredentials)
  let clientSecret: string | null = null
  const record = await changeClient(server, clientId, current => {
    if (current.registeredBy !== 'app')
      throw new TypeError(`client ${JSON.stringify(clientId)} registered itself, and is changed by itself`)
    const access = clientCredentials === undefined ? current.clientCredentials : clientCredentials
    const accepted = accept(server, metadata ?? current.metadata, access)
    const { secrets, made } = secretsFor(accepted.metadata, current.secrets, server.clock.now())
    clientSecret = made
    return { ...accepted, clientName: accepted.metadata.client_name ?? '', secrets }
  })
  if (!record) return null
  const { clientName, metadata: kept } = record
  server.emit('client.updated', { clientId, clientName, redirectUris: kept.redirect_uris ?? [] })
  return { clientId, clientSecret, metadata: kept }
}

// A word that is not known, or a value that was forgotten, would leave access that was meant to be taken away.
function readChange(change: Change): Change {
  const given = Object.entries(change)
  if (given.length > 0 && given.every(([name, value]) => CHANGES.includes(name) && value !== undefined)) return change
  throw new TypeError(`clients.update() takes ${CHANGES.join(', ')}: at least one, and nothing else`)
}

function assertKnown({ options }: ServerContext, access: OwnAccess): void {
  const fault = faultOf(access, options.resources)
  if (fault !== null) throw new TypeError(`clientCredentials names ${fault}`)
}

function accept(
  server: ServerContext,
  given: ClientMetadata,
  access: OwnAccess | null
): { metadata: RegisteredMetadata; clientCredentials: ClientRecord['clientCredentials'] } {
  const metadata = acceptMetadata(server, given, access !== null)
  if (access && metadata.token_endpoint_auth_method === 'none')
    throw new OAuthError('invalid_client_metadata', 'a client with access of its own has to prove itself')
  return { metadata, clientCredentials: access && storedAccess(access) }
}
