/** An app that connects to other servers, and has no authorization server of its own. */
import mcpConnections from '@fastify-mcp-auth/connections'
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import Fastify, { type FastifyInstance } from 'fastify'

export interface ConnectedSettings {
  /** Of the SQLite file. */
  readonly url: string
  readonly encryptionKeys: readonly string[]
  /** URL of a server that asks people to sign in. */
  readonly notes: string
}

export async function buildConnectedApp({ url, encryptionKeys, notes }: ConnectedSettings): Promise<FastifyInstance> {
  const app = Fastify()
  const storage = sqlStorage({ url })
  app.addHook('onClose', () => storage.close())
  await app.register(mcpConnections, {
    baseUrl: 'http://127.0.0.1:3000',
    client: { name: 'Acme' },
    storage,
    encryptionKeys: [...encryptionKeys],
    network: { allowLoopback: true },
    owner: () => null,
    servers: { notes: { url: notes }, keyed: { url: notes, auth: 'bearer' } }
  })
  return app
}
