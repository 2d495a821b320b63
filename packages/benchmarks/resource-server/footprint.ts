/**
 * What it costs to have the plugin at all: to start, to stand still, and to remember tokens. Measured with the packages as they are
 * published, because a user starts those, and against the same server without the plugin.
 */
import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Connection } from '../connection.ts'
import type { FootprintOrder, FootprintReport } from '../footprint-server.ts'
import type { Issuer } from './issuer.ts'
import { requestWith } from './proof.ts'

/** What ours needs more than bare Fastify. */
export interface Footprint {
  /** Milliseconds of processor time until it listens. */
  readonly listen: number
  /** Megabytes of resident memory when nothing happens. */
  readonly idle: number
  /** Megabytes of objects and buffers for 10,000 tokens that are remembered. */
  readonly tokens: number
}

const ROUNDS = 7
const TOKENS = 10_000
const ENTRY = new URL('../footprint-server.ts', import.meta.url)
const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

/** The least of several starts of each, in turn. */
export async function measureFootprint(issuer: Issuer): Promise<Footprint> {
  execFileSync(process.execPath, ['.ci/build.ts'], { cwd: ROOT })
  const starts = { bare: [] as Start[], ours: [] as Start[] }
  for (let round = 0; round < ROUNDS; round++) {
    starts.bare.push(await start('bare-fastify', issuer))
    starts.ours.push(await start('fastify-mcp-auth', issuer))
  }
  const more = (of: keyof Start): number => least(starts.ours, of) - least(starts.bare, of)
  return { listen: more('cpu') / 1000, idle: more('resident') / 1e6, tokens: (await rememberTokens(issuer)) / 1e6 }
}

interface Start {
  readonly cpu: number
  readonly resident: number
}

function least(starts: readonly Start[], of: keyof Start): number {
  return Math.min(...starts.map(start => start[of]))
}

async function start(name: string, issuer: Issuer): Promise<Start> {
  return withServer(name, issuer, async (ask, { cpu }) => ({ cpu, resident: (await ask({ type: 'memory' })).resident }))
}

/** @returns bytes */
async function rememberTokens(issuer: Issuer): Promise<number> {
  return withServer('fastify-mcp-auth', issuer, async (ask, { port }) => {
    const connection = await Connection.open(port)
    const show = async (count: number): Promise<void> => {
      const requests = Array.from({ length: count }, () => requestWith(issuer.mint()))
      // Remembered when they come for the second time.
      for (const request of [...requests, ...requests])
        if ((await connection.exchange(request)).status !== 200) throw new Error('a good token was refused')
    }
    // What is made with the first tokens is not for them.
    await show(500)
    const { used } = await ask({ type: 'memory' })
    await show(TOKENS)
    const more = (await ask({ type: 'memory' })).used - used
    connection.close()
    return more
  })
}

type Ask = (order: FootprintOrder) => Promise<{ port: number; cpu: number; resident: number; used: number }>

async function withServer<T>(
  name: string,
  issuer: Issuer,
  use: (ask: Ask, started: { port: number; cpu: number }) => Promise<T>
): Promise<T> {
  const file = new URL(`contenders/${name}.ts`, import.meta.url).href
  // Without the condition that leads to the sources.
  const child = fork(ENTRY, [file], { execArgv: ['--expose-gc'], env: { ...process.env, NODE_ENV: 'production' } })
  const ask: Ask = async order => Object.assign({ port: 0, cpu: 0, resident: 0, used: 0 }, await answerOf(child, order))
  try {
    return await use(ask, await ask({ type: 'start', settings: issuer.protection }))
  } finally {
    child.kill('SIGKILL')
  }
}

async function answerOf(child: ChildProcess, order: FootprintOrder): Promise<FootprintReport> {
  const gone = new AbortController()
  child.once('exit', () => gone.abort(new Error('the server process ended')))
  const answer = once(child, 'message', { signal: gone.signal })
  child.send(order)
  const [report] = await answer
  return report as FootprintReport
}
