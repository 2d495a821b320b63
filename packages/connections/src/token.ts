/** The credential that a request is sent with: read, decrypted, and refreshed in time. */
import { isScopeToken } from '@fastify-mcp-auth/core'
import { changeConnection, readConnection } from './connection-record.ts'
import { actionUrlOf, type Context, type Target } from './context.ts'
import { McpConnectionError, type McpConnectionErrorDetails, type ReauthReason } from './errors.ts'
import { obstacleTo } from './obstacle.ts'
import type { ConnectionRecord } from './records.ts'
import { dueFields } from './schedule.ts'
import { type Credential, unsealCredential } from './seal.ts'

/** A credential, and the record that it was read from. */
export interface Usable {
  readonly credential: Credential
  readonly record: ConnectionRecord
}

/** How often the time of use is written down, in seconds: it is for people, and a write per request is not. */
const USE_PRECISION = 300

/**
 * What the record of a connection can be used for, as it is.
 *
 * @throws McpConnectionError `MCP_NOT_CONNECTED`, `MCP_NEEDS_REAUTH`, `MCP_CREDENTIAL_REJECTED`, `MCP_URL_BLOCKED`
 */
export async function usableOf(context: Context, target: Target, record: ConnectionRecord | null): Promise<Usable> {
  const { definition } = target
  if (!record) throw connectionError(context, target, 'MCP_NOT_CONNECTED', 'there is no connection to the server')
  if (record.state === 'needs_reauth') throw needsReauth(context, target, record.reason as ReauthReason)
  if (record.state === 'rejected')
    throw connectionError(context, target, 'MCP_CREDENTIAL_REJECTED', 'the server did not accept the key')
  await context.blockedIssuers.assertAllowed(record.issuer, target.server.id)
  const obstacle = obstacleTo(context, definition, record)
  if (obstacle) throw needsReauth(context, target, obstacle)
  const credential =
    record.sealed === null ? null : unsealCredential(context.ring, target.place, definition.url, record.sealed)
  if (credential) return { credential, record }
  // The key is there, and what it opens is something else: that is so in every process.
  throw await endConnection(context, target, record, 'key_unavailable')
}

/** Reads and decrypts. Does not refresh. @throws as {@link usableOf} */
export async function readUsable(context: Context, target: Target): Promise<Usable> {
  return usableOf(context, target, await readConnection(context, target.place))
}

/** Marks the connection as one that a person has to make anew, unless it holds another credential by now. @returns the error to throw */
export async function endConnection(
  context: Context,
  target: Target,
  record: ConnectionRecord,
  reason: ReauthReason
): Promise<McpConnectionError> {
  const patch = { state: 'needs_reauth', reason, leaseHolder: null, ...dueFields(null, 0) }
  if (record.state !== 'needs_reauth' && (await changeConnection(context, target.place, record, patch)))
    context.events.emit('needs_reauth', target.place, { reason, actionUrl: actionUrlOf(context, target.place) })
  return needsReauth(context, target, reason)
}

export function needsReauth(context: Context, target: Target, reason: ReauthReason): McpConnectionError {
  const isOfThisProcess = reason === 'key_unavailable'
  const message = isOfThisProcess
    ? 'this process has no key that decrypts the connection'
    : 'the connection has to be made anew'
  return connectionError(context, target, 'MCP_NEEDS_REAUTH', message, { reason, retryable: isOfThisProcess })
}

export function connectionError(
  context: Context,
  { place }: Pick<Target, 'place'>,
  code: ConstructorParameters<typeof McpConnectionError>[0],
  message: string,
  details: McpConnectionErrorDetails = {}
): McpConnectionError {
  const actionUrl = actionUrlOf(context, place)
  return new McpConnectionError(code, message, { server: place.server, connection: place.id, actionUrl, ...details })
}

/** @throws McpConnectionError `MCP_NEEDS_SCOPE` before anything is sent */
export async function assertScopes(
  context: Context,
  target: Target,
  record: ConnectionRecord,
  scopes: readonly string[]
): Promise<void> {
  if (!scopes.every(isScopeToken))
    throw new McpConnectionError('MCP_INVALID_INPUT', '"scopes" has a text that is no scope')
  if (scopes.some(scope => !record.grantedScopes.includes(scope)))
    throw await needsScope(context, target, record, scopes)
}

/** As many as are ever asked for at once. */
const MOST_SCOPES = 100

/**
 * Remembers what is lacking for the next time that the person connects, in whatever process that is.
 *
 * @param wanted by the server or by us; some of it may have been granted
 * @returns the error to throw
 */
export async function needsScope(
  context: Context,
  target: Target,
  record: ConnectionRecord,
  wanted: readonly string[]
): Promise<McpConnectionError> {
  const { grantedScopes, kind, state, challenge } = record
  const missingScopes = wanted.filter(scope => !grantedScopes.includes(scope))
  const before = challenge?.scopes ?? []
  // A server that asks for something else each time would make the record grow without end.
  const scopes = [...new Set([...before, ...wanted])].slice(0, MOST_SCOPES)
  // Where nobody signs in, there is nobody who could be asked for more.
  if (kind === 'oauth' && (state !== 'needs_scope' || scopes.length > before.length)) {
    const change = { state: 'needs_scope', challenge: { scopes, at: context.clock.now() } }
    if (await changeConnection(context, target.place, record, change)) {
      const actionUrl = actionUrlOf(context, target.place)
      context.events.emit('needs_scope', target.place, { missing: missingScopes, actionUrl })
    }
  }
  return connectionError(context, target, 'MCP_NEEDS_SCOPE', 'more scopes are needed than were granted', {
    missingScopes,
    grantedScopes
  })
}

/** Writes down that the connection was used, to the precision of minutes, and tells it once. */
export async function noteUse(context: Context, { place }: Target, record: ConnectionRecord): Promise<void> {
  const now = context.clock.now()
  if (record.lastUsedAt !== null && now - record.lastUsedAt < USE_PRECISION) return
  const { grant, generation, lastUsedAt } = record
  const isFirst = await context.records.connections.update(
    place.id,
    { grant, generation, lastUsedAt },
    { lastUsedAt: now }
  )
  if (isFirst) context.events.emit('used', place, {})
}
