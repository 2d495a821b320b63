/**
 * What a server offered at the last look, stored: for pages, for owners who are away, and to notice when a tool becomes another one under
 * its old name.
 */
import { digest } from '@fastify-mcp-auth/core'
import type { Tool } from '@modelcontextprotocol/client'
import { readConnection } from './connection-record.ts'
import { type Context, detailUrlOf, type Target, targetOf } from './context.ts'
import { McpConnectionError } from './errors.ts'
import { rememberLook } from './last-look.ts'
import { plainClient, strangeAnswer } from './mcp-client.ts'
import type { ToolsRecord } from './records.ts'
import { type SeenTools, seeTools } from './seen-tools.ts'
import { isToolAllowed } from './tool-filter.ts'
import { keepToolList, sharedRevision, toolList } from './tool-lists.ts'
import type { AccountChoice, ApproveOptions, KnownTool, Owner, ToolSnapshot, UseOptions } from './types.ts'

/** Beyond this a list is no list of tools, and a text no name of one: no filter could name them. */
const [MAX_TOOLS, MAX_NAME] = [1000, 256]

/** Levels of a definition. Whoever walks one that is deeper may not come back. */
const MAX_DEPTH = 100

/** Asks the server, stores what it says, and tells what is different. */
export async function syncTools(
  context: Context,
  owner: Owner | null,
  server: string,
  use: UseOptions = {}
): Promise<ToolSnapshot> {
  return syncTarget(context, await targetOf(context, owner, server, use), use)
}

async function syncTarget(context: Context, target: Target, use: UseOptions): Promise<ToolSnapshot> {
  try {
    const snapshot = await look(context, target, use)
    context.telemetry.add('tool_syncs', { outcome: 'done' })
    context.telemetry.setTools(target.server.id, snapshot.tools.length)
    return snapshot
  } catch (error) {
    context.telemetry.add('tool_syncs', { outcome: 'failed' })
    throw error
  }
}

async function look(context: Context, target: Target, use: UseOptions): Promise<ToolSnapshot> {
  const client = await plainClient(context, target, use)
  try {
    const began = await sharedRevision(context, target)
    const seen = await seeTools(client).catch((error: unknown) => {
      throw strangeAnswer(error, target, use)
    })
    return await store(context, target, seen, began)
  } finally {
    await Promise.resolve(client[Symbol.asyncDispose]()).catch(() => undefined)
  }
}

/** Milliseconds that the look after a connect may take. */
const LOOK_LIMIT = 30_000

/** Looks in the background, because whoever has just connected wants to see the tools, and nobody has to wait for them. Never rejects. */
export function syncAfterConnect(context: Context, target: Target): void {
  if (target.definition.tools?.syncOnConnect === false) return
  const looking = syncTarget(context, target, { signal: AbortSignal.timeout(LOOK_LIMIT) }).catch((err: unknown) => {
    context.log.debug({ err, server: target.server.id }, 'mcp-auth: the tools could not be looked at after the connect')
  })
  context.background.add(looking)
  looking.finally(() => context.background.delete(looking))
}

/** What was stored last; null when nobody has looked yet. */
export async function knownTools(
  context: Context,
  owner: Owner | null,
  server: string,
  choice: AccountChoice = {}
): Promise<ToolSnapshot | null> {
  const target = await targetOf(context, owner, server, { ...choice, evenDisabled: true })
  const { record } = await toolList(context, target)
  return record ? snapshotOf(context, target, record) : null
}

/**
 * Accepts definitions as they are now, or those that somebody has read.
 *
 * @throws McpConnectionError `MCP_TOOLS_CHANGED` for a hash of what is not offered any more: then nothing is accepted
 */
export async function approveTools(
  context: Context,
  owner: Owner | null,
  server: string,
  { names, ...choice }: ApproveOptions & { readonly names?: readonly string[] | undefined } = {}
): Promise<void> {
  const { hashes } = choice
  const target = await targetOf(context, owner, server, choice)
  for (let attempt = 0; attempt < 8; attempt++) {
    const { key, record } = await toolList(context, target)
    if (!record) throw new McpConnectionError('MCP_INVALID_INPUT', 'no tools are known yet', { server })
    const offered = hashesOf(record.tools as Tool[])
    assertOffered(context, target, hashes ?? [], offered)
    const accepted = Object.entries(offered).filter(
      ([name, hash]) => (names?.includes(name) ?? true) && (hashes?.includes(hash) ?? true)
    )
    const approved = { ...record.approved, ...Object.fromEntries(accepted) }
    const { revision } = record
    if (await context.records.tools.update(key, { revision }, { approved, revision: revision + 1 })) return
  }
  throw new McpConnectionError('MCP_STORE_CONFLICT', 'the list of tools is being changed by others', { server })
}

/** A list may be looked at anew while somebody reads it. */
function assertOffered(
  context: Context,
  { server, place }: Target,
  hashes: readonly string[],
  offered: Readonly<Record<string, string>>
): void {
  const now = new Set(Object.values(offered))
  if (hashes.every(hash => now.has(hash))) return
  throw new McpConnectionError('MCP_TOOLS_CHANGED', 'a tool is another one by now than was read', {
    server: server.id,
    connection: place.id,
    actionUrl: detailUrlOf(context, place)
  })
}

/** Which of the tools that a server offers now may be used: all, or those whose definition was approved. */
export async function approvedOnly(context: Context, target: Target, seen: SeenTools): Promise<readonly Tool[]> {
  const { tools } = seen
  assertShallow(target, tools)
  if (!target.definition.tools?.approveChanges) return tools
  const { record } = await toolList(context, target)
  // Trust begins with the first look, which is stored by whoever looks first.
  const approved = record?.approved ?? (await firstLook(context, target, seen))
  return tools.filter(tool => approved[tool.name] === hashOf(tool))
}

/** Whether nobody has seen it as another one since: a client may be older than the last look. */
export async function isStillApproved(context: Context, target: Target, name: string): Promise<boolean> {
  const { record } = await toolList(context, target)
  const seen = (record?.tools as Tool[] | undefined)?.find(tool => tool.name === name)
  return seen === undefined || record?.approved[name] === hashOf(seen)
}

async function firstLook(context: Context, target: Target, seen: SeenTools): Promise<Record<string, string>> {
  await store(context, target, seen)
  return (await toolList(context, target)).record?.approved ?? {}
}

async function store(
  context: Context,
  target: Target,
  all: SeenTools,
  began: number | null = null
): Promise<ToolSnapshot> {
  assertShallow(target, all.tools)
  const named = all.tools.filter(({ name }) => name.length > 0 && name.length <= MAX_NAME)
  const seen = { ...all, tools: named.slice(0, MAX_TOOLS) }
  const make = (before: ToolsRecord | null) => contentOf(context, target, { before, seen })
  const record = await keepToolList(context, target, { isPublic: seen.isPublic, began, make })
  // Ended while the server was asked: whatever ended it has looked for a list before there was this one.
  if (record.connection !== null && !(await readConnection(context, target.place)))
    await context.records.tools.removeWhere('connection', record.connection)
  const { added, removed, changed, syncedAt } = record
  await rememberLook(context, target.server.id, { count: seen.tools.length, syncedAt })
  if (added.length + removed.length + changed.length > 0)
    context.events.emit('tools.changed', target.place, { added, removed, changed })
  return snapshotOf(context, target, record)
}

interface Look {
  readonly before: ToolsRecord | null
  readonly seen: SeenTools
}

/** What there is to keep, and what is different since the list before. */
function contentOf({ clock }: Context, { server }: Target, { before, seen }: Look) {
  const { tools, protocolRevision, ttl } = seen
  const hashes = hashesOf(tools)
  const earlier = hashesOf((before?.tools ?? []) as Tool[])
  const names = Object.keys(hashes)
  const isReviewed = server.definition.tools?.approveChanges === true
  return {
    server: server.id,
    tools: [...tools],
    approved: before && isReviewed ? before.approved : hashes,
    added: names.filter(name => before !== null && !Object.hasOwn(earlier, name)),
    removed: Object.keys(earlier).filter(name => !Object.hasOwn(hashes, name)),
    changed: names.filter(name => Object.hasOwn(earlier, name) && earlier[name] !== hashes[name]),
    protocolRevision,
    ttl,
    syncedAt: clock.now()
  }
}

async function snapshotOf(context: Context, target: Target, record: ToolsRecord): Promise<ToolSnapshot> {
  const { definition, place, server } = target
  const filter = (await readConnection(context, place))?.toolFilter ?? null
  const tools = (record.tools as Tool[]).map((tool): KnownTool => {
    const hash = hashOf(tool)
    const changed = record.approved[tool.name] !== hash
    const isUsable = !(changed && definition.tools?.approveChanges)
    return Object.freeze({
      name: tool.name,
      description: tool.description ?? null,
      definition: tool,
      hash,
      enabled: isUsable && isToolAllowed(tool.name, definition, filter),
      changed
    })
  })
  const { protocolRevision, syncedAt, ttl, added, removed, changed } = record
  const dueAt = syncedAt + ttl
  const shared = record.connection === null
  return Object.freeze({ server: server.id, tools, shared, protocolRevision, syncedAt, dueAt, added, removed, changed })
}

function assertShallow(target: Target, tools: readonly Tool[]): void {
  if (tools.some(tool => isDeeper(tool, MAX_DEPTH)))
    throw strangeAnswer(new Error(`a tool has a definition of more than ${MAX_DEPTH} levels`), target, {})
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some(member => isDeeper(member, levels - 1))
}

function hashesOf(tools: readonly Tool[]): Record<string, string> {
  return Object.fromEntries(tools.map(tool => [tool.name, hashOf(tool)]))
}

/** Of everything that the server says about it, whatever the order of its members. */
function hashOf(tool: Tool): string {
  return digest(JSON.stringify(sorted(tool)))
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(members.map(([name, member]) => [name, sorted(member)]))
}
