/** Needs PostgreSQL: `TEST_POSTGRES_URL`, or trust authentication for postgres on 127.0.0.1 with a database "test". */
import { defineCollection } from '@fastify-mcp-auth/core'
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import { storageSuite, storageSuiteAcrossProcesses } from '@fastify-mcp-auth/testing/storage-suite'
import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import t from 'tap'
import { Type } from 'typebox'
import { driverModule } from './driver-module.ts'
import { sharedPromises } from './shared-promises.ts'

const url = process.env['TEST_POSTGRES_URL'] ?? 'postgres://postgres@127.0.0.1:5432/test'
const run = `t${process.pid}_`
const pool = new pg.Pool({ connectionString: url })
const admin = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })

t.teardown(async () => {
  const { rows } = await sql<{ name: string }>`select tablename as name from pg_tables
    where schemaname = current_schema() and starts_with(tablename, ${run})`.execute(admin)
  for (const { name } of rows) await sql`drop table ${sql.table(name)}`.execute(admin)
  await admin.destroy()
})

await t.test('PostgreSQL', t => storageSuite(t, () => sqlStorage({ url, tablePrefix: `${run}a_` })))

await t.test('PostgreSQL, ten processes', async t => {
  const options = { url, tablePrefix: `${run}b_`, poolSize: 3 }
  await storageSuiteAcrossProcesses(t, () => sqlStorage(options), driverModule(options))
})

const named = new URL(url)
named.searchParams.set('application_name', run)

const exact = new pg.Pool({
  connectionString: url,
  types: { getTypeParser: (type, format) => (type === 20 ? BigInt : pg.types.getTypeParser(type, format)) }
})
t.teardown(() => exact.end())

await t.test('PostgreSQL as the app has set it up', t =>
  sharedPromises(t, {
    url,
    kysely: { kysely: admin, dialect: 'postgres' },
    pool: { pool: exact },
    ask: () => exact.query('select 1'),
    tablePrefix: `${run}c_`,
    killableUrl: named.href,
    kill: async () => {
      const { rows } = await sql`select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = ${run}`.execute(admin)
      return rows.length
    }
  })
)

await t.test('PostgreSQL: a stricter isolation level of the database makes no errors of lost races', async t => {
  const strict = new Kysely<unknown>({
    dialect: new PostgresDialect({
      pool: new pg.Pool({ connectionString: url, options: '-c default_transaction_isolation=serializable' })
    })
  })
  t.teardown(() => strict.destroy())
  const storage = sqlStorage({ kysely: strict, dialect: 'postgres', tablePrefix: `${run}d_` })
  const codes = defineCollection({ name: 'codes', record: Type.Object({ used: Type.Boolean() }) })
  await storage.open([codes])
  await storage.insert(codes, 'a', { used: false })
  const verdicts = await Promise.all(
    Array.from({ length: 10 }, () => storage.update(codes, 'a', { used: false }, { used: true }))
  )
  t.equal(verdicts.filter(Boolean).length, 1)
})
