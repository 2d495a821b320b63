/** The driver on a file whose tables an app's own migrations have made. */
import { printMigration } from '@fastify-mcp-auth/storage-sql'
import { suiteCollections } from '@fastify-mcp-auth/testing/storage-suite'
import Database from 'better-sqlite3'
import { drizzle } from 'drizzle-orm/better-sqlite3'
import { drizzleStorage } from '../drizzle.ts'

/** As an app's own migrations would. */
export async function prepare(file: string): Promise<void> {
  const database = new Database(file)
  database.pragma('journal_mode = WAL')
  database.exec(await printMigration({ dialect: 'sqlite' }, suiteCollections))
  database.close()
}

export function createDriver(file: string) {
  const database = new Database(file, { timeout: 5000 })
  // For the speed of the tests. An app keeps FULL, or a power cut takes back what was answered.
  database.pragma('synchronous = OFF')
  return { ...drizzleStorage(drizzle(database)), close: async () => void database.close() }
}
