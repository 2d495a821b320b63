/** Whether the database answers, is one that lasts, and has its tables. */
import { driverOf, isUnavailableError } from '@fastify-mcp-auth/core'
import { isMigratable } from '../commands/migrate.ts'
import { type CliConfig, closeStorage, openConfigured } from '../config.ts'
import { storageClockFindings } from './clock.ts'
import { bad, type Finding, good, skipped } from './finding.ts'

export async function storageFindings(
  { storage: open, collections = [] }: CliConfig,
  now: () => number
): Promise<Finding[]> {
  if (!open)
    return [skipped('storage', 'the configuration lacks "storage"', 'add it, and "collections", to check the database')]
  const storage = await openConfigured(open, 'storage')
  const drivers = [...new Set([storage.default, storage.shortLived])]
  try {
    const [probe] = collections
    if (!probe) return [skipped('storage', 'the configuration lacks "collections"', 'add them to check the database')]
    const missing: string[] = []
    for (const driver of drivers) {
      const own = collections.filter(collection => driverOf(storage, collection) === driver)
      if (isMigratable(driver)) missing.push(...(await driver.migrate(own, { dryRun: true })))
      else if (own[0]) await driver.get(own[0], 'doctor')
    }
    const { durable, shared } = storage.default.capabilities
    return [
      good('storage', 'it answers'),
      missing.length === 0
        ? good('tables', 'all are there')
        : bad('tables', `${missing.length} statements are missing`, 'run "mcp-auth migrate"'),
      durable
        ? good('durability', shared ? 'it lasts, and several processes can share it' : 'it lasts')
        : bad(
            'durability',
            'everything is lost when the process ends',
            'take sqlStorage() or redisStorage() in production'
          ),
      ...(await storageClockFindings(drivers, now))
    ]
  } catch (error) {
    if (!isUnavailableError(error)) throw error
    const why = error.cause instanceof Error ? `: ${error.cause.message}` : ''
    return [bad('storage', `it does not answer${why}`, 'look at its address, its password, and whether it runs')]
  } finally {
    await closeStorage(storage)
  }
}
