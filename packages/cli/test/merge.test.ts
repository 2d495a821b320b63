/** Two storages side by side: what is missing is added, what differs is changed, what is too much is told or removed. */
import { setTimeout as later } from 'node:timers/promises'
import { compareKeys, defineCollection, type StorageDriver } from '@fastify-mcp-auth/core'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import fc from 'fast-check'
import t from 'tap'
import { Type } from 'typebox'
import { merge } from '../src/merge.ts'

const things = defineCollection({
  name: 'things',
  record: Type.Object({ owner: Type.String(), value: Type.Unknown() }),
  indexes: ['owner']
})

async function storageWith(records: Readonly<Record<string, unknown>>): Promise<StorageDriver> {
  const storage = memoryStorage()
  for (const [key, value] of Object.entries(records)) await storage.insert(things, key, { owner: 'o', value })
  return storage
}

async function contentOf(storage: StorageDriver): Promise<[string, unknown][]> {
  const page = await storage.scan?.(things, { limit: 1000 })
  return page?.records.map(({ key, record }): [string, unknown] => [key, record['value']]) ?? []
}

const sides = (from: StorageDriver, to: StorageDriver, more = {}) => ({
  collection: things,
  from,
  to,
  batch: 2,
  dryRun: false,
  prune: false,
  ...more
})

t.test(
  'whatever two storages hold: pruned, the target is the source; not pruned, it has what was too much besides',
  async t => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'B', 'é', '～', '🔑', 'aa')
    const content = fc.dictionary(key, fc.integer({ min: 0, max: 2 }), { noNullPrototype: true })
    await fc.assert(
      fc.asyncProperty(
        content,
        content,
        fc.boolean(),
        fc.integer({ min: 1, max: 5 }),
        async (source, target, prune, batch) => {
          const [from, to] = [await storageWith(source), await storageWith(target)]
          const counts = await merge(sides(from, to, { prune, batch }))
          const expected = prune ? source : { ...target, ...source }
          const sorted = Object.entries(expected).toSorted(([a], [b]) => compareKeys(a, b))
          t.strictSame(await contentOf(to), sorted)
          t.equal((await contentOf(from)).length, Object.keys(source).length)
          t.strictSame(counts, {
            records: Object.keys(source).length,
            added: Object.keys(source).filter(one => !(one in target)).length,
            changed: Object.keys(source).filter(one => one in target && source[one] !== target[one]).length,
            extra: Object.keys(target).filter(one => !(one in source)).length
          })
          const again = await merge(sides(from, to, { dryRun: true }))
          t.strictSame([again.added, again.changed], [0, 0])
        }
      ),
      { numRuns: 60 }
    )
  }
)

t.test('a dry run writes nothing, and tells the same', async t => {
  const [from, to] = [await storageWith({ a: 1, b: 2, c: 3 }), await storageWith({ b: 0, z: 9 })]
  const counts = await merge(sides(from, to, { dryRun: true, prune: true }))
  t.strictSame(counts, { records: 3, added: 2, changed: 1, extra: 1 })
  t.strictSame(await contentOf(to), [
    ['b', 0],
    ['z', 9]
  ])
})

t.test('interrupted at any write, the next run brings it to its end', async t => {
  const source = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`key-${n}`, n]))
  const from = await storageWith(source)
  for (const failAt of [1, 7, 17, 33, 40]) {
    const to = await storageWith({ 'key-3': 'old', other: 1 })
    let writes = 0
    const failing: StorageDriver = {
      ...to,
      insert: (...call) => (++writes >= failAt ? Promise.reject(new Error('cut')) : to.insert(...call)),
      update: (...call) => (++writes >= failAt ? Promise.reject(new Error('cut')) : to.update(...call))
    }
    await t.rejects(merge(sides(from, failing)), /cut/)
    await merge(sides(from, to, { prune: true }))
    t.strictSame(Object.fromEntries(await contentOf(to)), source)
  }
})

t.test('somebody else who writes to the target is noticed, not overwritten unseen', async t => {
  const [from, to] = [await storageWith({ a: 1 }), await storageWith({})]
  const racing: StorageDriver = { ...to, insert: async () => false }
  await t.rejects(merge(sides(from, racing)), /somebody else writes to the target/)
})

t.test('a write that fails while the source is being read is told at the end, and ends nothing else', async t => {
  const [from, to] = [await storageWith({ a: 1, b: 2, c: 3, d: 4, e: 5 }), await storageWith({})]
  const slow: StorageDriver = {
    ...from,
    scan: async (...call) => {
      await later(10)
      return from.scan?.(...call) ?? { records: [], cursor: null }
    }
  }
  const unheard: unknown[] = []
  const hear = (reason: unknown) => unheard.push(reason)
  process.on('unhandledRejection', hear)
  t.teardown(() => process.off('unhandledRejection', hear))
  await t.rejects(merge(sides(slow, { ...to, insert: async () => false })), /somebody else writes to the target/)
  t.strictSame(unheard, [])
})

t.test('a storage without "scan" cannot be copied, and says so', async t => {
  const { scan: _, ...without } = memoryStorage()
  await t.rejects(merge(sides(without, memoryStorage())), /without the verb "scan"/)
})
