/**
 * What an operation costs with a thousand and with a million stored grants, on SQLite: `pnpm bench:grants [--grants N] [--rounds N]`.
 *
 * Two servers of ours with a file each. In both, some grants were made over HTTP; the rest are copies of one of them under
 * random keys, written into the table directly. Rounds are interleaved and ratios taken inside a round.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import Database from 'better-sqlite3'
import { median } from '../rounds.ts'
import { type ServerProcess, startServer } from '../server-process.ts'
import { Client, readTokens, type TokenAnswer } from './client.ts'
import type { Issuing } from './issuing.ts'
import { contenderFile, freePort, issuingOn } from './suite.ts'

const { values } = parseArgs({
  options: { grants: { type: 'string', default: '1000000' }, rounds: { type: 'string', default: '5' } }
})
const SMALL = 1000
/** Of the grants of each file, those that are used. */
const MADE = 300
const large = Number(values.grants)
const rounds = Number(values.rounds)
/** Operations of one kind in one round. */
const BATCH = 50

interface Place {
  readonly server: ServerProcess
  readonly client: Client
  readonly grants: TokenAnswer[]
}

type Measure = (place: Place) => Promise<{ cpu: number; wall: number }>

const MEASURES: { readonly [name: string]: Measure } = {
  authorize: place => timed(place, BATCH, () => place.client.authorize()),
  redeem: async place => {
    const codes: string[] = []
    for (let i = 0; i < BATCH; i++) codes.push(await place.client.authorize())
    return timed(place, BATCH, async i => readTokens(await place.client.redeem(codes[i] ?? '')))
  },
  refresh: place =>
    timed(place, BATCH, async () => {
      const index = Math.floor(Math.random() * place.grants.length)
      const { refresh_token: token } = place.grants[index] as TokenAnswer
      place.grants[index] = readTokens(await place.client.refresh(token))
    }),
  introspect: place =>
    timed(place, BATCH, async () => {
      const { access_token: token } = place.grants[Math.floor(Math.random() * place.grants.length)] as TokenAnswer
      const { body } = await place.client.introspect(place.client.endpoints.introspect ?? '', token)
      if (!body.includes('"active":true')) throw new Error(body)
    }),
  'cleanup of 1,000': place =>
    timed(place, 1, async () => {
      const { status, body } = await place.client.get('/cleanup')
      if (status !== 200 || Number(body) === 0) throw new Error(`nothing was removed: ${status} ${body}`)
    })
}

const directory = mkdtempSync(join(tmpdir(), 'stored-grants-'))
try {
  const stocked = { few: await stock('few.db', SMALL), many: await stock('many.db', large) }
  // Only now: a connection that waited while the larger file was filled would be given up.
  const [few, many] = [await opened(stocked.few), await opened(stocked.many)]
  const rows: string[] = []
  for (const [name, measure] of Object.entries(MEASURES)) {
    await measure(few)
    await measure(many)
    const taken: Record<'few' | 'many', { cpu: number; wall: number }>[] = []
    for (let round = 0; round < rounds; round++) taken.push({ few: await measure(few), many: await measure(many) })
    const of = (place: 'few' | 'many', what: 'cpu' | 'wall'): string =>
      Math.round(median(taken.map(one => one[place][what]))).toLocaleString('en')
    const ratio = (what: 'cpu' | 'wall'): string => median(taken.map(one => one.many[what] / one.few[what])).toFixed(2)
    rows.push(
      `| ${name} | ${of('few', 'cpu')} | ${of('many', 'cpu')} | ${ratio('cpu')} | ${of('few', 'wall')} | ${of('many', 'wall')} | ${ratio('wall')} |`
    )
  }
  console.log(
    `Microseconds per operation with ${SMALL.toLocaleString('en')} and ${large.toLocaleString('en')} stored grants.\n`
  )
  console.log('| operation | CPU, few | CPU, many | ratio | time, few | time, many | ratio |')
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: |')
  console.log(rows.join('\n'))
} finally {
  rmSync(directory, { recursive: true })
}
process.exit()

type Stocked = Omit<Place, 'client'> & { readonly issuing: Issuing }

async function opened({ server, grants, issuing }: Stocked): Promise<Place> {
  return { server, grants, client: await Client.open(issuing) }
}

async function stock(file: string, size: number): Promise<Stocked> {
  const issuing = issuingOn(await freePort())
  const path = join(directory, file)
  const server = await startServer(file, contenderFile('fastify-mcp-auth-sqlite'), { ...issuing, file: path })
  if (!server) throw new Error('it does not start')
  const client = await Client.open(issuing)
  const grants: TokenAnswer[] = []
  for (let i = 0; i < MADE; i++) {
    client.user = `user-${i % 20}`
    grants.push(await client.connect())
  }
  client.close()
  const start = performance.now()
  fill(path, size - MADE)
  console.error(`${file}: ${size} grants, filled in ${Math.round((performance.now() - start) / 1000)} s`)
  return { server, grants, issuing }
}

/** Copies of one grant for many people. A tenth of them is over, and so are as many besides as the cleanup needs in the small file. */
function fill(path: string, copies: number): void {
  const db = new Database(path)
  db.pragma('busy_timeout = 5000')
  const columns = (db.pragma('table_info(mcp_auth_grants)') as { name: string }[]).map(({ name }) => name)
  const overridden: Record<string, string> = {
    record_key: 'substr(record_key, 1, 13) || lower(hex(randomblob(11)))',
    subject: "'person-' || (n / 5)",
    expiresAt: 'case when n % 10 = 0 then 1 + n else expiresAt end'
  }
  const copy = (from: number, count: number, expired: boolean): void => {
    const chosen = columns.map(name => (expired && name === 'expiresAt' ? '1' : (overridden[name] ?? `"${name}"`)))
    db.exec(`insert into mcp_auth_grants (${columns.map(name => `"${name}"`).join(', ')})
      with recursive counter(n) as (select ${from} union all select n + 1 from counter where n < ${from + count - 1})
      select ${chosen.join(', ')} from (select * from mcp_auth_grants limit 1), counter`)
  }
  copy(0, (rounds + 2) * 1000, true)
  if (copies > 0) copy(1_000_000_000, copies, false)
  db.close()
}

async function timed(
  { server }: Place,
  count: number,
  operation: (index: number) => Promise<unknown>
): Promise<{ cpu: number; wall: number }> {
  const [before, start] = [await server.cpu(), performance.now()]
  for (let i = 0; i < count; i++) await operation(i)
  const wall = ((performance.now() - start) * 1000) / count
  return { cpu: ((await server.cpu()) - before) / count, wall }
}
