/** The app of a project under test: everybody is signed in as whom the cookie names. */
import authorizationServer from '@fastify-mcp-auth/authorization-server'
import consent from '@fastify-mcp-auth/consent'
import type { SplitStorage, StorageDriver } from '@fastify-mcp-auth/core'
import resourceServer, { local } from '@fastify-mcp-auth/resource-server'
import { createOAuthClient, type OAuthClient } from '@fastify-mcp-auth/testing'
import Fastify, { type FastifyInstance } from 'fastify'

export const KEY = Buffer.alloc(32, 'a key of the tests').toString('base64')

export interface AppSettings {
  readonly issuer: string
  readonly storage: StorageDriver | SplitStorage
  readonly encryptionKey?: string
}

export async function buildFixtureApp({ issuer, storage, encryptionKey = KEY }: AppSettings): Promise<FastifyInstance> {
  const app = Fastify()
  app.addHook('onClose', async () => {
    for (const driver of 'get' in storage ? [storage] : [storage.default, storage.shortLived]) await driver.close?.()
  })
  await app.register(authorizationServer, {
    issuer,
    storage,
    encryptionKeys: [encryptionKey],
    rateLimit: false,
    users: {
      current: () => ({ user: 'alice', authTime: 1_700_000_000 }),
      loginUrl: () => '/login',
      subject: String,
      find: subject => subject,
      organizations: () => [{ id: 'acme', name: 'Acme' }],
      displayName: String
    },
    resources: { [`${issuer}/mcp`]: { name: 'Notes', scopes: { 'mcp:tools': 'Use tools' } } }
  })
  await app.register(consent)
  await app.register(resourceServer, { resource: `${issuer}/mcp`, verify: local(app.authorizationServer) })
  app.post('/mcp', { config: { mcpAuth: { scopes: ['mcp:tools'] } } }, async () => ({ ok: true }))
  return app
}

/** A client of the app that registers itself. */
export function clientOf(app: FastifyInstance, issuer: string): OAuthClient {
  return createOAuthClient({ app, resource: `${issuer}/mcp` })
}
