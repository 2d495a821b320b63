import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { toNodeHandler, toWebRequest } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { createApp, MCP_HEADERS } from '../app.ts'

type Raw = Parameters<ReturnType<typeof toNodeHandler>>[0]

const mcp = createMcpHandler(() => {
  const server = new McpServer({ name: 'v2', version: '1.0.0' })
  server.registerTool('whoami', {}, () => ({ content: [] }))
  return server
})

/** The two ways in which its answer reaches the client. */
const WAYS: Record<string, (app: FastifyInstance) => void> = {
  'by toNodeHandler': app => {
    const node = toNodeHandler(mcp)
    app.post('/mcp', { config: { mcpAuth: {} } }, async (request, reply) => {
      reply.hijack()
      await node(request.raw as Raw, reply.raw, request.body)
    })
  },
  'as a Response': app => {
    app.post('/mcp', { config: { mcpAuth: {} } }, async ({ raw, body }) =>
      mcp.fetch(await toWebRequest(raw as Raw, body), { parsedBody: body })
    )
  }
}

const LISTEN = {
  jsonrpc: '2.0',
  id: 1,
  method: 'subscriptions/listen',
  params: {
    notifications: { toolsListChanged: true },
    _meta: {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'listener', version: '1.0.0' },
      'io.modelcontextprotocol/clientCapabilities': {}
    }
  }
}

for (const [way, routes] of Object.entries(WAYS))
  t.test(`RS-4: SDK server v2, ${way}: what a client listens to ends with its token`, async t => {
    const test = await createApp(t, { routes })
    const ended: unknown[] = []
    test.app.mcpAuth.on('stream.ended', event => ended.push(event))
    const url = await test.app.listen({ port: 0, host: '127.0.0.1' })
    const headers = {
      ...MCP_HEADERS,
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'subscriptions/listen',
      ...(await test.bearer({ expiresIn: 60 }))
    }
    const asked = request(`${url}/mcp`, { method: 'POST', headers })
    asked.end(JSON.stringify(LISTEN))
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    t.match(response, { statusCode: 200, headers: { 'content-type': /^text\/event-stream/ } })
    await once(response, 'data')
    test.clock.advance(60)
    const patience = setTimeout(() => response.destroy(), 5000)
    await once(response.resume(), 'close')
    clearTimeout(patience)
    t.equal(response.complete, true, 'in order, not cut off')
    t.match(ended, [{ caller: { subject: 'alice' } }])
  })
