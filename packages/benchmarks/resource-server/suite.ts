/**
 * Checking a token on every request: the contenders, by algorithm, with tokens that come again (hot), that never do
 * (cold), and that never do and are signed wrongly (forged).
 */
import { Connection } from '../connection.ts'
import { measure, type Operation, type Sample } from '../load.ts'
import { type Entrant, type Outcome, type Participant, playRounds, type Series } from '../rounds.ts'
import { type ServerProcess, startServer } from '../server-process.ts'
import type { Plan } from '../suites.ts'
import { type Footprint, measureFootprint } from './footprint.ts'
import { footprintTable } from './goals.ts'
import { type Issuer, startIssuer } from './issuer.ts'
import { disprove, requestWith } from './proof.ts'
import { ALGORITHMS, type Algorithm } from './protection.ts'

/** The first is what the others are compared with, the second is ours. */
export const CONTENDERS = [
  'bare-fastify',
  'fastify-mcp-auth',
  'fastify-mcp-auth-uncached',
  'fastify-jwt-cached',
  'fastify-jwt-uncached',
  'jose-pre-handler',
  'sdk-express',
  'express-oauth2-jwt-bearer',
  'sketch'
] as const

export function contenderFile(name: string): URL {
  return new URL(`contenders/${name}.ts`, import.meta.url)
}

const CONNECTIONS = 32
const HOT_TOKENS = 100
/** Requests before anything counts: the compiler has to be done with a server, however busy the machine is. */
const WARM_UP = 40_000
/** And the same for new tokens: who remembers tokens has not verified one yet while the same ones came again. */
const NEW_TOKENS_OF_WARM_UP = 15_000
/** New tokens for a second of load; minting them is what takes long. The measurement ends early when they are gone. */
const NEW_TOKENS_PER_SECOND = 6000
/** Name under which the costs of starting and of memory are measured, as if it were a load. */
const FOOTPRINT = 'footprint'
/** Checks nothing, so it is not asked to prove anything and gets no forged tokens. */
const UNGUARDED = 'bare-fastify'

export async function runResourceServer(plan: Plan): Promise<Outcome> {
  const participants = new Map<string, Participant>()
  const series: Series[] = []
  const loads = ['hot', 'cold', 'forged']
  for (const algorithm of ALGORITHMS.filter(name => loads.some(load => plan.plays(`${name} ${load}`)))) {
    const outcome = await runAlgorithm(plan, algorithm)
    for (const participant of outcome.participants) participants.set(participant.name, participant)
    series.push(...outcome.series)
  }
  const outcome = { participants: [...participants.values()], series }
  return plan.plays(FOOTPRINT) ? { ...outcome, besides: footprintTable(await footprint(plan)) } : outcome
}

async function footprint(plan: Plan): Promise<Footprint> {
  plan.say('starting servers to see what a start and memory cost')
  const issuer = await startIssuer('ES256')
  try {
    return await measureFootprint(issuer)
  } finally {
    issuer.close()
  }
}

async function runAlgorithm(plan: Plan, algorithm: Algorithm): Promise<Outcome> {
  const issuer = await startIssuer(algorithm)
  const servers: ServerProcess[] = []
  try {
    for (const name of CONTENDERS.filter(plan.includes)) {
      const server = await startServer(name, contenderFile(name), issuer.protection)
      if (!server) continue
      servers.push(server)
      if (name !== UNGUARDED) await assertProven(server, issuer)
    }
    plan.say(`${algorithm}: ${servers.map(({ name }) => name).join(', ')} have proven themselves`)
    const participants = servers.map(({ name, does, leavesOut }) => ({ name, does, leavesOut }))
    return { participants, series: await playLoads(plan, { algorithm, issuer, servers }) }
  } finally {
    for (const server of servers) await server.stop()
    issuer.close()
  }
}

async function assertProven(server: ServerProcess, issuer: Issuer): Promise<void> {
  const complaints = await disprove(server.port, issuer)
  if (complaints.length > 0) throw new Error(`${server.name} does not do its job: ${complaints.join('; ')}`)
}

async function playLoads(
  plan: Plan,
  { algorithm, issuer, servers }: { algorithm: Algorithm; issuer: Issuer; servers: readonly ServerProcess[] }
): Promise<Series[]> {
  const { rounds, seconds } = plan
  const count = Math.ceil(seconds * NEW_TOKENS_PER_SECOND)
  const hot: Load = { requests: mintRequests(HOT_TOKENS, issuer.mint), status: 200, again: true }
  const guarded = servers.filter(({ name }) => name !== UNGUARDED)

  const names = { hot: `${algorithm} hot`, cold: `${algorithm} cold`, forged: `${algorithm} forged` }
  const [playsHot, playsCold, playsForged] = [names.hot, names.cold, names.forged].map(plan.plays)
  const fresh = playsCold || playsForged ? mintRequests(NEW_TOKENS_OF_WARM_UP, issuer.mint) : []
  const bad = playsForged ? mintRequests(NEW_TOKENS_OF_WARM_UP, issuer.forge) : []
  for (const server of servers) await warmUp(server, { hot, fresh, bad: server.name === UNGUARDED ? [] : bad })
  // New to every server in every round, but the same for all of them.
  const pools = (mint: () => string): string[][] => Array.from({ length: rounds }, () => mintRequests(count, mint))
  const series: Series[] = []
  if (playsHot)
    series.push(
      ...(await playRounds(
        names.hot,
        rounds,
        entrantsOf(servers, seconds, () => hot)
      ))
    )
  if (playsCold) {
    const cold = pools(issuer.mint)
    // Nothing is new to who does not look: without a check, the tokens may come again until the time is over.
    const loadOf = (round: number, name: string): Load => ({
      requests: cold[round] ?? [],
      status: 200,
      again: name === UNGUARDED
    })
    series.push(...(await playRounds(names.cold, rounds, entrantsOf(servers, seconds, loadOf))))
  }
  if (playsForged) {
    const forged = pools(issuer.forge)
    const loadOf = (round: number): Load => ({ requests: forged[round] ?? [], status: 401, again: false })
    series.push(...(await playRounds(names.forged, rounds, entrantsOf(guarded, seconds, loadOf))))
  }
  return series
}

async function warmUp(
  server: ServerProcess,
  { hot, fresh, bad }: { hot: Load; fresh: readonly string[]; bad: readonly string[] }
): Promise<void> {
  for (let done = 0; done < WARM_UP; ) done += (await runWindow(server, hot, 1)).operations
  // To the end, however long it takes.
  if (fresh.length > 0) await runWindow(server, { requests: fresh, status: 200, again: false }, fresh.length)
  if (bad.length > 0) await runWindow(server, { requests: bad, status: 401, again: false }, bad.length)
}

function entrantsOf(
  servers: readonly ServerProcess[],
  seconds: number,
  loadOf: (round: number, name: string) => Load
): Entrant[] {
  return servers.map(server => ({
    name: server.name,
    take: round => runWindow(server, loadOf(round, server.name), seconds)
  }))
}

function mintRequests(count: number, mint: () => string): string[] {
  return Array.from({ length: count }, () => requestWith(mint()))
}

interface Load {
  readonly requests: readonly string[]
  /** The only right answer. */
  readonly status: number
  /** Start over when all requests were sent; else the measurement ends there. */
  readonly again: boolean
}

async function runWindow(
  server: ServerProcess,
  { requests, status: expected, again }: Load,
  seconds: number
): Promise<Sample> {
  const connections = await Promise.all(Array.from({ length: CONNECTIONS }, () => Connection.open(server.port)))
  let next = 0
  const workers = connections.map(
    (connection): Operation =>
      async () => {
        if (next === requests.length && again) next = 0
        const request = requests[next++]
        if (request === undefined) return false
        const { status } = await connection.exchange(request)
        if (status !== expected) throw new Error(`${server.name} answered ${status} instead of ${expected}`)
        return true
      }
  )
  try {
    return await measure(server, workers, seconds)
  } finally {
    for (const connection of connections) connection.close()
  }
}
