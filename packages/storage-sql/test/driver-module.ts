/** How other processes make the driver under test. */
import { type SqlStorage, type SqlStorageOptions, sqlStorage } from '@fastify-mcp-auth/storage-sql'
import type { DriverModule } from '@fastify-mcp-auth/testing/storage-suite'

/** @param argument the options, as JSON */
export function createDriver(argument: string): SqlStorage {
  return sqlStorage(JSON.parse(argument))
}

/** What the kit needs to start processes with these options. */
export function driverModule(options: SqlStorageOptions): DriverModule {
  return {
    url: new URL(import.meta.url),
    argument: JSON.stringify(options),
    execArgv: ['--conditions=@fastify-mcp-auth/source']
  }
}
