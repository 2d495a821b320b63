/** Expired records: returned until they are removed, and removed in bounded batches. */
import assert from 'node:assert/strict'
import type { CollectionDeclaration, StorageDriver } from '@fastify-mcp-auth/core'
import { lasting, others, sample, samples, type Test, unique } from './driver-under-test.ts'

/** Removes what earlier tests left, so that counts are exact. */
export async function removeAllExpiring(driver: StorageDriver, collection: CollectionDeclaration): Promise<void> {
  while ((await driver.removeWhere(collection, 'expiresBefore', Number.MAX_SAFE_INTEGER)) > 0);
}

/** Every key that expired before that second, page by page. */
export async function allExpiredKeys(
  driver: StorageDriver,
  { before, limit }: { before: number; limit: number },
  onPage: (keys: string[]) => Promise<void> = async () => {}
): Promise<string[]> {
  const all: string[] = []
  for (let cursor: string | null = null; ; ) {
    const page = await driver.list(samples, 'expiresBefore', before, { limit, cursor })
    assert.ok(page.records.length <= limit, 'a page is not longer than its limit')
    const keys = page.records.map(({ key }) => key)
    all.push(...keys)
    await onPage(keys)
    if (page.cursor === null) return all
    assert.notEqual(page.cursor, cursor, 'each page leads on')
    cursor = page.cursor
  }
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

  await testExpiredLists(test, driver, fill)

  await test('a batch that is not full says that nothing is left, also while others clean up', async () => {
    await fill(...Array.from({ length: 40 }, (_, second) => second))
    const batches = Array.from({ length: 8 }, () => driver.removeWhere(samples, 'expiresBefore', 100, { limit: 5 }))
    assert.deepEqual(await Promise.all(batches), Array(8).fill(5))
    assert.equal(await driver.removeWhere(samples, 'expiresBefore', 100), 0)
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

async function testExpiredLists(
  test: Test,
  driver: StorageDriver,
  fill: (...expiries: (number | null)[]) => Promise<string[]>
): Promise<void> {
  await test('a list with expiresBefore gives whole records, those that expired first in front, and nothing else', async () => {
    const [late = '', , first = '', , negative = ''] = await fill(99, 100, 5, null, -1)
    const { records, cursor } = await driver.list(samples, 'expiresBefore', 100)
    const whole = (key: string, expiresAt: number) => ({ key, record: sample({ expiresAt }) })
    assert.deepEqual(records, [whole(negative, -1), whole(first, 5), whole(late, 99)])
    assert.equal(cursor, null)
    assert.deepEqual(await driver.list(lasting, 'expiresBefore', 100), { records: [], cursor: null })
  })

  for (const limit of [1, 3, 10, 11])
    await test(`pages of ${limit} give 10 expired records once each, eight of them of one second`, async () => {
      const keys = await fill(1, ...Array.from({ length: 8 }, () => 7), 9)
      const listed = await allExpiredKeys(driver, { before: 100, limit })
      assert.deepEqual(listed.toSorted(), keys.toSorted())
      assert.deepEqual([listed[0], listed.at(-1)], [keys[0], keys.at(-1)])
    })

  await test('keys of one second lead on whatever is in them', async () => {
    await removeAllExpiring(driver, samples)
    const keys = ['', ':', '1:', 'é', 'É', 'z', '👩', '\u{ffff}', '\n', ' '].map(text => `${unique()}${text}`)
    for (const prefix of ['-', '~']) keys.push(`${prefix}${unique()}`)
    for (const key of keys) await driver.insert(samples, key, sample({ expiresAt: 7 }))
    assert.deepEqual((await allExpiredKeys(driver, { before: 8, limit: 1 })).toSorted(), keys.toSorted())
  })

  await test('pages of what expired stay complete while their records move on or go', async () => {
    const keys = await fill(3, 3, 3, 3, 4, 5, 6)
    const seen = await allExpiredKeys(driver, { before: 100, limit: 2 }, async ([moved = '', gone = '']) => {
      await driver.update(samples, moved, {}, { expiresAt: 1000 })
      await driver.remove(samples, gone)
    })
    assert.deepEqual(seen.toSorted(), keys.toSorted())
    assert.deepEqual(await allExpiredKeys(driver, { before: 100, limit: 2 }), [])
  })
}
