/** How many connections there are, and in which state: for dashboards of people and of machines. */
import type { Context } from './context.ts'
import { lastLook } from './last-look.ts'
import { statusOf } from './status.ts'
import type { ConnectionGroup, Observed } from './telemetry.ts'
import type { ConnectionStats, ConnectionStatus, RegisteredServer } from './types.ts'

/** Counts connections of every server, up to `limit` of each. */
export async function stats(
  context: Context,
  { limit = 10_000 }: { readonly limit?: number } = {}
): Promise<ConnectionStats> {
  const servers: Record<string, ConnectionStats['servers'][string]> = {}
  let complete = true
  let soon = 0
  for (const server of await context.registry.list()) {
    const counted = await countServer(context, server, limit)
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
  return Object.freeze({ complete, servers: Object.freeze(servers), expiring: soon })
}

interface ServerCount {
  readonly complete: boolean
  readonly groups: readonly ConnectionGroup[]
}

async function countServer(context: Context, server: RegisteredServer, limit: number): Promise<ServerCount> {
  const { id, definition, disabled } = server
  const groups = new Map<string, ConnectionGroup>()
  let connections = 0
  for (let cursor: string | null = null; ; ) {
    const page = await context.records.connections.list('server', id, { limit: 500, cursor })
    for (const { record } of page.records) {
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
    const counted = await countServer(context, server, MOST)
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
