/**
 * Which record has the list of tools that counts for an owner. His own; or one for all, because the operator says so, or because the server
 * says of each page of its list that it is public.
 *
 * A server can only give away what it has called public itself, and when it calls the list anything else to anybody, nobody is given the
 * old one any more: neither from what is there, nor from an answer that was on its way meanwhile.
 *
 * @see SEP-2549, MCP 2026-07-28, caching
 */
import { digest } from '@fastify-mcp-auth/core'
import type { Context, Target } from './context.ts'
import { McpConnectionError } from './errors.ts'
import type { ServerDefinition } from './options.ts'
import type { ToolsRecord } from './records.ts'

export type Sharing = 'never' | 'always' | 'as_declared'

export function sharingOf({ tools }: Pick<ServerDefinition, 'tools'>): Sharing {
  if (tools?.partition === 'server') return 'always'
  // Who accepts a change accepts it for himself: a server may have a friend among the owners.
  return tools?.partition === 'owner' || tools?.approveChanges ? 'never' : 'as_declared'
}

/** A record, by its key. */
export interface ToolList {
  readonly key: string
  readonly record: ToolsRecord | null
}

/** What counts for an owner now. */
export async function toolList({ records, clock }: Context, target: Target): Promise<ToolList> {
  const sharing = sharingOf(target.definition)
  const key = keyOf(target, sharing === 'always' ? 'server' : target.place.id)
  const shared = keyOf(target, 'public')
  if (sharing !== 'as_declared') return { key, record: await records.tools.get(key) }
  const [own, common] = await Promise.all([key, shared].map(each => records.tools.get(each)))
  // What he was told himself, for as long as it is good: there are servers that have a public list, and more for some.
  const isGood = own && own.syncedAt + own.ttl > clock.now()
  return common?.cacheScope === 'public' && !isGood ? { key: shared, record: common } : { key, record: own ?? null }
}

/** What was there before a server was asked; null where nothing is shared by what it says. */
export async function sharedRevision({ records }: Context, target: Target): Promise<number | null> {
  if (sharingOf(target.definition) !== 'as_declared') return null
  return (await records.tools.get(keyOf(target, 'public')))?.revision ?? null
}

/** What this file does not know of a record. */
type Content = Omit<ToolsRecord, 'ownerKey' | 'connection' | 'cacheScope' | 'revision'>

/** A list that a server has given. */
export interface GivenList {
  readonly isPublic: boolean
  /** {@link sharedRevision} from before it was asked. */
  readonly began: number | null
  /** @param before the list that it takes the place of */
  readonly make: (before: ToolsRecord | null) => Content
}

/** Keeps a list where it belongs. @throws McpConnectionError `MCP_STORE_CONFLICT` */
export async function keepToolList(context: Context, target: Target, list: GivenList): Promise<ToolsRecord> {
  const { place, definition } = target
  const sharing = sharingOf(definition)
  if (sharing === 'always') return write(context, target, 'server', before => ({ ...list.make(before), ...ALL }))
  const own = { ownerKey: place.ownerKey, connection: place.id, cacheScope: null }
  if (sharing === 'never') return write(context, target, place.id, before => ({ ...list.make(before), ...own }))
  const content = list.make((await toolList(context, target)).record)
  const shared = list.isPublic ? await keepPublic(context, target, { content, began: list.began }) : null
  if (shared) return shared
  await stopSharing(context, target, content)
  return write(context, target, place.id, () => ({ ...content, ...own }))
}

const ALL = { ownerKey: null, connection: null, cacheScope: null }

/** @returns null when the server has changed its mind since it was asked */
async function keepPublic(
  context: Context,
  target: Target,
  { content, began }: { readonly content: Content; readonly began: number | null }
): Promise<ToolsRecord | null> {
  const kept = await write(context, target, 'public', before =>
    before?.cacheScope === 'private' && before.revision !== began ? null : { ...content, ...ALL, cacheScope: 'public' }
  )
  // His own from before would count for as long as it is good.
  if (kept) await context.records.tools.remove(keyOf(target, target.place.id))
  return kept
}

/** Also where nothing is shared: an answer that is on its way finds another revision than it began with. */
async function stopSharing(context: Context, target: Target, content: Content): Promise<void> {
  const began = (await context.records.tools.get(keyOf(target, 'public')))?.revision ?? null
  await write(context, target, 'public', before =>
    // Somebody else has stopped it since this answer came.
    before?.cacheScope === 'private' && before.revision !== began
      ? null
      : { ...content, ...NOTHING, ...ALL, cacheScope: 'private' }
  )
}

const NOTHING = { tools: [], approved: {}, added: [], removed: [], changed: [] }

type Unnumbered = Omit<ToolsRecord, 'revision'>

/** @param next null leaves the record as it is */
async function write(
  context: Context,
  target: Target,
  partition: string,
  next: (before: ToolsRecord | null) => Unnumbered
): Promise<ToolsRecord>
async function write(
  context: Context,
  target: Target,
  partition: string,
  next: (before: ToolsRecord | null) => Unnumbered | null
): Promise<ToolsRecord | null>
async function write(
  { records }: Context,
  target: Target,
  partition: string,
  next: (before: ToolsRecord | null) => Unnumbered | null
): Promise<ToolsRecord | null> {
  const key = keyOf(target, partition)
  for (let attempt = 0; attempt < 8; attempt++) {
    const before = await records.tools.get(key)
    const made = next(before)
    if (made === null) return null
    const record = { ...made, revision: (before?.revision ?? 0) + 1 }
    const isWritten = before
      ? await records.tools.update(key, { revision: before.revision }, record)
      : await records.tools.insert(key, record)
    if (isWritten) return record
  }
  throw new McpConnectionError('MCP_STORE_CONFLICT', 'the list of tools is being changed by others', {
    server: target.server.id
  })
}

function keyOf({ server, definition }: Target, partition: string): string {
  return digest(JSON.stringify(['tools', server.id, definition.url, partition]))
}
