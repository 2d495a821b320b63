// What the commands of "npx mcp-auth" work on.
import { defineConfig } from '@fastify-mcp-auth/cli'
import { COLLECTIONS } from '@fastify-mcp-auth/connections'
import { buildApp } from './app.js'
import { openStorage } from './storage.js'

export default defineConfig({
  app: buildApp,
  storage: openStorage,
  // With an authorization server in the same app: [...collections, ...Object.values(COLLECTIONS)]
  collections: Object.values(COLLECTIONS)
})
