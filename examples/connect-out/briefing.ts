/** The job of the agent: asks three servers for one person, and goes on without those that are not connected. */
import { asMcpConnectionError, type Connections, type Owner } from '@fastify-mcp-auth/connections'
import type { Client } from '@modelcontextprotocol/client'

export const AGENT = 'briefing'

export interface Part {
  readonly server: string
  readonly text: string | null
  /** Where the person mends it; null where nothing is to be done, or nobody can. */
  readonly actionUrl: string | null
}

type Uses = Pick<Connections, 'withClient'>

/** @param userId whose briefing it is: every call is made with what this person connected, and nobody else */
export async function briefing(connections: Uses, userId: string, signal?: AbortSignal): Promise<Part[]> {
  const owner: Owner = { type: 'user', id: userId, agent: AGENT }
  const ask = (server: string, tool: string, args = {}): Promise<Part> =>
    part(server, () =>
      connections.withClient(owner, server, client => textOf(client, tool, args), signal ? { signal } : {})
    )
  return Promise.all([
    ask('notes', 'list_notes'),
    ask('weather', 'forecast', { place: 'Oxford' }),
    ask('search', 'find', { text: 'tea' })
  ])
}

async function part(server: string, run: () => Promise<string>): Promise<Part> {
  try {
    return { server, text: await run(), actionUrl: null }
  } catch (error) {
    const failure = asMcpConnectionError(error)
    // What is not about the connection is a fault of this program.
    if (!failure) throw error
    return { server, text: null, actionUrl: failure.actionUrl ?? null }
  }
}

async function textOf(client: Client, name: string, args: Record<string, unknown>): Promise<string> {
  const { content } = await client.callTool({ name, arguments: args })
  return content.flatMap(block => (block.type === 'text' ? [block.text] : [])).join('\n')
}
