/** `take`, for drivers that have it: removes several records on a condition, and of all who ask each is told which were its own. */
import assert from 'node:assert/strict'
import type { Guard, StorageDriver } from '@fastify-mcp-auth/core'
import { lasting, others, type Sample, sample, samples, type Test, unique } from './driver-under-test.ts'

export async function testTake(test: Test, driver: StorageDriver, contenders: number): Promise<void> {
  if (!driver.take) return
  const take = async (keys: string[], expiresBefore: number, guard: Guard = {}): Promise<string[]> =>
    [...((await driver.take?.(samples, keys, { expiresBefore, guard })) ?? [])].sort()
  async function fill(...records: Partial<Sample>[]): Promise<string[]> {
    const keys = records.map(() => unique()).sort()
    for (const [position, fields] of records.entries())
      await driver.insert(samples, keys[position] as string, sample(fields))
    return keys
  }
  const left = async (keys: string[]): Promise<string[]> => {
    const records = await Promise.all(keys.map(key => driver.get(samples, key)))
    return keys.filter((_, position) => records[position] !== null)
  }

  await test('take removes of those that it names what expired before that second, and tells which', async () => {
    const keys = await fill({ expiresAt: 99 }, { expiresAt: 100 }, { expiresAt: null }, { expiresAt: -1 })
    const [unnamed = ''] = await fill({ expiresAt: 5 })
    const [late = '', now = '', never = '', early = ''] = keys
    assert.deepEqual(await take([...keys, unique()], 100), [late, early].sort())
    assert.deepEqual(await left([...keys, unnamed]), [now, never, unnamed])
    assert.deepEqual(await take(keys, 100), [])
    assert.deepEqual(await take([], 100), [])
  })

  await test('take leaves what does not hold the guard, and a guard that cannot hold takes nothing', async () => {
    const mine = { owner: 'alice', usedAt: null, expiresAt: 1 }
    const keys = await fill(mine, { ...mine, usedAt: 7 }, { ...mine, owner: 'bob' }, { ...mine, enabled: true })
    assert.deepEqual(await take(keys, 100, { owner: '\ud800' }), [])
    assert.deepEqual(await take(keys, 100, { usedAt: null, owner: 'alice', enabled: false }), [keys[0]])
    assert.deepEqual(await take(keys, 100, { usedAt: 7 }), [keys[1]])
    assert.deepEqual(await left(keys), keys.slice(2))
    for (const guard of [{ usedAt: undefined }, { details: null }, { nothing: 1 }])
      await assert.rejects(take(keys, 100, guard as unknown as Guard), TypeError)
    assert.deepEqual(await left(keys), keys.slice(2))
  })

  await test('take leaves other collections alone, and takes nothing where nothing expires', async () => {
    const [key = ''] = await fill({ expiresAt: 1 })
    await driver.insert(others, key, sample({ expiresAt: 1 }))
    await driver.insert(lasting, key, { owner: 'alice' })
    assert.deepEqual(await take([key], 100), [key])
    assert.deepEqual(await driver.take?.(lasting, [key], { expiresBefore: 100, guard: {} }), [])
    assert.notEqual(await driver.get(others, key), null)
    assert.notEqual(await driver.get(lasting, key), null)
  })

  await test('what was taken is in no list any more', async () => {
    const [owner, family] = [unique('owner'), unique('family')]
    const keys = await fill({ owner, family, expiresAt: 1 }, { owner, family, expiresAt: 1000 })
    assert.deepEqual(await take(keys, 100), [keys[0]])
    for (const [index, value] of [['owner', owner] as const, ['family', family] as const])
      assert.deepEqual(
        (await driver.list(samples, index, value)).records.map(({ key }) => key),
        [keys[1]]
      )
  })

  await test('keys that cannot be kept or that are hostile are taken like any other', async () => {
    const keys = ["'", '"', '`', '%', '\\', ' ', 'é', '👩'].map(text => `${unique()}${text}`).sort()
    for (const key of keys) await driver.insert(samples, key, sample({ expiresAt: 1 }))
    assert.deepEqual(await take([...keys, '\0', '\ud800', 'x'.repeat(769)], 100), keys)
  })

  await test('1,000 records are taken in one go', async () => {
    const keys = Array.from({ length: 1000 }, () => unique()).sort()
    for (let at = 0; at < keys.length; at += 100)
      await Promise.all(keys.slice(at, at + 100).map(key => driver.insert(samples, key, sample({ expiresAt: 1 }))))
    assert.deepEqual(await take(keys, 100), keys)
  })

  await test(`of ${contenders} that take the same records each record has one winner`, async () => {
    const keys = await fill(...Array.from({ length: 20 }, () => ({ expiresAt: 1 })))
    const answers = await Promise.all(
      Array.from({ length: contenders }, (_, at) => take(at % 2 === 0 ? keys : keys.toReversed(), 100))
    )
    assert.deepEqual(answers.flat().sort(), keys)
    assert.deepEqual(await left(keys), [])
  })

  await test('a record is taken or kept alive, never both', async () => {
    const keys = await fill(...Array.from({ length: contenders }, () => ({ expiresAt: 1 })))
    const [taken, ...extended] = await Promise.all([
      take(keys, 100, { usedAt: null }),
      ...keys.map((key, at) =>
        driver.update(samples, key, { usedAt: null }, at % 2 === 0 ? { usedAt: 1 } : { expiresAt: 1000 })
      )
    ])
    const kept = keys.filter((_, at) => extended[at])
    assert.deepEqual([...taken, ...kept].sort(), keys)
    assert.deepEqual(await left(keys), kept)
  })
}
