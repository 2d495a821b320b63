/** Places where the processes of one test meet: fresh, and gone with the test. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { createConnection } from 'mysql2/promise'
import { Client } from 'pg'
import type { Test } from 'tap'

export interface Engine {
  readonly DATABASE_URL: string
  readonly REDIS_URL?: string
}

const POSTGRES = process.env['TEST_POSTGRES_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres'
const MYSQL = process.env['TEST_MYSQL_URL'] ?? 'mysql://root@127.0.0.1:3306/mysql'
const REDIS = process.env['TEST_REDIS_URL'] ?? 'redis://127.0.0.1:6379'

export async function sqlite(t: Test): Promise<Engine> {
  const folder = mkdtempSync(join(tmpdir(), 'scale-out-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return { DATABASE_URL: `sqlite:${join(folder, 'notes.sqlite')}` }
}

export async function postgres(t: Test): Promise<Engine> {
  const run = async (statement: string): Promise<void> => {
    const client = new Client({ connectionString: POSTGRES })
    await client.connect()
    await client.query(statement)
    await client.end()
  }
  // The processes were killed, but PostgreSQL may not have noticed yet.
  return {
    DATABASE_URL: await freshDatabase(t, { server: POSTGRES, run, drop: name => `drop database ${name} with (force)` })
  }
}

export async function mariadb(t: Test): Promise<Engine> {
  const run = async (statement: string): Promise<void> => {
    const connection = await createConnection(MYSQL)
    await connection.query(statement)
    await connection.end()
  }
  return { DATABASE_URL: await freshDatabase(t, { server: MYSQL, run, drop: name => `drop database ${name}` }) }
}

export async function redis(t: Test): Promise<Engine> {
  return { DATABASE_URL: await freshRedis(t) }
}

export async function split(t: Test): Promise<Engine> {
  return { ...(await postgres(t)), REDIS_URL: await freshRedis(t) }
}

async function freshDatabase(
  t: Test,
  { server, run, drop }: { server: string; run(statement: string): Promise<void>; drop(name: string): string }
): Promise<string> {
  const name = `scale_out_${randomBytes(6).toString('hex')}`
  await run(`create database ${name}`)
  t.teardown(() => run(drop(name)))
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

/** A numbered database of Redis that nobody uses, empty again afterwards. What a killed run left in another one is nobody's business here. */
async function freshRedis(t: Test): Promise<string> {
  const claim = randomBytes(6).toString('hex')
  for (let number = 15; number > 0; number--) {
    const url = new URL(REDIS)
    url.pathname = `/${number}`
    const client = new Redis(url.href)
    if ((await client.dbsize()) === 0 && (await client.set('claimed-by-a-test', claim, 'NX'))) {
      t.teardown(async () => {
        await client.flushdb()
        client.disconnect()
      })
      return url.href
    }
    client.disconnect()
  }
  throw new Error('Redis has no empty database for this test')
}
