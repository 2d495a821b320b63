/**
 * On PostgreSQL, MariaDB and Redis: `TEST_POSTGRES_URL`, `TEST_MYSQL_URL` and `TEST_REDIS_URL`, or postgres (trust), root without a password
 * and no password at all on 127.0.0.1, the first two with a database "test".
 */
import { redisStorage } from '@fastify-mcp-auth/storage-redis'
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import { Redis } from 'ioredis'
import { Kysely, MysqlDialect, PostgresDialect, sql } from 'kysely'
import { createPool } from 'mysql2'
import pg from 'pg'
import t from 'tap'
import { roundTrips } from './round-trips.ts'

const schema = `t${process.pid}_trips`

await t.test('PostgreSQL: a request costs a known number of statements', async t => {
  let sent = 0
  const connectionString = process.env['TEST_POSTGRES_URL'] ?? 'postgres://postgres@127.0.0.1:5432/test'
  const dialect = new PostgresDialect({ pool: new pg.Pool({ connectionString }) })
  const kysely = new Kysely<unknown>({ dialect, log: () => void sent++ })
  await roundTrips(t, { storage: sqlStorage({ kysely, dialect: 'postgres', schema }), sent: () => sent })
  t.teardown(async () => {
    await sql`drop schema ${sql.ref(schema)} cascade`.execute(kysely)
    await kysely.destroy()
  })
})

await t.test('MariaDB: a request costs a known number of statements', async t => {
  let sent = 0
  const uri = process.env['TEST_MYSQL_URL'] ?? 'mysql://root@127.0.0.1:3306/test'
  const dialect = new MysqlDialect({ pool: createPool({ uri }) })
  const kysely = new Kysely<unknown>({ dialect, log: () => void sent++ })
  await roundTrips(t, { storage: sqlStorage({ kysely, dialect: 'mysql', schema }), sent: () => sent })
  t.teardown(async () => {
    await sql`drop database ${sql.ref(schema)}`.execute(kysely)
    await kysely.destroy()
  })
})

await t.test('Redis: a request costs the same number of scripts and commands', async t => {
  const url = process.env['TEST_REDIS_URL'] ?? 'redis://127.0.0.1:6379/0'
  const keyPrefix = `${schema}:`
  const admin = new Redis(url)
  const storage = redisStorage({ url, keyPrefix })
  let sent = 0
  const { sendCommand } = Redis.prototype
  Redis.prototype.sendCommand = function (...args) {
    // A server that has not met a script yet is asked by its digest, and then told it.
    if (this !== admin && args[0].name !== 'eval') sent++
    return sendCommand.apply(this, args)
  }
  await roundTrips(t, { storage, sent: () => sent })
  Redis.prototype.sendCommand = sendCommand
  t.teardown(async () => {
    await storage.close()
    for await (const keys of admin.scanStream({ match: `${keyPrefix}*` }))
      if (keys.length > 0) await admin.unlink(keys as string[])
    admin.disconnect()
  })
})
