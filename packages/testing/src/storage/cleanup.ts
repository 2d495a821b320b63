/** Clean-up while everybody else works: in bounded batches, past nothing that lives, and with every other verb keeping its promise. */
import assert from 'node:assert/strict'
import type { StorageDriver } from '@fastify-mcp-auth/core'
import { sample, samples, type Test, unique } from './driver-under-test.ts'
import { removeAllExpiring } from './expiry.ts'

const EXPIRED = 150
const BATCH = 20
const CLEANERS = 3
const WRITERS = 3

export async function testCleanup(test: Test, driver: StorageDriver): Promise<void> {
  await test('clean-up under load takes what has expired in batches, once, and nothing that somebody keeps alive', async () => {
    await removeAllExpiring(driver, samples)
    const owner = unique('owner')
    const keys = Array.from({ length: EXPIRED }, () => unique())
    for (let at = 0; at < keys.length; at += 20)
      await Promise.all(
        keys.slice(at, at + 20).map(key => driver.insert(samples, key, sample({ owner, expiresAt: 10 })))
      )
    let isOver = false
    const clean = async (): Promise<number> => {
      for (let removed = 0; ; ) {
        const batch = await driver.removeWhere(samples, 'expiresBefore', 100, { limit: BATCH })
        assert.ok(batch <= BATCH, `a batch of ${batch}`)
        removed += batch
        if (batch === 0) return removed
      }
    }
    /** Extends some lives, and makes records that live. */
    const work = async (writer: number): Promise<{ extended: string[]; made: string[] }> => {
      const [extended, made]: [string[], string[]] = [[], []]
      for (let count = 0; !isOver && count < EXPIRED; count += 2 * WRITERS) {
        const key = keys[(count + writer) % EXPIRED] as string
        if (count % 4 === 0 && (await driver.update(samples, key, { expiresAt: 10 }, { expiresAt: 1000 })))
          extended.push(key)
        const fresh = unique()
        assert.equal(await driver.insert(samples, fresh, sample({ owner, expiresAt: 1000 })), true)
        assert.equal(await driver.update(samples, fresh, { usedAt: null }, { usedAt: 1 }), true)
        assert.equal(await driver.update(samples, fresh, { usedAt: null }, { usedAt: 2 }), false)
        made.push(fresh)
      }
      return { extended, made }
    }
    const working = Array.from({ length: WRITERS }, (_, writer) => work(writer))
    const removed = await Promise.all(Array.from({ length: CLEANERS }, clean))
    isOver = true
    const worked = await Promise.all(working)
    const [extended, made] = [worked.flatMap(each => each.extended), worked.flatMap(each => each.made)]
    const total = removed.reduce((sum, count) => sum + count) + (await clean())
    assert.equal(total, EXPIRED - extended.length)
    for (const key of extended) assert.equal((await driver.get(samples, key))?.expiresAt, 1000, 'kept alive')
    for (const key of made) assert.equal((await driver.get(samples, key))?.usedAt, 1)
    while ((await driver.removeWhere(samples, 'owner', owner)) > 0);
  })
}
