// Which MCP servers people connect, and who they are. App and jobs use the same options.
import mcpConnections from '@fastify-mcp-auth/connections'
import { preset } from '@fastify-mcp-auth/connections/presets'
import { isHttpLoopback } from '@fastify-mcp-auth/core'
import { loginUrl, signedIn } from './login.js'
import { encryptionKeys, publicUrl } from './settings.js'

/** @param {import('@fastify-mcp-auth/core').StorageDriver} storage */
export function connectionsOptions(storage) {
  return {
    baseUrl: publicUrl,
    client: { name: '{{name}}' },
    storage,
    encryptionKeys,
    // Servers on this computer are for development.
    network: { allowLoopback: isHttpLoopback(publicUrl) },
    servers: {
      linear: preset('linear')
      // notes: { url: 'https://mcp.example.com/mcp', name: 'Notes' }
    }
  }
}

/**
 * @param {import('fastify').FastifyInstance} app
 * @param {import('@fastify-mcp-auth/core').StorageDriver} storage
 */
export async function addConnections(app, storage) {
  await app.register(mcpConnections, {
    ...connectionsOptions(storage),
    owner: request => {
      const session = signedIn(request)
      return session ? { type: 'user', id: session.name } : null
    },
    loginUrl,
    // Tokens are refreshed ahead of their end, and revocations that are owed are made. A worker can do it instead.
    background: {}
  })
}
