import t from 'tap'
import { Type } from 'typebox'
import { openCollection } from '../../src/storage/collection.ts'
import { defineCollection } from '../../src/storage/driver.ts'
import { memoryStorage } from '../../src/storage/memory.ts'

const Things = defineCollection({
  name: 'things',
  record: Type.Object({ owner: Type.String(), count: Type.Integer(), expiresAt: Type.Integer() }),
  indexes: ['owner'],
  expiry: 'expiresAt'
})

t.test('collection: the verbs of the driver, bound and typed', async t => {
  const things = openCollection(memoryStorage(), Things)
  t.ok(await things.insert('a', { owner: 'o', count: 1, expiresAt: 10 }))
  t.notOk(await things.insert('a', { owner: 'o', count: 2, expiresAt: 10 }))
  t.ok(await things.update('a', { count: 1 }, { count: 2 }))
  t.notOk(await things.update('a', { count: 1 }, { count: 3 }))
  t.strictSame(await things.get('a'), { owner: 'o', count: 2, expiresAt: 10 })
  t.match(await things.list('owner', 'o'), { records: [{ key: 'a' }], cursor: null })
  t.equal(await things.removeExpired(10), 0)
  t.equal(await things.removeExpired(11), 1)
  t.notOk(await things.remove('a'))
})

t.test('collection: removeWhere repeats bounded batches until nothing is left', async t => {
  const memory = memoryStorage()
  const limits: unknown[] = []
  const driver: typeof memory = {
    ...memory,
    removeWhere: (collection, ...where) => {
      limits.push(where[2]?.limit)
      return memory.removeWhere(collection, ...where)
    }
  }
  const things = openCollection(driver, Things)
  for (let n = 0; n < 2000; n++) await things.insert(`k${n}`, { owner: 'o', count: n, expiresAt: 0 })
  await things.insert('other', { owner: 'p', count: 0, expiresAt: 0 })
  t.equal(await things.removeWhere('owner', 'o'), 2000)
  t.strictSame(limits, [1000, 1000, 1000])
  t.ok(await things.get('other'))
})
