/** Migrations without a server that starts: run from a deployment, or printed for a team that runs its own. */
import type { CollectionDeclaration } from '@fastify-mcp-auth/core'
import { driverOf, sqlStorage } from './driver.ts'
import { statementsForEmpty } from './migrate.ts'
import { connect, connectToNothing, namesNoDatabase, type SqlStorageOptions } from './options.ts'
import { tableOf } from './tables.ts'

/**
 * Opens a database, brings it to what the collections need, and closes it again; a pool or Kysely instance of the app stays open. The
 * same as `migrate` of a driver that is there already.
 *
 * @param collections of every package that keeps records there, such as `collections` of `@fastify-mcp-auth/authorization-server`
 * @returns the statements that were run, or with `dryRun` those that would be; empty when nothing is missing
 * @throws ConfigurationError `FST_OAUTH_STORAGE` for a database that newer code has migrated, and for columns of another type;
 *   UnavailableError when the database does not answer
 */
export async function migrate(
  options: SqlStorageOptions,
  collections: readonly CollectionDeclaration[],
  { dryRun = false }: { dryRun?: boolean } = {}
): Promise<string[]> {
  const storage = sqlStorage(options)
  try {
    return await storage.migrate(collections, { dryRun })
  } finally {
    await storage.close()
  }
}

/**
 * A script for `psql`, `mysql` or `sqlite3`. With a `url`, `pool` or `kysely` it has what that database lacks, and is empty when it
 * lacks nothing; with a `dialect` alone everything, and no database is asked. Runs nothing.
 *
 * After it has run, `open` finds nothing to do, also with `autoMigrate: false`.
 */
export async function printMigration(
  options: SqlStorageOptions,
  collections: readonly CollectionDeclaration[]
): Promise<string> {
  if (namesNoDatabase(options)) {
    const connection = connectToNothing(options)
    const tables = collections.map(collection => tableOf(collection, connection))
    return scriptOf(statementsForEmpty(connection, tables), connection.dialect.transactional)
  }
  const connection = connect(options)
  const storage = driverOf(connection)
  try {
    return scriptOf(await storage.migrate(collections, { dryRun: true }), connection.dialect.transactional)
  } finally {
    await storage.close()
  }
}

function scriptOf(statements: readonly string[], transactional: boolean): string {
  if (statements.length === 0) return ''
  const lines = transactional ? ['begin', ...statements, 'commit'] : statements
  return lines.map(line => `${line.trim()};\n`).join('')
}
