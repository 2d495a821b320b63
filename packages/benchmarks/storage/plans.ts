/** How the engine finds what each verb asks for: the statements of the driver itself, explained. */
import { collections } from '@fastify-mcp-auth/authorization-server'
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import Database from 'better-sqlite3'
import type { CompiledQuery } from 'kysely'
import { Kysely, MysqlDialect, PostgresDialect, SqliteDialect } from 'kysely'
import { createPool } from 'mysql2'
import { Pool } from 'pg'
import type { Place } from './engines.ts'

type AnyDatabase = Kysely<Record<string, Record<string, unknown>>>
type Name = 'sqlite' | 'postgres' | 'mysql'

/** @returns pairs of a verb and its plan; empty for an engine without plans */
export async function plansOf({ url, explain }: Place): Promise<[verb: string, plan: string][]> {
  const grants = collections.find(({ name }) => name === 'grants')
  if (!explain || !grants) return []
  const seen: CompiledQuery[] = []
  const { db, name } = connect(url, query => seen.push(query))
  const storage = sqlStorage({ kysely: db, dialect: name })
  const verbs: [string, () => Promise<unknown>][] = [
    ['get', () => storage.get(grants, 'nobody')],
    ['update, guarded', () => storage.update(grants, 'nobody', { revokedAt: null }, { lastUsedAt: 1 })],
    ['remove', () => storage.remove(grants, 'nobody')],
    ['list by subject', () => storage.list(grants, 'subject', 'nobody', { limit: 100 })],
    ['list by client, next page', () => storage.list(grants, 'clientId', 'nobody', { limit: 100, cursor: 'x' })],
    ['list what expired', () => storage.list(grants, 'expiresBefore', 1, { limit: 100 })],
    [
      'list what expired, next page',
      () => storage.list(grants, 'expiresBefore', 9, { limit: 100, cursor: '3:nobody' })
    ],
    [
      'take what expired',
      async () => storage.take?.(grants, ['nobody', 'noone'], { expiresBefore: 1, guard: { revokedAt: null } })
    ],
    ['remove what expired', () => storage.removeWhere(grants, 'expiresBefore', 1, { limit: 200 })],
    ['count', async () => storage.count?.(grants, { prefix: 'nobody', limit: 10_000 })]
  ]
  const plans: [string, string][] = []
  try {
    for (const [verb, ask] of verbs) {
      seen.length = 0
      await ask()
      // Of what MySQL takes in a transaction: the statement that looks for it.
      const query = seen.find(({ sql }) => !/^(begin|commit)/.test(sql))
      if (query) plans.push([verb, await explain(query.sql, query.parameters)])
    }
  } finally {
    await db.destroy()
  }
  return plans
}

function connect(url: string, onQuery: (query: CompiledQuery) => void): { db: AnyDatabase; name: Name } {
  const log = (event: { query: CompiledQuery }): void => onQuery(event.query)
  if (url.startsWith('sqlite:'))
    return {
      name: 'sqlite',
      db: new Kysely({ dialect: new SqliteDialect({ database: new Database(url.slice('sqlite:'.length)) }), log })
    }
  if (url.startsWith('mysql:'))
    return { name: 'mysql', db: new Kysely({ dialect: new MysqlDialect({ pool: createPool(url) as never }), log }) }
  return {
    name: 'postgres',
    db: new Kysely({ dialect: new PostgresDialect({ pool: new Pool({ connectionString: url }) }), log })
  }
}
