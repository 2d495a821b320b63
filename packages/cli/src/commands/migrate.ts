/** Creates or completes the tables. */
import type { CollectionDeclaration, StorageDriver } from '@fastify-mcp-auth/core'
import { driverOf } from '@fastify-mcp-auth/core'
import { type Call, type Command, EXIT_CODES, noWords, UsageError } from '../command.ts'
import { closeStorage, openConfigured, wanted } from '../config.ts'

/** A driver with a schema, as `sqlStorage` is one. */
interface MigratableDriver extends StorageDriver {
  migrate(collections: readonly CollectionDeclaration[], options?: { dryRun?: boolean }): Promise<readonly string[]>
}

export const migrate: Command = {
  name: 'migrate',
  summary: 'create or complete tables and indexes',
  forms: ['[--dry-run | --print]'],
  details: [
    'Adds what is missing and never drops anything. Safe beside running processes, and when many start it at once. An app with "autoMigrate" does the same when it starts.',
    '--dry-run tells what would be run. --print gives the same as SQL, for teams that run their own migrations.'
  ],
  options: {
    'dry-run': { type: 'boolean', about: 'change nothing' },
    print: { type: 'boolean', about: 'change nothing; only the statements, each with its semicolon' }
  },
  async run(call) {
    noWords(call.words)
    const [isDry, isPrint] = [call.flags['dry-run'] === true, call.flags['print'] === true]
    if (isDry && isPrint) throw new UsageError('--dry-run and --print exclude each other')
    const config = await call.config()
    const collections = wanted(config, 'collections')
    const storage = await openConfigured(wanted(config, 'storage'), 'storage')
    try {
      for (const driver of new Set([storage.default, storage.shortLived])) {
        const own = collections.filter(collection => driverOf(storage, collection) === driver)
        if (!isMigratable(driver)) call.out.say('This storage has no tables: nothing to do.')
        else report(call, await driver.migrate(own, { dryRun: isDry || isPrint }), { isDry, isPrint })
      }
    } finally {
      await closeStorage(storage)
    }
    return EXIT_CODES.done
  }
}

/** Whether a driver has tables that can be migrated. */
export function isMigratable(driver: StorageDriver): driver is MigratableDriver {
  return typeof Reflect.get(driver, 'migrate') === 'function'
}

function report(
  { out }: Call,
  statements: readonly string[],
  { isDry, isPrint }: { isDry: boolean; isPrint: boolean }
) {
  if (isPrint) for (const statement of statements) out.print(`${statement.replaceAll(/\s+/g, ' ').trim()};`)
  else {
    for (const statement of statements) out.print(statement.replaceAll(/\s+/g, ' ').trim())
    const what = isDry ? 'would be run' : 'were run'
    out.say(statements.length === 0 ? 'Nothing is missing.' : `${statements.length} statements ${what}.`)
  }
}
