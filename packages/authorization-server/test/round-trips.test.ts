/** On SQLite; every statement is logged by Kysely. */
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import Database from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import t from 'tap'
import { roundTrips } from './round-trips.ts'

await t.test('SQLite: a request costs a known number of statements', async t => {
  let sent = 0
  const kysely = new Kysely<unknown>({
    dialect: new SqliteDialect({ database: new Database(':memory:') }),
    log: () => void sent++
  })
  t.teardown(() => kysely.destroy())
  await roundTrips(t, { storage: sqlStorage({ kysely, dialect: 'sqlite' }), sent: () => sent })
})
