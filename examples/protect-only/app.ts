/** An app that was there before, with an MCP endpoint, and the three lines that protect it with tokens of an issuer that was there, too. */
import resourceServer, { type ResourceServerOptions } from '@fastify-mcp-auth/resource-server'
import { type NodeIncomingMessageLike, toWebRequest } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import Fastify, { type FastifyInstance } from 'fastify'
import { addProbes } from './probes.ts'

/** @param options at least `{ resource, verify: jwt({ issuer }) }`: the public URL of the endpoint, and whose tokens it takes */
export async function buildApp(options: ResourceServerOptions): Promise<FastifyInstance> {
  const app = Fastify({ logger: { level: 'warn' } })

  // The three lines.
  await app.register(resourceServer, options)
  const mcpAuth = { scopes: ['mcp:tools'] }
  app.post('/mcp', { config: { mcpAuth } }, request => answer(request.raw as NodeIncomingMessageLike, request.body))

  // Everything else of the app stays as open as it was.
  addProbes(app)
  app.get('/', async () => 'Weather for everybody; for assistants at /mcp\n')
  return app
}

const mcp = createMcpHandler(({ authInfo }) => {
  const server = new McpServer({ name: 'weather', version: '1.0.0' })
  server.registerTool('forecast', { description: 'Tells the weather of tomorrow' }, async () => ({
    content: [{ type: 'text', text: `Sunny, ${authInfo?.extra?.['sub'] ?? 'whoever you are'}.` }]
  }))
  return server
})

async function answer(raw: NodeIncomingMessageLike, parsedBody: unknown): Promise<Response> {
  return mcp.fetch(await toWebRequest(raw, parsedBody), { ...(raw.auth ? { authInfo: raw.auth } : {}), parsedBody })
}
