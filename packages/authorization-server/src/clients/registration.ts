/**
 * Writes registrations: makes, changes and ends them. Each change is one conditional write of one record; what it hands out
 * (secret, registration access token) is kept as a digest and cannot be told again.
 *
 * @see RFC 7591 section 3.2.1, RFC 7592 section 3
 */
import { digest, OAuthError, randomSecret } from '@fastify-mcp-auth/core'
import { endpointUrl, type ServerContext } from '../context.ts'
import { revokeGrants } from '../grants/revocation.ts'
import type { ClientRecord } from '../records.ts'
import { type ClientSecret, liveSecrets, makeSecret } from './client-secret.ts'
import { isRegistered, lifetimes, TOMBSTONE_TTL, UNUSED_TOMBSTONE_TTL } from './registered-client.ts'
import type { RegisteredMetadata } from './registration-policy.ts'

/** A registration together with what is told once. */
export interface Registration {
  readonly clientId: string
  readonly createdAt: number
  readonly metadata: RegisteredMetadata
  /** Null for a client without secret, and when it was told before. */
  readonly clientSecret: string | null
  /** Null for a client of the app. */
  readonly registrationToken: string | null
}

/** @param registeredBy `app` for a client that never expires and does not manage itself */
export async function registerClient(
  server: ServerContext,
  {
    metadata,
    registeredBy,
    clientCredentials = null
  }: {
    metadata: RegisteredMetadata
    registeredBy: 'client' | 'app'
    clientCredentials?: ClientRecord['clientCredentials']
  }
): Promise<Registration> {
  const clientId = randomSecret(16)
  const createdAt = server.clock.now()
  const clientName = metadata.client_name ?? ''
  const made = hasSecret(metadata) ? makeSecret(createdAt) : null
  const registrationToken = registeredBy === 'client' ? randomSecret() : null
  const expiresAt = registeredBy === 'client' ? createdAt + lifetimes(server).unusedTtl : null
  await server.records.clients.insert(clientId, {
    clientName,
    registeredBy,
    secrets: made ? [made.kept] : [],
    clientCredentials,
    metadata,
    registrationTokenDigest: registrationToken === null ? null : digest(registrationToken),
    revision: 0,
    createdAt,
    usedAt: null,
    expiresAt,
    endedAt: null,
    forgetAt: expiresAt === null ? null : expiresAt + UNUSED_TOMBSTONE_TTL
  })
  server.emit('client.registered', { clientId, clientName, redirectUris: metadata.redirect_uris })
  return { clientId, createdAt, metadata, clientSecret: made?.secret ?? null, registrationToken }
}

export function hasSecret({ token_endpoint_auth_method: method }: RegisteredMetadata): boolean {
  return method === 'client_secret_basic' || method === 'client_secret_post'
}

/** The secrets of a client whose metadata is replaced: none where it does without, a first one where it needs one, which is told once. */
export function secretsFor(
  metadata: RegisteredMetadata,
  secrets: readonly ClientSecret[],
  now: number
): { secrets: ClientSecret[]; made: string | null } {
  if (!hasSecret(metadata)) return { secrets: [], made: null }
  const live = liveSecrets(secrets, now)
  if (live.length > 0) return { secrets: live, made: null }
  const { secret, kept } = makeSecret(now)
  return { secrets: [kept], made: secret }
}

/** The client information response. @see RFC 7591 section 3.2.1, RFC 7592 section 3 */
export function registrationResponse(server: ServerContext, registration: Registration): Record<string, unknown> {
  const { clientId, createdAt, metadata, clientSecret, registrationToken } = registration
  return {
    client_id: clientId,
    client_id_issued_at: createdAt,
    ...(clientSecret === null ? {} : { client_secret: clientSecret, client_secret_expires_at: 0 }),
    ...metadata,
    registration_client_uri: endpointUrl(server, `register/${clientId}`),
    registration_access_token: registrationToken
  }
}

/** How often a lost race is run again. */
const ATTEMPTS = 10

/**
 * Changes a client by one conditional write.
 *
 * @param change may throw to leave everything as it is; called again when somebody else was faster
 * @returns the record after the change, or null when there is no such client (any more)
 */
export async function changeClient(
  server: ServerContext,
  clientId: string,
  change: (record: ClientRecord) => Partial<ClientRecord>
): Promise<ClientRecord | null> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const record = await server.records.clients.get(clientId)
    if (!record || !isRegistered(record, server.clock.now())) return null
    const changes = { ...change(record), revision: record.revision + 1 }
    const { revision } = record
    if (await server.records.clients.update(clientId, { revision, endedAt: null }, changes))
      return { ...record, ...changes }
  }
  throw new OAuthError('temporarily_unavailable', 'too many changes of one client', {
    reason: 'contention',
    retryAfter: 1
  })
}

/**
 * Ends a client and everything that people allowed it. Its name stays for a while, so that they can be told.
 *
 * @returns false when it was not there, or ended before
 * @see RFC 7592 section 2.3
 */
export async function removeClient(server: ServerContext, clientId: string): Promise<boolean> {
  const record = await server.records.clients.get(clientId)
  if (!record) return false
  const now = server.clock.now()
  const won = await server.records.clients.update(
    clientId,
    { endedAt: null },
    {
      endedAt: now,
      secrets: [],
      clientCredentials: null,
      metadata: {},
      registrationTokenDigest: null,
      revision: record.revision + 1,
      forgetAt: now + TOMBSTONE_TTL
    }
  )
  // Also when it ended before: the call that ended it may have been interrupted here.
  await revokeGrants(server, { clientId }, 'client_removed')
  if (won) server.emit('client.removed', { clientId, clientName: record.clientName })
  return won
}
