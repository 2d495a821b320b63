// The app: sign-in, the pages on which people connect MCP servers, and a page that uses what they connected.
import { isHttpLoopback } from '@fastify-mcp-auth/core'
import Fastify from 'fastify'
import { addConnections } from './connections.js'
import { login } from './login.js'
import { publicUrl } from './settings.js'
import { openStorage } from './storage.js'

export async function buildApp() {
  const app = Fastify({
    logger: { level: 'warn' },
    // Behind a proxy that ends TLS, on this computer or in a private network: its word about address and scheme is believed.
    trustProxy: isHttpLoopback(publicUrl) ? false : 'loopback, linklocal, uniquelocal'
  })
  const storage = openStorage()
  app.addHook('onClose', () => storage.close())
  await addConnections(app, storage)
  await app.register(login)

  // Whoever has not connected "linear" is led to do so, and comes back here.
  app.get('/tools', { preHandler: app.mcpConnections.require('linear') }, async request => {
    const { tools } = await request.mcp('linear').listTools()
    return tools.map(({ name, description }) => ({ name, description }))
  })
  app.get('/', async (_request, reply) => reply.redirect(app.mcpConnections.urls.index))
  return app
}
