/** Looking records up by a declared field: they move with it, null is nobody's, and pages are complete. */
import assert from 'node:assert/strict'
import type { StorageDriver } from '@fastify-mcp-auth/core'
import { sample, samples, type Test, unique } from './driver-under-test.ts'

/** Every key under an index value, page by page. */
export async function allKeys(
  driver: StorageDriver,
  where: { index: string; value: string; limit: number },
  onPage: (keys: string[]) => Promise<void> = async () => {}
): Promise<string[]> {
  const all: string[] = []
  for (let cursor: string | null = null; ; ) {
    const page = await driver.list(samples, where.index, where.value, { limit: where.limit, cursor })
    assert.ok(page.records.length <= where.limit, 'a page is not longer than its limit')
    const keys = page.records.map(({ key }) => key)
    all.push(...keys)
    await onPage(keys)
    if (page.cursor === null) return all
    assert.notEqual(page.cursor, cursor, 'each page leads on')
    cursor = page.cursor
  }
}

export async function testIndexes(test: Test, driver: StorageDriver): Promise<void> {
  async function fill(count: number, owner = unique('owner')): Promise<{ owner: string; keys: string[] }> {
    const keys = Array.from({ length: count }, () => unique()).sort()
    for (const key of keys.toReversed()) await driver.insert(samples, key, sample({ owner }))
    return { owner, keys }
  }

  await test('list gives whole records in the order of their keys', async () => {
    const { owner, keys } = await fill(5)
    const page = await driver.list(samples, 'owner', owner)
    assert.deepEqual(page, { records: keys.map(key => ({ key, record: sample({ owner }) })), cursor: null })
    assert.deepEqual(await driver.list(samples, 'owner', unique()), { records: [], cursor: null })
  })

  await test('a record moves with its index value, and null is under no value', async () => {
    const [before, after, key] = [unique('family'), unique('family'), unique()]
    const keysOf = (value: string): Promise<string[]> => allKeys(driver, { index: 'family', value, limit: 10 })
    await driver.insert(samples, key, sample({ family: before }))
    await driver.update(samples, key, {}, { family: after })
    assert.deepEqual([await keysOf(before), await keysOf(after)], [[], [key]])
    await driver.update(samples, key, {}, { family: null })
    assert.deepEqual([await keysOf(after), await keysOf('null'), await keysOf('')], [[], [], []])
    await driver.update(samples, key, { family: null }, { family: before })
    assert.deepEqual(await keysOf(before), [key])
    await driver.remove(samples, key)
    assert.deepEqual(await keysOf(before), [])
  })

  for (const limit of [1, 3, 7, 8])
    await test(`pages of ${limit} give 7 records once each`, async () => {
      const { owner, keys } = await fill(7)
      assert.deepEqual(await allKeys(driver, { index: 'owner', value: owner, limit }), keys)
    })

  await test('a page that is exactly full says whether it was the last', async () => {
    const { owner } = await fill(4)
    assert.equal((await driver.list(samples, 'owner', owner, { limit: 4 })).cursor, null)
    assert.notEqual((await driver.list(samples, 'owner', owner, { limit: 3 })).cursor, null)
  })

  await test('pages stay complete while the caller removes what it has seen', async () => {
    const { owner, keys } = await fill(7)
    const seen = await allKeys(driver, { index: 'owner', value: owner, limit: 2 }, async page => {
      for (const key of page) await driver.remove(samples, key)
    })
    assert.deepEqual(seen, keys)
    assert.deepEqual((await driver.list(samples, 'owner', owner)).records, [])
  })

  await test('list gives 100 records when no limit is asked for, and never more than 1,000', async () => {
    const { owner } = await fill(101)
    assert.equal((await driver.list(samples, 'owner', owner)).records.length, 100)
    assert.equal((await driver.list(samples, 'owner', owner, { limit: 5000 })).records.length, 101)
  })

  await test('removeWhere removes one value in batches and leaves the others', async () => {
    const mine = await fill(5)
    const theirs = await fill(2)
    const remove = (): Promise<number> => driver.removeWhere(samples, 'owner', mine.owner, { limit: 3 })
    assert.deepEqual([await remove(), await remove(), await remove()], [3, 2, 0])
    assert.deepEqual(await allKeys(driver, { index: 'owner', value: theirs.owner, limit: 10 }), theirs.keys)
  })

  await test('a field that is not declared as an index is refused, not searched', async () => {
    await assert.rejects(async () => driver.list(samples, 'note', 'x'))
    await assert.rejects(async () => driver.removeWhere(samples, 'note', 'x'))
    await assert.rejects(async () => driver.list(samples, '__proto__', 'x'))
  })
}
