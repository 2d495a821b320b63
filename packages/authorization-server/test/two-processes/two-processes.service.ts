/**
 * Two processes on one store, 200 agents that do everything at once, and a checker that replays what was seen and told.
 *
 * Needs PostgreSQL: `TEST_POSTGRES_URL`, or trust authentication for postgres on 127.0.0.1 with a database "test".
 *
 *   STORM_SECONDS=60   how long it lasts on each store; 15 when left out. For more than that run this file itself:
 *                      node --conditions=@fastify-mcp-auth/source <this file>
 *   STORM_SEED=1       who does what; taken from the time when left out, and told in the test's comment
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import pg from 'pg'
import t, { type Test } from 'tap'
import { type Arguments, start } from './children.ts'
import { findViolations, type Observation, type ToldEvent } from './history.ts'
import { runStorm } from './storm.ts'

const SECONDS = Number(process.env['STORM_SECONDS'] ?? 15)
const SEED = Number(process.env['STORM_SEED'] ?? Date.now() % 1_000_000)
const AGENTS = 200
/** Seconds after which the weather is over, whatever has not been seen yet. */
const PATIENCE = SECONDS + 60
// What has begun is brought to its end, which takes a while on a busy machine.
const TIMEOUT_MS = (PATIENCE + 60) * 1000
t.setTimeout(2 * TIMEOUT_MS)
const POSTGRES = process.env['TEST_POSTGRES_URL'] ?? 'postgres://postgres@127.0.0.1:5432/test'

/** A storm without one of these says nothing. */
const NEEDED = [
  ['redeem', 'ok'],
  ['refresh', 'ok'],
  ['revoke', 'ok'],
  ['refresh', 'refused']
] as const

const count = (observations: readonly Observation[], kind: string, outcome: string): number =>
  observations.filter(one => one.kind === kind && one.outcome === outcome).length

async function weather(t: Test, url: string): Promise<void> {
  t.setTimeout(TIMEOUT_MS)
  const events: ToldEvent[] = []
  const issuer = 'http://127.0.0.1:3000'
  const prefix = `t${process.pid}_s_`
  const args: Arguments = [url, prefix, randomBytes(32).toString('base64'), issuer]
  const processes = await Promise.all([start(t, args, events), start(t, args, events)])
  const since = Date.now()
  // On a slow machine nobody has come to a revocation by then.
  const isOver = (observations: readonly Observation[]): boolean => {
    const seconds = (Date.now() - since) / 1000
    return (
      seconds > PATIENCE ||
      (seconds > SECONDS && NEEDED.every(([kind, outcome]) => count(observations, kind, outcome) > 0))
    )
  }
  const addresses = processes.map(({ address }) => address)
  const observations = await runStorm({ issuer, addresses, agents: AGENTS, seed: SEED, isOver })
  await Promise.all(processes.map(({ stop }) => stop()))
  const figures = Object.fromEntries(
    ['consent', 'redeem', 'refresh', 'revoke', 'introspect'].map(kind => [
      kind,
      [count(observations, kind, 'ok'), count(observations, kind, 'refused')]
    ])
  )
  t.comment(`seed ${SEED}, ${SECONDS} s, ${events.length} events, [ok, refused]: ${JSON.stringify(figures)}`)
  for (const [kind, outcome] of NEEDED) t.ok(count(observations, kind, outcome) > 0, `${kind}: ${outcome}`)
  t.strictSame(findViolations({ observations, events }).slice(0, 20), [])
}

await t.test('GEN-4, TK-2: two processes on one SQLite file: no double issue, no lost revocation, no dead family', t =>
  weather(t, join(t.testdir(), 'auth.db'))
)

await t.test(
  'GEN-4, TK-2: two processes on one PostgreSQL: no double issue, no lost revocation, no dead family',
  async t => {
    const prefix = `t${process.pid}_s_`
    t.teardown(async () => {
      const client = new pg.Client({ connectionString: POSTGRES })
      await client.connect()
      const { rows } = await client.query<{ name: string }>(
        'select tablename as name from pg_tables where schemaname = current_schema() and starts_with(tablename, $1)',
        [prefix]
      )
      for (const { name } of rows) await client.query(`drop table ${client.escapeIdentifier(name)}`)
      await client.end()
    })
    await weather(t, POSTGRES)
  }
)
