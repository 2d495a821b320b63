/**
 * The servers that the tests use: `TEST_POSTGRES_URL` or trust authentication for postgres, `TEST_MYSQL_URL` or root without a password,
 * on 127.0.0.1, each with a database "test".
 */
import { Kysely, MysqlDialect, PostgresDialect, sql } from 'kysely'
import { createPool } from 'mysql2'
import pg from 'pg'
import type { Test } from 'tap'
import { runClient } from './run-client.ts'

export const POSTGRES_URL = process.env['TEST_POSTGRES_URL'] ?? 'postgres://postgres@127.0.0.1:5432/test'
export const MYSQL_URL = process.env['TEST_MYSQL_URL'] ?? 'mysql://root@127.0.0.1:3306/test'

export interface TestServer {
  readonly name: 'PostgreSQL' | 'MySQL'
  readonly dialect: 'postgres' | 'mysql'
  readonly url: string
  readonly host: string
  readonly port: number
  /** Runs a script with the engine's own client. */
  runScript(script: string): Promise<void>
  /** The name of a schema that is not there, and will not be when the test is over. */
  newSchema(t: Test): string
  /** The same server by another address, such as that of a line that breaks. */
  at(server: { host: string; port: number }): string
}

let schemas = 0

function serverOf(
  name: TestServer['name'],
  url: string,
  {
    client,
    drop,
    port
  }: {
    client: (url: URL) => [string, ...string[]]
    drop: (schema: string) => Promise<unknown>
    port: number
  }
): TestServer {
  const parsed = new URL(url)
  return {
    name,
    dialect: name === 'MySQL' ? 'mysql' : 'postgres',
    url,
    host: parsed.hostname,
    port: Number(parsed.port || port),
    at: ({ host, port }) => Object.assign(new URL(url), { hostname: host, port: String(port) }).href,
    runScript(script) {
      const [command, ...args] = client(parsed)
      return runClient(command, args, script)
    },
    newSchema(t) {
      const schema = `t${process.pid}_${++schemas}`
      t.teardown(() => drop(schema))
      return schema
    }
  }
}

async function using(db: Kysely<unknown>, run: (db: Kysely<unknown>) => Promise<unknown>): Promise<void> {
  await run(db)
  await db.destroy()
}

export const SERVERS: readonly TestServer[] = [
  serverOf('PostgreSQL', POSTGRES_URL, {
    port: 5432,
    client: ({ href }) => ['psql', href, '-X', '-q', '-v', 'ON_ERROR_STOP=1'],
    drop: schema =>
      using(
        new Kysely({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: POSTGRES_URL }) }) }),
        db => sql`drop schema if exists ${sql.ref(schema)} cascade`.execute(db)
      )
  }),
  serverOf('MySQL', MYSQL_URL, {
    port: 3306,
    client: ({ hostname, port, username, password }) => [
      'mysql',
      `--host=${hostname}`,
      `--port=${port || 3306}`,
      `--user=${username}`,
      ...(password ? [`--password=${password}`] : [])
    ],
    drop: schema =>
      using(new Kysely({ dialect: new MysqlDialect({ pool: createPool({ uri: MYSQL_URL }) }) }), db =>
        sql`drop database if exists ${sql.ref(schema)}`.execute(db)
      )
  })
]
