/**
 * A week of an app: people use their connections from several processes at once, processes end without a word, authorization servers
 * fail, answers get lost. Time stands still within a round and jumps between rounds, so a week takes a minute.
 *
 * No two processes agree about the time: their clocks are up to ten minutes apart.
 *
 * After each bad round the background refresh runs, as a timer in each process would run it. A lost answer can be made good only while the
 * authorization server takes the spent token once more, and somebody has to try in that time.
 *
 * What is checked is what people would notice, and what their servers would: a token that works as somebody else, a connection that has to
 * be made again, and a refresh token that came twice.
 */
import { setTimeout as later } from 'node:timers/promises'
import type { SettableClock } from '@fastify-mcp-auth/testing'
import { type Fault, fault } from '@fastify-mcp-auth/testing/servers'
import type { WorkerJobError, WorkerPool } from '@fastify-mcp-auth/testing/workers'
import type { Issuer } from './issuers.ts'

/** What happened. */
export interface Findings {
  readonly calls: number
  /** Answers of a server that named somebody else than the caller. */
  readonly wrongOwner: string[]
  /** Errors that a person would have to do something about. */
  readonly needless: string[]
  /** Errors that neither the faults of the round nor an end of a process explain. */
  readonly unexplained: string[]
  /** Calls that an outage or the end of a process explains. */
  readonly outages: number
  readonly refreshes: number
  readonly kills: number
  readonly restarts: number
}

type Tally = { -readonly [K in Exclude<keyof Findings, 'refreshes'>]: Findings[K] }

/** How the week is. */
export interface Week {
  readonly issuers: readonly Issuer[]
  /** Who is connected, by the name of the issuer. */
  readonly users: ReadonlyMap<string, readonly string[]>
  readonly pool: WorkerPool
  readonly clock: SettableClock
  /** Rounds that a week is cut into. */
  readonly rounds: number
  /** The same number gives the same week. */
  readonly seed: number
  /** Nothing fails and nobody is killed. */
  readonly calm?: boolean
  /** Told where the week is, and after how many real seconds. */
  readonly tell: (progress: string) => void
}

const WEEK = 604_800
const FOR_EVER = { times: Number.POSITIVE_INFINITY }
/** What an outage may look like from inside. */
const OUTAGE = new Set([
  'MCP_AUTHORIZATION_SERVER_UNAVAILABLE',
  'MCP_SERVER_UNAVAILABLE',
  'MCP_STORE_CONFLICT',
  'WORKER_GONE'
])
const FOR_A_PERSON = new Set(['MCP_NEEDS_REAUTH', 'MCP_NOT_CONNECTED', 'MCP_NEEDS_SCOPE', 'MCP_CREDENTIAL_REJECTED'])

/** Real seconds. A week takes a fifth of it on two cores, and the longest wait of the app, for a dead process, fits in twice. */
const PATIENCE = 180

/** @throws Error that names the place in the week where it got stuck */
export async function liveThrough(week: Week): Promise<Findings> {
  const begun = performance.now()
  let place = ''
  const stop = new AbortController()
  const at = (next: string): void => {
    stop.signal.throwIfAborted()
    place = next
    week.tell(`${next} begins after ${Math.round((performance.now() - begun) / 100) / 10} s`)
  }
  const tooLong = later(PATIENCE * 1000, null, { signal: stop.signal }).then(() => {
    throw new Error(`the week is not over after ${PATIENCE} s: ${place} does not end`)
  })
  try {
    return await Promise.race([live(week, at), tooLong])
  } finally {
    tooLong.catch(() => undefined)
    stop.abort()
  }
}

async function live(week: Week, at: (place: string) => void): Promise<Findings> {
  const { issuers, clock, pool, rounds } = week
  const random = generator(week.seed)
  const found: Tally = { calls: 0, outages: 0, kills: 0, restarts: 0, wrongOwner: [], needless: [], unexplained: [] }
  for (let round = 0; round < rounds; round++) {
    at(`round ${round}`)
    setTime(week, clock.now() + Math.floor((WEEK / rounds) * (0.9 + 0.2 * random())))
    const isBad = week.calm !== true && round % 2 === 1
    const isDeadly = isBad && round % 4 === 3
    // Where the second use of a token ends everything, a process that is killed between the two ends it: that is no matter of coordination.
    const asleep = issuers.filter(({ hasGrace }) => isDeadly && !hasGrace)
    const awake = issuers.filter(issuer => !asleep.includes(issuer))
    for (const { server } of asleep) server.fail('token', fault.unavailable(), FOR_EVER)
    if (isBad && !isDeadly) for (const issuer of awake) misbehave(issuer, random)
    const calls = awake.flatMap(issuer => errands(week, issuer, random))
    const work = Promise.all([...calls.map(errand => call(week, errand, found)), background(week)])
    if (isDeadly) await massacre(week, random, found)
    else await work
    for (const { server } of awake) server.heal()
    at(`the minute after round ${round}`)
    if (isDeadly) await outlive(week)
    await work
    for (const { server } of asleep) server.heal()
    if (isBad) await recover(week)
    if (!isBad || isDeadly) continue
    await pool.restart(Math.floor(random() * pool.size))
    found.restarts++
  }
  at('the last round')
  await lastRound(week, found)
  return { ...found, refreshes: issuers.reduce((sum, { server }) => sum + server.count('token'), 0) }
}

/** What a timer does, in two processes at once or in all. */
async function background({ pool }: Week, places = [0, 1]): Promise<void> {
  await Promise.allSettled(places.map(place => pool.run('refreshDue', null, place)))
}

const everywhere = ({ pool }: Week): number[] => Array.from({ length: pool.size }, (_, place) => place)

/** Pauses after failures end, and the background tries again, within the minute in which a spent token is taken once more. */
async function recover(week: Week): Promise<void> {
  setTime(week, week.clock.now() + 31)
  await background(week, everywhere(week))
}

/**
 * Time goes on while the background looks at the leases of the dead: whoever sees one has to see it for half a minute. That it takes longer
 * on a machine that is busy makes no difference to the authorization servers, whose minute is that of the test.
 */
async function outlive(week: Week): Promise<void> {
  const looking = background(week, everywhere(week))
  for (let second = 0; second < 40; second++) {
    await later(50)
    setTime(week, week.clock.now() + 1)
  }
  await looking
}

/** After the last outage everybody gets through. */
async function lastRound(week: Week, found: Tally): Promise<void> {
  setTime(week, week.clock.now() + 86_400)
  const before = found.outages
  for (const { name: server } of week.issuers)
    await Promise.all((week.users.get(server) ?? []).map(user => call(week, { user, server }, found)))
  if (found.outages > before) found.unexplained.push(`${found.outages - before} outages although nothing fails`)
}

/** A part of the people, each from one to three processes at the same moment. */
function errands({ users }: Week, { name }: Issuer, random: () => number): { user: string; server: string }[] {
  return (users.get(name) ?? [])
    .filter(() => random() < 0.3)
    .flatMap(user => Array.from({ length: 1 + Math.floor(random() * 3) }, () => ({ user, server: name })))
}

async function call({ pool }: Week, errand: { user: string; server: string }, found: Tally): Promise<void> {
  found.calls++
  const who = `${errand.user} at ${errand.server}`
  try {
    const answer = await pool.run('whoami', errand)
    if (answer !== errand.user) found.wrongOwner.push(`${who}: ${String(answer)}`)
  } catch (error) {
    const { code, reason, message } = error as WorkerJobError
    if (OUTAGE.has(code)) found.outages++
    else if (FOR_A_PERSON.has(code)) found.needless.push(`${who}: ${code} ${reason ?? ''}`)
    else found.unexplained.push(`${who}: ${code} ${message}`)
  }
}

/** Each token request fails with a chance of a half, in a way that the server can take. */
function misbehave({ server, hasGrace }: Issuer, random: () => number): void {
  const harmless = [fault.unavailable(5), fault.tooManyRequests(), fault.html(403), fault.reset(), fault.slow(20)]
  const faults: Fault[] = hasGrace ? [...harmless, fault.lost(), fault.lost()] : harmless
  // Whoever asks first waits until the time limit of the app is over.
  let hangs = hasGrace ? 1 : 0
  const choose = (): Fault | null => {
    if (hangs-- > 0) return fault.hang()
    return random() < 0.5 ? (faults[Math.floor(random() * faults.length)] ?? null) : null
  }
  server.fail('token', choose, FOR_EVER)
}

/** Ends processes in the middle of what they do. */
async function massacre({ pool }: Week, random: () => number, found: { kills: number }): Promise<void> {
  const first = Math.floor(random() * pool.size)
  const second = (first + 1 + Math.floor(random() * (pool.size - 1))) % pool.size
  const ends: Promise<void>[] = []
  for (const victim of [first, second]) {
    await later(20 + 100 * random())
    ends.push(pool.kill(victim))
    found.kills++
  }
  await Promise.all(ends)
}

function setTime({ pool, issuers }: Week, now: number): void {
  pool.setTime(now)
  for (const issuer of issuers) issuer.setTime(now)
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
