/** The Redis that the tests use: `TEST_REDIS_URL`, or one without a password on 127.0.0.1. */
import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import type { Test } from 'tap'

export const url = process.env['TEST_REDIS_URL'] ?? 'redis://127.0.0.1:6379/0'

/** A client of its own and a prefix for its keys; both are gone when the test is over. */
export function onServer(t: Test): { admin: Redis; keyPrefix: string; keys: () => Promise<string[]> } {
  const admin = new Redis(url)
  const keyPrefix = `test-${randomUUID()}:`
  const keys = async (): Promise<string[]> => {
    const found: string[] = []
    for await (const batch of admin.scanStream({ match: `${keyPrefix}*`, count: 1000 }))
      found.push(...(batch as string[]))
    return found.toSorted()
  }
  t.teardown(async () => {
    for (const key of await keys()) await admin.unlink(key)
    admin.disconnect()
  })
  return { admin, keyPrefix, keys }
}
