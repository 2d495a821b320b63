/** The job itself, for any queue: asks several servers for one person, with what that person connected, and says who has to act if it cannot. */
import {
  asMcpConnectionError,
  type Connections,
  MCP_CONNECTION_ERRORS,
  type Owner
} from '@fastify-mcp-auth/connections'
import type { Client } from '@modelcontextprotocol/client'

/** The work is done, or waits for the person, who is needed at these links. */
export type Outcome = { readonly lines: readonly string[] } | { readonly links: readonly string[] }

const QUESTIONS = [
  { server: 'notes', name: 'list_notes', arguments: {} },
  { server: 'weather', name: 'forecast', arguments: { place: 'Oxford' } },
  { server: 'search', name: 'find', arguments: { text: 'tea' } }
] as const

/**
 * @param userId all that has to be in the queue: no credential ever is
 * @throws McpConnectionError what a queue may retry, and what an operator has to mend
 */
export async function makeBriefing(connections: Connections, userId: string): Promise<Outcome> {
  const owner: Owner = { type: 'user', id: userId, agent: 'briefing' }
  const answers = await Promise.allSettled(
    QUESTIONS.map(({ server, ...call }) => connections.withClient(owner, server, client => textOf(client, call)))
  )
  const errors = answers.flatMap(answer => (answer.status === 'rejected' ? [answer.reason as unknown] : []))
  const links: string[] = []
  for (const error of errors) {
    const failure = asMcpConnectionError(error)
    const isForPerson = failure !== null && MCP_CONNECTION_ERRORS[failure.code].action === 'user'
    // A server that is down now is no reason to bother anybody: the queue tries again.
    if (!isForPerson || failure.actionUrl === undefined) throw error
    links.push(failure.actionUrl)
  }
  if (links.length > 0) return { links }
  return { lines: answers.flatMap(answer => (answer.status === 'fulfilled' ? [answer.value] : [])) }
}

async function textOf(client: Client, call: Parameters<Client['callTool']>[0]): Promise<string> {
  const { content } = await client.callTool(call)
  return content.flatMap(block => (block.type === 'text' ? [block.text] : [])).join('\n')
}
