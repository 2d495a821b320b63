// Where everything is kept. Another engine is another URL.
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import { databaseUrl } from './settings.js'

export function openStorage() {
  return sqlStorage({ url: databaseUrl })
}
