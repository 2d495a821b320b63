/** Many callers, one record, exactly one winner. Everything that may be used once rests on this. */
import assert from 'node:assert/strict'
import type { StorageDriver } from '@fastify-mcp-auth/core'
import { sample, samples, type Test, unique } from './driver-under-test.ts'

export async function testRaces(test: Test, driver: StorageDriver, contenders: number): Promise<void> {
  const together = <T>(run: (contender: number) => Promise<T>): Promise<T[]> =>
    Promise.all(Array.from({ length: contenders }, (_, contender) => run(contender)))

  await test(`of ${contenders} updates with the same guard one wins`, async () => {
    const key = unique()
    await driver.insert(samples, key, sample({ owner: 'alice' }))
    const verdicts = await together(contender =>
      driver.update(samples, key, { usedAt: null, owner: 'alice' }, { usedAt: 1, count: contender })
    )
    assert.equal(verdicts.filter(Boolean).length, 1)
    assert.equal((await driver.get(samples, key))?.count, verdicts.indexOf(true))
  })

  await test(`of ${contenders} inserts of one key one wins`, async () => {
    const key = unique()
    const verdicts = await together(contender => driver.insert(samples, key, sample({ count: contender })))
    assert.equal(verdicts.filter(Boolean).length, 1)
    assert.equal((await driver.get(samples, key))?.count, verdicts.indexOf(true))
  })

  await test(`of ${contenders} removals of one key one wins`, async () => {
    const key = unique()
    await driver.insert(samples, key, sample())
    const verdicts = await together(() => driver.remove(samples, key))
    assert.equal(verdicts.filter(Boolean).length, 1)
    assert.equal(await driver.get(samples, key), null)
  })

  await test(`${contenders} callers that count up by guarded updates lose no step`, async () => {
    const key = unique()
    await driver.insert(samples, key, sample({ count: 0 }))
    const won = await together(async () => {
      const { count } = (await driver.get(samples, key)) as { count: number }
      return driver.update(samples, key, { count }, { count: count + 1 })
    })
    assert.equal((await driver.get(samples, key))?.count, won.filter(Boolean).length)
  })

  await test('of an update and a removal by index that race, the record is gone and only found winners won', async () => {
    const owner = unique('owner')
    const keys = Array.from({ length: contenders }, () => unique())
    for (const key of keys) await driver.insert(samples, key, sample({ owner }))
    const [removed, ...moved] = await Promise.all([
      driver.removeWhere(samples, 'owner', owner),
      ...keys.map(key => driver.update(samples, key, { owner }, { owner: `${owner}-moved` }))
    ])
    const left = await driver.list(samples, 'owner', `${owner}-moved`, { limit: 1000 })
    assert.equal(left.records.length, moved.filter(Boolean).length)
    assert.equal(removed + left.records.length, contenders)
    assert.deepEqual((await driver.list(samples, 'owner', owner)).records, [])
  })
}
