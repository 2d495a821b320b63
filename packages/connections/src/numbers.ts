/** How many connections there are, and in which state: for dashboards of people and of machines. */
import type { Context } from './context.ts'
import { lastLook } from './last-look.ts'
import { targetOfRecord } from './listing.ts'
import type { ConnectionRecord } from './records.ts'
import { statusOf, summaryOf } from './status.ts'
import type { ConnectionGroup, Observed } from './telemetry.ts'
import type { ConnectionStats, ConnectionStatus, ConnectionSummary, RegisteredServer } from './types.ts'

/** Counts connections of every server, up to `limit` of each. */
export async function stats(
  context: Context,
  { limit = 10_000 }: { readonly limit?: number } = {}
): Promise<ConnectionStats> {
  const servers: Record<string, ConnectionStats['servers'][string]> = {}
  let complete = true
  let soon = 0
  const people = new Set<string>()
  const recent = new Newest(RECENT)
  const see = (seen: Seen): void => {
    if (seen.record.userKey !== null) people.add(seen.record.userKey)
    recent.add(seen)
  }
  for (const server of await context.registry.list()) {
    const counted = await countServer(context, server, { limit, see })
    complete &&= counted.complete
    const byStatus: Partial<Record<ConnectionStatus, number>> = {}
    let connections = 0
    for (const { status, count } of counted.groups) {
      byStatus[status] = (byStatus[status] ?? 0) + count
      connections += count
      if (status === 'expiring') soon += count
    }
    const tools = await lastLook(context, server.id)
    servers[server.id] = Object.freeze({ connections, byStatus: Object.freeze(byStatus), tools })
  }
  return Object.freeze({
    complete,
    servers: Object.freeze(servers),
    expiring: soon,
    people: people.size,
    recent: await recent.summaries(context)
  })
}

/** How many of the last connections are named. */
const RECENT = 10

interface Seen {
  readonly key: string
  readonly record: ConnectionRecord
}

/** The last ones of many, without keeping all of them. */
class Newest {
  readonly #most: number
  #found: Seen[] = []

  constructor(most: number) {
    this.#most = most
  }

  add(seen: Seen): void {
    const last = this.#found[this.#most - 1]
    if (last && last.record.connectedAt >= seen.record.connectedAt) return
    this.#found = [...this.#found, seen]
      .toSorted((a, b) => b.record.connectedAt - a.record.connectedAt)
      .slice(0, this.#most)
  }

  async summaries(context: Context): Promise<readonly ConnectionSummary[]> {
    const targets = await Promise.all(this.#found.map(({ key, record }) => targetOfRecord(context, key, record)))
    return this.#found.flatMap(({ record }, at) => {
      const target = targets[at]
      // Its server may have gone meanwhile.
      return target ? [summaryOf(context, target, record)] : []
    })
  }
}

interface ServerCount {
  readonly complete: boolean
  readonly groups: readonly ConnectionGroup[]
}

async function countServer(
  context: Context,
  server: RegisteredServer,
  { limit, see }: { readonly limit: number; readonly see: (seen: Seen) => void }
): Promise<ServerCount> {
  const { id, definition, disabled } = server
  const groups = new Map<string, ConnectionGroup>()
  let connections = 0
  for (let cursor: string | null = null; ; ) {
    const page = await context.records.connections.list('server', id, { limit: 500, cursor })
    for (const seen of page.records) {
      see(seen)
      const { record } = seen
      const status = statusOf(context, { disabled, definition, record })
      const { kind } = record
      const key = `${status} ${kind}`
      groups.set(key, { server: id, status, kind, count: (groups.get(key)?.count ?? 0) + 1 })
    }
    connections += page.records.length
    cursor = page.cursor
    if (cursor === null || connections >= limit) return { complete: cursor === null, groups: [...groups.values()] }
  }
}

/** Seconds for which numbers are good: a scrape is not to read everything each time. */
const FRESH_FOR = 60

/** More connections of one server than this are not counted for metrics. */
const MOST = 10_000

/** Reads for metrics, at most once a minute. A server with too many connections is left out: half a number would be a wrong one. */
export function numbersOf(context: Context): () => Promise<Observed> {
  let last: { readonly at: number; readonly numbers: Promise<Observed> } | null = null
  return () => {
    const now = context.clock.now()
    if (last && Math.abs(now - last.at) < FRESH_FOR) return last.numbers
    const numbers = readNumbers(context)
    last = { at: now, numbers }
    // The storage may be back at the next look.
    numbers.catch(() => (last = null))
    return numbers
  }
}

async function readNumbers(context: Context): Promise<Observed> {
  const groups: ConnectionGroup[] = []
  const uncounted: string[] = []
  for (const server of await context.registry.list()) {
    const counted = await countServer(context, server, { limit: MOST, see: () => undefined })
    if (counted.complete) groups.push(...counted.groups)
    else uncounted.push(server.id)
  }
  let owed = 0
  for (let cursor: string | null = null; ; ) {
    const page = await context.records.outbox.list('queue', 'revocation', { limit: 500, cursor })
    owed += page.records.length
    cursor = page.cursor
    if (cursor === null || owed >= MOST) return { groups, uncounted, owed }
  }
}
