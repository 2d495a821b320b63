/** The official clients over HTTP, with a token of the test issuer. */
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'

/** What tests use of a connected client, whichever it is. */
export interface McpClient {
  /** Text of the first item of the answer. */
  call(name: string, args?: Record<string, unknown>): Promise<string>
  /** Names of the tools. */
  tools(): Promise<string[]>
  readonly sessionId: string | undefined
  close(): Promise<void>
}

interface Result {
  readonly content: readonly { readonly text?: string }[]
}

export async function connectV1(url: URL, headers: Record<string, string>): Promise<McpClient> {
  const client = new ClientV1({ name: 'v1', version: '1' })
  const transport = new TransportV1(url, { requestInit: { headers } })
  await client.connect(transport as Parameters<typeof client.connect>[0])
  return {
    call: async (name, args = {}) => firstText((await client.callTool({ name, arguments: args })) as Result),
    tools: async () => (await client.listTools()).tools.map(tool => tool.name),
    sessionId: transport.sessionId,
    close: () => client.close()
  }
}

/** Finds out by itself which revision the server speaks. */
export async function connectV2(url: URL, headers: Record<string, string>): Promise<McpClient> {
  const client = new ClientV2({ name: 'v2', version: '1' }, { versionNegotiation: { mode: 'auto' } })
  const transport = new TransportV2(url, { requestInit: { headers } })
  await client.connect(transport)
  return {
    call: async (name, args = {}) => firstText((await client.callTool({ name, arguments: args })) as Result),
    tools: async () => (await client.listTools()).tools.map(tool => tool.name),
    sessionId: transport.sessionId,
    close: () => client.close()
  }
}

function firstText({ content }: Result): string {
  return content[0]?.text ?? ''
}

export const CLIENTS = { v1: connectV1, v2: connectV2 }
