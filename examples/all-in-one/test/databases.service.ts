/**
 * The example on the databases that many machines can share. Needs PostgreSQL, MariaDB or MySQL, and Redis:
 * `TEST_POSTGRES_URL`, `TEST_MYSQL_URL` and `TEST_REDIS_URL` say where, with an account that may create databases.
 */
import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import { createConnection } from 'mysql2/promise'
import { Client } from 'pg'
import t, { type Test } from 'tap'
import { raceTwoProcesses } from './two-processes.ts'

const POSTGRES = process.env['TEST_POSTGRES_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres'
const MYSQL = process.env['TEST_MYSQL_URL'] ?? 'mysql://root@127.0.0.1:3306/mysql'

/** Makes a database that goes away with the test. @returns its URL */
async function freshDatabase(t: Test, server: string, run: (statement: string) => Promise<unknown>): Promise<string> {
  const name = `acme_notes_${randomBytes(6).toString('hex')}`
  await run(`create database ${name}`)
  t.teardown(() => run(`drop database ${name}`))
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

t.test('two processes on one PostgreSQL database', async t => {
  const url = await freshDatabase(t, POSTGRES, async statement => {
    const client = new Client({ connectionString: POSTGRES })
    await client.connect()
    // The servers were killed, but PostgreSQL may not have noticed yet.
    await client.query(statement.startsWith('drop') ? `${statement} with (force)` : statement)
    await client.end()
  })
  await raceTwoProcesses(t, url)
})

t.test('two processes on one MariaDB database', async t => {
  const url = await freshDatabase(t, MYSQL, async statement => {
    const connection = await createConnection(MYSQL)
    await connection.query(statement)
    await connection.end()
  })
  await raceTwoProcesses(t, url)
})

t.test('two processes on PostgreSQL and Redis: one of them is killed, and nothing handed out is lost', async t => {
  const url = await freshDatabase(t, POSTGRES, async statement => {
    const client = new Client({ connectionString: POSTGRES })
    await client.connect()
    await client.query(statement.startsWith('drop') ? `${statement} with (force)` : statement)
    await client.end()
  })
  await raceTwoProcesses(t, url, await freshRedis(t))
})

/** A database of Redis that is empty before and after. */
async function freshRedis(t: Test): Promise<string> {
  const url = new URL(process.env['TEST_REDIS_URL'] ?? 'redis://127.0.0.1:6379')
  url.pathname = '/9'
  const redis = new Redis(url.href)
  t.equal(await redis.dbsize(), 0, 'database 9 of Redis is for this test')
  t.teardown(async () => {
    await redis.flushdb()
    redis.disconnect()
  })
  return url.href
}
