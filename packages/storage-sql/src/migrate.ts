/**
 * Brings a database to what the collections need. What is there is compared with what is declared, and only what is missing is
 * added: nothing is ever dropped or rewritten. Beside that the database knows the version of each collection, so that code that is
 * older than the records refuses to start on them.
 */
import { ConfigurationError, defineCollection, digest } from '@fastify-mcp-auth/core'
import { type RawBuilder, sql } from 'kysely'
import { Type } from 'typebox'
import type { Database, ExistingTable } from './dialects/dialect.ts'
import type { Connection } from './options.ts'
import { type Column, KEY, REVISION, type Table, tableOf } from './tables.ts'

/** Key: the name of a collection. What its records are, by the code that migrated them last. */
const versionsCollection = defineCollection({
  name: 'schema_versions',
  record: Type.Object({ version: Type.Integer() })
})

type Step = RawBuilder<unknown>

/** What is there. */
interface Found {
  readonly hasSchema: boolean
  readonly tables: ReadonlyMap<string, ExistingTable>
  /** By collection. */
  readonly versions: ReadonlyMap<string, number>
}

const NOTHING: Found = { hasSchema: true, tables: new Map(), versions: new Map() }

/**
 * @returns the statements that were run, or would be run when `dryRun`; empty when everything is there
 * @throws ConfigurationError `FST_OAUTH_STORAGE` when newer code has migrated the database, or when a column has a type that cannot be
 *   changed without a decision
 */
export async function migrate(
  connection: Connection,
  tables: readonly Table[],
  { dryRun = false }: { dryRun?: boolean } = {}
): Promise<string[]> {
  const { patient, dialect, tablePrefix, schema } = connection
  const plan = async (db: Database): Promise<Step[]> => stepsTo(connection, tables, await find(connection, db, tables))
  // Most starts find nothing to do, and need neither the lock nor the right to create tables.
  const planned = await plan(patient)
  if (dryRun || planned.length === 0) return planned.map(step => step.compile(patient).sql)
  const done: string[] = []
  await dialect.exclusively(
    patient,
    `fastify-mcp-auth:${digest(`${schema}:${tablePrefix}`).slice(0, 32)}`,
    async alone => {
      // Another process may have been first: plan again, now that nobody else can.
      for (const step of await plan(alone)) {
        await step.execute(alone)
        done.push(step.compile(alone).sql)
      }
    }
  )
  return done
}

/** The statements for an empty database. Asks none. */
export function statementsForEmpty(connection: Connection, tables: readonly Table[]): string[] {
  const hasSchema = connection.schema === null
  return stepsTo(connection, tables, { ...NOTHING, hasSchema }).map(step => step.compile(connection.db).sql)
}

async function find(connection: Connection, db: Database, tables: readonly Table[]): Promise<Found> {
  if (tables.length === 0) return NOTHING
  const { dialect, schema } = connection
  const versionsTable = tableOf(versionsCollection, connection)
  const names = new Set([versionsTable, ...tables].map(table => table.name))
  const existing = await dialect.inspect(db, [...names], schema)
  const hasSchema = existing.size > 0 || schema === null || (await dialect.hasSchema(db, schema))
  if (!existing.has(versionsTable.name)) return { hasSchema, tables: existing, versions: new Map() }
  const { rows } = await sql<{ collection: unknown; version: unknown }>`
    select ${sql.ref(KEY)} as collection, ${sql.ref('version')} as version from ${sql.table(versionsTable.path)}
    where ${sql.ref(KEY)} in (${sql.join(tables.map(({ collection }) => collection))})`.execute(db)
  const versions = new Map(rows.map(({ collection, version }) => [String(collection), Number(version)]))
  return { hasSchema, tables: existing, versions }
}

function stepsTo(connection: Connection, tables: readonly Table[], found: Found): Step[] {
  if (tables.length === 0) return []
  const { dialect, schema } = connection
  for (const table of tables) refuseNewer(table, found.versions.get(table.collection))
  const versionsTable = tableOf(versionsCollection, connection)
  const home = found.hasSchema || schema === null ? [] : [sql`create schema ${sql.ref(schema)}`]
  const shape = [versionsTable, ...new Map(tables.map(table => [table.name, table])).values()].flatMap(table => {
    const existing = found.tables.get(table.name)
    const steps = existing ? extend(dialect, table, existing) : [create(dialect, table)]
    return [...steps, ...addIndexes(table, existing)]
  })
  const versions = tables.flatMap(table => recordVersion(versionsTable, table, found.versions.get(table.collection)))
  return [...home, ...shape, ...versions]
}

// It may hold what this code does not know and would pass over, such as a reason to refuse.
function refuseNewer({ collection, version }: Table, found: number | undefined): void {
  if (found === undefined || found <= version) return
  throw new ConfigurationError(
    'FST_OAUTH_STORAGE',
    `storage-sql: the records of "${collection}" have version ${found} and this code knows ${version}: newer code has been at work, update this one`
  )
}

// Without parameters, so that the statement can be printed and run elsewhere.
function recordVersion({ path }: Table, { collection, version }: Table, found: number | undefined): Step[] {
  if (found === version) return []
  const [key, column] = [sql.ref(KEY), sql.ref('version')]
  if (found === undefined)
    return [
      sql`insert into ${sql.table(path)} (${key}, ${column}) values (${sql.lit(collection)}, ${sql.lit(version)})`
    ]
  return [sql`update ${sql.table(path)} set ${column} = ${sql.lit(version)} where ${key} = ${sql.lit(collection)}`]
}

function create(dialect: Connection['dialect'], table: Table): Step {
  const columns = allColumns(dialect, table).map(column => define(dialect, column))
  return sql`create table ${sql.table(table.path)} (${sql.join(columns)}) ${dialect.tableOptions}`
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
    if (type === undefined) return [sql`alter table ${sql.table(table.path)} add column ${definition}`]
    if (type === dialect.typeName(column.type)) return []
    if (dialect.alterable && isText(column)) {
      // A longer type than needed is left alone: an older process may still rely on it.
      if (type === 'varbinary') return []
      if (type === 'longtext') return [sql`alter table ${sql.table(table.path)} modify column ${definition}`]
    }
    throw new ConfigurationError(
      'FST_OAUTH_STORAGE',
      `storage-sql: column "${column.name}" of table "${table.name}" is ${type} and should be ${dialect.typeName(column.type)}`
    )
  })
}

const isText = ({ type }: Column): boolean => type === 'indexed' || type === 'text'

function addIndexes(table: Table, found: ExistingTable | undefined): Step[] {
  return table.indexes
    .filter(index => !found?.indexes.has(index.name))
    .map(({ name, columns }) => {
      const list = sql.join(columns.map(column => sql.ref(column)))
      return sql`create index ${sql.ref(name)} on ${sql.table(table.path)} (${list})`
    })
}
