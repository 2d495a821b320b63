/** PostgreSQL through pg: many processes, many machines. */
import { PostgresDialect, sql } from 'kysely'
import type { Pool, PoolConfig } from 'pg'
import type { ColumnType, Connector, Failure, SqlDialect } from './dialect.ts'
import { codeOf, groupTables } from './dialect.ts'
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
  tableOptions: async () => sql``,
  check: async () => {},

  async inspect(db, names) {
    const columns = await sql<{ table: string; column: string; type: string }>`
      select table_name as "table", column_name as "column", data_type as "type" from information_schema.columns
      where table_schema = current_schema() and table_name in (${sql.join(names)})`.execute(db)
    const indexes = await sql<{ table: string; name: string }>`
      select tablename as "table", indexname as "name" from pg_indexes
      where schemaname = current_schema() and tablename in (${sql.join(names)})`.execute(db)
    return groupTables(columns.rows, indexes.rows)
  },

  exclusively(db, prefix, run) {
    return db.transaction().execute(async transaction => {
      // Building an index on a large table may take longer than a request is allowed to.
      await sql`set local statement_timeout = 0`.execute(transaction)
      await sql`select pg_advisory_xact_lock(hashtext(${`fastify-mcp-auth:${prefix}`}))`.execute(transaction)
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

/** @param poolSize connections at most, per process */
export function connectPostgres(url: string, poolSize: number): Connector {
  const settings: PoolConfig = {
    connectionString: url,
    max: poolSize,
    keepAlive: true,
    connectionTimeoutMillis: 5000,
    // A verb that hangs has to become a 503 while somebody still waits for it.
    statement_timeout: 10_000,
    application_name: 'fastify-mcp-auth'
  }
  return {
    dialect: postgres,
    kysely: new PostgresDialect({ pool: () => openPool(settings) }),
    capabilities: Object.freeze({ durable: true, atomic: true, shared: true })
  }
}

async function openPool(settings: PoolConfig): Promise<Pool> {
  const { default: pg } = await loadPeer<{ default: typeof import('pg') }>('pg')
  const pool = new pg.Pool(settings)
  // A connection that the server ends is reported and replaced: by the pool while it is idle, by itself between two events
  // while it is lent. Either report would end the process if nobody listened; the verb has its own error.
  pool.on('error', () => {})
  pool.on('connect', client => client.on('error', () => {}))
  return pool
}
