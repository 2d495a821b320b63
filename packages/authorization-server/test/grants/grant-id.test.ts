/** Names of grants. */
import t from 'tap'
import { newGrantId } from '../../src/grants/grant-id.ts'
import { buildServer, recordsOf } from '../fixture.ts'

const NOW = 1_800_000_000

t.test('issue 5, storage: grants of one second have the beginning of their names in common, and nothing else', t => {
  const ids = Array.from({ length: 1000 }, () => newGrantId(NOW))
  for (const id of ids) t.match(id, /^[A-Za-z0-9_-]{22}$/)
  t.equal(new Set(ids.map(id => id.slice(0, 5))).size, 1)
  t.equal(new Set(ids.map(id => id.slice(6))).size, ids.length)
  // 96 bits each: every bit behind the second is sometimes set and sometimes not.
  const bytes = ids.map(id => Buffer.from(id, 'base64url'))
  for (const id of bytes) t.equal(id.readUInt32BE(), NOW)
  for (let bit = 32; bit < 128; bit++) {
    const isSet = bytes.filter(id => ((id[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1).length
    t.ok(isSet > 350 && isSet < 650, `bit ${bit}`)
  }
  t.end()
})

t.test('issue 5, storage: the clock may be beyond the year 2106', t => {
  t.match(newGrantId(2 ** 32 + 7), /^AAAAB/)
  t.end()
})

t.test('issue 5, storage: what is made one after the other stands together', async t => {
  const { storage, client, clock } = await buildServer(t)
  for (let i = 0; i < 4; i++) await client().connect()
  const { records } = await recordsOf({ storage }).grants.list('subject', 'sub-alice')
  t.equal(records.length, 4)
  for (const { key } of records) t.equal(Buffer.from(key, 'base64url').readUInt32BE(), clock.now())
})
