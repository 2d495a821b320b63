/**
 * On PostgreSQL and MariaDB: `TEST_POSTGRES_URL` and `TEST_MYSQL_URL`, or postgres (trust) and root without a password on 127.0.0.1,
 * each with a database "test".
 */
import mysql from 'mysql2/promise'
import pg from 'pg'
import t from 'tap'
import { sharedDatabaseSuite } from './shared-database.ts'

const postgresUrl = process.env['TEST_POSTGRES_URL'] ?? 'postgres://postgres@127.0.0.1:5432/test'
const mysqlUrl = process.env['TEST_MYSQL_URL'] ?? 'mysql://root@127.0.0.1:3306/test'
const run = `t${process.pid}_`
let tests = 0

await t.test('PostgreSQL', async t => {
  await sharedDatabaseSuite(t, () => ({ url: postgresUrl, tablePrefix: `${run}${++tests}_` }))
  const client = new pg.Client({ connectionString: postgresUrl })
  await client.connect()
  const { rows } = await client.query<{ name: string }>(
    'select tablename as name from pg_tables where schemaname = current_schema() and starts_with(tablename, $1)',
    [run]
  )
  for (const { name } of rows) await client.query(`drop table ${client.escapeIdentifier(name)}`)
  await client.end()
})

await t.test('MariaDB', async t => {
  await sharedDatabaseSuite(t, () => ({ url: mysqlUrl, tablePrefix: `${run}${++tests}_` }))
  const connection = await mysql.createConnection(mysqlUrl)
  const [rows] = await connection.query<mysql.RowDataPacket[]>(
    'select table_name as name from information_schema.tables where table_schema = database() and left(table_name, ?) = ?',
    [run.length, run]
  )
  for (const { name } of rows) await connection.query('drop table ??', [name])
  await connection.end()
})
