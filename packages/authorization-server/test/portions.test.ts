/** Portions of background work. */
import t from 'tap'
import { portions } from '../src/portions.ts'

/** A database that needs so many milliseconds for a portion, and what was asked of it. */
function database(cost: (size: number, portion: number) => number) {
  const seen = { sizes: [] as number[], pauses: [] as number[] }
  let clock = 0
  const { next } = portions({ now: () => clock, sleep: async pause => void seen.pauses.push(pause) })
  const work = (most = Number.POSITIVE_INFINITY, removed = most) =>
    next(most, async size => {
      clock += cost(size, seen.sizes.push(size))
      return Math.min(size, removed)
    })
  return { seen, work }
}

t.test('issue 5, cleanup: portions get smaller where each record takes long, down to 25', async t => {
  const { seen, work } = database(size => size / 7)
  for (let i = 0; i < 2; i++) await work()
  t.strictSame(seen.sizes, [40, 35], 'five milliseconds each')
  const slow = database(size => size * 2)
  for (let i = 0; i < 3; i++) await slow.work()
  t.strictSame(slow.seen.sizes, [40, 25, 25])
})

t.test('issue 5, cleanup: portions get larger by and by where they are done at once, up to 320 records', async t => {
  const { seen, work } = database(() => 0)
  for (let i = 0; i < 6; i++) await work()
  t.strictSame(seen.sizes, [40, 80, 160, 320, 320, 320])
})

t.test('issue 5, cleanup: what each portion costs besides its records is in the five milliseconds', async t => {
  const { seen, work } = database(size => 3 + size / 50)
  for (let i = 0; i < 20; i++) await work()
  t.equal(seen.sizes.at(-1), 98)
})

t.test('issue 5, cleanup: a portion that waited for somebody else makes the next no smaller', async t => {
  const { seen, work } = database((size, portion) => size / 8 + (portion % 3 === 0 ? 0 : 500))
  for (let i = 0; i < 12; i++) await work()
  t.strictSame([...new Set(seen.sizes.slice(5))], [40])
})

t.test('issue 5, cleanup: a database that has become slow gets smaller portions after the fifth', async t => {
  const { seen, work } = database((size, portion) => (portion <= 5 ? size / 8 : size / 2))
  for (let i = 0; i < 12; i++) await work()
  t.strictSame(seen.sizes, [40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 25, 25])
})

t.test('issue 5, cleanup: a portion is never larger than asked for', async t => {
  const { seen, work } = database(() => 0)
  for (const most of [3, 7]) t.equal(await work(most), most)
  t.strictSame(seen.sizes, [3, 7])
})

t.test('issue 5, cleanup: a portion in which nothing was found makes none larger', async t => {
  const { seen, work } = database(() => 0)
  for (let i = 0; i < 3; i++) t.equal(await work(Number.POSITIVE_INFINITY, 0), 0)
  t.strictSame(seen.sizes, [40, 40, 40])
})

t.test('issue 5, cleanup: the database is left to others for longer than it was used', async t => {
  const { seen, work } = database(size => size / 4)
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
