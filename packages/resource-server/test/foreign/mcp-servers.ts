/** One tool that says who calls, on each of the servers that people have. The answer takes a moment, so that calls overtake each other. */
import { setTimeout as later } from 'node:timers/promises'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { createMcpHandler, McpServer as McpServerV2 } from '@modelcontextprotocol/server'
import type { FastifyInstance } from 'fastify'
import { Sessions, streamableHttp } from 'fastify-mcp'

interface Info {
  readonly clientId?: string
  readonly extra?: Readonly<Record<string, unknown>>
}

async function whoami(info: Info | undefined): Promise<{ content: [{ type: 'text'; text: string }] }> {
  const sub = String(info?.extra?.['sub'])
  await later(sub.length % 5)
  return { content: [{ type: 'text', text: `${sub} ${info?.clientId}` }] }
}

function serverV1(): McpServerV1 {
  const server = new McpServerV1({ name: 'v1', version: '1.0.0' })
  server.registerTool('whoami', {}, extra => whoami(extra.authInfo))
  server.registerTool('delete_notes', {}, extra => whoami(extra.authInfo))
  return server
}

function sdkV1(app: FastifyInstance): void {
  app.post('/mcp', async (request, reply) => {
    const server = serverV1()
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true })
    reply.hijack()
    // The optional members of the SDK's interface are not exact.
    await server.connect(transport as Parameters<typeof server.connect>[0])
    await transport.handleRequest(request.raw, reply.raw, request.body)
  })
}

function sdkV2(app: FastifyInstance): void {
  const mcp = createMcpHandler(() => {
    const server = new McpServerV2({ name: 'v2', version: '1.0.0' })
    server.registerTool('whoami', {}, context => whoami(context.http?.authInfo))
    server.registerTool('delete_notes', {}, context => whoami(context.http?.authInfo))
    return server
  })
  const node = toNodeHandler(mcp)
  app.post('/mcp', async (request, reply) => {
    reply.hijack()
    await node(request.raw as Parameters<typeof node>[0], reply.raw, request.body)
  })
}

async function fastifyMcp(app: FastifyInstance): Promise<void> {
  const sessions = new Sessions<StreamableHTTPServerTransport>()
  const createServer = () => serverV1().server
  await app.register(streamableHttp, { stateful: true, sessions, mcpEndpoint: '/mcp', createServer })
}

/** For an app that protects `/mcp`. */
export const SERVERS = { 'SDK v1': sdkV1, 'SDK v2': sdkV2, 'fastify-mcp with sessions': fastifyMcp }
