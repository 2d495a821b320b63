/**
 * Which MCP tools each permission unlocks, read from the server's own tool list, so that the page cannot promise less than the server
 * does.
 *
 * @see MCP tools, `ToolAnnotations`
 */
import type { OperationScopes } from '@fastify-mcp-auth/core'
import { cleanName, shorten } from '@fastify-mcp-auth/core/pages'
import type { FastifyInstance } from 'fastify'
import { LRUCache } from 'lru-cache'
import type { ToolLine } from './model.ts'

/** What a page reads of a tool of MCP's `tools/list`. */
export interface ListedTool {
  readonly name: string
  readonly title?: string | undefined
  readonly annotations?:
    | {
        readonly title?: string | undefined
        readonly readOnlyHint?: boolean | undefined
        readonly destructiveHint?: boolean | undefined
      }
    | undefined
  /** Scopes that let it in, where the resource server is not in this app. */
  readonly scopes?: readonly string[] | undefined
}

/**
 * Asks an MCP server for its tools, all of them whoever may use them.
 *
 * @param resource canonical identifier of the resource that it is
 */
export type ListTools = (resource: string) => Promise<readonly ListedTool[]> | readonly ListedTool[]

/** Scopes that a call of a tool needs at a resource; null where nobody here knows. */
export type ScopesOfTool = (resource: string, tool: string) => readonly string[] | null

/** Tools by the scope that unlocks them. */
export type ToolsByScope = ReadonlyMap<string, readonly ToolLine[]>

/** Milliseconds for which a list is good, and after which a page goes without one. */
const TTL = 60_000
const PATIENCE = 2_000

export interface ToolCatalogue {
  /** Never rejects: a server that does not answer costs the page its lists of tools and nothing else. */
  of(resources: readonly string[]): Promise<ToolsByScope>
}

/** @param onFailure is told why a list is missing */
export function createToolCatalogue(
  list: ListTools | undefined,
  scopesOfTool: ScopesOfTool,
  onFailure: (resource: string, error: unknown) => void
): ToolCatalogue {
  if (!list) return { of: async () => new Map() }
  const lists = new LRUCache<string, Promise<readonly ListedTool[]>>({ max: 100, ttl: TTL })
  const fetched = (resource: string): Promise<readonly ListedTool[]> => {
    const before = lists.get(resource)
    if (before) return before
    const now = (async () => list(resource))().catch((error: unknown) => {
      lists.delete(resource)
      throw error
    })
    lists.set(resource, now)
    return now
  }
  const entriesOf = async (resource: string): Promise<[string, ToolLine][]> => {
    try {
      const tools = await inTime(fetched(resource))
      return tools.flatMap(tool =>
        (tool.scopes ?? scopesOfTool(resource, tool.name) ?? []).map((scope): [string, ToolLine] => [
          scope,
          toolLine(tool)
        ])
      )
    } catch (error) {
      onFailure(resource, error)
      return []
    }
  }
  return {
    async of(resources) {
      const entries = (await Promise.all(resources.map(entriesOf))).flat()
      const byScope = new Map<string, ToolLine[]>()
      for (const [scope, line] of entries) byScope.set(scope, [...(byScope.get(scope) ?? []), line])
      return byScope
    }
  }
}

/** As people should read it: the title, or the name without its underscores. */
export function toolTitle({ name, title, annotations }: ListedTool): string {
  const given = cleanName(title ?? annotations?.title ?? '') || cleanName(name.replaceAll(/[_-]+/g, ' '))
  return shorten(given, 60)
}

// Without a hint MCP says "destructive". Then nearly everything would be marked, and nobody would read the mark.
function toolLine(tool: ListedTool): ToolLine {
  const { readOnlyHint = false, destructiveHint = false } = tool.annotations ?? {}
  return { name: tool.name, title: toolTitle(tool), destructive: destructiveHint && !readOnlyHint }
}

async function inTime<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no tool list within ${PATIENCE} ms`)), PATIENCE)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Asked for each page, because the resource server may be registered after us. */
export function scopesOfToolIn(app: FastifyInstance): ScopesOfTool {
  return (resource, tool) => {
    if (!app.hasDecorator('mcpAuth')) return null
    const mcpAuth: OperationScopes = Reflect.get(app, 'mcpAuth')
    if (mcpAuth.resource !== resource) return null
    const { scopes, anyOf } = mcpAuth.scopesFor({ method: 'tools/call', name: tool })
    return [...scopes, ...anyOf.flat()]
  }
}
