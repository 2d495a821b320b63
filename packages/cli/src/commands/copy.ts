/** Moves everything from one storage to another, of whatever engines they are. */
import { type CollectionDeclaration, driverOf, openStorage, type SplitStorage } from '@fastify-mcp-auth/core'
import { type Call, type Command, count, EXIT_CODES, noWords, text, UsageError } from '../command.ts'
import { type CliConfig, closeStorage, openConfigured, refuse, wanted } from '../config.ts'
import { type MergeCounts, merge } from '../merge.ts'

export const copy: Command = {
  name: 'copy',
  summary: 'move everything from one database to another',
  forms: ['--from NAME --to NAME [--prune] [--dry-run] [--batch N]'],
  details: [
    'Names are those of "storages" in the configuration; "storage" is the one that the app uses. Makes the collections of the target equal to those of the source, then compares both once more. What "collections" does not list is not copied. The source is not written to.',
    'Run it while the app serves, stop the app, run it again with --prune, start the app on the target: the second run writes only what changed. A run that was interrupted is continued by the next one. Sessions go on, because keys and digests stay what they are; the app needs the same encryptionKeys.',
    'Exit code 1 when both are not equal at the end: records of the target that the source lacks stay without --prune, and an app that still serves goes on writing.'
  ],
  options: {
    from: { type: 'string', value: 'NAME', about: 'the source' },
    to: { type: 'string', value: 'NAME', about: 'the target; its tables are created' },
    prune: { type: 'boolean', about: 'remove from the target what the source does not have' },
    'dry-run': { type: 'boolean', about: 'compare and tell, write no record' },
    batch: { type: 'string', value: 'N', about: 'records that are read at once; 500 when left out, 1000 at most' }
  },
  async run(call) {
    noWords(call.words)
    const config = await call.config()
    const collections = wanted(config, 'collections')
    const [source, target] = namesOf(call)
    const from = await openConfigured(storageNamed(config, source), source)
    try {
      const to = await openConfigured(storageNamed(config, target), target)
      try {
        for (const storage of [from, to]) await openStorage(storage, collections)
        return (await copyAll(call, { from, to, collections })) ? EXIT_CODES.done : EXIT_CODES.found
      } finally {
        await closeStorage(to)
      }
    } finally {
      await closeStorage(from)
    }
  }
}

function namesOf(call: Call): [string, string] {
  const [from, to] = [text(call, 'from'), text(call, 'to')]
  if (from === undefined || to === undefined) throw new UsageError('give --from and --to')
  if (from === to) throw new UsageError('--from and --to are the same')
  return [from, to]
}

function storageNamed(config: CliConfig, name: string): NonNullable<CliConfig['storage']> {
  const { storages = {} } = config
  const found = Object.hasOwn(storages, name) ? storages[name] : name === 'storage' ? config.storage : undefined
  if (!found) throw refuse(`"storages" of the configuration lacks ${JSON.stringify(name)}`)
  return found
}

interface Move {
  readonly from: SplitStorage
  readonly to: SplitStorage
  readonly collections: readonly CollectionDeclaration[]
}

/** @returns whether both are equal now */
async function copyAll(call: Call, move: Move): Promise<boolean> {
  const [prune, dryRun] = [call.flags['prune'] === true, call.flags['dry-run'] === true]
  const batch = Math.min(count(call, 'batch') ?? 500, 1000)
  const rows = []
  let isEqual = true
  for (const collection of move.collections) {
    const { name } = collection
    const sides = { collection, from: driverOf(move.from, collection), to: driverOf(move.to, collection), batch }
    const done = await merge({
      ...sides,
      prune,
      dryRun,
      onProgress: records => call.out.say(`${name}: ${records} records`)
    })
    const left = dryRun ? done : await merge({ ...sides, prune: false, dryRun: true })
    const verified = isSame(left)
    isEqual &&= verified
    const { records, added, changed, extra } = done
    rows.push({
      collection: name,
      records,
      added,
      changed,
      [prune && !dryRun ? 'removed' : 'extra']: extra,
      equal: verified
    })
  }
  call.out.table(rows, 'The configuration has no collections.')
  return isEqual
}

function isSame({ added, changed, extra }: MergeCounts): boolean {
  return added + changed + extra === 0
}
