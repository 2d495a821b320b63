/**
 * Brings a database to what the collections need. There is no version number: what is there is compared with what is
 * declared, and only what is missing is added. Nothing is ever dropped, so an older process keeps working beside a newer one.
 */
import { ConfigurationError } from '@fastify-mcp-auth/core'
import { type RawBuilder, sql } from 'kysely'
import type { Database, ExistingTable } from './dialects/dialect.ts'
import type { Connection } from './options.ts'
import { type Column, KEY, REVISION, type Table } from './tables.ts'

type Step = RawBuilder<unknown>

/**
 * @returns the statements that were run, or would be run when `dryRun`; empty when everything is there
 * @throws ConfigurationError `FST_OAUTH_STORAGE` when a column has a type that cannot be changed without a decision
 */
export async function migrate(
  connection: Connection,
  tables: readonly Table[],
  { dryRun = false }: { dryRun?: boolean } = {}
): Promise<string[]> {
  const { db, dialect, tablePrefix } = connection
  // Most starts find nothing to do, and need neither the lock nor the right to create tables.
  const planned = await plan(connection, db, tables)
  if (dryRun || planned.length === 0) return planned.map(step => step.compile(db).sql)
  const done: string[] = []
  await dialect.exclusively(db, tablePrefix, async alone => {
    // Another process may have been first: plan again, now that nobody else can.
    for (const step of await plan(connection, alone, tables)) {
      await step.execute(alone)
      done.push(step.compile(alone).sql)
    }
  })
  return done
}

async function plan({ dialect }: Connection, db: Database, tables: readonly Table[]): Promise<Step[]> {
  if (tables.length === 0) return []
  const names = tables.map(table => table.name)
  const existing = await dialect.inspect(db, names)
  const options = existing.size === new Set(names).size ? sql`` : await dialect.tableOptions(db)
  return tables.flatMap(table => {
    const found = existing.get(table.name)
    const steps = found ? extend(dialect, table, found) : [create(dialect, table, options)]
    return [...steps, ...addIndexes(dialect, table, found)]
  })
}

function create(dialect: Connection['dialect'], table: Table, options: Step): Step {
  const columns = allColumns(dialect, table).map(column => define(dialect, column))
  return sql`create table ${sql.table(table.name)} (${sql.join(columns)}) ${options}`
}

// Fields are nullable in the table whatever they are in the declaration: records from before a field have no value for it.
function define(dialect: Connection['dialect'], { name, type }: Column): Step {
  const definition = sql`${sql.ref(name)} ${dialect.columnType(type)}`
  if (name === KEY) return sql`${definition} not null primary key`
  return name === REVISION ? sql`${definition} not null default 0` : definition
}

function allColumns(dialect: Connection['dialect'], table: Table): Column[] {
  const revision: Column[] = dialect.name === 'mysql' ? [{ name: REVISION, type: 'integer' }] : []
  return [{ name: KEY, type: 'key' }, ...revision, ...table.columns]
}

function extend(dialect: Connection['dialect'], table: Table, found: ExistingTable): Step[] {
  return allColumns(dialect, table).flatMap(column => {
    const type = found.columns.get(column.name)
    const definition = define(dialect, column)
    if (type === undefined) return [sql`alter table ${sql.table(table.name)} add column ${definition}`]
    if (type === dialect.typeName(column.type)) return []
    if (dialect.alterable && isText(column)) {
      // A longer type than needed is left alone: an older process may still rely on it.
      if (type === 'varchar') return []
      if (type === 'longtext') return [sql`alter table ${sql.table(table.name)} modify column ${definition}`]
    }
    throw new ConfigurationError(
      'FST_OAUTH_STORAGE',
      `storage-sql: column "${column.name}" of table "${table.name}" is ${type} and should be ${dialect.typeName(column.type)}`
    )
  })
}

const isText = ({ type }: Column): boolean => type === 'indexed' || type === 'text'

function addIndexes(dialect: Connection['dialect'], table: Table, found: ExistingTable | undefined): Step[] {
  return table.indexes
    .filter(index => !found?.indexes.has(index.name))
    .map(({ name, columns }) => {
      // InnoDB appends the primary key to every index by itself, and both together would be longer than it allows.
      const own = dialect.name === 'mysql' ? columns.filter(column => column !== KEY) : columns
      const list = sql.join(own.map(column => sql.ref(column)))
      return sql`create index ${sql.ref(name)} on ${sql.table(table.name)} (${list})`
    })
}
