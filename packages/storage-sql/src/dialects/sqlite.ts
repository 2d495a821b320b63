/** SQLite through better-sqlite3: one file, one process or several on the same machine. */
import { mkdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type BetterSqlite3 from 'better-sqlite3'
import { Kysely, type SqliteDatabase, SqliteDialect, type SqliteStatement, sql } from 'kysely'
import type { ColumnType, Connector, Failure, SqlDialect } from './dialect.ts'
import { codeOf, groupTables, untilClosed } from './dialect.ts'
import { loadPeer } from './peer.ts'

/** Milliseconds that a writer waits for another process before the verb gives up with UnavailableError. */
const BUSY_TIMEOUT = 5000

const TYPES: Record<ColumnType, string> = {
  key: 'text',
  indexed: 'text',
  text: 'text',
  integer: 'integer',
  boolean: 'integer',
  json: 'text'
}

export const sqlite: SqlDialect = {
  name: 'sqlite',
  alterable: false,
  columnType: type => sql.raw(TYPES[type]),
  typeName: type => TYPES[type],
  tableOptions: sql``,
  hasSchemas: false,
  transactional: true,
  clock: null,
  check: async () => {},
  hasSchema: async () => true,

  async inspect(db, names) {
    const { rows } = await sql<{ table: string; column: string; type: string }>`
      select m.name as "table", c.name as "column", c.type as "type"
      from sqlite_master m join pragma_table_info(m.name) c
      where m.type = 'table' and m.name in (${sql.join(names)})`.execute(db)
    const indexes = await sql<{ table: string; name: string }>`
      select tbl_name as "table", name from sqlite_master
      where type = 'index' and tbl_name in (${sql.join(names)})`.execute(db)
    return groupTables(rows, indexes.rows)
  },

  exclusively(db, _name, run) {
    return db.connection().execute(async connection => {
      // IMMEDIATE takes the write lock before anything is read: a second process waits here instead of failing at its first write.
      await sql`begin immediate`.execute(connection)
      try {
        await run(connection)
        await sql`commit`.execute(connection)
      } catch (error) {
        await sql`rollback`.execute(connection)
        throw error
      }
    })
  },

  judge(error): Failure {
    const code = codeOf(error)
    if (/^SQLITE_(ERROR|CONSTRAINT|MISMATCH|RANGE|TOOBIG|MISUSE)/.test(code)) return 'statement'
    return 'unavailable'
  }
}

/** @param path a file, taken from the working directory, or `:memory:` */
export function connectSqlite(path: string): Connector {
  const inMemory = path === ':memory:' || path === ''
  return connector(() => openFile(inMemory ? ':memory:' : resolve(path)), inMemory)
}

/** The app closes its database itself, and has chosen its pragmas. */
export function useSqliteDatabase(database: BetterSqlite3.Database): Connector {
  return connector(async () => ({ ...withStatementCache(database), close: () => {} }), database.memory)
}

function connector(open: () => Promise<SqliteDatabase>, inMemory: boolean): Connector {
  const file = untilClosed(open)
  const db = new Kysely<unknown>({ dialect: new SqliteDialect({ database: file.open }) })
  return {
    dialect: sqlite,
    // A file answers or is locked, and how long that is waited for is a matter of its busy_timeout.
    db,
    patient: db,
    capabilities: Object.freeze({ durable: !inMemory, atomic: true, shared: !inMemory }),
    close: () => {
      file.close()
      return db.destroy()
    }
  }
}

async function openFile(path: string): Promise<SqliteDatabase> {
  const { default: Driver } = await loadPeer<{ default: typeof BetterSqlite3 }>('better-sqlite3')
  if (path !== ':memory:') await mkdir(dirname(path), { recursive: true })
  const database = new Driver(path, { timeout: BUSY_TIMEOUT })
  try {
    await useWriteAheadLog(database)
    // In WAL mode NORMAL survives kill -9 but syncs only at checkpoints, so a power cut could take back commits that were
    // already answered: a rotated refresh token would be unknown and a used code would work again. FULL syncs each commit.
    database.pragma('synchronous = FULL')
  } catch (error) {
    database.close()
    throw error
  }
  return withStatementCache(database)
}

// Readers do not wait for the writer in this mode. Switching to it needs the file for itself, and there SQLite answers
// "busy" at once instead of waiting, so processes that start together have to try again.
async function useWriteAheadLog(database: BetterSqlite3.Database): Promise<void> {
  for (let waited = 0; ; waited += 20) {
    try {
      database.pragma('journal_mode = WAL')
      return
    } catch (error) {
      if (!codeOf(error).startsWith('SQLITE_BUSY') || waited > BUSY_TIMEOUT) throw error
      await sleep(20)
    }
  }
}

// Kysely prepares each statement anew; the driver has a few dozen of them, so each is prepared once.
function withStatementCache(database: BetterSqlite3.Database): SqliteDatabase {
  const statements = new Map<string, SqliteStatement>()
  return {
    close: () => void database.close(),
    prepare(text) {
      const known = statements.get(text)
      if (known) return known
      const statement = database.prepare<unknown[]>(text) as unknown as SqliteStatement
      if (statements.size < 500) statements.set(text, statement)
      return statement
    }
  }
}
