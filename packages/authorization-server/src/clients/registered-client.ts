/**
 * The life of a registered client: forgotten after a week when it led to no consent, kept for as long as any grant of it can live
 * and a while longer when it did. What ended leaves its name behind, so that a person can be told what happened.
 *
 * Nothing has to look for live grants before a registration ends: a grant says beforehand when it ends at the latest, and its
 * client is kept until after that.
 */
import type { ServerContext } from '../context.ts'
import { REGISTRATION_LIFETIMES } from '../options.ts'
import type { ClientRecord } from '../records.ts'
import { type Client, clientFromMetadata, isAuthMethod, methodsOf } from './client.ts'
import { readKeySource } from './client-keys.ts'
import { readOwnAccess } from './own-access.ts'

/** Seconds that the name of a removed or expired client is kept, so that its users can be told. */
export const TOMBSTONE_TTL = 180 * 86_400

/** Seconds for the same when nobody ever allowed it anything: as long as a person may take to decide. */
export const UNUSED_TOMBSTONE_TTL = 86_400

/** Whether it can still be used. */
export function isRegistered({ endedAt, expiresAt }: ClientRecord, now: number): boolean {
  return endedAt === null && (expiresAt === null || expiresAt > now)
}

export function registeredClient(clientId: string, { metadata, secrets, clientCredentials }: ClientRecord): Client {
  const method = metadata.token_endpoint_auth_method ?? ''
  const client = clientFromMetadata(clientId, metadata, {
    authMethods: isAuthMethod(method) ? methodsOf(method) : [],
    secrets,
    keys: readKeySource(metadata),
    verifiedHost: null
  })
  return { ...client, ownAccess: readOwnAccess(clientCredentials) }
}

/** How often a lost race is run again. */
const ATTEMPTS = 5

/**
 * Renews the registration of a client that is used: until after `grantEndsAt`. Writes only when what was promised before is too
 * short, so a busy client costs a read. One that runs out just now is kept as well.
 *
 * @returns false when it was removed, or is not kept here
 */
export async function keepClient(server: ServerContext, clientId: string, grantEndsAt: number): Promise<boolean> {
  const { clients } = server.records
  const { idleTtl } = lifetimes(server)
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const record = await clients.get(clientId)
    if (!record || record.endedAt !== null) return false
    // One that the app registered never expires.
    if (record.expiresAt === null) return true
    // Half of the idle time is room for later grants, which then find nothing to write.
    if (record.usedAt !== null && record.expiresAt >= grantEndsAt + idleTtl / 2) return true
    const expiresAt = Math.max(grantEndsAt + idleTtl, record.expiresAt)
    const won = await clients.update(
      clientId,
      { endedAt: null, expiresAt: record.expiresAt },
      { usedAt: server.clock.now(), expiresAt, forgetAt: expiresAt + TOMBSTONE_TTL }
    )
    if (won) return true
  }
  // Others have renewed it each time.
  return true
}

/** Lifetimes of registrations in seconds. */
export function lifetimes({ options }: ServerContext): { unusedTtl: number; idleTtl: number } {
  // Clients that registered before registration was switched off live on.
  return options.dynamicRegistration || REGISTRATION_LIFETIMES
}
