/** Checking a token on every request: the contenders, by algorithm, with tokens that come again (hot) and that never do (cold). */
import { Connection } from '../connection.ts'
import { measure, type Operation, type Sample } from '../load.ts'
import { playRounds, type Series } from '../rounds.ts'
import { type ServerProcess, startServer } from '../server-process.ts'
import type { Plan } from '../suites.ts'
import { type Issuer, startIssuer } from './issuer.ts'
import { disprove, requestWith } from './proof.ts'
import { ALGORITHMS, type Algorithm } from './protection.ts'

/** The first is what the others are compared with, the second is ours. */
export const CONTENDERS = [
  'bare-fastify',
  'fastify-mcp-auth',
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
/** Tokens that a second of cold load may use up; minting them is what takes long. The load ends early when they are gone. */
const COLD_TOKENS_PER_SECOND = 6000

export async function runResourceServer(plan: Plan): Promise<Series[]> {
  const series: Series[] = []
  for (const algorithm of ALGORITHMS) series.push(...(await runAlgorithm(plan, algorithm)))
  return series
}

async function runAlgorithm(plan: Plan, algorithm: Algorithm): Promise<Series[]> {
  const issuer = await startIssuer(algorithm)
  const servers: ServerProcess[] = []
  try {
    for (const name of CONTENDERS.filter(plan.includes)) {
      const server = await startServer(name, contenderFile(name), issuer.protection)
      if (!server) continue
      servers.push(server)
      if (name !== 'bare-fastify') await assertProven(server, issuer)
    }
    plan.say(`${algorithm}: ${servers.map(({ name }) => name).join(', ')} have proven themselves`)
    return await playLoads(plan, { algorithm, issuer, servers })
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
  const hot = mintRequests(issuer, HOT_TOKENS)
  const coldCount = Math.ceil(plan.seconds * COLD_TOKENS_PER_SECOND)
  const warmUp = mintRequests(issuer, Math.ceil(coldCount / 4))
  for (const server of servers) {
    await runWindow(server, warmUp, { seconds: plan.seconds / 2, again: false })
    await runWindow(server, hot, { seconds: plan.seconds / 2, again: true })
  }
  const hotSeries = await playRounds(
    `${algorithm} hot`,
    servers.map(server => ({
      name: server.name,
      take: () => runWindow(server, hot, { seconds: plan.seconds, again: true })
    })),
    plan.rounds
  )
  // New to every server each time, but the same for all of them.
  const pools = Array.from({ length: plan.rounds }, () => mintRequests(issuer, coldCount))
  const coldSeries = await playRounds(
    `${algorithm} cold`,
    servers.map(server => {
      const left = [...pools]
      // Nothing is new to who does not look: without a check, the tokens may come again until the time is over.
      const again = server.name === 'bare-fastify'
      return {
        name: server.name,
        take: () => runWindow(server, left.pop() ?? [], { seconds: plan.seconds, again })
      }
    }),
    plan.rounds
  )
  return [...hotSeries, ...coldSeries]
}

function mintRequests(issuer: Issuer, count: number): string[] {
  return Array.from({ length: count }, () => requestWith(issuer.mint()))
}

/** @param limits `again`: start over when all requests were sent */
async function runWindow(
  server: ServerProcess,
  requests: readonly string[],
  { seconds, again }: { seconds: number; again: boolean }
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
        if (status !== 200) throw new Error(`${server.name} answered ${status} to a good token`)
        return true
      }
  )
  try {
    return await measure(server, workers, seconds)
  } finally {
    for (const connection of connections) connection.close()
  }
}
