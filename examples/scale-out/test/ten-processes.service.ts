/** Ten processes that start at the same moment on an empty database: one migration, one signing key. */
import { Client } from 'pg'
import t, { type Test } from 'tap'
import { type Engine, mariadb, postgres, redis, sqlite } from './engines.ts'
import { clusterOn } from './whole-story.ts'

const PROCESSES = 10

async function startTen(t: Test, engine: Engine): Promise<void> {
  const { running, lines } = await clusterOn(t, engine, PROCESSES)
  t.equal(running().length, PROCESSES, 'all of them serve')
  const sets = await Promise.all(
    running().map(async ({ origin }) => (await fetch(`${origin}/.well-known/jwks.json`)).text())
  )
  t.equal(new Set(sets).size, 1, 'they publish the same')
  t.equal(JSON.parse(sets[0] ?? '{}').keys?.length, 1, 'and that is one key')
  t.notOk(
    lines.some(line => /"level":(40|50|60)/.test(line)),
    'nobody complains'
  )
}

t.test('openauth 323: ten processes start at once on an empty PostgreSQL database', async t => {
  const engine = await postgres(t)
  await startTen(t, engine)
  const client = new Client({ connectionString: engine.DATABASE_URL })
  await client.connect()
  const { rows } = await client.query('select count(*)::int as n from mcp_auth_signing_keys')
  t.strictSame(rows, [{ n: 1 }], 'one was stored')
  await client.end()
})

t.test('openauth 323: ten processes start at once on an empty MariaDB database', async t =>
  startTen(t, await mariadb(t))
)
t.test('openauth 323: ten processes start at once on an empty SQLite file', async t => startTen(t, await sqlite(t)))
t.test('openauth 323: ten processes start at once on an empty Redis', async t => startTen(t, await redis(t)))
