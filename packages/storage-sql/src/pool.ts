/** Connections that an app already has, told apart by what they can do. */
import type BetterSqlite3 from 'better-sqlite3'
import type { Pool as Pg } from 'pg'
import type { Mysql2Pool } from './time-limit.ts'

/** By what a `Pool` of pg is recognised. */
export interface PgPool {
  readonly totalCount: number
  connect(): Promise<unknown>
}

/** By what a pool of mysql2 is recognised, with callbacks or with promises. */
export interface MysqlPool {
  getConnection(...args: never[]): unknown
}

/** By what a `Database` of better-sqlite3 is recognised. */
export interface SqliteDatabase {
  prepare(source: string): unknown
  pragma(source: string): unknown
}

type Known =
  | { of: 'pg'; pool: Pg }
  | { of: 'mysql2'; pool: Mysql2Pool }
  | { of: 'better-sqlite3'; pool: BetterSqlite3.Database }

/** Null for what is none of them. */
export function readPool(pool: unknown): Known | null {
  if (has(pool, 'prepare', 'pragma')) return { of: 'better-sqlite3', pool: pool as BetterSqlite3.Database }
  if (has(pool, 'getConnection', 'promise')) return { of: 'mysql2', pool: pool as Mysql2Pool }
  // The one with promises has the other inside.
  if (has(pool, 'getConnection')) return readPool(Reflect.get(pool, 'pool'))
  return has(pool, 'connect', 'on') && 'totalCount' in pool ? { of: 'pg', pool: pool as Pg } : null
}

function has(value: unknown, ...methods: string[]): value is object {
  if (typeof value !== 'object' || value === null) return false
  return methods.every(name => typeof Reflect.get(value, name) === 'function')
}
