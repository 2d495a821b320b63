/** MySQL 8 and MariaDB through mysql2: many processes, many machines. */
import { ConfigurationError, KEY_BYTES } from '@fastify-mcp-auth/core'
import { Kysely, MysqlDialect, sql } from 'kysely'
import type { PoolOptions } from 'mysql2'
import { limitedMysqlPool, type Mysql2Pool } from '../time-limit.ts'
import type { ColumnType, Connector, Database, Failure, SqlDialect } from './dialect.ts'
import { codeOf, groupTables, untilClosed } from './dialect.ts'
import { loadPeer } from './peer.ts'

/** Seconds to wait while another process creates tables. */
const LOCK_TIMEOUT = 60

/** What connections are set to, whatever the server's default is; see `check`. */
const SQL_MODE = 'STRICT_TRANS_TABLES,STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'

// Of a text with a character set the index would reserve four bytes for each character, and have no room for a value and a key.
const TYPES: Record<ColumnType, string> = {
  key: `varbinary(${KEY_BYTES})`,
  indexed: `varbinary(${KEY_BYTES})`,
  text: 'longtext',
  integer: 'bigint',
  boolean: 'smallint',
  json: 'longtext'
}

export const mysql: SqlDialect = {
  name: 'mysql',
  // A text that becomes indexed changes from longtext to varbinary; strict mode stops that if one is too long.
  alterable: true,
  columnType: type => sql.raw(TYPES[type]),
  typeName: type => TYPES[type].replace(/\(.*/, ''),

  hasSchemas: true,
  clock: sql`select unix_timestamp() as ${sql.ref('second')}`,
  // Every DDL statement commits.
  transactional: false,
  // Columns inherit the collation. Both compare bytes and do not ignore spaces at the end, as utf8mb4_bin would; each server
  // reads the comment that is for it.
  tableOptions: sql`engine = InnoDB character set utf8mb4 /*!80017 collate utf8mb4_0900_bin */ /*M!100200 collate utf8mb4_nopad_bin */`,

  async check(db) {
    const collations = await sql`select 1 from information_schema.collations
      where collation_name in ('utf8mb4_0900_bin', 'utf8mb4_nopad_bin')`.execute(db)
    if (collations.rows.length === 0) throw refuse('is too old: MySQL 8.0.17 or MariaDB 10.2 is needed')
    const { rows } = await sql<{ mode: string; charset: string }>`
      select @@session.sql_mode as mode, @@session.character_set_connection as charset`.execute(db)
    const charset = rows[0]?.charset ?? ''
    // Keys are kept as the bytes that arrive.
    if (charset !== 'utf8mb4') throw refuse(`is talked to in ${charset}: set the charset of the connection to utf8mb4`)
    const modes = rows[0]?.mode.split(',') ?? []
    if (!modes.includes('STRICT_TRANS_TABLES') && !modes.includes('STRICT_ALL_TABLES'))
      throw refuse('is not in strict mode and would cut values off without an error: set sql_mode=STRICT_ALL_TABLES')
    // mysql2 escapes values on the client with backslashes; in this mode the server would take them for text.
    if (modes.includes('NO_BACKSLASH_ESCAPES')) throw refuse('has sql_mode NO_BACKSLASH_ESCAPES: turn it off')
    if (modes.includes('ANSI_QUOTES')) throw refuse('has sql_mode ANSI_QUOTES: turn it off')
  },

  async hasSchema(db, schema) {
    const { rows } = await sql`select 1 from information_schema.schemata where schema_name = ${schema}`.execute(db)
    return rows.length > 0
  },

  async inspect(db, names, schema) {
    const place = schema === null ? sql`database()` : sql`${schema}`
    const columns = await sql<{ table: string; column: string; type: string }>`
      select table_name as ${sql.ref('table')}, column_name as ${sql.ref('column')}, data_type as ${sql.ref('type')}
      from information_schema.columns
      where table_schema = ${place} and table_name in (${sql.join(names)})`.execute(db)
    const indexes = await sql<{ table: string; name: string }>`
      select distinct table_name as ${sql.ref('table')}, index_name as name from information_schema.statistics
      where table_schema = ${place} and table_name in (${sql.join(names)})`.execute(db)
    return groupTables(columns.rows, indexes.rows)
  },

  exclusively(db, name, run) {
    return db.connection().execute(async connection => {
      const { rows } = await sql<{ locked: unknown }>`select get_lock(${name}, ${LOCK_TIMEOUT}) as locked`.execute(
        connection
      )
      if (Number(rows[0]?.locked) !== 1) throw new Error('another process has been creating tables for too long')
      try {
        await run(connection)
      } finally {
        await releaseLock(connection, name)
      }
    })
  },

  judge(error): Failure {
    const code = codeOf(error)
    if (code === 'ER_DUP_ENTRY') return 'duplicate'
    if (code === 'ER_LOCK_DEADLOCK' || code === 'ER_CHECKREAD') return 'conflict'
    const state = error instanceof Error && 'sqlState' in error ? String(error.sqlState) : ''
    return /^(22|23|42)...$/.test(state) && !BUSY.has(code) ? 'statement' : 'unavailable'
  }
}

/** Errors that MySQL files under "syntax error or access rule", although they pass. */
const BUSY = new Set(['ER_USER_LIMIT_REACHED', 'ER_TOO_MANY_USER_CONNECTIONS'])

function refuse(reason: string): ConfigurationError {
  return new ConfigurationError('FST_OAUTH_STORAGE', `storage-sql: the MySQL database ${reason}`)
}

async function releaseLock(connection: Database, name: string): Promise<void> {
  await sql`select release_lock(${name})`.execute(connection)
}

/**
 * @param poolSize connections at most, per process
 * @param timeout seconds
 */
export function connectMysql(url: string, { poolSize, timeout }: { poolSize: number; timeout: number }): Connector {
  let opened: Promise<Mysql2Pool> | undefined
  const settings: PoolOptions = {
    uri: url.replace(/^mariadb:/, 'mysql:'),
    connectionLimit: poolSize,
    connectTimeout: 5000,
    enableKeepAlive: true,
    keepAliveInitialDelay: 10_000,
    charset: 'utf8mb4',
    multipleStatements: false
  }
  const open = (): Promise<Mysql2Pool> => {
    opened ??= openPool(settings)
    return opened
  }
  return connector(open, timeout, async () => {
    const ours = await opened
    // Fails when a connection cannot take its leave, which is gone then all the same.
    if (ours) await new Promise<void>(resolve => ours.end(() => resolve()))
  })
}

/** The app ends its pool itself. */
export function useMysqlPool(pool: Mysql2Pool, timeout: number): Connector {
  return connector(
    async () => pool,
    timeout,
    async () => {}
  )
}

function connector(open: () => Promise<Mysql2Pool>, timeout: number, end: () => Promise<void>): Connector {
  const pool = untilClosed(open)
  const connect = (seconds: number | null): Kysely<unknown> =>
    new Kysely({ dialect: new MysqlDialect({ pool: limitedMysqlPool(pool.open, seconds) }) })
  const [db, patient] = [connect(timeout), connect(null)]
  return {
    dialect: mysql,
    db,
    patient,
    capabilities: Object.freeze({ durable: true, atomic: true, shared: true }),
    async close() {
      pool.close()
      await Promise.all([db.destroy(), patient.destroy()])
      await end()
    }
  }
}

async function openPool(settings: PoolOptions): Promise<Mysql2Pool> {
  const { createPool } = await loadPeer<typeof import('mysql2')>('mysql2')
  const pool = createPool(settings)
  pool.on('connection', connection => {
    // Queued before the first statement of the connection, which is only used when this worked.
    connection.query(`set session sql_mode = '${SQL_MODE}'`, error => {
      if (error) connection.destroy()
    })
  })
  return pool as unknown as Mysql2Pool
}
