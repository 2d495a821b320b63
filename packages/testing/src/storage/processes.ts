/** Several processes on one database: they start together, race by clocks that disagree, and are killed while they write or clean up. */
import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type CreateDriver, sample, samples, type Test, unique, withDriver } from './driver-under-test.ts'
import { removeAllExpiring } from './expiry.ts'
import { allKeys } from './indexes.ts'
import type { Order, Report } from './racer.ts'

/** How another process makes the driver: it cannot be handed a function. */
export interface DriverModule {
  /** A module that exports `createDriver(argument: string)`, for example `new URL('./driver.ts', import.meta.url)`. */
  url: URL
  /** Handed to `createDriver`, for example the URL of the database. */
  argument?: string
  /** Processes that start and race together; 10 by default. */
  processes?: number
  /** Flags of Node.js for them; those of this process by default. Without the loaders of a test runner they start sooner. */
  execArgv?: string[]
}

/** Seconds by which the clock of every other process is wrong. */
const SKEW = 7200

export async function testProcesses(test: Test, createDriver: CreateDriver, module: DriverModule): Promise<void> {
  const { processes = 10 } = module

  await test(`${processes} processes open the database at once and then race: each record has one winner`, async () => {
    const keys = Array.from({ length: 25 }, () => unique())
    const racers = Array.from({ length: processes }, (_, position) => startRacer(module, (position % 2) * SKEW))
    try {
      // Nobody gets its order before all have opened the database.
      await Promise.all(racers.map(racer => reportOf(racer, 'ready')))
      const results = await Promise.all(racers.map(racer => order(racer, { task: 'race', keys })))
      await withDriver(createDriver, async driver => {
        for (const key of keys) {
          const inserted = results.filter(result => result.inserted.includes(key))
          const consumed = results.filter(result => result.consumed.includes(key))
          assert.deepEqual([inserted.length, consumed.length], [1, 1], `winners of ${key}`)
          const record = await driver.get(samples, key)
          assert.deepEqual([record?.owner, record?.note], [`${inserted[0]?.pid}`, `${consumed[0]?.pid}`])
        }
      })
    } finally {
      for (const racer of racers) racer.kill()
    }
  })

  await test('kill -9 of a writer loses nothing that was answered and leaves nothing half written', async () => {
    const prefix = unique('crash')
    const writer = startRacer(module)
    const answered: string[] = []
    await reportOf(writer, 'ready')
    const enough = new Promise<void>(resolve =>
      writer.on('message', (report: Report) => {
        if (report.kind === 'written' && answered.push(report.key) === 60) resolve()
      })
    )
    writer.send({ task: 'write', prefix } satisfies Order)
    await enough
    writer.kill('SIGKILL')
    await once(writer, 'exit')

    await withDriver(createDriver, async driver => {
      for (const key of answered) {
        const record = await driver.get(samples, key)
        assert.deepEqual([record?.usedAt, record?.count, record?.note], [1, 1, 'used'], key)
        assert.equal(await driver.update(samples, key, { usedAt: null }, { count: 2 }), false, `${key} works twice`)
      }
      const { records } = await driver.list(samples, 'owner', prefix, { limit: 1000 })
      assert.ok(records.length >= answered.length)
      for (const { key, record } of records) {
        const state = [record.usedAt, record.count, record.note]
        assert.deepEqual(state, record.usedAt === null ? [null, 0, null] : [1, 1, 'used'], key)
      }
    })
  })

  await test('kill -9 of a process that cleans up leaves the rest to others, and their lists right', async () => {
    const owner = unique('owner')
    const keys = Array.from({ length: 160 }, () => unique())
    await withDriver(createDriver, async driver => {
      await removeAllExpiring(driver, samples)
      for (const [count, key] of keys.entries())
        await driver.insert(samples, key, sample({ owner, expiresAt: count % 4 === 0 ? 1000 : 10 }))
    })
    const cleaner = startRacer(module)
    await reportOf(cleaner, 'ready')
    let removed = 0
    const enough = new Promise<void>(resolve =>
      cleaner.on('message', (report: Report) => {
        if (report.kind !== 'cleaned') return
        removed += report.removed
        if (removed >= 20) resolve()
      })
    )
    cleaner.send({ task: 'clean', before: 100 } satisfies Order)
    await enough
    cleaner.kill('SIGKILL')
    await once(cleaner, 'exit')

    await withDriver(createDriver, async driver => {
      const rest = await driver.removeWhere(samples, 'expiresBefore', 100)
      assert.ok(rest <= 120 - removed, `${removed} and ${rest} of 120`)
      const left = keys.filter((_, count) => count % 4 === 0).toSorted()
      assert.deepEqual(await allKeys(driver, { index: 'owner', value: owner, limit: 100 }), left)
      for (const key of left) assert.notEqual(await driver.get(samples, key), null, 'what is listed is there')
    })
  })
}

/** @param skew seconds by which its clock is wrong */
function startRacer({ url, argument = '', execArgv = process.execArgv }: DriverModule, skew = 0): ChildProcess {
  // The same folder holds .ts in the source and .js in the package.
  const racer = new URL(`./racer${extname(import.meta.url)}`, import.meta.url)
  const child = fork(fileURLToPath(racer), [url.href, argument, String(skew)], {
    execArgv,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc']
  })
  return child.setMaxListeners(0)
}

async function order(racer: ChildProcess, task: Order): Promise<Extract<Report, { kind: 'raced' }>> {
  racer.send(task)
  return reportOf(racer, 'raced')
}

/** The next report of that kind. @throws when the process ends without one */
function reportOf<Kind extends Report['kind']>(
  racer: ChildProcess,
  kind: Kind
): Promise<Extract<Report, { kind: Kind }>> {
  return new Promise((resolve, reject) => {
    racer.on('message', (report: Report) => {
      if (report.kind === 'failed') reject(new Error(report.message))
      if (report.kind === kind) resolve(report as Extract<Report, { kind: Kind }>)
    })
    racer.once('exit', code => reject(new Error(`a process ended with ${code} before it was ${kind}`)))
  })
}
