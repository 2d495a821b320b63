/** One of the processes of `processes.ts`: opens the database, says that it is ready, and does what it is told. */
import type { StorageDriver } from '@fastify-mcp-auth/core'
import { COLLECTIONS, sample, samples, unique } from './driver-under-test.ts'

export type Order =
  | { task: 'race'; keys: string[] }
  | { task: 'write'; prefix: string }
  | { task: 'clean'; before: number }

export type Report =
  | { kind: 'ready' }
  | { kind: 'raced'; pid: number; inserted: string[]; consumed: string[] }
  | { kind: 'written'; key: string }
  | { kind: 'cleaned'; removed: number }
  | { kind: 'failed'; message: string }

const [module = '', argument = '', skew = '0'] = process.argv.slice(2)

// The clock of this process is wrong, for the driver too.
const rightTime = Date.now.bind(Date)
Date.now = () => rightTime() + Number(skew) * 1000

const report = (message: Report): void => void process.send?.(message)

async function race(driver: StorageDriver, keys: string[]): Promise<void> {
  const me = String(process.pid)
  const won = async (verdicts: Promise<boolean>[]): Promise<string[]> => {
    const all = await Promise.all(verdicts)
    return keys.filter((_, position) => all[position])
  }
  const inserted = await won(keys.map(key => driver.insert(samples, key, sample({ owner: me }))))
  // A losing insert proves that the record is there, so every process may go for the update at once.
  const consumed = await won(keys.map(key => driver.update(samples, key, { usedAt: null }, { usedAt: 1, note: me })))
  report({ kind: 'raced', pid: process.pid, inserted, consumed })
}

/** Writes until it is killed, and reports each record only after the driver's answer. */
async function write(driver: StorageDriver, prefix: string): Promise<never> {
  for (;;) {
    const key = unique()
    await driver.insert(samples, key, sample({ owner: prefix }))
    await driver.update(samples, key, { usedAt: null }, { usedAt: 1, count: 1, note: 'used' })
    report({ kind: 'written', key })
    // Lets the report leave: a driver that works synchronously would keep it in this process.
    await new Promise(resolve => setImmediate(resolve))
  }
}

/** Removes batch by batch until it is killed, and reports each only after the driver's answer. */
async function clean(driver: StorageDriver, before: number): Promise<never> {
  for (;;) {
    const removed = await driver.removeWhere(samples, 'expiresBefore', before, { limit: 7 })
    report({ kind: 'cleaned', removed })
    await new Promise(resolve => setImmediate(resolve))
  }
}

function obey(driver: StorageDriver, order: Order): Promise<void> {
  if (order.task === 'race') return race(driver, order.keys)
  return order.task === 'write' ? write(driver, order.prefix) : clean(driver, order.before)
}

try {
  const { createDriver } = (await import(module)) as {
    createDriver(argument: string): StorageDriver | Promise<StorageDriver>
  }
  const driver = await createDriver(argument)
  await driver.open?.(COLLECTIONS)
  process.on('message', (order: Order) => {
    obey(driver, order).catch(fail)
  })
  // The one that asked is gone: nobody will stop this process otherwise.
  process.on('disconnect', () => process.exit())
  report({ kind: 'ready' })
} catch (error) {
  fail(error)
}

function fail(error: unknown): void {
  const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : ''
  report({ kind: 'failed', message: `${error}${cause}` })
}
