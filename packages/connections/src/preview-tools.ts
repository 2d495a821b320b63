/** What a server shows to whoever has no credential: for administrators, before anybody has connected. Nothing of it is stored. */
import { isFetchRefusedError, isUnavailableError } from '@fastify-mcp-auth/core'
import { Client, StreamableHTTPClientTransport, type Tool } from '@modelcontextprotocol/client'
import type { Context } from './context.ts'
import { McpConnectionError } from './errors.ts'
import { asBlocked } from './network.ts'

/** Milliseconds for all of it. */
const LIMIT = 15_000

/** @returns null when the server shows its tools to nobody that it does not know */
export async function previewTools(context: Context, id: string): Promise<readonly Tool[] | null> {
  const { definition } = await context.registry.usable(id)
  if (definition.tools?.anonymous !== 'try' || definition.transport === 'sse')
    throw new McpConnectionError('MCP_NOT_ALLOWED', '"tools.anonymous" of the server is off', { server: id })
  const { mcp } = context.network.routeTo(definition, id)
  let isRefused = false
  const fetch = async (url: string | URL, init?: RequestInit): Promise<Response> => {
    const response = await mcp(url, init)
    isRefused ||= response.status === 401 || response.status === 403
    return response
  }
  const client = new Client(
    { name: context.options.client.name, version: '0.0.0' },
    { versionNegotiation: { mode: 'auto' } }
  )
  const signal = AbortSignal.timeout(LIMIT)
  try {
    const transport = new StreamableHTTPClientTransport(new URL(definition.url), { fetch })
    await client.connect(transport, { signal })
    const { tools } = await client.listTools(undefined, { signal })
    await transport.terminateSession().catch(() => undefined)
    return tools
  } catch (error) {
    if (isRefused) return null
    throw failure(error, id)
  } finally {
    await client.close().catch(() => undefined)
  }
}

function failure(error: unknown, server: string): unknown {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++)
    if (isFetchRefusedError(cause)) return asBlocked(cause, server)
  const retryAfter = isUnavailableError(error) ? error.retryAfter : undefined
  return new McpConnectionError('MCP_SERVER_UNAVAILABLE', 'the server does not answer', {
    server,
    retryAfter,
    cause: error
  })
}
