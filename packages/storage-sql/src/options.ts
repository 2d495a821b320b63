/** Options of the SQL driver: check, type, default and documentation in one literal. */
import { ConfigurationError, resolveOptions } from '@fastify-mcp-auth/core'
import { Kysely } from 'kysely'
import { type Static, Type } from 'typebox'
import type { Connector, Database, SqlDialect } from './dialects/dialect.ts'
import { connectMysql, mysql } from './dialects/mysql.ts'
import { connectPostgres, postgres } from './dialects/postgres.ts'
import { connectSqlite, sqlite } from './dialects/sqlite.ts'

/** The part of a Kysely instance, of whatever table types, by which it is recognised. */
export interface KyselyInstance {
  withoutPlugins(): unknown
  destroy(): Promise<void>
}

export const Options = Type.Object(
  {
    /**
     * Where the database is: a file path or `sqlite:./data/auth.db` (taken from the working directory), `sqlite::memory:`,
     * `postgres://user:password@host/database` or `mysql://user:password@host/database` (MariaDB too). The package of the
     * database (`better-sqlite3`, `pg` or `mysql2`) has to be installed. Either this or `kysely`.
     */
    url: Type.Optional(Type.String({ minLength: 1 })),
    /**
     * A Kysely instance that the app already has; `dialect` must be given too. Its pool and its settings are used as they
     * are and `close()` leaves it open. On SQLite set `journal_mode = WAL`, `synchronous = FULL` and a `busy_timeout` yourself.
     */
    kysely: Type.Optional(
      Type.Unsafe<KyselyInstance>(Type.Object({ withoutPlugins: Type.Function([], Type.Unknown()) }))
    ),
    /** Which database `kysely` talks to. */
    dialect: Type.Optional(Type.Union([Type.Literal('sqlite'), Type.Literal('postgres'), Type.Literal('mysql')])),
    /** Begins the name of every table: lower-case letters, digits and underscores. */
    tablePrefix: Type.String({ default: 'mcp_auth_', pattern: '^[a-z][a-z0-9_]{0,23}$' }),
    /** Connections at most, per process; SQLite always has one. */
    poolSize: Type.Integer({ default: 10, minimum: 1, maximum: 1000 }),
    /** `open` creates missing tables, columns and indexes. When false it refuses to start without them: see `migrate`. */
    autoMigrate: Type.Boolean({ default: true })
  },
  { additionalProperties: false }
)

/** What {@link sqlStorage} accepts. */
export type SqlStorageOptions = Partial<Static<typeof Options>>

/** A database to work with, and what closing the driver means for it. */
export interface Connection {
  readonly db: Database
  readonly dialect: SqlDialect
  readonly capabilities: Connector['capabilities']
  readonly tablePrefix: string
  readonly autoMigrate: boolean
  close(): Promise<void>
}

const DIALECTS = { sqlite, postgres, mysql }

/** Reads the options; connects to nothing yet. @throws ConfigurationError naming the option */
export function connect(input: SqlStorageOptions): Connection {
  const { url, kysely, dialect, tablePrefix, poolSize, autoMigrate } = resolveOptions(Options, input, 'storage-sql')
  if (kysely !== undefined) {
    if (url !== undefined) throw refuse('options "url" and "kysely" exclude each other')
    if (dialect === undefined) throw refuse('option "dialect" is missing: "kysely" needs it')
    // Plugins could rename our columns or read our JSON. The cast drops the table types of the app, which are not used here.
    const db = kysely.withoutPlugins() as Database
    const capabilities = Object.freeze({ durable: true, atomic: true, shared: true })
    return { db, dialect: DIALECTS[dialect], capabilities, tablePrefix, autoMigrate, close: async () => {} }
  }
  if (url === undefined) throw refuse('option "url" is missing')
  const connector = connectorOf(url, poolSize)
  const db: Database = new Kysely({ dialect: connector.kysely })
  return { ...connector, db, tablePrefix, autoMigrate, close: () => db.destroy() }
}

function connectorOf(url: string, poolSize: number): Connector {
  // One letter before the colon is a drive of Windows.
  const [, scheme] = /^([a-z][a-z0-9+.-]+):/i.exec(url) ?? []
  switch (scheme?.toLowerCase()) {
    case undefined:
      return connectSqlite(url)
    case 'sqlite':
      return connectSqlite(url.slice('sqlite:'.length).replace(/^\/\//, ''))
    case 'postgres':
    case 'postgresql':
      return connectPostgres(url, poolSize)
    case 'mysql':
    case 'mariadb':
      return connectMysql(url, poolSize)
    default:
      // The rest of the URL may be a password.
      throw refuse(`option "url" begins with "${scheme}:", which is none of sqlite, postgres and mysql`)
  }
}

function refuse(message: string): ConfigurationError {
  return new ConfigurationError('FST_OAUTH_OPTION', `storage-sql: ${message}`)
}
