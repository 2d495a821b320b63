/** Portions of background work. */
import t from 'tap'
import { portions } from '../src/portions.ts'

/** A database in which removing a record takes so many milliseconds, and what was asked of it. */
function database(perRecord: number) {
  const seen = { sizes: [] as number[], pauses: [] as number[], perRecord }
  let clock = 0
  const { next } = portions({ now: () => clock, sleep: async pause => void seen.pauses.push(pause) })
  const work = (most = Number.POSITIVE_INFINITY) =>
    next(most, async size => {
      seen.sizes.push(size)
      clock += size * seen.perRecord
      return size
    })
  return { seen, work }
}

t.test('issue 5, cleanup: portions get smaller where each takes long, down to ten records', async t => {
  const { seen, work } = database(2)
  for (let i = 0; i < 5; i++) await work()
  t.strictSame(seen.sizes, [40, 20, 10, 10, 10])
})

t.test('issue 5, cleanup: portions get larger where they are done at once, up to 320 records', async t => {
  const { seen, work } = database(0)
  for (let i = 0; i < 6; i++) await work()
  t.strictSame(seen.sizes, [40, 80, 160, 320, 320, 320])
})

t.test('issue 5, cleanup: a portion that takes some milliseconds has its size, until that changes', async t => {
  const { seen, work } = database(0.25)
  for (let i = 0; i < 3; i++) await work()
  seen.perRecord = 1
  for (let i = 0; i < 3; i++) await work()
  t.strictSame(seen.sizes, [40, 40, 40, 40, 20, 10])
})

t.test('issue 5, cleanup: a portion is never larger than asked for, and a small one makes none larger', async t => {
  const { seen, work } = database(0)
  for (const most of [3, 3, 40]) t.equal(await work(most), most)
  await work()
  t.strictSame(seen.sizes, [3, 3, 40, 80])
})

t.test('issue 5, cleanup: the database is left to others for longer than it was used', async t => {
  const { seen, work } = database(0.25)
  await work()
  t.strictSame(seen.pauses, [20])
})

t.test('issue 5, cleanup: what fails is told, and the next portion goes on', async t => {
  const { next } = portions()
  await t.rejects(
    next(1, () => Promise.reject(new Error('cut'))),
    { message: 'cut' }
  )
  t.equal(await next(1, async size => size), 1)
})
