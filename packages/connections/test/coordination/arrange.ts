/**
 * Several processes of an app on one PostgreSQL, and authorization servers that rotate. `TEST_POSTGRES_URL`, or postgres (trust) on
 * 127.0.0.1 with a database "test". `COORDINATION_ROUNDS`, `COORDINATION_PEOPLE`, `COORDINATION_LIFETIME` (seconds of an access token) and
 * `COORDINATION_SEED` make another week.
 */
import { randomBytes } from 'node:crypto'
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import { settableClock } from '@fastify-mcp-auth/testing'
import { walkAuthorization } from '@fastify-mcp-auth/testing/servers'
import { startWorkers } from '@fastify-mcp-auth/testing/workers'
import pg from 'pg'
import type { Test } from 'tap'
import { createConnections } from '../../src/index.ts'
import type { Issuer, startFakeIssuer } from './issuers.ts'
import { type Findings, liveThrough } from './week.ts'
import type { WorkerSettings } from './worker.ts'

const url = process.env['TEST_POSTGRES_URL'] ?? 'postgres://postgres@127.0.0.1:5432/test'
const rounds = Number(process.env['COORDINATION_ROUNDS'] ?? 4)
const lifetime = Number(process.env['COORDINATION_LIFETIME'] ?? 36_000)
const seed = Number(process.env['COORDINATION_SEED'] ?? 20_261_127)
const PROCESSES = 4

/** How a week went. */
export interface Arranged {
  readonly findings: Findings
  readonly issuers: readonly Issuer[]
  readonly statuses: readonly string[]
  /** Connections that a process gave up, with the reason. */
  readonly lost: readonly string[]
}

/** @param options `uncoordinated`: nothing fails, and nobody asks before refreshing */
export async function week(
  t: Test,
  {
    people,
    uncoordinated = false,
    starters
  }: { people: number; uncoordinated?: boolean; starters: (typeof startFakeIssuer)[] }
): Promise<Arranged> {
  const clock = settableClock(1_800_000_000)
  const open: { close(): Promise<void> }[] = []
  // That the machine is busy is no outage.
  const database = { url, tablePrefix: `cn${process.pid}_${uncoordinated ? 'u' : 'c'}_`, timeout: 60 }
  t.teardown(async () => {
    for (const one of open.toReversed()) await one.close()
    await dropTables(database.tablePrefix)
  })
  const issuers = await Promise.all(starters.map(start => start(clock, lifetime)))
  open.push(...issuers)
  const options: WorkerSettings['options'] = {
    baseUrl: 'http://127.0.0.1:3000',
    client: { name: 'Coordination' },
    encryptionKeys: [randomBytes(32).toString('base64')],
    network: { allowLoopback: true },
    limits: false,
    refresh: { timeout: 10 },
    servers: Object.fromEntries(issuers.map(({ name, mcp }) => [name, { url: mcp.resource }]))
  }
  const app = await createConnections({ ...options, storage: sqlStorage({ ...database, poolSize: 5 }), clock })
  open.push(app)
  const everybody = Array.from({ length: people }, (_, at) => `user-${at}`)
  const users = new Map(
    issuers.map(({ name }, index) => [name, everybody.filter((_, at) => at % issuers.length === index)])
  )
  const owners = [...users].flatMap(([name, ids]) => ids.map(id => ({ id, name })))
  await Promise.all(owners.map(({ id, name }) => connect(app, id, name)))
  t.comment(`connected after ${Math.round(performance.now())} ms`)
  const settings: WorkerSettings = { options, database, isUncoordinated: uncoordinated }
  const pool = await startWorkers({
    url: new URL('./worker.ts', import.meta.url),
    processes: PROCESSES,
    settings,
    clock
  })
  open.push(pool)
  const findings = await liveThrough({
    issuers,
    users,
    pool,
    clock,
    rounds,
    seed,
    calm: uncoordinated,
    tell: text => t.comment(text)
  })
  const statuses = await Promise.all(
    owners.map(async ({ id, name }) => (await app.status({ type: 'user', id }, name)).status)
  )
  const lost = await Promise.all(
    Array.from({ length: PROCESSES }, (_, at) =>
      pool.run<{ user: string; server: string; reason: string }[]>('lost', null, at)
    )
  )
  return { findings, issuers, statuses, lost: lost.flat().map(one => `${one.user} at ${one.server}: ${one.reason}`) }
}

async function connect(
  app: Awaited<ReturnType<typeof createConnections>>,
  user: string,
  server: string
): Promise<void> {
  const owner = { type: 'user', id: user } as const
  const binding = `browser of ${user}`
  const flow = await app.start(owner, server, { binding })
  await app.complete({ params: await walkAuthorization(flow.url, { username: user }), binding, owner })
}

async function dropTables(prefix: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query<{ name: string }>(
    'select tablename as name from pg_tables where schemaname = current_schema() and starts_with(tablename, $1)',
    [prefix]
  )
  for (const { name } of rows) await client.query(`drop table ${client.escapeIdentifier(name)}`)
  await client.end()
}
