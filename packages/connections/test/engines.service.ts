/**
 * On PostgreSQL, MariaDB and Redis: `TEST_POSTGRES_URL`, `TEST_MYSQL_URL` and `TEST_REDIS_URL`, or postgres (trust), root without a
 * password and Redis on 127.0.0.1, the first two with a database "test".
 */
import { redisStorage } from '@fastify-mcp-auth/storage-redis'
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import { Redis } from 'ioredis'
import mysql from 'mysql2/promise'
import pg from 'pg'
import t from 'tap'
import { liveOn } from './engines.ts'

const postgresUrl = process.env['TEST_POSTGRES_URL'] ?? 'postgres://postgres@127.0.0.1:5432/test'
const mysqlUrl = process.env['TEST_MYSQL_URL'] ?? 'mysql://root@127.0.0.1:3306/test'
const redisUrl = process.env['TEST_REDIS_URL'] ?? 'redis://127.0.0.1:6379'
const run = `cn${process.pid}_`

await t.test('feature 21: a life of a connection on PostgreSQL', async t => {
  const storage = sqlStorage({ url: postgresUrl, tablePrefix: run })
  await liveOn(t, storage)
  await storage.close?.()
  const client = new pg.Client({ connectionString: postgresUrl })
  await client.connect()
  const { rows } = await client.query<{ name: string }>(
    'select tablename as name from pg_tables where schemaname = current_schema() and starts_with(tablename, $1)',
    [run]
  )
  for (const { name } of rows) await client.query(`drop table ${client.escapeIdentifier(name)}`)
  await client.end()
})

await t.test('feature 21: a life of a connection on MariaDB', async t => {
  const storage = sqlStorage({ url: mysqlUrl, tablePrefix: run })
  await liveOn(t, storage)
  await storage.close?.()
  const connection = await mysql.createConnection(mysqlUrl)
  const [rows] = await connection.query<mysql.RowDataPacket[]>(
    'select table_name as name from information_schema.tables where table_schema = database() and left(table_name, ?) = ?',
    [run.length, run]
  )
  for (const { name } of rows) await connection.query('drop table ??', [name])
  await connection.end()
})

await t.test('feature 21: a life of a connection on Redis', async t => {
  const storage = redisStorage({ url: redisUrl, keyPrefix: run })
  await liveOn(t, storage)
  await storage.close?.()
  const redis = new Redis(redisUrl)
  const keys = await redis.keys(`${run}*`)
  if (keys.length > 0) await redis.del(...keys)
  await redis.quit()
})
