/** Looking at connections: one, those of an owner, or everything that an owner could connect. */
import type { Collection } from '@fastify-mcp-auth/core'
import { readConnection } from './connection-record.ts'
import { type Context, type Target, targetOf } from './context.ts'
import { asMcpConnectionError, isMcpConnectionError, McpConnectionError } from './errors.ts'
import { plainClient } from './mcp-client.ts'
import { assertOwner, keysOf, type Place, placeOf } from './owner.ts'
import type { ConnectionRecord, FlowRecord } from './records.ts'
import { summaryOf } from './status.ts'
import type { AccountChoice, ConnectionSummary, Owner, RegisteredServer } from './types.ts'

export async function readStatus(
  context: Context,
  owner: Owner | null,
  server: string,
  { account, deep = false }: AccountChoice & { readonly deep?: boolean } = {}
): Promise<ConnectionSummary> {
  const target = await targetOf(context, owner, server, { account, evenDisabled: true })
  await context.blockedIssuers.list()
  // A live look: what it finds out about the credential is written down on the way.
  if (deep) await probeLive(context, target)
  const record = await readConnection(context, target.place)
  return summaryOf(context, target, record, { hasOpenFlow: await hasOpenFlow(context, target.place) })
}

async function probeLive(context: Context, target: Target): Promise<void> {
  try {
    const client = await plainClient(context, target, {})
    await client.listTools()
    await client[Symbol.asyncDispose]()
  } catch (error) {
    if (!asMcpConnectionError(error)) context.log.debug({ err: error }, 'mcp-auth: a live look failed')
  }
}

/** @param all also servers that the owner did not connect */
export async function listConnections(
  context: Context,
  owner: Owner | null,
  { all }: { readonly all: boolean }
): Promise<ConnectionSummary[]> {
  const [servers] = await Promise.all([context.registry.list(), context.blockedIssuers.list()])
  // One server after the other would be as many round trips; the owner's keys are few.
  const targets = servers.flatMap(server => defaultTarget(server, owner) ?? [])
  const keys = [...new Set(targets.map(({ place }) => place.ownerKey))]
  const records = (await Promise.all(keys.map(key => listAll(context.records.connections, 'ownerKey', key)))).flat()
  const flows = (await Promise.all(keys.map(key => openFlows(context, key)))).flat()
  const open = new Set(flows.map(({ connection }) => connection))
  const found = records.flatMap(({ key, record }) => {
    const server = servers.find(({ id }) => id === record.server)
    const target = server ? accountTarget(server, owner, record.account) : null
    return target?.place.id === key ? [summaryOf(context, target, record, { hasOpenFlow: open.has(key) })] : []
  })
  if (!all) return found
  const missing = targets.filter(({ place }) => !found.some(({ server }) => server === place.server))
  return [
    ...found,
    ...missing.map(target => summaryOf(context, target, null, { hasOpenFlow: open.has(target.place.id) }))
  ]
}

/** Everything of an owner, also what is shared with nobody and what belongs to a pair with another. Without secrets. */
export async function exportOwner(context: Context, owner: Owner): Promise<ConnectionSummary[]> {
  assertOwner(owner)
  const { userKey, agentKey } = keysOf(owner)
  const [index, value] = owner.type === 'user' ? (['userKey', userKey] as const) : (['agentKey', agentKey] as const)
  const records = value === null ? [] : await listAll(context.records.connections, index, value)
  const targets = await Promise.all(records.map(({ key, record }) => targetOfRecord(context, key, record)))
  return records.flatMap(({ record }, at) => {
    const target = targets[at]
    return target ? [summaryOf(context, target, record)] : []
  })
}

/** By what a record says of itself. Null when its server is not registered any more. */
export async function targetOfRecord(context: Context, id: string, record: ConnectionRecord): Promise<Target | null> {
  const { owner, tenant, ownerKey, userKey, agentKey, account } = record
  const server = await context.registry.get(record.server).catch((error: unknown) => {
    if (isMcpConnectionError(error, 'MCP_UNKNOWN_SERVER')) return null
    throw error
  })
  const place: Place = { id, owner, tenant, ownerKey, userKey, agentKey, server: record.server, account }
  return server && { server, definition: server.definition, place }
}

/** Null where the owner is not of the kind that the server is for. */
function defaultTarget(server: RegisteredServer, owner: Owner | null): Target | null {
  return accountTarget(server, owner, undefined)
}

function accountTarget(server: RegisteredServer, owner: Owner | null, account: string | undefined): Target | null {
  try {
    const { definition } = server
    return { server, definition, place: placeOf({ owner, server: server.id, account }, definition) }
  } catch (error) {
    if (error instanceof McpConnectionError && error.code === 'MCP_OWNER_REQUIRED') return null
    throw error
  }
}

async function hasOpenFlow({ records, clock }: Context, { id }: Place): Promise<boolean> {
  const { records: flows } = await records.flows.list('connection', id, { limit: 20 })
  return flows.some(({ record }) => isOpen(record, clock.now()))
}

async function openFlows({ records, clock }: Context, ownerKey: string): Promise<FlowRecord[]> {
  const flows = await listAll(records.flows, 'ownerKey', ownerKey)
  return flows.map(({ record }) => record).filter(record => isOpen(record, clock.now()))
}

function isOpen({ takenAt, expiresAt }: FlowRecord, now: number): boolean {
  return takenAt === null && expiresAt > now
}

/** Every page of a list. Only for values that have few records. */
export async function listAll<R extends ConnectionRecord | FlowRecord>(
  collection: Collection<R>,
  index: keyof R & string,
  value: string
): Promise<{ readonly key: string; readonly record: R }[]> {
  const found: { readonly key: string; readonly record: R }[] = []
  for (let cursor: string | null = null; ; ) {
    const page = await collection.list(index, value, { limit: 1000, cursor })
    found.push(...page.records)
    cursor = page.cursor
    if (cursor === null) return found
  }
}
