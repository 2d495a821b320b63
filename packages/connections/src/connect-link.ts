/**
 * A link by which somebody connects whom a job or an agent cannot send anywhere: once, within minutes, and only as the owner that it was
 * made for, in whatever browser that one is signed in. Whoever else opens it is refused and does not use it up.
 *
 * @see MCP 2026-07-28, elicitation, URL mode
 */
import { digest, isScopeToken, randomSecret } from '@fastify-mcp-auth/core'
import { type Context, type Target, targetOf } from './context.ts'
import { McpConnectionError } from './errors.ts'
import { keysOf } from './owner.ts'
import type { LinkRecord } from './records.ts'
import { assertReturnTo } from './return-to.ts'
import { isSilent } from './status.ts'
import type { ConnectLink, ConnectLinkOptions, OpenedLink, Owner } from './types.ts'

/** Seconds, unless the caller says otherwise. */
const TTL = 600
const LONGEST = 86_400

export async function createConnectLink(
  context: Context,
  owner: Owner | null,
  server: string,
  options: ConnectLinkOptions = {}
): Promise<ConnectLink> {
  const { ttl = TTL, scopes = [], returnTo, message } = options
  const { place, definition } = await targetOf(context, owner, server, options)
  if (isSilent(definition)) throw refused('MCP_NOT_ALLOWED', 'nobody has to connect this server', server)
  if (definition.mode === 'shared' && owner?.type !== 'user')
    throw refused('MCP_OWNER_REQUIRED', 'a link to what everybody shares is for one person: name the user', server)
  if (!Number.isInteger(ttl) || ttl < 60 || ttl > LONGEST)
    throw refused('MCP_INVALID_INPUT', `"ttl" must be 60 to ${LONGEST} seconds`, server)
  if (!scopes.every(isScopeToken)) throw refused('MCP_INVALID_INPUT', '"scopes" has a text that is no scope', server)
  const secret = randomSecret()
  const id = digest(secret)
  const now = context.clock.now()
  await context.records.links.insert(id, {
    ownerKey: place.ownerKey,
    // Of the person, also where the connection is everybody's.
    ...keysOf(owner),
    connection: place.id,
    server,
    account: place.account,
    scopes: [...scopes],
    returnTo: assertReturnTo(returnTo, context.options.baseUrl),
    expiresAt: now + ttl,
    usedAt: null
  })
  const url = context.urls.link(secret, owner?.type === 'agent' ? owner.id : owner?.agent)
  const words = message ?? `${context.options.client.name} needs a connection to ${definition.name ?? server}.`
  return Object.freeze({
    id,
    url,
    connection: place.id,
    expiresAt: now + ttl,
    elicitation: Object.freeze({ mode: 'url' as const, elicitationId: id, url, message: words })
  })
}

/** What a link is for, for the owner that it was made for. Does not use it up. */
export async function readConnectLink(context: Context, owner: Owner | null, secret: string): Promise<OpenedLink> {
  const { record } = await ownLink(context, owner, secret)
  return opened(record)
}

/** The same, once. */
export async function useConnectLink(context: Context, owner: Owner | null, secret: string): Promise<OpenedLink> {
  const { id, record } = await ownLink(context, owner, secret)
  const isFirst = await context.records.links.update(id, { usedAt: null }, { usedAt: context.clock.now() })
  if (!isFirst) throw refused('MCP_FLOW_EXPIRED', 'the link was used', record.server)
  return opened(record)
}

async function ownLink(
  context: Context,
  owner: Owner | null,
  secret: string
): Promise<{ id: string; record: LinkRecord }> {
  const id = digest(secret)
  const record = await context.records.links.get(id)
  if (!record || record.usedAt !== null || record.expiresAt <= context.clock.now())
    throw refused('MCP_FLOW_EXPIRED', 'the link is unknown, too old or was used', record?.server)
  const target = await ownTarget(context, owner, record)
  if (target?.place.id !== record.connection || !isMadeFor(record, owner, target))
    throw refused('MCP_FLOW_MISMATCH', 'the link was made for somebody else', record.server)
  return { id, record }
}

/** Where everybody shares one connection, its place says nothing of who it is. */
function isMadeFor(record: LinkRecord, owner: Owner | null, { definition }: Target): boolean {
  const { userKey, agentKey } = keysOf(owner)
  if (definition.mode !== 'shared') return record.userKey === null || record.userKey === userKey
  return record.userKey !== null && record.userKey === userKey && (record.agentKey ?? agentKey) === agentKey
}

/** Null for an owner of a kind that the server is not for. */
async function ownTarget(context: Context, owner: Owner | null, record: LinkRecord): Promise<Target | null> {
  try {
    return await targetOf(context, owner, record.server, { account: record.account })
  } catch (error) {
    if (error instanceof McpConnectionError && error.code === 'MCP_OWNER_REQUIRED') return null
    throw error
  }
}

function opened({ server, account, scopes, returnTo }: LinkRecord): OpenedLink {
  return Object.freeze({ server, account, scopes, returnTo })
}

function refused(
  code: 'MCP_NOT_ALLOWED' | 'MCP_OWNER_REQUIRED' | 'MCP_INVALID_INPUT' | 'MCP_FLOW_EXPIRED' | 'MCP_FLOW_MISMATCH',
  message: string,
  server: string | undefined
): McpConnectionError {
  return new McpConnectionError(code, message, { server, reason: 'link' })
}
