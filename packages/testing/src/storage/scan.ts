/** Walking through everything, for moving to another database: optional, but who offers it misses nothing and keeps the order. */
import assert from 'node:assert/strict'
import { compareKeys, type Page, type StorageDriver, type StoredRecord } from '@fastify-mcp-auth/core'
import { others, sample, samples, type Test, unique } from './driver-under-test.ts'

/** Beside each other in the order of bytes, and not in that of UTF-16: U+FF5E comes before U+1F511 there. */
const ENDINGS = ['', '!', 'A', 'B', 'a', 'a ', 'aa', 'ß', 'á', '\uff5e', '\u{1f511}']

/** The keys that begin with `prefix`, page by page. */
async function keysOf(driver: StorageDriver, prefix: string, limit: number): Promise<string[]> {
  const keys: string[] = []
  for (let cursor: string | null = prefix.slice(0, -1); cursor !== null; ) {
    const page: Page<StoredRecord> | undefined = await driver.scan?.(samples, { limit, cursor })
    if (!page) return keys
    assert.ok(page.records.length <= limit, 'a page is not longer than its limit')
    const own = page.records.filter(({ key }) => key.startsWith(prefix))
    keys.push(...own.map(({ key }) => key))
    const last = page.records.at(-1)?.key ?? ''
    if (own.length === 0 && compareKeys(last, prefix) > 0) return keys
    cursor = page.cursor
  }
  return keys
}

export async function testScan(test: Test, driver: StorageDriver): Promise<void> {
  if (!driver.scan) return
  const prefix = unique('scan')
  const keys = ENDINGS.map(ending => `${prefix}${ending}`)
  for (const [count, key] of keys.toReversed().entries())
    await driver.insert(samples, key, sample({ count, expiresAt: count % 2 === 0 ? 1 : null }))
  await driver.insert(others, `${prefix}other`, sample())

  for (const limit of [1, 4, 1000])
    await test(`scan in pages of ${limit}: every record once, expired or not, in the order of bytes`, async () => {
      assert.deepEqual(await keysOf(driver, prefix, limit), keys)
    })

  await test('scan gives whole records, begins at the beginning, and says when it is over', async () => {
    const first = await driver.scan?.(samples, { limit: 1 })
    assert.equal(first?.records.length, 1)
    assert.ok(compareKeys(first?.records[0]?.key ?? '', keys[0] ?? '') <= 0)
    const found = await driver.scan?.(samples, { limit: 1, cursor: prefix })
    assert.deepEqual(found?.records[0]?.record, await driver.get(samples, keys[1] ?? ''))
    assert.deepEqual(await driver.scan?.(samples, { cursor: '\u{10ffff}'.repeat(8) }), { records: [], cursor: null })
  })

  for (const key of keys) await driver.remove(samples, key)
  await driver.remove(others, `${prefix}other`)
}
