/** How other processes make the driver under test. */
import { type RedisStorage, type RedisStorageOptions, redisStorage } from '@fastify-mcp-auth/storage-redis'
import type { DriverModule } from '@fastify-mcp-auth/testing/storage-suite'

/** @param argument the options, as JSON */
export function createDriver(argument: string): RedisStorage {
  return redisStorage(JSON.parse(argument))
}

/** What the kit needs to start processes with these options. */
export function driverModule(options: RedisStorageOptions): DriverModule {
  return {
    url: new URL(import.meta.url),
    argument: JSON.stringify(options),
    execArgv: ['--conditions=@fastify-mcp-auth/source']
  }
}
