/** Needs MySQL 8 or MariaDB: `TEST_MYSQL_URL`, or root without a password on 127.0.0.1 with a database "test". */
import { defineCollection } from '@fastify-mcp-auth/core'
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import { storageSuite, storageSuiteAcrossProcesses } from '@fastify-mcp-auth/testing/storage-suite'
import { Kysely, MysqlDialect, sql } from 'kysely'
import { createPool, type PoolOptions } from 'mysql2'
import t, { type Test } from 'tap'
import { Type } from 'typebox'
import { driverModule } from './driver-module.ts'
import { sharedPromises } from './shared-promises.ts'

const url = process.env['TEST_MYSQL_URL'] ?? 'mysql://root@127.0.0.1:3306/test'
const run = `t${process.pid}_`
const connectKysely = (options: PoolOptions = {}): Kysely<unknown> =>
  new Kysely({ dialect: new MysqlDialect({ pool: createPool({ uri: url, ...options }) }) })
const admin = connectKysely()
const notes = defineCollection({
  name: 'notes',
  record: Type.Object({ owner: Type.String(), text: Type.String() }),
  indexes: ['owner']
})

t.teardown(async () => {
  const { rows } = await sql<{ name: string }>`select table_name as name from information_schema.tables
    where table_schema = database() and left(table_name, ${run.length}) = ${run}`.execute(admin)
  for (const { name } of rows) await sql`drop table ${sql.table(name)}`.execute(admin)
  await sql`drop database if exists ${sql.ref(database)}`.execute(admin)
  await admin.destroy()
})

await t.test('MySQL', t => storageSuite(t, () => sqlStorage({ url, tablePrefix: `${run}a_` })))

await t.test('MySQL, ten processes', async t => {
  const options = { url, tablePrefix: `${run}b_`, poolSize: 3 }
  await storageSuiteAcrossProcesses(t, () => sqlStorage(options), driverModule(options))
})

// A database of its own, because a connection has no other name that the server would show.
const database = `${run}killable`
const separate = new URL(url)
separate.pathname = `/${database}`

// With promises, as most apps have it.
const exact = createPool({ uri: url, supportBigNumbers: true, bigNumberStrings: true }).promise()
t.teardown(() => exact.end())

await t.test('MySQL as the app has set it up', async t => {
  await sql`create database ${sql.ref(database)}`.execute(admin)
  await sharedPromises(t, {
    url,
    kysely: { kysely: admin, dialect: 'mysql' },
    pool: { pool: exact },
    ask: () => exact.query('select 1'),
    tablePrefix: `${run}c_`,
    killableUrl: separate.href,
    kill: async () => {
      const { rows } = await sql<{ id: number }>`select id from information_schema.processlist
        where db = ${database}`.execute(admin)
      for (const { id } of rows) await sql`kill ${sql.lit(Number(id))}`.execute(admin)
      return rows.length
    }
  })
})

await t.test('MySQL: a connection that counts changed rows still counts a guard that held', async t => {
  const changed = connectKysely({ flags: ['-FOUND_ROWS'] })
  t.teardown(() => changed.destroy())
  const storage = sqlStorage({ kysely: changed, dialect: 'mysql', tablePrefix: `${run}d_` })
  await storage.open([notes])
  await storage.insert(notes, 'a', { owner: 'alice', text: 'same' })
  t.equal(await storage.insert(notes, 'a', { owner: 'alice', text: 'same' }), false)
  t.equal(await storage.update(notes, 'a', { text: 'same' }, { text: 'same' }), true)
})

const modes: [string, RegExp][] = [
  ['', /strict mode/],
  ['STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES', /NO_BACKSLASH_ESCAPES/],
  ['STRICT_ALL_TABLES,ANSI_QUOTES', /ANSI_QUOTES/]
]
for (const [mode, message] of modes)
  await t.test(`MySQL: a connection with sql_mode "${mode}" is refused at the start`, async t => {
    const kysely = withMode(t, mode)
    const storage = sqlStorage({ kysely, dialect: 'mysql', tablePrefix: `${run}e_` })
    await t.rejects(storage.open([notes]), { code: 'FST_OAUTH_STORAGE', message })
  })

await t.test('MySQL: a text that becomes indexed changes its column', async t => {
  const tablePrefix = `${run}f_`
  const before = defineCollection({ name: 'notes', record: notes.record })
  const storage = sqlStorage({ url, tablePrefix })
  t.teardown(() => storage.close())
  await storage.open([before])
  await storage.insert(before, 'a', { owner: 'alice', text: 'x' })
  t.match(await storage.migrate([notes]), [/modify column `owner` varbinary/, /create index/])
  t.equal((await storage.list(notes, 'owner', 'alice')).records.length, 1)
  t.same(await storage.migrate([before]), [], 'an older version beside it changes nothing back')
})

await t.test('MySQL: a connection in another character set is refused at the start', async t => {
  const kysely = connectKysely({ charset: 'LATIN1_SWEDISH_CI' })
  t.teardown(() => kysely.destroy())
  const storage = sqlStorage({ kysely, dialect: 'mysql', tablePrefix: `${run}g_` })
  await t.rejects(storage.open([notes]), { code: 'FST_OAUTH_STORAGE', message: /latin1.*utf8mb4/ })
})

function withMode(t: Test, mode: string): Kysely<unknown> {
  const pool = createPool({ uri: url })
  pool.on('connection', connection => connection.query('set session sql_mode = ?', [mode]))
  const kysely = new Kysely<unknown>({ dialect: new MysqlDialect({ pool }) })
  t.teardown(() => kysely.destroy())
  return kysely
}
