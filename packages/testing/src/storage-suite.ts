/**
 * The storage contract as tests. Whoever writes a driver runs this kit against it; a driver that passes can be handed to the
 * plugins.
 *
 * ```ts
 * import { storageSuite } from '@fastify-mcp-auth/testing/storage-suite'
 * import t from 'tap'
 *
 * await storageSuite(t, () => myStorage({ url: 'my://127.0.0.1/test' }))
 * ```
 *
 * Checks are made with `node:assert`, so the kit runs under tap and under `node:test`. It writes into collections whose names
 * begin with `suite_` and needs them for itself while it runs; the records that it leaves are for the caller to drop.
 */
import type { CollectionDeclaration } from '@fastify-mcp-auth/core'
import { testCleanup } from './storage/cleanup.ts'
import { testClocks } from './storage/clocks.ts'
import { COLLECTIONS, type CreateDriver, type SuiteContext, titled, withDriver } from './storage/driver-under-test.ts'
import { testExpiry } from './storage/expiry.ts'
import { type CreateDriverAt, testFaults } from './storage/faults.ts'
import { testIndexes } from './storage/indexes.ts'
import type { ServerAddress } from './storage/line.ts'
import { testModel } from './storage/model.ts'
import { type DriverModule, testProcesses } from './storage/processes.ts'
import { testPromises } from './storage/promises.ts'
import { testRaces } from './storage/races.ts'
import { testScan } from './storage/scan.ts'
import { testTake } from './storage/take.ts'
import { testValues } from './storage/values.ts'
import { testVerbs } from './storage/verbs.ts'

export type { CreateDriver, CreateDriverAt, DriverModule, ServerAddress, SuiteContext }

/** The collections that the kit writes into, for a driver whose tables have to be there before it is opened. */
export const suiteCollections: readonly CollectionDeclaration[] = Object.freeze([...COLLECTIONS])

/** How much the suite does. */
export interface StorageSuiteOptions {
  /** Random sequences of verbs that are compared with a model; 60 by default. */
  runs?: number
  /** Callers that race for one record at the same moment; 50 by default. */
  contenders?: number
}

/**
 * Holds a driver to the seven verbs, their races, and what it says about itself. Does not start other processes and breaks no
 * connections: see {@link storageSuiteAcrossProcesses} and {@link storageSuiteUnderFaults}.
 *
 * @param t a test of tap or of `node:test`; each promise becomes a subtest of it
 * @param createDriver connects to the same database each time it is called, when the driver has one outside the process
 */
export async function storageSuite(
  t: SuiteContext,
  createDriver: CreateDriver,
  { runs = 60, contenders = 50 }: StorageSuiteOptions = {}
): Promise<void> {
  await withDriver(createDriver, async driver => {
    const test = titled(t)
    await testVerbs(test, driver)
    await testRaces(test, driver, contenders)
    await testExpiry(test, driver)
    await testClocks(test, driver)
    await testCleanup(test, driver)
    await testIndexes(test, driver)
    await testValues(test, driver)
    await testScan(test, driver)
    await testTake(test, driver, contenders)
    await testModel(test, driver, runs)
  })
  await testPromises(titled(t), createDriver)
}

/**
 * Holds a driver whose capabilities say `shared` and `durable` to both: processes that open an empty database together, with clocks
 * that disagree, race for the same records, and are killed while they write and while they clean up.
 *
 * @param createDriver connects to the same database as the processes do, to look at what they left
 */
export async function storageSuiteAcrossProcesses(
  t: SuiteContext,
  createDriver: CreateDriver,
  module: DriverModule
): Promise<void> {
  await testProcesses(titled(t), createDriver, module)
}

/**
 * Holds a driver that talks to a server to `UnavailableError`: connections that break before a statement arrives or before its answer
 * comes back, and a server that stops answering. The kit stands between the two and knows no protocol, so the line must not be
 * encrypted.
 *
 * @param createDriver connects to the address that it is handed, and otherwise to the same database each time; how long it waits for an
 *   answer decides how long this takes
 * @param server where the real server listens
 */
export async function storageSuiteUnderFaults(
  t: SuiteContext,
  createDriver: CreateDriverAt,
  server: ServerAddress
): Promise<void> {
  await testFaults(titled(t), createDriver, server)
}
