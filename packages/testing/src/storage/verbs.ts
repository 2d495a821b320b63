/** Each verb alone: what it answers and what it leaves. */
import assert from 'node:assert/strict'
import type { Guard, StorageDriver } from '@fastify-mcp-auth/core'
import { others, type Sample, sample, samples, type Test, unique } from './driver-under-test.ts'

/** Seconds. Whether it is a clock at all: how far it is from ours is what it is asked for. */
const YEAR = 31_536_000

export async function testVerbs(test: Test, driver: StorageDriver): Promise<void> {
  await test('serverTime, where there is one, counts epoch seconds', async () => {
    if (!driver.serverTime) return
    const told = await driver.serverTime()
    assert.ok(Number.isInteger(told), String(told))
    assert.ok(Math.abs(told - Math.floor(Date.now() / 1000)) < YEAR, String(told))
  })

  await test('get answers null for a key that was never inserted', async () => {
    assert.equal(await driver.get(samples, unique()), null)
  })

  await test('insert keeps every field as it was given', async () => {
    const key = unique()
    const record = sample({
      family: unique(),
      note: 'x',
      count: -3,
      enabled: true,
      confirmed: false,
      usedAt: 0,
      expiresAt: 9
    })
    assert.equal(await driver.insert(samples, key, record), true)
    assert.deepEqual(await driver.get(samples, key), record)
  })

  await test('insert leaves a record alone whose key is taken', async () => {
    const key = unique()
    const first = sample({ note: 'first' })
    await driver.insert(samples, key, first)
    assert.equal(await driver.insert(samples, key, sample({ note: 'second', owner: 'mallory' })), false)
    assert.deepEqual(await driver.get(samples, key), first)
  })

  await test('collections with the same key do not mix', async () => {
    const key = unique()
    await driver.insert(samples, key, sample({ note: 'here' }))
    assert.equal(await driver.get(others, key), null)
    assert.equal(await driver.remove(others, key), false)
    assert.equal(await driver.insert(others, key, sample({ note: 'there' })), true)
    assert.equal((await driver.get(samples, key))?.note, 'here')
  })

  await test('remove answers whether the record was there', async () => {
    const key = unique()
    await driver.insert(samples, key, sample())
    assert.equal(await driver.remove(samples, key), true)
    assert.equal(await driver.get(samples, key), null)
    assert.equal(await driver.remove(samples, key), false)
    assert.equal(await driver.insert(samples, key, sample()), true)
  })

  await test('count, where there is one, counts keys that begin alike, and no further than it is told', async () => {
    if (!driver.count) return
    const prefix = `${unique()}:`
    for (const key of ['', 'a', 'b', '\u{10fffe}']) await driver.insert(samples, `${prefix}${key}`, sample())
    await driver.insert(samples, `${prefix.slice(0, -1)};`, sample())
    await driver.insert(others, `${prefix}c`, sample())
    assert.equal(await driver.count(samples, { prefix, limit: 100 }), 4)
    assert.equal(await driver.count(samples, { prefix, limit: 3 }), 3)
    assert.equal(await driver.count(samples, { prefix: `${prefix}x`, limit: 3 }), 0)
    assert.ok((await driver.count(samples, { prefix: '', limit: 5 })) === 5)
  })

  await testUpdate(test, driver)

  await test('a record is not the object of its caller', async () => {
    const key = unique()
    const details = { list: [1] }
    const patch = { details: { list: [3] } }
    await driver.insert(samples, key, sample({ details }))
    details.list.push(2)
    const read = (await driver.get(samples, key)) as Sample
    assert.deepEqual(read.details, { list: [1] })
    await driver.update(samples, key, {}, patch)
    patch.details.list.push(4)
    assert.deepEqual(read.details, { list: [1] })
    const again = (await driver.get(samples, key)) as Sample
    assert.deepEqual(again.details, { list: [3] })
    const owned = again.details as { list: number[] }
    owned.list.push(5)
    Object.assign(again, { note: 'changed by its reader' })
    assert.deepEqual(await driver.get(samples, key), sample({ details: { list: [3] } }))
  })

  await test('a listed record is not the object of its reader either', async () => {
    const owner = unique('owner')
    await driver.insert(samples, unique(), sample({ owner }))
    const [listed] = (await driver.list(samples, 'owner', owner)).records
    const read = listed?.record as Sample
    Object.assign(read, { note: 'changed by its reader' })
    Object.assign(read.details as object, { more: true })
    assert.deepEqual((await driver.list(samples, 'owner', owner)).records[0]?.record, sample({ owner }))
  })
}

async function testUpdate(test: Test, driver: StorageDriver): Promise<void> {
  const record = sample({ owner: 'alice', note: 'n', count: 7, enabled: true, usedAt: null, details: { kept: true } })

  await test('update writes the patch and nothing else when the guard holds', async () => {
    const key = unique()
    await driver.insert(samples, key, record)
    const guard = { owner: 'alice', note: 'n', count: 7, enabled: true, usedAt: null, confirmed: null, family: null }
    assert.equal(await driver.update(samples, key, guard, { usedAt: 5, note: null }), true)
    assert.deepEqual(await driver.get(samples, key), { ...record, usedAt: 5, note: null })
  })

  const failing: Guard[] = [
    { owner: 'Alice' },
    { owner: 'alice ' },
    { owner: 'mallory' },
    { note: null },
    { note: '' },
    { count: 8 },
    { count: null },
    { enabled: false },
    { usedAt: 0 },
    { family: '' },
    { confirmed: false },
    { owner: 'alice', count: 8 },
    { count: 7, usedAt: 1 }
  ]
  for (const guard of failing)
    await test(`update changes nothing when the guard is ${JSON.stringify(guard)}`, async () => {
      const key = unique()
      await driver.insert(samples, key, record)
      assert.equal(await driver.update(samples, key, guard, { count: 99, usedAt: 99 }), false)
      assert.deepEqual(await driver.get(samples, key), record)
    })

  await test('update never creates a record', async () => {
    const key = unique()
    assert.equal(await driver.update(samples, key, {}, { count: 1 }), false)
    assert.equal(await driver.update(samples, key, { usedAt: null }, { count: 1 }), false)
    assert.equal(await driver.get(samples, key), null)
  })

  await test('update wins also when it changes nothing: what counts is that the guard held', async () => {
    const key = unique()
    await driver.insert(samples, key, record)
    assert.equal(await driver.update(samples, key, { count: 7 }, { count: 7 }), true)
    assert.equal(await driver.update(samples, key, { count: 7 }, {}), true)
    assert.equal(await driver.update(samples, key, { count: 8 }, {}), false)
    assert.deepEqual(await driver.get(samples, key), record)
  })

  await test('a guard on undefined never holds: a value that is missing must not widen it', async () => {
    const key = unique()
    await driver.insert(samples, key, record)
    const guard = { usedAt: undefined } as unknown as Guard
    const won = await driver.update(samples, key, guard, { count: 99 }).catch(() => false)
    assert.equal(won, false)
    assert.deepEqual(await driver.get(samples, key), record)
  })
}
