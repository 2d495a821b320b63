/** Expired records: returned until they are removed, and removed in bounded batches. */
import assert from 'node:assert/strict'
import type { CollectionDeclaration, StorageDriver } from '@fastify-mcp-auth/core'
import { lasting, others, sample, samples, type Test, unique } from './driver-under-test.ts'

/** Removes what earlier tests left, so that counts are exact. */
export async function removeAllExpiring(driver: StorageDriver, collection: CollectionDeclaration): Promise<void> {
  while ((await driver.removeWhere(collection, 'expiresBefore', Number.MAX_SAFE_INTEGER)) > 0);
}

export async function testExpiry(test: Test, driver: StorageDriver): Promise<void> {
  async function fill(...expiries: (number | null)[]): Promise<string[]> {
    await removeAllExpiring(driver, samples)
    const keys = expiries.map(() => unique())
    for (const [position, expiresAt] of expiries.entries())
      await driver.insert(samples, keys[position] as string, sample({ expiresAt }))
    return keys
  }
  const alive = async (keys: string[]): Promise<boolean[]> =>
    Promise.all(keys.map(async key => (await driver.get(samples, key)) !== null))

  await test('an expired record is returned: the caller judges', async () => {
    const [key = ''] = await fill(1)
    assert.equal((await driver.get(samples, key))?.expiresAt, 1)
    assert.equal(await driver.update(samples, key, { expiresAt: 1 }, { count: 1 }), true)
  })

  await test('expiresBefore removes what expired before that second, and never what has no expiry', async () => {
    const keys = await fill(99, 100, 101, null, 0)
    assert.equal(await driver.removeWhere(samples, 'expiresBefore', 100), 2)
    assert.deepEqual(await alive(keys), [false, true, true, true, false])
    assert.equal(await driver.removeWhere(samples, 'expiresBefore', 100), 0)
  })

  await test('expiresBefore removes at most limit records, and the rest with the next batches', async () => {
    await fill(1, 2, 3, 4, 5, 6, 7)
    const batches = []
    for (let round = 0; round < 4; round++)
      batches.push(await driver.removeWhere(samples, 'expiresBefore', 100, { limit: 3 }))
    assert.deepEqual(batches, [3, 3, 1, 0])
  })

  await test('a record whose life was extended stays', async () => {
    const keys = await fill(10, 10)
    await driver.update(samples, keys[0] as string, {}, { expiresAt: 50 })
    await driver.update(samples, keys[1] as string, {}, { expiresAt: null })
    assert.equal(await driver.removeWhere(samples, 'expiresBefore', 20), 0)
    assert.deepEqual(await alive(keys), [true, true])
  })

  await test('expiresBefore touches one collection, and nothing in one without an expiry', async () => {
    const key = unique()
    await fill(1)
    await driver.insert(others, key, sample({ expiresAt: 1 }))
    await driver.insert(lasting, key, { owner: 'alice' })
    assert.equal(await driver.removeWhere(samples, 'expiresBefore', 100), 1)
    assert.equal(await driver.removeWhere(lasting, 'expiresBefore', 100), 0)
    assert.deepEqual(await driver.get(lasting, key), { owner: 'alice' })
    assert.notEqual(await driver.get(others, key), null)
  })

  await test('processes that clean up together remove each record once', async () => {
    await fill(...Array.from({ length: 40 }, (_, second) => second))
    const counts = await Promise.all(
      Array.from({ length: 8 }, () => driver.removeWhere(samples, 'expiresBefore', 100, { limit: 40 }))
    )
    assert.equal(
      counts.reduce((sum, count) => sum + count),
      40
    )
  })
}
