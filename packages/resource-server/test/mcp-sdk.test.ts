/** The official SDK servers behind the plugin, called by the official clients over HTTP. */
import { setTimeout as later } from 'node:timers/promises'
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { createMcpHandler, McpServer as McpServerV2 } from '@modelcontextprotocol/server'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { createApp, METADATA_URL, RESOURCE, toolCall } from './app.ts'

const config = { mcpAuth: { scopes: ['mcp:tools'] } }

/** What a tool can tell about its caller. */
interface Seen {
  clientId?: string
  scopes?: string[]
  expiresAt?: number
  resource?: unknown
  token?: string
  extra?: Record<string, unknown>
  resourceMetadataUrl?: unknown
}

function describe(info: object | undefined): { content: [{ type: 'text'; text: string }] } {
  const { clientId, scopes, expiresAt, resource, token, extra, resourceMetadataUrl } = (info ?? {}) as Seen
  const resourceIsUrl = resource instanceof URL && resource.href === RESOURCE
  const seen = {
    clientId,
    scopes,
    expiresAt,
    resourceIsUrl,
    hasToken: (token?.length ?? 0) > 100,
    sub: extra?.['sub'],
    iss: extra?.['iss'],
    resourceMetadataUrl
  }
  return { content: [{ type: 'text', text: JSON.stringify(seen) }] }
}

function v1(app: FastifyInstance): void {
  app.post('/mcp', { config }, async (request, reply) => {
    const server = new McpServerV1({ name: 'v1', version: '1.0.0' })
    server.registerTool('whoami', {}, async extra => {
      await later(1)
      return describe(extra.authInfo)
    })
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true })
    reply.hijack()
    // The optional members of the SDK's interface are not exact.
    await server.connect(transport as Parameters<typeof server.connect>[0])
    await transport.handleRequest(request.raw, reply.raw, request.body)
  })
}

function v2(app: FastifyInstance): void {
  const mcp = createMcpHandler(() => {
    const server = new McpServerV2({ name: 'v2', version: '1.0.0' })
    server.registerTool('whoami', {}, async context => {
      await later(1)
      return describe(context.http?.authInfo)
    })
    return server
  })
  const node = toNodeHandler(mcp)
  app.post('/mcp', { config }, async (request, reply) => {
    reply.hijack()
    await node(request.raw as Parameters<typeof node>[0], reply.raw, request.body)
  })
}

const servers = { v1, v2 }
const origin = { options: { allowedOrigins: ['https://inspector.test'] } }

for (const [name, routes] of Object.entries(servers)) {
  t.test(`RS-4, RS-16: SDK server ${name}: the principal arrives in the tool, with clients v1 and v2`, async t => {
    const { app, bearer, clock } = await createApp(t, { ...origin, routes })
    const url = new URL('/mcp', await app.listen({ port: 0, host: '127.0.0.1' }))
    const requestInit = { headers: await bearer({ scopes: ['mcp:tools'], subject: 'bob' }) }
    const clients = [
      async () => {
        const client = new ClientV1({ name: 'c', version: '1' })
        await client.connect(new TransportV1(url, { requestInit }) as Parameters<typeof client.connect>[0])
        return client
      },
      async () => {
        const client = new ClientV2({ name: 'c', version: '1' }, { versionNegotiation: { mode: 'auto' } })
        await client.connect(new TransportV2(url, { requestInit }))
        return client
      }
    ]
    for (const connect of clients) {
      const client = await connect()
      t.teardown(() => client.close())
      const result = (await client.callTool({ name: 'whoami', arguments: {} })) as { content: { text: string }[] }
      t.strictSame(JSON.parse(result.content[0]?.text ?? '{}'), {
        clientId: 'test-client',
        scopes: ['mcp:tools'],
        expiresAt: clock.now() + 300,
        resourceIsUrl: true,
        hasToken: true,
        sub: 'bob',
        iss: 'https://issuer.test',
        resourceMetadataUrl: METADATA_URL
      })
    }
  })

  t.test(`SDK server ${name}: headers that hooks have set survive a hijacked reply`, async t => {
    const { app, bearer } = await createApp(t, {
      ...origin,
      before: async app => {
        await app.register(import('@fastify/helmet'))
        app.addHook('onRequest', async (_, reply) => void reply.header('x-from-hook', 'yes'))
      },
      routes
    })
    const url = new URL('/mcp', await app.listen({ port: 0, host: '127.0.0.1' }))
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        ...(await bearer({ scopes: ['mcp:tools'] })),
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        origin: 'https://inspector.test'
      },
      body: JSON.stringify(toolCall('whoami'))
    })
    await response.text()
    t.equal(response.status, 200)
    t.equal(response.headers.get('access-control-allow-origin'), 'https://inspector.test')
    t.match(response.headers.get('access-control-expose-headers'), 'Mcp-Session-Id')
    t.equal(response.headers.get('x-from-hook'), 'yes')
    t.ok(response.headers.get('content-security-policy'))
    t.match(response.headers.get('content-type'), /json|event-stream/)
  })

  t.test(`CVE-2026-25536: SDK server ${name}: 100 callers at once, each sees itself`, async t => {
    const { app, issuer } = await createApp(t, { ...origin, routes })
    const subjects = Array.from({ length: 100 }, (_, index) => `user-${index}`)
    const seen = await Promise.all(
      subjects.map(async subject => {
        const authorization = `Bearer ${await issuer.mint({ resource: RESOURCE, subject, clientId: `c-${subject}`, scopes: ['mcp:tools'] })}`
        const response = await app.inject({
          method: 'POST',
          url: '/mcp',
          headers: { authorization, accept: 'application/json, text/event-stream', 'content-type': 'application/json' },
          payload: toolCall('whoami')
        })
        const { sub, clientId } = JSON.parse(
          /\{\\"clientId.*?\}(?=")/.exec(response.body)?.[0].replaceAll('\\"', '"') ?? '{}'
        )
        return [sub, clientId]
      })
    )
    t.strictSame(
      seen,
      subjects.map(subject => [subject, `c-${subject}`])
    )
  })

  t.test(`RS-1: SDK server ${name}: without a token the server is not reached`, async t => {
    const { app } = await createApp(t, { ...origin, routes })
    const response = await app.inject({ method: 'POST', url: '/mcp', payload: toolCall('whoami') })
    t.equal(response.statusCode, 401)
  })
}
