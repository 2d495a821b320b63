/** PostgreSQL through pg: many processes, many machines. */
import { Kysely, PostgresDialect, sql } from 'kysely'
import type { Pool, PoolConfig } from 'pg'
import { limitedPgPool, type PgPool } from '../time-limit.ts'
import type { ColumnType, Connector, Failure, SqlDialect } from './dialect.ts'
import { codeOf, groupTables, untilClosed } from './dialect.ts'
import { loadPeer } from './peer.ts'

// The C collation compares bytes: the order of pages and the use of indexes do not depend on the locale of the database.
const TYPES: Record<ColumnType, string> = {
  key: 'text collate "C"',
  indexed: 'text collate "C"',
  text: 'text',
  integer: 'bigint',
  boolean: 'smallint',
  json: 'text'
}

const TYPE_NAMES: Record<ColumnType, string> = { ...TYPES, key: 'text', indexed: 'text' }

export const postgres: SqlDialect = {
  name: 'postgres',
  alterable: false,
  columnType: type => sql.raw(TYPES[type]),
  typeName: type => TYPE_NAMES[type],
  tableOptions: sql``,
  hasSchemas: true,
  transactional: true,
  clock: sql`select floor(extract(epoch from clock_timestamp())) as "second"`,
  check: async () => {},

  async inspect(db, names, schema) {
    const place = schema === null ? sql`current_schema()` : sql`${schema}`
    const columns = await sql<{ table: string; column: string; type: string }>`
      select table_name as "table", column_name as "column", data_type as "type" from information_schema.columns
      where table_schema = ${place} and table_name in (${sql.join(names)})`.execute(db)
    const indexes = await sql<{ table: string; name: string }>`
      select tablename as "table", indexname as "name" from pg_indexes
      where schemaname = ${place} and tablename in (${sql.join(names)})`.execute(db)
    return groupTables(columns.rows, indexes.rows)
  },

  async hasSchema(db, schema) {
    const { rows } = await sql`select 1 from information_schema.schemata where schema_name = ${schema}`.execute(db)
    return rows.length > 0
  },

  exclusively(db, name, run) {
    return db.transaction().execute(async transaction => {
      // Building an index on a large table may take longer than a request is allowed to.
      await sql`set local statement_timeout = 0`.execute(transaction)
      await sql`select pg_advisory_xact_lock(hashtext(${name}))`.execute(transaction)
      await run(transaction)
    })
  },

  judge(error): Failure {
    const code = codeOf(error)
    if (code === '40001' || code === '40P01') return 'conflict'
    // Data exceptions, constraints, syntax or access rules, limits. A server that stops or is full has other classes.
    return /^(22|23|42|54)...$/.test(code) ? 'statement' : 'unavailable'
  }
}

/**
 * @param poolSize connections at most, per process
 * @param timeout seconds
 */
export function connectPostgres(url: string, { poolSize, timeout }: { poolSize: number; timeout: number }): Connector {
  let opened: Promise<Pool> | undefined
  const settings: PoolConfig = {
    connectionString: url,
    max: poolSize,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    connectionTimeoutMillis: 5000,
    // What nobody waits for any longer should not go on in the server.
    statement_timeout: timeout * 1000,
    application_name: 'fastify-mcp-auth'
  }
  const open = (): Promise<Pool> => {
    opened ??= openPool(settings)
    return opened
  }
  return connector(open, timeout, async () => {
    if (opened) await (await opened).end()
  })
}

/** The app ends its pool itself. */
export function usePgPool(pool: PgPool & Pick<Pool, 'on'>, timeout: number): Connector {
  survive(pool)
  return connector(
    async () => pool,
    timeout,
    async () => {}
  )
}

function connector(open: () => Promise<PgPool>, timeout: number, end: () => Promise<void>): Connector {
  const pool = untilClosed(open)
  const connect = (seconds: number | null): Kysely<unknown> =>
    new Kysely({ dialect: new PostgresDialect({ pool: limitedPgPool(pool.open, seconds) }) })
  const [db, patient] = [connect(timeout), connect(null)]
  return {
    dialect: postgres,
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

async function openPool(settings: PoolConfig): Promise<Pool> {
  const { default: pg } = await loadPeer<{ default: typeof import('pg') }>('pg')
  const pool = new pg.Pool(settings)
  survive(pool)
  return pool
}

// A connection that the server ends is reported and replaced: by the pool while it is idle, by itself between two events
// while it is lent. Either report would end the process if nobody listened; the verb has its own error.
function survive(pool: Pick<Pool, 'on'>): void {
  pool.on('error', () => {})
  pool.on('connect', client => client.on('error', () => {}))
}
