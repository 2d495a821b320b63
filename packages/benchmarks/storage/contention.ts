/** How long a cleanup keeps things locked, and how long the writes of somebody else take beside it. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from '../authorization-server/client.ts'
import { median } from '../rounds.ts'
import type { Waits } from './competing-writer.ts'
import type { Place } from './engines.ts'
import { type Deployment, percentile } from './operations.ts'
import type { Removal } from './server.ts'

/** Records that go by one call. Calls and times without a cleanup take turns, so that what else the machine does hits both alike. */
const CALL = 1000
/** Milliseconds without a cleanup after each call. */
const CALM = 150
/** The goal: milliseconds for which a lock may be held, at the 99th percentile. */
const LONGEST_LOCK = 50

type Kind = keyof Waits

/** @param expired records, half of them grants where there are others that only a cleanup removes */
export async function contention(
  place: Place,
  { server, issuing }: Deployment,
  { expired, alive }: { expired: number; alive: number }
): Promise<string> {
  // Somebody who was never asked: an interaction, which can be copied.
  const first = await Client.open(issuing)
  first.user = 'somebody-new'
  await first.authorize()
  first.close()
  for (const collection of place.collections)
    await place.fill({
      collection,
      copies: Math.floor(expired / place.collections.length),
      expired: true,
      among: alive
    })
  await place.settle()
  // Only now: a connection that waited while a database was filled would be given up.
  const client = await Client.open(issuing)
  const writer = fork(new URL('competing-writer.ts', import.meta.url), [place.url])
  process.on('exit', () => writer.kill('SIGKILL'))
  await once(writer, 'message')
  await sleep(CALM)
  await told(writer)
  await client.get('/removals')
  const [calm, busy, removals]: [Waits[], Waits[], Removal[]] = [[], [], []]
  let [cpu, seconds] = [0, 0]
  for (let gone = CALL; gone >= CALL; ) {
    await sleep(CALM)
    calm.push(await told(writer))
    const [before, start] = [await server.cpu(), performance.now()]
    gone = Number((await client.get(`/cleanup?limit=${CALL}`)).body)
    seconds += (performance.now() - start) / 1000
    cpu += (await server.cpu()) - before
    busy.push(await told(writer))
    removals.push(...(JSON.parse((await client.get('/removals')).body) as Removal[]))
  }
  client.close()
  writer.kill('SIGKILL')
  const removed = removals.reduce((sum, { records }) => sum + records, 0)
  return [
    `\nCleanup of ${grouped(removed)} expired records: ${grouped(removed / seconds)} a second, ${(cpu / removed).toFixed(0)} µs of processor time of the app each.\n`,
    removalsTable(removals),
    waitsTable(calm, busy)
  ].join('\n')
}

async function told(writer: ChildProcess): Promise<Waits> {
  writer.send('tell')
  const [waits] = await once(writer, 'message')
  return waits as Waits
}

/** Each removal is one transaction: the longest that anything can have been locked. */
function removalsTable(removals: readonly Removal[]): string {
  const rows = [...new Set(removals.map(({ collection }) => collection))].map(name => {
    const own = removals.filter(({ collection }) => collection === name)
    const times = own.map(({ took }) => took)
    const size = median(own.map(({ records }) => records))
    // Whether those that went slow down those that go.
    const tenth = Math.ceil(own.length / 10)
    const each = (some: readonly Removal[]): string =>
      (median(some.map(({ took, records }) => took / records)) * 1000).toFixed(0)
    const cells = [name, grouped(own.length), size, ...spread(times), each(own.slice(0, tenth))]
    return `| ${[...cells, each(own.slice(-tenth)), verdictOf(times)].join(' | ')} |`
  })
  return [
    `| removals | transactions | records of one | p50, ms | p99, ms | longest | µs a record, first tenth | last tenth | p99 of ${LONGEST_LOCK} ms at most |`,
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |',
    ...rows,
    ''
  ].join('\n')
}

function waitsTable(calm: readonly Waits[], busy: readonly Waits[]): string {
  const all = (waits: readonly Waits[], kind: Kind): number[] => waits.flatMap(each => each[kind])
  const rows = (Object.keys(calm[0] ?? {}) as Kind[]).map(kind => {
    const [without, beside] = [all(calm, kind), all(busy, kind)]
    const more = percentile(beside, 0.99) - percentile(without, 0.99)
    return `| ${[kind, ...spread(without), ...spread(beside), more.toFixed(1), verdictOf([more])].join(' | ')} |`
  })
  return [
    '| writes of somebody else | p50 without a cleanup, ms | p99 | longest | p50 beside one, ms | p99 | longest | p99, more | 50 ms at most |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |',
    ...rows,
    ''
  ].join('\n')
}

function spread(times: readonly number[]): string[] {
  return [0.5, 0.99, 1].map(share => percentile(times, share).toFixed(1))
}

function verdictOf(times: readonly number[]): string {
  return percentile(times, 0.99) <= LONGEST_LOCK ? 'met' : 'NOT met'
}

export function grouped(value: number): string {
  return Math.round(value).toLocaleString('en')
}
