import t from 'tap'
import { Type } from 'typebox'
import { defineCollection } from '../../src/storage/driver.ts'
import { memoryStorage } from '../../src/storage/memory.ts'

const Things = defineCollection({
  name: 'things',
  record: Type.Object({
    owner: Type.String(),
    usedAt: Type.Union([Type.Integer(), Type.Null()]),
    data: Type.Unknown(),
    expiresAt: Type.Union([Type.Integer(), Type.Null()])
  }),
  indexes: ['owner'],
  expiry: 'expiresAt'
})
const record = (owner = 'o', expiresAt: number | null = null) => ({
  owner,
  usedAt: null,
  data: { list: [1] },
  expiresAt
})

t.test('memory: says what it is', async t => {
  t.strictSame(memoryStorage().capabilities, { durable: false, atomic: true, shared: false })
})

t.test('memory: a guarded update has one winner of fifty', async t => {
  const driver = memoryStorage()
  await driver.insert(Things, 'k', record())
  const wins = await Promise.all(
    Array.from({ length: 50 }, (_, n) => driver.update(Things, 'k', { usedAt: null, owner: 'o' }, { usedAt: n }))
  )
  t.equal(wins.filter(Boolean).length, 1)
  t.notOk(await driver.update(Things, 'missing', {}, { usedAt: 1 }))
})

t.test('memory: records are copies, in both directions', async t => {
  const driver = memoryStorage()
  const mine = record()
  await driver.insert(Things, 'k', mine)
  mine.data.list.push(2)
  const read = (await driver.get(Things, 'k')) as typeof mine
  t.strictSame(read.data, { list: [1] })
  read.data.list.push(3)
  t.strictSame(await driver.get(Things, 'k'), record())
})

t.test('memory: what was not given is null, and what was not declared is refused', async t => {
  const driver = memoryStorage()
  await driver.insert(Things, 'k', { owner: 'o' })
  t.strictSame(await driver.get(Things, 'k'), { owner: 'o', usedAt: null, data: null, expiresAt: null })
  await t.rejects(driver.insert(Things, 'x', { ...record(), more: 1 }), TypeError)
  await t.rejects(driver.update(Things, 'k', {}, { more: 1 }), TypeError)
  await t.rejects(driver.update(Things, 'k', { more: null }, { usedAt: 1 }), TypeError)
  await t.rejects(driver.update(Things, 'k', { data: null }, { usedAt: 1 }), TypeError, 'json is no guard')
  await t.rejects(driver.update(Things, 'k', { usedAt: undefined as unknown as null }, { usedAt: 1 }), TypeError)
  await t.rejects(driver.list(Things, 'usedAt', '1'), TypeError)
  await t.rejects(driver.removeWhere(Things, 'data', 'x'), TypeError)
  t.equal(await driver.get(Things, 'x'), null)
  t.match(await driver.get(Things, 'k'), { usedAt: null }, 'nothing was written')
})

t.test('memory: an index follows updates and removals', async t => {
  const driver = memoryStorage()
  const keys = async (owner: string): Promise<string[]> =>
    (await driver.list(Things, 'owner', owner)).records.map(({ key }) => key)
  await driver.insert(Things, 'a', record('o'))
  await driver.insert(Things, 'b', record('o'))
  await driver.update(Things, 'a', {}, { owner: 'p' })
  t.strictSame([await keys('o'), await keys('p')], [['b'], ['a']])
  await driver.remove(Things, 'b')
  t.strictSame([await keys('o'), await keys('p'), await keys('__proto__')], [[], ['a'], []])
})

t.test('memory: pages are in key order, and a cursor survives deletions', async t => {
  const driver = memoryStorage()
  for (const key of ['c', 'a', 'd', 'b', 'e']) await driver.insert(Things, key, record())
  const first = await driver.list(Things, 'owner', 'o', { limit: 2 })
  t.match(first, { records: [{ key: 'a' }, { key: 'b' }], cursor: 'b' })
  await driver.remove(Things, 'b')
  await driver.remove(Things, 'c')
  const second = await driver.list(Things, 'owner', 'o', { limit: 2, cursor: first.cursor })
  t.strictSame([second.records.map(({ key }) => key), second.cursor], [['d', 'e'], null])
})

t.test('memory: cleanup removes what expired before, in bounded batches, and never what does not expire', async t => {
  const driver = memoryStorage()
  for (let n = 0; n < 5; n++) await driver.insert(Things, `k${n}`, record('o', n))
  await driver.insert(Things, 'never', record('o', null))
  t.equal(await driver.removeWhere(Things, 'expiresBefore', 4, { limit: 3 }), 3)
  t.equal(await driver.removeWhere(Things, 'expiresBefore', 4, { limit: 3 }), 1)
  t.strictSame(
    (await driver.list(Things, 'owner', 'o')).records.map(({ key }) => key),
    ['k4', 'never']
  )
})

t.test('memory: two stores share nothing', async t => {
  const [a, b] = [memoryStorage(), memoryStorage()]
  await a.insert(Things, 'k', record())
  t.equal(await b.get(Things, 'k'), null)
})
