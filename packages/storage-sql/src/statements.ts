/**
 * The SQL of the verbs. Each statement is compiled once for its shape and afterwards only gets other parameters, so a verb
 * costs one round trip and no building of queries.
 */
import { type CompiledQuery, type RawBuilder, sql } from 'kysely'
import type { Database, SqlDialect } from './dialects/dialect.ts'
import { KEY, REVISION, type Table } from './tables.ts'

/** Stands for a parameter while a statement is compiled. */
const ANY = null

/** A column that has to hold a certain value, or none. */
export interface GuardedColumn {
  readonly column: string
  readonly isNull: boolean
}

export interface Statements {
  /** Parameters: key. */
  get(): CompiledQuery
  /** Parameters: key, then each column. */
  insert(): CompiledQuery
  /** Parameters: each patched column, key, then each guarded column that is not null. */
  update(patched: readonly string[], guarded: readonly GuardedColumn[]): CompiledQuery
  /** Parameters: key. */
  remove(): CompiledQuery
  /** Parameters: value, the key to start after if `after`, limit. */
  list(column: string, after: boolean): CompiledQuery
  /** Parameters: the second before which, if `after` the second of the last one twice and its key, limit. */
  listExpired(column: string, after: boolean): CompiledQuery
  /** Parameters: value, limit, and on PostgreSQL the value again. */
  removeBatch(column: string, comparison: '=' | '<'): CompiledQuery
  /**
   * Parameters: each of so many keys, the second before which, then each guarded column that is not null.
   *
   * @returns the statement that removes and tells the keys; on MySQL, which has none, one that locks those records and tells their keys
   */
  take(column: string, keys: number, guarded: readonly GuardedColumn[]): CompiledQuery
  /** Parameters: each of so many keys. */
  removeKeys(keys: number): CompiledQuery
  /** Parameters: the first key, a key behind the last one, limit. */
  count(): CompiledQuery
  /** Parameters: the key to start after if `after`, limit. */
  scan(after: boolean): CompiledQuery
}

export function createStatements(table: Table, dialect: SqlDialect, db: Database): Statements {
  const compiled = new Map<string, CompiledQuery>()
  function once(shape: string, build: () => RawBuilder<unknown>): CompiledQuery {
    let statement = compiled.get(shape)
    if (!statement) {
      statement = build().compile(db)
      compiled.set(shape, statement)
    }
    return statement
  }

  return {
    get: () =>
      once('get', () => sql`select ${columns(table)} from ${sql.table(table.path)} where ${sql.ref(KEY)} = ${ANY}`),
    insert: () => once('insert', () => insert(table, dialect)),
    update: (patched, guarded) =>
      once(`update ${patched} where ${shapeOf(guarded)}`, () => update(table, dialect, patched, guarded)),
    remove: () => once('remove', () => sql`delete from ${sql.table(table.path)} where ${sql.ref(KEY)} = ${ANY}`),
    list: (column, after) => once(`list ${column} ${after}`, () => list(table, column, after)),
    listExpired: (column, after) => once(`list expired ${after}`, () => listExpired(table, column, after)),
    removeBatch: (column, comparison) =>
      once(`remove ${column} ${comparison}`, () => removeBatch(table, dialect, column, comparison)),
    take: (column, keys, guarded) =>
      once(`take ${column} ${keys} where ${shapeOf(guarded)}`, () => take(table, dialect, { column, keys, guarded })),
    removeKeys: keys =>
      once(`remove ${keys}`, () => sql`delete from ${sql.table(table.path)} where ${sql.ref(KEY)} in (${any(keys)})`),
    count: () =>
      once('count', () => {
        const key = sql.ref(KEY)
        return sql`select count(*) as ${sql.ref('found')} from (select ${key} from ${sql.table(table.path)}
          where ${key} >= ${ANY} and ${key} < ${ANY} limit ${ANY}) as ${sql.ref('some')}`
      }),
    scan: after =>
      once(`scan ${after}`, () => {
        const key = sql.ref(KEY)
        const rest = after ? sql`where ${key} > ${ANY}` : sql``
        return sql`select ${columns(table)} from ${sql.table(table.path)} ${rest} order by ${key} limit ${ANY}`
      })
  }
}

function shapeOf(guarded: readonly GuardedColumn[]): string {
  return guarded.map(({ column, isNull }) => (isNull ? `!${column}` : column)).join()
}

function any(count: number): RawBuilder<unknown> {
  return sql.join(Array.from({ length: count }, () => sql`${ANY}`))
}

// Named one by one, because a column that a later version adds must not change what a prepared statement returns.
function columns(table: Table): RawBuilder<unknown> {
  return sql.join([KEY, ...table.columns.map(column => column.name)].map(name => sql.ref(name)))
}

function insert(table: Table, dialect: SqlDialect): RawBuilder<unknown> {
  const values = sql.join([KEY, ...table.columns].map(() => sql`${ANY}`))
  const statement = sql`insert into ${sql.table(table.path)} (${columns(table)}) values (${values})`
  // MySQL's ways to ignore a duplicate ignore other errors too or count it as a match: there the error is the verdict.
  return dialect.name === 'mysql' ? statement : sql`${statement} on conflict do nothing`
}

function update(
  table: Table,
  dialect: SqlDialect,
  patched: readonly string[],
  guarded: readonly GuardedColumn[]
): RawBuilder<unknown> {
  const changes = patched.map(column => sql`${sql.ref(column)} = ${ANY}`)
  // MySQL may count the rows that changed instead of those that matched, depending on a flag of the connection. A column
  // that always changes makes both numbers the same.
  if (dialect.name === 'mysql') changes.push(sql`${sql.ref(REVISION)} = ${sql.ref(REVISION)} + 1`)
  if (changes.length === 0) changes.push(sql`${sql.ref(KEY)} = ${sql.ref(KEY)}`)
  const where = sql.join([sql`${sql.ref(KEY)} = ${ANY}`, ...conditionsOf(guarded)], sql` and `)
  return sql`update ${sql.table(table.path)} set ${sql.join(changes)} where ${where}`
}

function conditionsOf(guarded: readonly GuardedColumn[]): RawBuilder<unknown>[] {
  return guarded.map(({ column, isNull }) =>
    isNull ? sql`${sql.ref(column)} is null` : sql`${sql.ref(column)} = ${ANY}`
  )
}

// The keys lead to the records. An index of the expiry would lead some engines through all that has expired, so the sum, which is in
// none, keeps them from it.
function take(
  table: Table,
  dialect: SqlDialect,
  { column, keys, guarded }: { column: string; keys: number; guarded: readonly GuardedColumn[] }
): RawBuilder<unknown> {
  const [name, key] = [sql.table(table.path), sql.ref(KEY)]
  const conditions = [sql`${key} in (${any(keys)})`, sql`${sql.ref(column)} + 0 < ${ANY}`, ...conditionsOf(guarded)]
  const where = sql.join(conditions, sql` and `)
  if (dialect.name === 'mysql') return sql`select ${key} from ${name} where ${where} for update`
  return sql`delete from ${name}${byKey(table, dialect)} where ${where} returning ${key}`
}

// SQLite plans by what it counted last, if ever: of a table that had a few records then it would read every record to remove some. It
// names the index of a primary key itself.
function byKey(table: Table, dialect: SqlDialect): RawBuilder<unknown> {
  return dialect.name === 'sqlite' ? sql` indexed by ${sql.ref(`sqlite_autoindex_${table.name}_1`)}` : sql``
}

function list(table: Table, column: string, after: boolean): RawBuilder<unknown> {
  const key = sql.ref(KEY)
  const rest = after ? sql` and ${key} > ${ANY}` : sql``
  return sql`select ${columns(table)} from ${sql.table(table.path)}
    where ${sql.ref(column)} = ${ANY}${rest} order by ${key} limit ${ANY}`
}

// Said so that every engine enters the index at the first row and leaves it after the last: sorted is only what expires in one second.
function listExpired(table: Table, column: string, after: boolean): RawBuilder<unknown> {
  const [key, expiry] = [sql.ref(KEY), sql.ref(column)]
  const rest = after ? sql` and ${expiry} >= ${ANY} and (${expiry} > ${ANY} or ${key} > ${ANY})` : sql``
  return sql`select ${columns(table)} from ${sql.table(table.path)}
    where ${expiry} < ${ANY}${rest} order by ${expiry}, ${key} limit ${ANY}`
}

function removeBatch(table: Table, dialect: SqlDialect, column: string, comparison: '=' | '<'): RawBuilder<unknown> {
  const [name, key] = [sql.table(table.path), sql.ref(KEY)]
  const condition = sql`${sql.ref(column)} ${sql.raw(comparison)} ${ANY}`
  // In full, though all have the same value: MariaDB would sort what it removes.
  const order = comparison === '=' ? sql`${sql.ref(column)}, ${key}` : sql.ref(column)
  if (dialect.name === 'mysql') return sql`delete from ${name} where ${condition} order by ${order} limit ${ANY}`
  const some = sql`select ${key} from ${name} where ${condition} order by ${order} limit ${ANY}`
  // Nobody writes beside a statement that writes.
  if (dialect.name === 'sqlite') return sql`delete from ${name}${byKey(table, dialect)} where ${key} in (${some})`
  // Between the choice and the removal another process may move a record out of the index or extend its life, so the choice locks, and
  // the condition is held against the locked row once more: as something that is in no index, or it might lead through all that meet it.
  const again = comparison === '=' ? sql`${sql.ref(column)} || '' = ${ANY}` : sql`${sql.ref(column)} + 0 < ${ANY}`
  return sql`delete from ${name} where ${key} in (${some} for update) and ${again}`
}
