/** Connections as the app has them: the same database, the same key, the same servers. */
import { type Connections, createConnections } from '@fastify-mcp-auth/connections'
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import { connectionsOptions } from '../connect-out/connections-options.ts'

/**
 * @param environment `PUBLIC_URL` of the app, `DATABASE_URL`, `ENCRYPTION_KEY`, and the endpoints `NOTES_URL`, `WEATHER_URL`, `SEARCH_URL`
 * @throws Error naming the variable that is missing
 */
export async function openConnections(
  environment: Readonly<Record<string, string | undefined>>
): Promise<{ readonly connections: Connections; close(): Promise<void> }> {
  const storage = sqlStorage({ url: required(environment, 'DATABASE_URL') })
  const connections = await createConnections(
    connectionsOptions({
      publicUrl: required(environment, 'PUBLIC_URL'),
      storage,
      encryptionKey: required(environment, 'ENCRYPTION_KEY'),
      notesUrl: required(environment, 'NOTES_URL'),
      weatherUrl: required(environment, 'WEATHER_URL'),
      searchUrl: required(environment, 'SEARCH_URL')
    })
  )
  return {
    connections,
    async close() {
      await connections.close()
      await storage.close()
    }
  }
}

export function required(environment: Readonly<Record<string, string | undefined>>, name: string): string {
  const value = environment[name]
  if (!value) throw new Error(`${name} is missing`)
  return value
}
