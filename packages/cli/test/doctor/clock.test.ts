/** Clocks of databases, beside that of whoever asks. */
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import t from 'tap'
import { storageClockFindings } from '../../src/doctor/clock.ts'

const NOW = 1_800_000_000

t.test('feature 12: the clock of a database that has one, however long its answer took', async t => {
  const findings = async (theirs: number, slow = 0) => {
    const times = [NOW, NOW + slow]
    const drivers = [memoryStorage(), { ...memoryStorage(), serverTime: async () => theirs }]
    return storageClockFindings(drivers, () => times.shift() ?? 0)
  }
  const good = { check: 'clock of the storage', state: 'good', seen: '0 s from that of the database' }
  t.match(await findings(NOW), [good])
  t.match(await findings(NOW + 25, 60), [good], 'it said so in the middle')
  t.match(await findings(NOW - 10), [{ state: 'good', seen: /^10 s/ }])
  for (const [theirs, slow] of [
    [NOW - 11, 0],
    [NOW + 71, 60]
  ] as const)
    t.match(await findings(theirs, slow), [{ state: 'bad', seen: '11 s from that of the database', mend: /NTP/ }])
})
