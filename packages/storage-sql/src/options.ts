/** Options of the SQL driver: check, type, default and documentation in one literal. */
import { ConfigurationError, resolveOptions } from '@fastify-mcp-auth/core'
import { type Static, Type } from 'typebox'
import type { Connector, Database, DialectName, Schema, SqlDialect } from './dialects/dialect.ts'
import { connectMysql, mysql, useMysqlPool } from './dialects/mysql.ts'
import { connectPostgres, postgres, usePgPool } from './dialects/postgres.ts'
import { connectSqlite, sqlite, useSqliteDatabase } from './dialects/sqlite.ts'
import { type MysqlPool, type PgPool, readPool, type SqliteDatabase } from './pool.ts'

/** The part of a Kysely instance, of whatever table types, by which it is recognised. */
export interface KyselyInstance {
  withoutPlugins(): unknown
  destroy(): Promise<void>
}

type Pool = PgPool | MysqlPool | SqliteDatabase

export const Options = Type.Object(
  {
    /**
     * Where the database is: a file path or `sqlite:./data/auth.db` (taken from the working directory), `sqlite::memory:`,
     * `postgres://user:password@host/database` or `mysql://user:password@host/database` (MariaDB too). The package of the
     * database (`better-sqlite3`, `pg` or `mysql2`) has to be installed. One of `url`, `pool` and `kysely`; `close()` ends the
     * connections of a `url` and leaves those of the others to the app.
     */
    url: Type.Optional(Type.String({ minLength: 1 })),
    /**
     * What the app already has: a `Pool` of pg, a pool of mysql2, or a `Database` of better-sqlite3. Its settings are used as
     * they are. On SQLite set `journal_mode = WAL`, `synchronous = FULL` and a `timeout` yourself.
     */
    pool: Type.Optional(
      Type.Unsafe<Pool>(
        Type.Refine(
          Type.Unknown(),
          pool => readPool(pool) !== null,
          () => 'must be a Pool of pg, a pool of mysql2 or a Database of better-sqlite3'
        )
      )
    ),
    /**
     * A Kysely instance that the app already has; `dialect` must be given too. Its pool and its settings are used as they
     * are. On SQLite set `journal_mode = WAL`, `synchronous = FULL` and a `busy_timeout` yourself.
     */
    kysely: Type.Optional(
      Type.Unsafe<KyselyInstance>(Type.Object({ withoutPlugins: Type.Function([], Type.Unknown()) }))
    ),
    /** Which database `kysely` talks to. */
    dialect: Type.Optional(Type.Union([Type.Literal('sqlite'), Type.Literal('postgres'), Type.Literal('mysql')])),
    /**
     * Where the tables are, when not where the connection would put them: a schema of PostgreSQL, a database of MySQL. Made with
     * the tables when it is missing. Lower-case letters, digits and underscores.
     */
    schema: Type.Optional(Type.String({ pattern: '^[a-z_][a-z0-9_]{0,62}$' })),
    /** Begins the name of every table: lower-case letters, digits and underscores. */
    tablePrefix: Type.String({ default: 'mcp_auth_', pattern: '^[a-z][a-z0-9_]{0,23}$' }),
    /** Connections at most, per process, with a `url`; SQLite always has one. */
    poolSize: Type.Integer({ default: 10, minimum: 1, maximum: 1000 }),
    /**
     * Seconds after which a verb that got no answer is an outage, and its connection is given up. The connections of a `kysely` are
     * for the app to give up. Migrations have no limit; SQLite waits 5 seconds for a file that another process writes.
     */
    timeout: Type.Integer({ default: 10, minimum: 1, maximum: 600 }),
    /** `open` creates missing tables, columns and indexes. When false it refuses to start without them: see `migrate`. */
    autoMigrate: Type.Boolean({ default: true })
  },
  { additionalProperties: false }
)

/** What {@link sqlStorage} accepts. */
export type SqlStorageOptions = Partial<Static<typeof Options>>

/** A database to work with, and where in it. */
export interface Connection extends Connector {
  readonly tablePrefix: string
  readonly schema: Schema
  readonly autoMigrate: boolean
  /** Seconds. */
  readonly timeout: number
}

const DIALECTS: Record<DialectName, SqlDialect> = { sqlite, postgres, mysql }

/** Reads the options; connects to nothing yet. @throws ConfigurationError naming the option */
export function connect(input: SqlStorageOptions): Connection {
  const options = resolveOptions(Options, input, 'storage-sql')
  const { tablePrefix, schema = null, autoMigrate, timeout } = options
  const connector = connectorOf(options)
  if (schema !== null && !connector.dialect.hasSchemas) throw refuse('option "schema" is not for SQLite')
  return { ...connector, tablePrefix, schema, autoMigrate, timeout }
}

/** Whether these options name a kind of database and no database: enough to print what an empty one needs. */
export function namesNoDatabase({ url, pool, kysely, dialect }: SqlStorageOptions): boolean {
  return dialect !== undefined && url === undefined && pool === undefined && kysely === undefined
}

/** A connection that compiles statements and is never opened. */
export function connectToNothing({ dialect, ...input }: SqlStorageOptions): Connection {
  return connect({ ...input, url: `${dialect}:nothing` })
}

function connectorOf({ url, pool, kysely, dialect, ...settings }: Static<typeof Options>): Connector {
  const given = Object.entries({ url, pool, kysely }).flatMap(([name, value]) =>
    value === undefined ? [] : `"${name}"`
  )
  if (given.length > 1) throw refuse(`options ${given.join(' and ')} exclude each other`)
  if (kysely !== undefined) {
    if (dialect === undefined) throw refuse('option "dialect" is missing: "kysely" needs it')
    return useKysely(kysely, DIALECTS[dialect])
  }
  if (dialect !== undefined) throw refuse('option "dialect" is for "kysely": "url" and "pool" tell it themselves')
  if (pool !== undefined) return usePool(pool, settings.timeout)
  if (url === undefined) throw refuse('option "url" is missing')
  return openUrl(url, settings)
}

function useKysely(kysely: KyselyInstance, dialect: SqlDialect): Connector {
  // Plugins could rename our columns or read our JSON. The cast drops the table types of the app, which are not used here.
  const db = kysely.withoutPlugins() as Database
  const capabilities = Object.freeze({ durable: true, atomic: true, shared: true })
  return { db, patient: db, dialect, capabilities, close: async () => {} }
}

function usePool(given: Pool, timeout: number): Connector {
  const pool = readPool(given)
  if (pool === null) throw new TypeError('checked with the options')
  if (pool.of === 'pg') return usePgPool(pool.pool, timeout)
  return pool.of === 'mysql2' ? useMysqlPool(pool.pool, timeout) : useSqliteDatabase(pool.pool)
}

function openUrl(url: string, settings: { poolSize: number; timeout: number }): Connector {
  // One letter before the colon is a drive of Windows.
  const [, scheme] = /^([a-z][a-z0-9+.-]+):/i.exec(url) ?? []
  switch (scheme?.toLowerCase()) {
    case undefined:
      return connectSqlite(url)
    case 'sqlite':
      return connectSqlite(url.slice('sqlite:'.length).replace(/^\/\//, ''))
    case 'postgres':
    case 'postgresql':
      return connectPostgres(url, settings)
    case 'mysql':
    case 'mariadb':
      return connectMysql(url, settings)
    default:
      // The rest of the URL may be a password.
      throw refuse(`option "url" begins with "${scheme}:", which is none of sqlite, postgres and mysql`)
  }
}

function refuse(message: string): ConfigurationError {
  return new ConfigurationError('FST_OAUTH_OPTION', `storage-sql: ${message}`)
}
