// The app: sign-in, authorization server, consent pages, and an MCP server that they protect.
import authorizationServer from '@fastify-mcp-auth/authorization-server'
import consent from '@fastify-mcp-auth/consent'
import { isHttpLoopback } from '@fastify-mcp-auth/core'
import resourceServer, { local } from '@fastify-mcp-auth/resource-server'
import { toWebRequest } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import Fastify from 'fastify'
import { login } from './login.js'
import { encryptionKeys, publicUrl } from './settings.js'
import { openStorage } from './storage.js'
import { users } from './users.js'

/** URL of the MCP server, as clients are given it. */
export const resource = `${publicUrl}/mcp`

export async function buildApp() {
  const app = Fastify({
    logger: { level: 'warn' },
    // Behind a proxy that ends TLS, on this computer or in a private network: its word about address and scheme is believed.
    trustProxy: isHttpLoopback(publicUrl) ? false : 'loopback, linklocal, uniquelocal'
  })
  const storage = openStorage()
  app.addHook('onClose', () => storage.close())

  await app.register(authorizationServer, {
    issuer: publicUrl,
    storage,
    encryptionKeys,
    users,
    resources: { [resource]: { name: '{{name}}', scopes: { 'mcp:tools': 'Use its tools' } } }
  })
  await app.register(consent, { brand: { name: '{{name}}' } })
  await app.register(resourceServer, { resource, verify: local(app.authorizationServer) })
  await app.register(login)

  app.post('/mcp', { config: { mcpAuth: { scopes: ['mcp:tools'] } } }, async request =>
    mcp.fetch(await toWebRequest(request.raw, request.body), { authInfo: request.raw.auth, parsedBody: request.body })
  )
  return app
}

const mcp = createMcpHandler(({ authInfo }) => {
  const server = new McpServer({ name: '{{name}}', version: '0.1.0' })
  server.registerTool('whoami', { description: 'Says who is signed in' }, async () => ({
    content: [{ type: 'text', text: String(authInfo?.extra?.sub) }]
  }))
  return server
})
