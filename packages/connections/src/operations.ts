/** Small things that are done to a connection or a server by name. */
import { forgetRegistrations } from './client-registration.ts'
import { readConnection } from './connection-record.ts'
import { type Context, type Target, targetOf } from './context.ts'
import { McpConnectionError } from './errors.ts'
import { countAttempt } from './limits.ts'
import { refresh } from './refresh.ts'
import { connectOpenly, connectSilently } from './silent.ts'
import { summaryOf } from './status.ts'
import { connectionError } from './token.ts'
import { syncAfterConnect } from './tool-sync.ts'
import type { AccountChoice, ConnectionSummary, Owner, RefreshOptions } from './types.ts'

/** @throws McpConnectionError `MCP_NOT_ALLOWED` for a server that a person has to connect */
export async function connectWithoutPerson(
  context: Context,
  owner: Owner | null,
  server: string,
  choice: AccountChoice = {}
): Promise<ConnectionSummary> {
  const target = await targetOf(context, owner, server, choice)
  const { auth } = target.definition
  if (auth === 'oauth' || auth === 'bearer' || auth === 'header')
    throw connectionError(context, target, 'MCP_NOT_ALLOWED', 'a person has to connect this server')
  if (auth === 'none') await connectOpenly(context, target)
  else await connectSilently(context, target)
  syncAfterConnect(context, target)
  return summaryNow(context, target)
}

/** A new token, whatever the age of the one that is there. */
export async function refreshNow(
  context: Context,
  owner: Owner | null,
  server: string,
  { ip, ...choice }: RefreshOptions = {}
): Promise<ConnectionSummary> {
  const target = await targetOf(context, owner, server, choice)
  // For each connection: of what everybody shares it is everybody's, or one person could wear out its authorization server.
  if (ip !== undefined) await countAttempt(context, 'refresh', { ownerKey: target.place.id, ip, server })
  await refresh(context, target, { trigger: 'manual' })
  return summaryNow(context, target)
}

async function summaryNow(context: Context, target: Target): Promise<ConnectionSummary> {
  return summaryOf(context, target, await readConnection(context, target.place))
}

/** @param filter null lets everything through that the server's own filter lets through */
export async function setToolFilter(
  context: Context,
  owner: Owner | null,
  server: string,
  options: AccountChoice & {
    readonly filter: { readonly allow?: readonly string[]; readonly deny?: readonly string[] } | null
  }
): Promise<void> {
  const { filter, account } = options
  const target = await targetOf(context, owner, server, { account })
  const { allow, deny = [] } = filter ?? {}
  const isList = (list: readonly string[]): boolean =>
    list.length <= 1000 && list.every(name => typeof name === 'string' && name.length > 0 && name.length <= 256)
  if (!isList(deny) || !isList(allow ?? []))
    throw new McpConnectionError('MCP_INVALID_INPUT', 'a filter is a list of at most 1000 names or patterns', {
      server
    })
  const toolFilter = filter && { allow: allow ? [...allow] : null, deny: [...deny] }
  const change = { toolFilter, updatedAt: context.clock.now() }
  const { ownerKey, id } = target.place
  if (!(await context.records.connections.update(id, { ownerKey }, change)))
    throw connectionError(context, target, 'MCP_NOT_CONNECTED', 'there is no connection to the server')
}

/** @returns whether there was a registration to forget */
export async function resetRegistration(context: Context, id: string): Promise<boolean> {
  const server = await context.registry.get(id)
  const { issuer } = await context.discoveries.look(context, { server, definition: server.definition })
  return (await forgetRegistrations(context, issuer)) > 0
}
