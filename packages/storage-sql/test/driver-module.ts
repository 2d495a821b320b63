/** How other processes make the driver under test. */
import { type SqlStorage, sqlStorage } from '@fastify-mcp-auth/storage-sql'

/** @param argument the options, as JSON */
export function createDriver(argument: string): SqlStorage {
  return sqlStorage(JSON.parse(argument))
}

export const driverModule = new URL(import.meta.url)
