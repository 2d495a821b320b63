/** Tools of several servers in one list, for a model: each call goes to its server with the owner's credential there. */
import { digest } from '@fastify-mcp-auth/core'
import type { Context } from './context.ts'
import { McpConnectionError } from './errors.ts'
import { connectedClient } from './mcp-client.ts'
import type { OwnedClient, OwnedTool, OwnedTools, Owner, UseOptions } from './types.ts'

/** What model providers accept as the name of a tool. */
const MAX_NAME = 64

export async function toolsFor(
  context: Context,
  owner: Owner | null,
  servers: readonly string[],
  use: UseOptions = {}
): Promise<OwnedTools> {
  const clients = new Map<string, OwnedClient>()
  const failures: { readonly server: string; readonly error: unknown }[] = []
  const lists = await Promise.all(
    servers.map(async server => {
      try {
        const client = await connectedClient(context, owner, server, use)
        clients.set(server, client)
        const { tools } = await client.listTools()
        return tools.map((tool): OwnedTool => Object.freeze({ name: nameOf(server, tool.name), server, tool }))
      } catch (error) {
        failures.push({ server, error })
        return []
      }
    })
  )
  const tools = lists.flat()
  return Object.freeze({
    tools,
    failures,
    call: async (name: string, args: Readonly<Record<string, unknown>> = {}) => {
      const found = tools.find(tool => tool.name === name)
      const client = found && clients.get(found.server)
      if (!found || !client) throw new McpConnectionError('MCP_INVALID_INPUT', 'there is no such tool')
      return client.callTool({ name: found.tool.name, arguments: { ...args } })
    },
    async [Symbol.asyncDispose]() {
      await Promise.allSettled([...clients.values()].map(client => client[Symbol.asyncDispose]()))
    }
  })
}

/**
 * Two servers never share a name, whatever they call their tools: with `__` it is the id of one server and what that one says; without, it
 * has a mark of the server that no tool can choose.
 */
function nameOf(server: string, tool: string): string {
  const name = `${server}__${tool}`
  // Where the id of the server ends is seen by the first two dashes: `a` with `b__c` is not `a__b` with `c`.
  const isPlain = /^[A-Za-z0-9_-]+$/.test(name) && name.indexOf('__') === server.length && name.length <= MAX_NAME
  if (isPlain) return name
  const mark = markOf(server) + markOf(`${server} ${tool}`)
  const readable = name.replace(/[^A-Za-z0-9-]+/g, '_').slice(0, MAX_NAME - mark.length - 1)
  return `${readable.replace(/_$/, '')}_${mark}`
}

/** Without a dash, which could be the second one. */
function markOf(text: string): string {
  return Buffer.from(digest(text), 'base64url').toString('hex').slice(0, 12)
}
