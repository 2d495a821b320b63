/** Connections that break in the middle of a statement, and a server that stops answering: an outage, never a wrong verdict. */
import assert from 'node:assert/strict'
import { isUnavailableError, type StorageDriver } from '@fastify-mcp-auth/core'
import { sample, samples, type Test, unique, withDriver } from './driver-under-test.ts'
import { type Fate, type Line, openLine, type ServerAddress } from './line.ts'

/** Makes a driver that connects to that address instead of the one it would connect to. */
export type CreateDriverAt = (server: ServerAddress) => StorageDriver | Promise<StorageDriver>

/** More than a pool has connections, so that silence fills it. */
const CALLERS = 24

const isUnavailable = (error: unknown): boolean => isUnavailableError(error)

export async function testFaults(test: Test, createDriver: CreateDriverAt, server: ServerAddress): Promise<void> {
  const onLine = async (run: (driver: StorageDriver, line: Line) => Promise<void>): Promise<void> => {
    const line = await openLine(server)
    try {
      await withDriver(
        () => createDriver(line.address),
        async driver => {
          await warmUp(driver)
          await run(driver, line)
        }
      )
    } finally {
      line.close()
    }
  }

  await testBrokenLines(test, onLine)

  await test('a server that stops answering is an outage for everybody, and is forgotten when it is over', () =>
    onLine(async (driver, line) => {
      const key = unique()
      await driver.insert(samples, key, sample())
      line.fallSilent()
      const answers = await Promise.all(
        Array.from({ length: CALLERS }, (_, count) =>
          driver.update(samples, key, { usedAt: null }, { usedAt: 1, count }).catch(error => error)
        )
      )
      for (const answer of answers) assert.ok(isUnavailable(answer), `${answer}`)
      line.speak()
      // No restart, no help: what had hung is given up by the driver itself. What was asked meanwhile may have been done or not.
      const record = await persistently(() => driver.get(samples, key))
      const verdicts = await Promise.all(
        Array.from({ length: CALLERS }, () =>
          persistently(() => driver.update(samples, key, { usedAt: null }, { usedAt: 1 }))
        )
      )
      assert.equal(verdicts.filter(Boolean).length, record?.usedAt === null ? 1 : 0)
    }))

  await test('on a line that breaks again and again nothing works twice, and what was answered is there', () =>
    onLine(async (driver, line) => {
      const fates: Fate[] = ['lost', 'answer lost']
      for (let round = 0; round < 20; round++) {
        const key = unique()
        await persistently(() => driver.insert(samples, key, sample()))
        line.breakNext(fates[round % 2] ?? 'lost')
        const answers = await Promise.all(
          Array.from({ length: 4 }, (_, count) =>
            driver.update(samples, key, { usedAt: null }, { usedAt: 1, count }).catch(error => error)
          )
        )
        const winners = answers.filter(answer => answer === true).length
        const unknown = answers.filter(isUnavailable).length
        assert.ok(winners + unknown >= 1 && winners <= 1, `round ${round}: ${answers}`)
        const record = await persistently(() => driver.get(samples, key))
        if (winners === 1) assert.equal(record?.count, answers.indexOf(true), `round ${round}`)
        if (answers.includes(false)) assert.equal(record?.usedAt, 1, `round ${round}: somebody lost to nobody`)
      }
    }))
}

async function testBrokenLines(
  test: Test,
  onLine: (run: (driver: StorageDriver, line: Line) => Promise<void>) => Promise<void>
): Promise<void> {
  await test('a statement that never arrives is an outage, nothing comes of it, and the next one works', () =>
    onLine(async (driver, line) => {
      for (const [name, ask] of verbs(driver)) {
        // So that what breaks is the statement, not the making of a connection.
        await warmUp(driver)
        line.breakNext('lost')
        await assert.rejects(ask, isUnavailable, `${name} gave a verdict`)
      }
      const key = unique()
      await persistently(() => driver.insert(samples, key, sample()))
      line.breakNext('lost')
      await assert.rejects(driver.update(samples, key, { usedAt: null }, { usedAt: 1 }), isUnavailable)
      assert.equal((await persistently(() => driver.get(samples, key)))?.usedAt, null)
      assert.equal(await persistently(() => driver.update(samples, key, { usedAt: null }, { usedAt: 2 })), true)
    }))

  await test('a write whose answer is lost is an outage, done once, and never told as a race that was lost', () =>
    onLine(async (driver, line) => {
      const [updated, inserted, removed, taken] = [unique(), unique(), unique(), unique()]
      await driver.insert(samples, updated, sample())
      await driver.insert(samples, taken, sample({ expiresAt: 1 }))
      await driver.insert(samples, removed, sample())
      const writes = [
        () => driver.update(samples, updated, { usedAt: null }, { usedAt: 1 }),
        () => driver.insert(samples, inserted, sample({ note: 'first' })),
        () => driver.remove(samples, removed)
      ]
      for (const write of writes) {
        await warmUp(driver)
        line.breakNext('answer lost')
        await assert.rejects(write, isUnavailable)
        assert.equal(await persistently(write), false, 'it had been done')
      }
      assert.equal((await driver.get(samples, updated))?.usedAt, 1)
      assert.equal((await driver.get(samples, inserted))?.note, 'first')
      assert.equal(await driver.get(samples, removed), null)
      const { take } = driver
      if (!take) return
      await warmUp(driver)
      line.breakNext('answer lost')
      const again = async () => take.call(driver, samples, [taken], { expiresBefore: 100, guard: {} })
      await assert.rejects(again, isUnavailable)
      // Where it is more than one statement, the first of them was cut.
      const isLeft = (await persistently(() => driver.get(samples, taken))) !== null
      assert.deepEqual(await persistently(again), isLeft ? [taken] : [])
    }))
}

function verbs(driver: StorageDriver): [name: string, ask: () => Promise<unknown>][] {
  const key = unique()
  const all: [name: string, ask: () => Promise<unknown>][] = [
    ['get', () => driver.get(samples, key)],
    ['insert', () => driver.insert(samples, key, sample())],
    ['update', () => driver.update(samples, key, {}, { count: 1 })],
    ['remove', () => driver.remove(samples, key)],
    ['list', () => driver.list(samples, 'owner', key)],
    ['removeWhere', () => driver.removeWhere(samples, 'owner', key)],
    ['removeWhere by expiry', () => driver.removeWhere(samples, 'expiresBefore', 0)]
  ]
  if (driver.take) all.push(['take', async () => driver.take?.(samples, [key], { expiresBefore: 0, guard: {} })])
  return all
}

async function warmUp(driver: StorageDriver): Promise<void> {
  await persistently(() => driver.get(samples, 'warm'))
}

/** Asks until there is an answer, as the retries of many clients would. */
async function persistently<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask()
    } catch (error) {
      if (!isUnavailable(error) || attempt === 100) throw error
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }
}
