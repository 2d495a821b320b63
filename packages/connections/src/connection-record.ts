/** Reading and writing the record of a connection. */
import { randomSecret } from '@fastify-mcp-auth/core'
import type { Context, Target } from './context.ts'
import { McpConnectionError } from './errors.ts'
import type { Place } from './owner.ts'
import type { ConnectionRecord } from './records.ts'
import { dueOfToken } from './schedule.ts'
import { canRefresh } from './status.ts'

/** Null too for a record that says that it is somebody else's: it was moved here. */
export async function readConnection({ records }: Context, place: Place): Promise<ConnectionRecord | null> {
  const record = await records.connections.get(place.id)
  return record?.ownerKey === place.ownerKey ? record : null
}

/** What a new credential says about itself. */
export type NewCredential = Pick<
  ConnectionRecord,
  | 'url'
  | 'kind'
  | 'issuer'
  | 'clientId'
  | 'clientSource'
  | 'registration'
  | 'resource'
  | 'grantedScopes'
  | 'requestedScopes'
  | 'sealed'
  | 'hasRefreshToken'
  | 'accessExpiresAt'
  | 'refreshExpiresAt'
  | 'accessLifetime'
>

/** A credential that is no token of an authorization server. */
export const NO_OAUTH = Object.freeze({
  issuer: null,
  clientId: null,
  clientSource: null,
  registration: null,
  resource: null,
  grantedScopes: [],
  requestedScopes: [],
  hasRefreshToken: false,
  accessExpiresAt: null,
  refreshExpiresAt: null,
  accessLifetime: null
})

/**
 * Puts a credential in the place of whatever was there, as a grant of its own: writes that were meant for the one before find nothing.
 *
 * @param options `isOnlyNew`: what is there stays
 * @returns the record before, or null
 * @throws McpConnectionError `MCP_STORE_CONFLICT` when others keep changing it
 */
export async function writeConnection(
  context: Context,
  { place }: Target,
  credential: NewCredential,
  { isOnlyNew = false }: { readonly isOnlyNew?: boolean } = {}
): Promise<ConnectionRecord | null> {
  const { connections } = context.records
  const now = context.clock.now()
  const fresh = { ...blank(place, now), ...credential, ...dueOfCredential(credential, now) }
  for (let attempt = 0; attempt < 8; attempt++) {
    const before = await readConnection(context, place)
    if (!before) {
      if (await connections.insert(place.id, fresh)) return null
      // Either somebody was faster, or the record under this key is not ours: then it goes.
      const other = await connections.get(place.id)
      if (other && other.ownerKey !== place.ownerKey) await connections.remove(place.id)
      continue
    }
    if (isOnlyNew) return before
    const { grant, generation } = before
    const kept = { toolFilter: before.toolFilter, stepUps: before.stepUps, leaseNumber: before.leaseNumber + 1 }
    // Left as they are where they were meant for the same server, and for no other.
    const { params, sealedParams, ...rest } = fresh
    const patch = before.url === credential.url ? rest : { ...rest, params, sealedParams }
    if (await connections.update(place.id, { grant, generation }, { ...patch, ...kept })) return before
  }
  throw new McpConnectionError('MCP_STORE_CONFLICT', 'the connection is being changed by others', {
    server: place.server,
    connection: place.id
  })
}

function dueOfCredential(credential: NewCredential, now: number): ReturnType<typeof dueOfToken> {
  return dueOfToken({ accessExpiresAt: credential.accessExpiresAt, isRenewable: canRefresh(credential) }, now)
}

function blank(place: Place, now: number): Omit<ConnectionRecord, keyof NewCredential | 'dueAt' | 'dueBucket'> {
  return {
    owner: place.owner,
    tenant: place.tenant,
    ownerKey: place.ownerKey,
    userKey: place.userKey,
    agentKey: place.agentKey,
    server: place.server,
    account: place.account,
    state: 'active',
    reason: null,
    challenge: null,
    stepUps: [],
    grant: randomSecret(16),
    generation: 1,
    leaseHolder: null,
    leaseUntil: 0,
    leaseNumber: 0,
    intentGeneration: null,
    intentAt: null,
    failures: 0,
    failingSince: null,
    failure: null,
    retryAt: null,
    retryIn: null,
    rejections: 0,
    noticedAt: null,
    toolFilter: null,
    params: null,
    sealedParams: null,
    connectedAt: now,
    lastRefreshAt: null,
    lastUsedAt: null,
    updatedAt: now
  }
}

/** Changes the record if it still holds this credential. */
export async function changeConnection(
  { records, clock }: Context,
  place: Place,
  { grant, generation }: Pick<ConnectionRecord, 'grant' | 'generation'>,
  patch: Partial<ConnectionRecord>
): Promise<boolean> {
  return records.connections.update(place.id, { grant, generation }, { ...patch, updatedAt: clock.now() })
}
