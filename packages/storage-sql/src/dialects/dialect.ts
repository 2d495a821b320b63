/** What the three engines do differently, and nothing else. */
import type { Capabilities } from '@fastify-mcp-auth/core'
import type { Kysely, RawBuilder } from 'kysely'

/** Tables are derived at run time, so Kysely is used without table types. */
export type Database = Kysely<unknown>

export type DialectName = 'sqlite' | 'postgres' | 'mysql'

/** `key` and `indexed` are texts of at most 768 characters and 1,536 bytes, compared byte by byte; `text` has no limit of its own. */
export type ColumnType = 'key' | 'indexed' | 'text' | 'integer' | 'boolean' | 'json'

/** Where the tables are: a schema of PostgreSQL or a database of MySQL, null for that of the connection. */
export type Schema = string | null

/** A table as the database has it: columns with the type that the engine names, and the names of its indexes. */
export interface ExistingTable {
  readonly columns: ReadonlyMap<string, string>
  readonly indexes: ReadonlySet<string>
}

/**
 * What an error of the engine means.
 *
 * - `duplicate`: the key was taken; a verdict
 * - `conflict`: the engine rolled the statement back and asks for a retry (deadlock, serialization failure)
 * - `statement`: the statement itself is wrong or refused, and would be again
 * - `unavailable`: everything else; nobody knows whether the write happened
 */
export type Failure = 'duplicate' | 'conflict' | 'statement' | 'unavailable'

export interface SqlDialect {
  readonly name: DialectName
  /** SQL type of a column; MySQL needs to know its database first. */
  columnType(type: ColumnType): RawBuilder<unknown>
  /** What {@link ExistingTable} calls that type, in lower case. */
  typeName(type: ColumnType): string
  /** Clauses after the column list of CREATE TABLE. */
  readonly tableOptions: RawBuilder<unknown>
  /** Whether tables can be put elsewhere than where the connection would put them. */
  readonly hasSchemas: boolean
  /** Whether a text column may be given another text type in place. */
  readonly alterable: boolean
  /** Whether a CREATE that fails takes those before it back. */
  readonly transactional: boolean
  /** The tables among `names` that exist. */
  inspect(db: Database, names: readonly string[], schema: Schema): Promise<ReadonlyMap<string, ExistingTable>>
  /** Whether that schema exists. */
  hasSchema(db: Database, schema: string): Promise<boolean>
  /** Runs alone among all processes that give the same name. Locks, and unlocks also after a failure. */
  exclusively(db: Database, name: string, run: (db: Database) => Promise<void>): Promise<void>
  /** Refuses a database whose settings would break a promise. */
  check(db: Database): Promise<void>
  judge(error: unknown): Failure
  /** Gives epoch seconds as `second`; null where the database has the clock of this machine. */
  readonly clock: RawBuilder<{ second: unknown }> | null
}

/** A place to connect to: opened by the first statement. */
export interface Connector {
  readonly dialect: SqlDialect
  /** For the verbs: a connection that does not answer in time is given up. */
  readonly db: Database
  /** For migrations, which may take as long as they take. */
  readonly patient: Database
  readonly capabilities: Capabilities
  /** Statements are refused afterwards. Ends the connections that the driver has opened itself, and no others. */
  close(): Promise<void>
}

/** The `code` of a database error: SQLSTATE, a name of the engine, or a name of the operating system. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** Turns rows of columns and of indexes into tables. */
export function groupTables(
  columns: readonly { table: string; column: string; type: string }[],
  indexes: readonly { table: string; name: string }[]
): ReadonlyMap<string, ExistingTable> {
  const tables = new Map<string, { columns: Map<string, string>; indexes: Set<string> }>()
  for (const { table, column, type } of columns) {
    const existing = tables.get(table) ?? { columns: new Map(), indexes: new Set() }
    existing.columns.set(column, type.toLowerCase())
    tables.set(table, existing)
  }
  for (const { table, name } of indexes) tables.get(table)?.indexes.add(name)
  return tables
}

/** Opens what is needed when it is needed, and nothing any more once it was closed. */
export function untilClosed<T>(open: () => Promise<T>): { open: () => Promise<T>; close: () => void } {
  let isClosed = false
  return {
    open: async () => {
      if (isClosed) throw new Error('the driver is closed')
      return open()
    },
    close() {
      isClosed = true
    }
  }
}
