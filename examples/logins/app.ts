/** An app with an MCP endpoint and an authorization server of its own. How people sign in is all that is left open. */
import formbody from '@fastify/formbody'
import authorizationServer, { type UserAdapter } from '@fastify-mcp-auth/authorization-server'
import consent from '@fastify-mcp-auth/consent'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import resourceServer, { local } from '@fastify-mcp-auth/resource-server'
import { type NodeIncomingMessageLike, toWebRequest } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Account, Accounts } from './accounts.ts'

export interface LoginOptions {
  readonly accounts: Accounts
  /** Origin of the app as browsers see it. */
  readonly publicUrl: string
  /** 32 random bytes, from where your secrets are; the same in all processes. Whoever knows them can be anybody. */
  readonly sessionKey: Buffer
}

/** Adds a login to the app and says to the authorization server who is signed in. */
export type Login = (app: FastifyInstance, options: LoginOptions) => Promise<UserAdapter<Account>>

export async function buildApp(login: Login, options: LoginOptions): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(formbody)
  const users = await login(app, options)

  const resource = `${options.publicUrl}/mcp`
  await app.register(authorizationServer, {
    issuer: options.publicUrl,
    storage: memoryStorage(),
    users,
    resources: { [resource]: { name: 'Who am I', scopes: { 'mcp:tools': 'See who you are' } } }
  })
  await app.register(consent)
  await app.register(resourceServer, { resource, verify: local(app.authorizationServer) })
  const mcpAuth = { scopes: ['mcp:tools'] }
  app.post('/mcp', { config: { mcpAuth } }, ({ raw, body }) => answer(raw as NodeIncomingMessageLike, body))
  return app
}

const mcp = createMcpHandler(({ authInfo }) => {
  const server = new McpServer({ name: 'who-am-i', version: '1.0.0' })
  server.registerTool('whoami', { description: 'Says who is signed in' }, async () => ({
    content: [{ type: 'text', text: String(authInfo?.extra?.['sub']) }]
  }))
  return server
})

async function answer(raw: NodeIncomingMessageLike, parsedBody: unknown): Promise<Response> {
  return mcp.fetch(await toWebRequest(raw, parsedBody), { ...(raw.auth ? { authInfo: raw.auth } : {}), parsedBody })
}
