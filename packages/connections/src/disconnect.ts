/** The end of connections: forgotten here at once, revoked there now or later. */

import { readConnection } from './connection-record.ts'
import { type Context, type Target, targetOf } from './context.ts'
import { listAll, targetOfRecord } from './listing.ts'
import { assertOwner, keysOf } from './owner.ts'
import type { ConnectionRecord } from './records.ts'
import { oweUnread, revoke } from './revocation.ts'
import { unsealCredential } from './seal.ts'
import type { AccountChoice, Owner } from './types.ts'

/** @returns whether there was one */
export async function disconnect(
  context: Context,
  owner: Owner | null,
  server: string,
  choice: AccountChoice = {}
): Promise<boolean> {
  const target = await targetOf(context, owner, server, { ...choice, evenDisabled: true })
  return forget(context, target, await readConnection(context, target.place))
}

/** @param record as it was read; null where there was none @returns whether there was one */
export async function forget(context: Context, target: Target, record: ConnectionRecord | null): Promise<boolean> {
  const { place } = target
  const { records, ring, events } = context
  // Attempts before the connection: one whose code is being exchanged looks, once it has written, whether it is still there.
  await records.flows.removeWhere('connection', place.id)
  // Here before there, so that nothing more is sent with it: a refresh that is under way finds no record to write to.
  const existed = await records.connections.remove(place.id)
  await records.tools.removeWhere('connection', place.id)
  if (!record || !existed) return false
  const credential = record.sealed === null ? null : unsealCredential(ring, place, record.url, record.sealed)
  const revoked = credential ? await revoke(context, target, { record, credential }) : false
  // What this process cannot read is owed, and told by one that can.
  if (!credential) await oweUnread(context, target, record)
  events.emit('disconnected', place, { revoked })
  return true
}

/**
 * Everything of an owner, the pairs with others included: all that can be forgotten is, whatever becomes of one of them.
 *
 * @returns how many connections
 * @throws the first of what went wrong here, at the end; what is left then goes when it is called again
 */
export async function deleteOwner(context: Context, owner: Owner): Promise<number> {
  assertOwner(owner)
  const { userKey, agentKey } = owner.type === 'user' ? { ...keysOf(owner), agentKey: null } : keysOf(owner)
  let count = 0
  const failures: unknown[] = []
  for (const [index, value] of [
    ['userKey', userKey],
    ['agentKey', agentKey]
  ] as const) {
    if (value === null) continue
    // Before the connections, for the reason that `forget` has.
    await context.records.flows.removeWhere(index, value)
    await context.records.links.removeWhere(index, value)
    for (const { key, record } of await listAll(context.records.connections, index, value))
      try {
        if (await forgetRecord(context, key, record)) count++
      } catch (err) {
        const { server } = record
        context.log.error({ err, server, connection: key }, 'mcp-auth: a connection could not be forgotten')
        failures.push(err)
      }
  }
  if (failures.length > 0) throw failures[0]
  return count
}

/** Everybody's connections to one server. @returns how many */
export async function wipeServer(context: Context, server: string): Promise<number> {
  await context.registry.get(server)
  let count = 0
  for (;;) {
    const { records } = await context.records.connections.list('server', server, { limit: 200 })
    if (records.length === 0) break
    for (const { key, record } of records) if (await forgetRecord(context, key, record)) count++
  }
  await context.records.tools.removeWhere('server', server)
  return count
}

async function forgetRecord(context: Context, id: string, record: ConnectionRecord): Promise<boolean> {
  const target = await targetOfRecord(context, id, record)
  if (target) return forget(context, target, record)
  const { flows, connections, tools } = context.records
  await flows.removeWhere('connection', id)
  const existed = await connections.remove(id)
  await tools.removeWhere('connection', id)
  return existed
}
