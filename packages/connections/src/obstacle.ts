/**
 * What keeps this process, with its own options and keys, from using a connection that is in order.
 *
 * Never written into the record: while a new version is rolled out, processes differ in what they know, and the verdict of one of them must
 * not end what works in the others. Read from the clear part of the record, so nothing is decrypted to tell a status.
 */
import type { Context } from './context.ts'
import type { ReauthReason } from './errors.ts'
import type { ServerDefinition } from './options.ts'
import type { ConnectionRecord } from './records.ts'

/** Null when this process can use the connection now. Says nothing of what the servers think of it. */
export function obstacleTo(
  { ring, clock }: Pick<Context, 'ring' | 'clock'>,
  definition: ServerDefinition,
  record: ConnectionRecord
): ReauthReason | null {
  if (record.url !== definition.url || record.kind !== definition.auth) return 'server_changed'
  if (record.sealed !== null && !ring.hasKeyOf(record.sealed)) return 'key_unavailable'
  const isOver = record.accessExpiresAt !== null && record.accessExpiresAt <= clock.now()
  return isOver ? obstacleToRefresh(definition, record) : null
}

/** Null when the options still name the issuer and the client that the tokens came from. A token that lives is used all the same. */
export function obstacleToRefresh({ oauth }: ServerDefinition, record: ConnectionRecord): ReauthReason | null {
  if (oauth?.issuer !== undefined && record.issuer !== null && record.issuer !== oauth.issuer) return 'issuer_changed'
  if (record.clientSource !== 'preregistered') return null
  // Another client cannot use the grants of the one before. One of the same name at another issuer is another client.
  const { client } = oauth ?? {}
  return record.clientId === client?.clientId && record.issuer === client?.issuer ? null : 'client_replaced'
}
