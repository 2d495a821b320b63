/** What a driver says about itself, and what it does once it is closed. */
import assert from 'node:assert/strict'
import { isUnavailableError, type StorageDriver } from '@fastify-mcp-auth/core'
import { COLLECTIONS, type CreateDriver, sample, samples, type Test, unique, withDriver } from './driver-under-test.ts'

export async function testPromises(test: Test, createDriver: CreateDriver): Promise<void> {
  await test('capabilities are three plain answers, and atomic is one of them', async () => {
    await withDriver(createDriver, async ({ capabilities }) => {
      assert.deepEqual(Object.keys(capabilities).sort(), ['atomic', 'durable', 'shared'])
      for (const answer of Object.values(capabilities)) assert.equal(typeof answer, 'boolean')
      assert.equal(capabilities.atomic, true)
    })
  })

  await test('shared: a second driver sees the records of the first exactly when this one says so', async () => {
    const key = unique()
    await withDriver(createDriver, first =>
      withDriver(createDriver, async second => {
        await first.insert(samples, key, sample())
        assert.equal((await second.get(samples, key)) !== null, second.capabilities.shared)
        assert.equal(await second.insert(samples, key, sample()), !second.capabilities.shared)
      })
    )
  })

  await test('durable: records outlive the driver exactly when it says so', async () => {
    const key = unique()
    await withDriver(createDriver, driver => driver.insert(samples, key, sample()))
    await withDriver(createDriver, async driver => {
      assert.equal((await driver.get(samples, key)) !== null, driver.capabilities.durable)
    })
  })

  await test('open may be called again, by several at once, and keeps what is there', async () => {
    const key = unique()
    await withDriver(createDriver, async driver => {
      await driver.insert(samples, key, sample())
      await Promise.all(COLLECTIONS.map(collection => driver.open?.([collection])))
      await Promise.all([driver.open?.(COLLECTIONS), driver.open?.(COLLECTIONS), driver.open?.([])])
      assert.deepEqual(await driver.get(samples, key), sample())
    })
  })

  await test('a closed driver answers UnavailableError, never a verdict', async () => {
    const driver = await createDriver()
    await driver.open?.(COLLECTIONS)
    if (!driver.close) return
    await driver.close()
    for (const [verb, ask] of Object.entries(verbs(driver)))
      await assert.rejects(ask, isUnavailableError, `${verb} gave a verdict`)
  })
}

function verbs(driver: StorageDriver): Record<string, () => Promise<unknown>> {
  return {
    get: () => driver.get(samples, 'key'),
    insert: () => driver.insert(samples, 'key', sample()),
    update: () => driver.update(samples, 'key', {}, { count: 1 }),
    remove: () => driver.remove(samples, 'key'),
    list: () => driver.list(samples, 'owner', 'alice'),
    removeWhere: () => driver.removeWhere(samples, 'owner', 'alice'),
    removeExpired: () => driver.removeWhere(samples, 'expiresBefore', 1),
    ...(driver.take && { take: async () => driver.take?.(samples, ['key'], { expiresBefore: 1, guard: {} }) })
  }
}
