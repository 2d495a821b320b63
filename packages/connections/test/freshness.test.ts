/** How long what was discovered is used again: as the documents say, within bounds. */
import fc from 'fast-check'
import t from 'tap'
import { clockAhead, freshFor } from '../src/freshness.ts'
import { alice, createWorld } from './world.ts'

t.test('RFC 9111 5.2.2: Cache-Control within a minute and a day, an hour where nothing is said', async t => {
  const said: [string | undefined, number][] = [
    [undefined, 3600],
    ['public', 3600],
    ['max-age=300', 300],
    ['public, MAX-AGE=7200, must-revalidate', 7200],
    ['max-age=0', 60],
    ['no-store', 60],
    ['no-cache, max-age=7200', 60],
    ['max-age=99999999', 86_400],
    ['max-age=-1', 3600],
    ['max-age=1e9', 3600],
    ['s-maxage=10', 3600]
  ]
  for (const [header, seconds] of said) t.equal(freshFor({ 'cache-control': header }), seconds, String(header))
  t.equal(freshFor({ 'cache-control': 'max-age=3600', age: '3000' }), 600, 'what a cache on the way kept it for counts')
  fc.assert(
    fc.property(fc.string(), fc.string(), (header, age) => {
      const seconds = freshFor({ 'cache-control': header, age })
      return Number.isInteger(seconds) && seconds >= 60 && seconds <= 86_400
    })
  )
})

t.test('feature 22: metadata is asked for again when its time is over, not before', async t => {
  const world = await createWorld(t, { issuer: { behaviour: { accessTokenLifetime: 60 } } })
  await world.connect()
  const refreshAfter = async (seconds: number): Promise<number[]> => {
    const count = () => [world.server.count('metadata'), world.issuer.count('metadata')]
    const before = count()
    world.clock.advance(seconds)
    await world.connections.refresh(alice, 'notes')
    return count().map((read, at) => read - (before[at] ?? 0))
  }
  t.strictSame(await refreshAfter(59), [0, 0], 'the sign-in has read both')
  t.strictSame(await refreshAfter(1), [1, 0], 'that of the server is not to be stored, which means a minute here')
  t.strictSame(await refreshAfter(59), [0, 0])
  t.strictSame(await refreshAfter(181), [1, 1], 'that of the issuer says five minutes')
})

t.test('RFC 9111 5.1: how far the clock of the other side is from ours, a cache on the way reckoned in', async t => {
  const now = 1_800_000_000
  const date = new Date((now - 90) * 1000).toUTCString()
  t.equal(clockAhead({ date }, now), -90)
  t.equal(clockAhead({ date, age: '90' }, now), 0)
  t.equal(clockAhead({ date: 'yesterday' }, now), null)
  t.equal(clockAhead({}, now), null)
})

t.test('feature 12: a probe says when the clock of the authorization server is far from ours', async t => {
  const { connections, clock } = await createWorld(t)
  clock.advance(Math.floor(Date.now() / 1000) - clock.now())
  t.notOk((await connections.diagnose('notes')).problems.some(problem => problem.includes('clock')))
  clock.advance(300)
  const { problems, clockAhead } = await connections.diagnose('notes')
  t.ok(clockAhead !== null && clockAhead <= -298 && clockAhead >= -301, String(clockAhead))
  t.ok(problems.some(problem => problem.startsWith('the clock of the authorization server and ours are')))
})
