/** The MCP server behind the endpoint: four tools over the notes of whoever is signed in. It knows nothing of tokens. */
import { Client } from '@modelcontextprotocol/client'
import {
  createMcpHandler,
  InMemoryTransport,
  type McpHttpHandler,
  McpServer,
  type Tool
} from '@modelcontextprotocol/server'
import { z } from 'zod'
import type { Account } from './accounts.ts'
import type { Notes } from './notes.ts'

/** Scopes that each tool needs, for the resource server to enforce before this code runs. */
export const OPERATIONS = {
  'tools/call:whoami': ['mcp:tools'],
  'tools/call:list_notes': ['notes:read'],
  'tools/call:add_note': ['notes:write'],
  'tools/call:delete_all_notes': ['notes:admin']
}

/** What a scope is for, as the consent page says it. Which tools it unlocks, the page reads from {@link listTools}. */
export const SCOPES = {
  'mcp:tools': { description: 'See who you are', detail: 'Your name', required: true },
  'notes:read': { description: 'Read your notes' },
  'notes:write': { description: 'Add notes' },
  'notes:admin': {
    description: 'Delete all your notes',
    destructive: true,
    implies: ['notes:read', 'notes:write']
  }
}

export interface McpServerOptions {
  readonly notes: Notes
  /** The account behind a subject. */
  findAccount(subject: string): Promise<Account | null>
  onError(error: Error): void
}

/** A handler that makes one server per request, for the account that `authInfo.extra.sub` names. */
export function createNotesMcp({ notes, findAccount, onError }: McpServerOptions): McpHttpHandler {
  return createMcpHandler(
    async ({ authInfo }) => {
      const subject = authInfo?.extra?.['sub']
      const account = typeof subject === 'string' ? await findAccount(subject) : null
      // The resource server let nobody through without a token, so this is a person who was removed since.
      if (!account) throw new Error('the token belongs to nobody')
      return notesServer(notes, account)
    },
    { onerror: onError }
  )
}

/** The tools as every client sees them, for the consent page: asked of a server that nobody uses. */
export async function listTools(notes: Notes): Promise<Tool[]> {
  const [ours, theirs] = InMemoryTransport.createLinkedPair()
  const server = notesServer(notes, { id: 'nobody', username: 'nobody', displayName: 'Nobody' })
  const client = new Client({ name: 'consent-page', version: '1.0.0' })
  await server.connect(theirs)
  await client.connect(ours)
  try {
    return (await client.listTools()).tools
  } finally {
    await client.close()
  }
}

function notesServer(notes: Notes, account: Account): McpServer {
  const server = new McpServer({ name: 'acme-notes', version: '1.0.0' })
  server.registerTool('whoami', { title: 'Who am I', description: 'Says whose notes these are' }, async () =>
    text(`${account.displayName} (${account.username})`)
  )
  server.registerTool('list_notes', { title: 'List notes', description: 'All notes, oldest first' }, async () =>
    text(JSON.stringify(await notes.list(account.id)))
  )
  server.registerTool(
    'add_note',
    { title: 'Add a note', description: 'Keeps a note', inputSchema: z.object({ text: z.string().min(1).max(4000) }) },
    async input => {
      await notes.add(account.id, input.text)
      return text('Added.')
    }
  )
  server.registerTool(
    'delete_all_notes',
    { title: 'Delete all notes', description: 'Deletes every note for good', annotations: { destructiveHint: true } },
    async () => text(`Deleted ${await notes.deleteAll(account.id)}.`)
  )
  return server
}

function text(value: string): { content: [{ type: 'text'; text: string }] } {
  return { content: [{ type: 'text', text: value }] }
}
