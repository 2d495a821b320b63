// What the commands of "npx mcp-auth" work on.
import { collections } from '@fastify-mcp-auth/authorization-server'
import { defineConfig } from '@fastify-mcp-auth/cli'
import { buildApp } from './app.js'
import { openStorage } from './storage.js'

export default defineConfig({
  app: buildApp,
  storage: openStorage,
  // With connections in the same app: [...collections, ...Object.values(COLLECTIONS)], from @fastify-mcp-auth/connections.
  collections
  // To move to another database: storages: { next: () => sqlStorage({ url: process.env.NEXT_DATABASE_URL }) }
  // and then: npx mcp-auth copy --from storage --to next
})
