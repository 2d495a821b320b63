/** The engines: where a fresh database is made, how it is filled with copies of a grant without going through the app, and its plans. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Redis } from 'ioredis'
import { createConnection } from 'mysql2/promise'
import { Client } from 'pg'

/** What can be copied. */
type Copied = 'grants' | 'interactions'

/** What a table is filled with. */
export interface Copies {
  readonly collection: Copied
  readonly copies: number
  /** They ended long ago, each at another second. */
  readonly expired: boolean
  /** How many are alive: those that ended stand among the oldest of them, one beside each, as those do that were made at the same time. */
  readonly among: number
}

/** A database of a run. */
export interface Place {
  readonly url: string
  /** Those whose expired records are there until a cleanup. */
  readonly collections: readonly Copied[]
  /**
   * Adds copies of the first record of a collection, under other keys, for other people. The keys of interactions are digests, and stand
   * anywhere.
   */
  fill(copies: Copies): Promise<void>
  /** Lets the engine learn how much there is. */
  settle(): Promise<void>
  /** How the engine runs a statement, in its own words on one line; null where there are no plans. */
  explain: ((statement: string, parameters: readonly unknown[]) => Promise<string>) | null
  drop(): Promise<void>
}

export type Engine = () => Promise<Place>

const POSTGRES = process.env['BENCH_POSTGRES_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres'
const MYSQL = process.env['BENCH_MYSQL_URL'] ?? 'mysql://root@127.0.0.1:3306/mysql'
/** Copies of one statement: bounds the log and the locks of the engine. */
const CHUNK = 200_000
/** The first four bytes of a grant's id are the second in which it was made: what was made together stands together in every index. */
const SPAN = 4_000_000_000
const stepOf = (copies: number, among: number): number => Math.floor(SPAN / Math.max(copies, among, 1))
const isOrdered = (collection: Copied): boolean => collection === 'grants'

/** Bytes that have to be free for a grant and its index entries, twice over. */
const BYTES_PER_GRANT = 5000

export function assertRoom(grants: number): void {
  const { bavail, bsize } = statfsSync(tmpdir())
  if (bavail * bsize < grants * BYTES_PER_GRANT) throw new Error(`${grants} grants need more room than the disk has`)
}

async function inChunks(copies: number, run: (from: number, count: number) => Promise<unknown>): Promise<void> {
  for (let from = 1; from <= copies; from += CHUNK) await run(from, Math.min(CHUNK, copies - from + 1))
}

/** Columns of a copy: as they are, but for the key, the person, and the end when it is over. */
function selected(columns: readonly string[], quote: string, changes: Record<string, string>): string {
  return columns.map(name => changes[name] ?? `${quote}${name}${quote}`).join(', ')
}

export const ENGINES: { readonly [name: string]: Engine } = {
  async sqlite() {
    const folder = mkdtempSync(join(tmpdir(), 'bench-storage-'))
    const file = join(folder, 'auth.sqlite')
    const open = (): InstanceType<typeof Database> => new Database(file, { timeout: 10_000 })
    return {
      url: `sqlite:${file}`,
      collections: ['interactions', 'grants'],
      async fill({ collection, copies, expired, among }) {
        const db = open()
        const table = `mcp_auth_${collection}`
        const columns = (db.pragma(`table_info(${table})`) as { name: string }[]).map(({ name }) => name)
        const time = `printf('%08x', n * ${stepOf(copies, among)})`
        const changes = {
          record_key: `substr(record_key, 1, 13) || ${isOrdered(collection) ? time : "''"} || lower(hex(randomblob(10)))`,
          subject: "'person-' || (n / 5)",
          ...(expired ? { expiresAt: '1 + n' } : {})
        }
        // Building an index at once is many times cheaper than growing it in random places.
        const indexes = db
          .prepare("select name, sql from sqlite_master where type = 'index' and tbl_name = ? and sql is not null")
          .all(table) as { name: string; sql: string }[]
        for (const { name } of copies > CHUNK ? indexes : []) db.exec(`drop index "${name}"`)
        await inChunks(copies, async (from, count) => {
          db.exec(`insert into ${table} (${selected(columns, '"', {})})
            with recursive counter(n) as (select ${from} union all select n + 1 from counter where n < ${from + count - 1})
            select ${selected(columns, '"', changes)} from (select * from ${table} limit 1), counter`)
        })
        for (const { sql } of copies > CHUNK ? indexes : []) db.exec(sql)
        db.close()
      },
      async settle() {
        const db = open()
        db.exec('analyze')
        db.pragma('wal_checkpoint(truncate)')
        db.close()
      },
      async explain(statement, parameters) {
        const db = open()
        const rows = db.prepare(`explain query plan ${statement}`).all(...parameters) as { detail: string }[]
        db.close()
        return rows.map(({ detail }) => detail).join('; ')
      },
      drop: async () => rmSync(folder, { recursive: true, force: true })
    }
  },

  async postgres() {
    const { url, drop } = await freshDatabase(POSTGRES, askPostgres)
    const ask = (statement: string, parameters: readonly unknown[] = []) => askPostgres(url, statement, parameters)
    return {
      url,
      collections: ['interactions', 'grants'],
      async fill({ collection, copies, expired, among }) {
        const table = `mcp_auth_${collection}`
        const rows = await ask('select column_name as name from information_schema.columns where table_name = $1', [
          table
        ])
        const columns = rows.map(({ name }) => String(name))
        const time = `lpad(to_hex(n::bigint * ${stepOf(copies, among)}), 8, '0')`
        const changes = {
          record_key: `left(record_key, 13) || ${isOrdered(collection) ? time : "''"} || left(md5(n || '${expired}'), 20)`,
          subject: "'person-' || n / 5",
          ...(expired ? { expiresAt: '1 + n' } : {})
        }
        // The key goes as well: of ten million random ones each insert would read another page of its index.
        const found = await ask(
          "select indexname as name, indexdef as sql from pg_indexes where tablename = $1 and indexname not like '%pkey'",
          [table]
        )
        const indexes = copies > CHUNK ? found : []
        for (const { name } of indexes) await ask(`drop index "${name}"`)
        if (copies > CHUNK) await ask(`alter table ${table} drop constraint ${table}_pkey`)
        await inChunks(copies, (from, count) =>
          ask(`insert into ${table} (${selected(columns, '"', {})}) select ${selected(columns, '"', changes)}
            from (select * from ${table} limit 1) one, generate_series(${from}, ${from + count - 1}) n`)
        )
        const build = "set maintenance_work_mem = '1GB'; "
        if (copies > CHUNK) await ask(`${build} alter table ${table} add primary key (record_key)`)
        for (const { sql } of indexes) await ask(`${build} ${sql}`)
      },
      async settle() {
        await ask('vacuum analyze')
        await ask('checkpoint')
      },
      async explain(statement, parameters) {
        const rows = await ask(`explain (costs off) ${statement}`, parameters)
        return rows.map(row => String(row['QUERY PLAN']).trim()).join(' ')
      },
      drop
    }
  },

  async mariadb() {
    const { url, drop } = await freshDatabase(MYSQL, askMysql)
    const ask = (statement: string, parameters: readonly unknown[] = []) => askMysql(url, statement, parameters)
    return {
      url,
      collections: ['interactions', 'grants'],
      async fill({ collection, copies, expired, among }) {
        const table = `mcp_auth_${collection}`
        const columns = (await ask(`show columns from ${table}`)).map(({ Field }) => String(Field))
        const time = `lower(lpad(hex(seq * ${stepOf(copies, among)}), 8, '0'))`
        const changes = {
          record_key: `concat(left(record_key, 13), ${isOrdered(collection) ? time : "''"}, left(md5(concat(seq, '${expired}')), 20))`,
          subject: "concat('person-', floor(seq / 5))",
          ...(expired ? { expiresAt: '1 + seq' } : {})
        }
        const rows = await ask(
          "select index_name as name, group_concat('`', column_name, '`' order by seq_in_index) as fields from information_schema.statistics where table_schema = database() and table_name = ? and index_name <> 'PRIMARY' group by index_name",
          [table]
        )
        const indexes = copies > CHUNK ? rows : []
        const alter = async (each: (name: unknown, fields: unknown) => string): Promise<void> => {
          const changes = indexes.map(({ name, fields }) => each(name, fields))
          if (changes.length > 0) await ask(`alter table ${table} ${changes.join(', ')}`)
        }
        await alter(name => `drop index \`${name}\``)
        await inChunks(copies, (from, count) =>
          ask(`insert into ${table} (${selected(columns, '`', {})}) select ${selected(columns, '`', changes)}
            from (select * from ${table} limit 1) one, seq_${from}_to_${from + count - 1} order by 1`)
        )
        await alter((name, fields) => `add index \`${name}\` (${fields})`)
      },
      settle: async () => void (await ask('analyze table mcp_auth_grants, mcp_auth_interactions')),
      async explain(statement, parameters) {
        const rows = await ask(`explain format=traditional ${statement}`, parameters)
        return rows
          .map(({ type, key, rows: read, Extra }) => `${type} ${key ?? 'no key'}, ${read} rows ${Extra}`.trim())
          .join('; ')
      },
      drop
    }
  },

  async redis() {
    const { url, process: server } = await startRedis()
    const client = new Redis(url)
    return {
      url,
      collections: ['grants'],
      async fill({ collection, copies, expired, among }) {
        await inChunks(copies, async (from, count) => {
          for (let at = from; at < from + count; at += 5000) {
            const some = Math.min(5000, from + count - at)
            await client.eval(COPY, 1, `mcp-auth:{${collection}}:`, at, some, expired ? 1 : 0, stepOf(copies, among))
          }
        })
      },
      settle: async () => {},
      explain: null,
      async drop() {
        client.disconnect()
        server.kill('SIGKILL')
      }
    }
  }
}

/** The keys that the driver keeps of a record, of a copy of the first one. */
const COPY = `
local root = KEYS[1]
local first = redis.call('ZRANGE', root .. 'keys', 0, 0)[1]
local fields = redis.call('HGETALL', root .. 'record:' .. first)
local place = {}
for at = 1, #fields, 2 do place[fields[at]] = at + 1 end
local client = fields[place.clientId]
for n = ARGV[1], ARGV[1] + ARGV[2] - 1 do
  local key = string.sub(first, 1, 13) .. string.format('%08x', n * ARGV[4]) .. string.sub(redis.sha1hex(n .. ARGV[3]), 1, 20)
  local subject = '"person-' .. math.floor(n / 5) .. '"'
  fields[place.subject] = subject
  if ARGV[3] == '1' then fields[place.expiresAt] = string.format('%.0f', 1 + n) end
  redis.call('HSET', root .. 'record:' .. key, unpack(fields))
  redis.call('ZADD', root .. 'keys', 0, key)
  redis.call('ZADD', root .. 'expiry', fields[place.expiresAt], key)
  redis.call('ZADD', root .. 'by:subject:' .. subject, 0, key)
  redis.call('ZADD', root .. 'by:clientId:' .. client, 0, key)
end
return 1`

type Ask = (url: string, statement: string, parameters?: readonly unknown[]) => Promise<{ [column: string]: unknown }[]>

async function askPostgres(url: string, statement: string, parameters: readonly unknown[] = []) {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(statement, [...parameters])).rows as { [column: string]: unknown }[]
  } finally {
    await client.end()
  }
}

async function askMysql(url: string, statement: string, parameters: readonly unknown[] = []) {
  const connection = await createConnection(url)
  try {
    const [rows] = await connection.query(statement, [...parameters])
    return Array.isArray(rows) ? (rows as { [column: string]: unknown }[]) : []
  } finally {
    await connection.end()
  }
}

async function freshDatabase(server: string, ask: Ask): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `bench_${randomBytes(6).toString('hex')}`
  await ask(server, `create database ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  const force = server.startsWith('postgres') ? ' with (force)' : ''
  return { url: url.href, drop: async () => void (await ask(server, `drop database ${name}${force}`)) }
}

/** A server of its own, which keeps nothing on the disk: a million grants are some gigabytes of memory. */
async function startRedis(): Promise<{ url: string; process: ChildProcess }> {
  const port = await new Promise<number>(resolve => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--maxmemory-policy', 'noeviction']
  const child = spawn('redis-server', settings, { stdio: 'ignore' })
  process.on('exit', () => child.kill('SIGKILL'))
  const client = new Redis(port, '127.0.0.1', { retryStrategy: () => 20, maxRetriesPerRequest: 500 })
  client.on('error', () => {})
  await client.ping()
  client.disconnect()
  return { url: `redis://127.0.0.1:${port}`, process: child }
}
