/** The one word about a connection, and the one thing to do about it; read from what is stored in the clear. */
import type { Context, Target } from './context.ts'
import { obstacleTo } from './obstacle.ts'
import type { ServerDefinition } from './options.ts'
import { shownParams } from './param-names.ts'
import type { ConnectionRecord } from './records.ts'
import type { ConnectionStatus, ConnectionSummary } from './types.ts'

const DAY = 86_400

/** What is known beside the record. */
export interface Circumstances {
  /** A person is at the authorization server. */
  readonly hasOpenFlow?: boolean
}

export function summaryOf(
  context: Context,
  { server, definition, place }: Target,
  record: ConnectionRecord | null,
  circumstances: Circumstances = {}
): ConnectionSummary {
  const status = statusOf(context, { disabled: server.disabled, definition, record, ...circumstances })
  return Object.freeze({
    id: record ? place.id : null,
    server: server.id,
    serverName: definition.name ?? server.id,
    account: place.account,
    mode: definition.mode,
    kind: record?.kind ?? definition.auth,
    owner: place.owner,
    status,
    reason: reasonOf(context, definition, { status, record }),
    action: actionOf(status, definition),
    issuer: record?.issuer ?? null,
    grantedScopes: record?.grantedScopes ?? [],
    missingScopes: status === 'needs_scope' ? (record?.challenge?.scopes ?? []) : [],
    accessExpiresAt: record?.accessExpiresAt ?? null,
    hasRefreshToken: record?.hasRefreshToken ?? false,
    params: shownParams(definition.params, record),
    connectedAt: record?.connectedAt ?? null,
    lastRefreshAt: record?.lastRefreshAt ?? null,
    lastUsedAt: record?.lastUsedAt ?? null
  })
}

interface Known extends Circumstances {
  readonly disabled: boolean
  readonly definition: ServerDefinition
  readonly record: ConnectionRecord | null
}

export function statusOf(context: Context, known: Known): ConnectionStatus {
  const { disabled, definition, record, hasOpenFlow = false } = known
  const now = context.clock.now()
  if (disabled) return 'disabled'
  if (context.network.isForbidden(definition.url)) return 'blocked'
  if (record && context.blockedIssuers.has(record.issuer)) return 'blocked'
  // Where nobody has to agree, the first use connects.
  if (!record && isSilent(definition)) return 'active'
  if (!record) return hasOpenFlow ? 'pending' : 'not_connected'
  if (record.state === 'rejected') return 'rejected'
  const isInOrder = record.state !== 'needs_reauth' && obstacleTo(context, definition, record) === null
  if (!isInOrder) return hasOpenFlow ? 'pending' : 'needs_reauth'
  const ends = record.accessExpiresAt
  const isOver = ends !== null && ends <= now
  if (isOver && !canRefresh(record)) return hasOpenFlow ? 'pending' : 'needs_reauth'
  if (record.leaseHolder !== null && record.leaseUntil > now) return 'refreshing'
  if (record.failures > 0) return 'degraded'
  if (record.state === 'needs_scope') return hasOpenFlow ? 'pending' : 'needs_scope'
  return ends !== null && ends < now + DAY && !canRefresh(record) ? 'expiring' : 'active'
}

/** Whether a connection is made without a person and without a secret of an owner. */
export function isSilent({ auth }: Pick<ServerDefinition, 'auth'>): boolean {
  return auth === 'none' || auth === 'client_credentials' || auth === 'jwt_bearer' || auth === 'id_jag'
}

/** Whether a new token can be had without a person. */
export function canRefresh({ kind, hasRefreshToken }: Pick<ConnectionRecord, 'kind' | 'hasRefreshToken'>): boolean {
  return hasRefreshToken || kind === 'client_credentials' || kind === 'jwt_bearer' || kind === 'id_jag'
}

function reasonOf(
  context: Context,
  definition: ServerDefinition,
  { status, record }: { readonly status: ConnectionStatus; readonly record: ConnectionRecord | null }
): string | null {
  if (!record) return null
  if (status === 'needs_reauth') return record.reason ?? obstacleTo(context, definition, record) ?? 'expired_no_refresh'
  if (status === 'degraded') return record.failure
  return status === 'rejected' ? record.reason : null
}

/** By what the server takes now, which may be something else than what is there. */
function actionOf(status: ConnectionStatus, { auth }: ServerDefinition): ConnectionSummary['action'] {
  const isKey = auth === 'bearer' || auth === 'header'
  switch (status) {
    case 'not_connected':
    case 'pending':
      return 'connect'
    case 'needs_reauth':
    case 'rejected':
    case 'expiring':
      return isKey ? 'replace_key' : 'reconnect'
    case 'needs_scope':
      return 'allow_more'
    case 'degraded':
      return 'wait'
    case 'blocked':
    case 'disabled':
      return 'contact_operator'
    default:
      return null
  }
}
