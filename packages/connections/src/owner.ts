/**
 * Whose credential it is. The key of a connection is made from what the caller says, never from what a record says, so a record that was
 * moved is not found, and one that was copied does not decrypt.
 */
import { digest } from '@fastify-mcp-auth/core'
import { McpConnectionError } from './errors.ts'
import type { ServerDefinition } from './options.ts'
import type { CredentialMode, Owner } from './types.ts'

/** One connection, by name. */
export interface Place {
  /** Key of its record. */
  readonly id: string
  readonly server: string
  readonly account: string
  /** Null for a shared one of no tenant. */
  readonly owner: Owner | null
  readonly tenant: string | null
  readonly ownerKey: string
  /** Index keys: the user and the agent that it belongs to, one of them or both. */
  readonly userKey: string | null
  readonly agentKey: string | null
}

const MAX_ID = 512

/**
 * @throws McpConnectionError `MCP_OWNER_REQUIRED` when the mode asks for somebody that the owner does not name: there is no credential
 *   for "anybody"
 */
export function placeOf(
  { owner, server, account = 'default' }: { owner: Owner | null; server: string; account?: string | undefined },
  { mode }: Pick<ServerDefinition, 'mode'>
): Place {
  assertText('account', account)
  const who = reduced(owner, server, mode)
  const tenant = owner?.tenant ?? null
  const { userKey, agentKey } = keysOf(who)
  const ownerKey = digest(JSON.stringify(['owner', tenant, who?.type ?? 'shared', who?.id ?? '', who?.agent ?? null]))
  return {
    id: digest(JSON.stringify(['connection', ownerKey, server, account])),
    server,
    account,
    owner: who,
    tenant,
    ownerKey,
    userKey,
    agentKey
  }
}

/** Index keys of everything that belongs to a user or to an agent. */
export function keysOf(owner: Owner | null): { userKey: string | null; agentKey: string | null } {
  const key = (type: string, id: string): string => digest(JSON.stringify([type, owner?.tenant ?? null, id]))
  const agent = owner?.type === 'agent' ? owner.id : owner?.agent
  return {
    userKey: owner?.type === 'user' ? key('user', owner.id) : null,
    agentKey: agent === undefined ? null : key('agent', agent)
  }
}

/** The part of the owner that the mode keeps apart. */
function reduced(owner: Owner | null, server: string, mode: CredentialMode): Owner | null {
  if (owner) assertOwner(owner)
  const tenant = owner?.tenant === undefined ? {} : { tenant: owner.tenant }
  if (mode === 'shared') return null
  if (mode === 'per-user' && owner?.type === 'user') return { type: 'user', id: owner.id, ...tenant }
  if (mode === 'per-agent') {
    const id = owner?.type === 'agent' ? owner.id : owner?.agent
    if (id !== undefined) return { type: 'agent', id, ...tenant }
  }
  if (mode === 'per-user-agent' && owner?.type === 'user' && owner.agent !== undefined)
    return { type: 'user', id: owner.id, agent: owner.agent, ...tenant }
  const wanted = { 'per-user': 'a user', 'per-agent': 'an agent', 'per-user-agent': 'a user and an agent' }[mode]
  throw new McpConnectionError('MCP_OWNER_REQUIRED', `connections to "${server}" belong to ${wanted}`, { server })
}

/** @throws McpConnectionError `MCP_OWNER_REQUIRED` for something that names nobody */
export function assertOwner(owner: Owner): void {
  const ids = [owner.id, ...[owner.agent, owner.tenant].filter(id => id !== undefined)]
  if ((owner.type !== 'user' && owner.type !== 'agent') || !ids.every(isId))
    throw new McpConnectionError('MCP_OWNER_REQUIRED', 'the owner names nobody')
}

function isId(value: unknown): boolean {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_ID
}

function assertText(name: string, value: unknown): void {
  if (!isId(value))
    throw new McpConnectionError('MCP_INVALID_INPUT', `"${name}" must be a text of 1 to ${MAX_ID} characters`)
}
