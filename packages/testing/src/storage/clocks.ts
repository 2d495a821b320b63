/** Machines whose clocks disagree: what has expired is for the caller to say, so a driver has no clock. */
import assert from 'node:assert/strict'
import type { StorageDriver } from '@fastify-mcp-auth/core'
import { handles, type Test, unique } from './driver-under-test.ts'
import { removeAllExpiring } from './expiry.ts'

const now = (): number => Math.floor(Date.now() / 1000)

/** Seconds that a clock is wrong. */
const SKEWS = [-86_400, -600, -1, 0, 1, 600, 86_400]

export async function testClocks(test: Test, driver: StorageDriver): Promise<void> {
  for (const skew of SKEWS)
    await test(`a record that expires ${skew} seconds from now by this clock is there, and works once`, async () => {
      const key = unique()
      const expiresAt = now() + skew
      assert.equal(await driver.insert(handles, key, { usedAt: null, expiresAt }), true)
      assert.equal(await driver.insert(handles, key, { usedAt: null, expiresAt }), false)
      assert.deepEqual(await driver.get(handles, key), { usedAt: null, expiresAt })
      assert.equal(await driver.update(handles, key, { usedAt: null }, { usedAt: 1 }), true)
      assert.equal(await driver.update(handles, key, { usedAt: null }, { usedAt: 2 }), false)
      assert.deepEqual(await driver.get(handles, key), { usedAt: 1, expiresAt })
    })

  await test('of two machines that clean up, each removes what has expired by its own clock and nothing else', async () => {
    await removeAllExpiring(driver, handles)
    const keys = SKEWS.map(() => unique())
    const time = now()
    for (const [at, skew] of SKEWS.entries())
      await driver.insert(handles, keys[at] as string, { usedAt: null, expiresAt: time + skew })
    const left = async (): Promise<number[]> => {
      const records = await Promise.all(keys.map(key => driver.get(handles, key)))
      return SKEWS.filter((_, at) => records[at] !== null)
    }
    assert.equal(await driver.removeWhere(handles, 'expiresBefore', time - 3600), 1)
    assert.deepEqual(await left(), [-600, -1, 0, 1, 600, 86_400])
    assert.equal(await driver.removeWhere(handles, 'expiresBefore', time + 3600), 5)
    assert.deepEqual(await left(), [86_400])
  })
}
