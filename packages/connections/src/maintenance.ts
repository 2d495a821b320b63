/** Background work, for a timer or cron in any number of processes: refreshes in time, notices, tidying up. */
import type { Collection } from '@fastify-mcp-auth/core'
import { changeConnection } from './connection-record.ts'
import { actionUrlOf, type Context, type Target } from './context.ts'
import { isMcpConnectionError } from './errors.ts'
import { pauseOf } from './lease.ts'
import { targetOfRecord } from './listing.ts'
import { obstacleTo } from './obstacle.ts'
import type { ConnectionRecord } from './records.ts'
import { refresh } from './refresh.ts'
import { settleRevocations } from './revocation.ts'
import { dueBuckets, dueFields, spread } from './schedule.ts'
import { canRefresh, summaryOf } from './status.ts'
import { endConnection } from './token.ts'
import type { ConnectionSummary, Connections, RefreshDueReport } from './types.ts'

const HOUR = 3600
const DAY = 86_400

type DueOptions = NonNullable<Parameters<Connections['refreshDue']>[0]>

/**
 * Refreshes what ends within `within` seconds, each at its own moment in that time, so that tokens that were issued together do not all
 * come back together.
 */
export async function refreshDue(context: Context, options: DueOptions = {}): Promise<RefreshDueReport> {
  const { within = HOUR, limit = 1000, budgetPerIssuer = 100 } = options
  const report = { examined: 0, refreshed: 0, failed: 0, skipped: 0, noticed: 0 }
  const spent = new Map<string, number>()
  const waiting: Promise<RefreshOutcome>[] = []
  const now = context.clock.now()
  for await (const { target, record } of dueConnections(context, within)) {
    if (report.examined >= limit) break
    // Another process may be able to. However many there are, they take no turns from those that this one can help.
    if (obstacleTo(context, target.definition, record)) {
      report.skipped++
      continue
    }
    report.examined++
    if (!canRefresh(record)) {
      if (await noticeEnd(context, target, record)) report.noticed++
      continue
    }
    const { dueAt, issuer } = record
    const isTime =
      dueAt !== null && now >= dueAt - spread(target.place.id, Math.min(within, lead(context, record, within)))
    const budget = spent.get(issuer ?? '') ?? 0
    if (!isTime || budget >= budgetPerIssuer) {
      report.skipped++
      continue
    }
    spent.set(issuer ?? '', budget + 1)
    const outcome = await untilHeld(onHeld => refreshOne(context, { target, record }, onHeld))
    if (typeof outcome === 'string') report[outcome]++
    else waiting.push(outcome.rest)
  }
  // However many leases a process took along when it died, they end at the same time.
  for (const outcome of await Promise.all(waiting)) report[outcome]++
  return Object.freeze(report)
}

/** Never so early that a token of a few minutes is refreshed at every run. */
function lead({ options }: Context, { accessLifetime }: ConnectionRecord, within: number): number {
  return accessLifetime === null
    ? within
    : Math.max(Math.floor(accessLifetime / 5), Math.min(options.refresh.early, accessLifetime / 2))
}

type RefreshOutcome = 'refreshed' | 'failed' | 'skipped'

/** Waits for the end, or until somebody else is waited for: nothing comes of standing in line behind that. */
function untilHeld<T>(begin: (onHeld: () => void) => Promise<T>): Promise<T | { readonly rest: Promise<T> }> {
  return new Promise((resolve, reject) => {
    const rest = begin(() => resolve({ rest }))
    // What it comes to afterwards is heard by whoever has `rest`, or by nobody.
    rest.then(resolve, reject)
  })
}

async function refreshOne(context: Context, { target, record }: Due, onHeld: () => void): Promise<RefreshOutcome> {
  if (record.state === 'needs_reauth' || pauseOf(context, target.place.id, record) > 0) return 'skipped'
  try {
    const { record: after } = await refresh(context, target, { trigger: 'background', onHeld })
    if (after.generation !== record.generation || after.grant !== record.grant) return 'refreshed'
    return 'failed'
  } catch (error) {
    // One that goes wrong in a way that nobody thought of must not keep the others from being refreshed.
    if (!isMcpConnectionError(error)) {
      const { server, id: connection } = target.place
      context.log.error({ err: error, server, connection }, 'mcp-auth: a connection could not be refreshed')
    }
    return 'failed'
  }
}

/** Tells once that it is going to end, and ends it when it has. */
async function noticeEnd(context: Context, target: Target, record: ConnectionRecord): Promise<boolean> {
  const { accessExpiresAt: expiresAt, noticedAt } = record
  const now = context.clock.now()
  if (expiresAt === null) return false
  if (expiresAt <= now) {
    await endConnection(context, target, record, 'expired_no_refresh')
    return true
  }
  if (noticedAt !== null || expiresAt > now + DAY) return false
  const change = { noticedAt: now, ...dueFields(expiresAt, now) }
  if (!(await changeConnection(context, target.place, record, change))) return false
  context.events.emit('expiring', target.place, { expiresAt, actionUrl: actionUrlOf(context, target.place) })
  return true
}

interface Due {
  readonly target: Target
  readonly record: ConnectionRecord
}

/** Connections that something has to be done about before then, in the order of their time. */
async function* dueConnections(context: Context, within: number): AsyncGenerator<Due> {
  for await (const bucket of dueBuckets(context, within)) {
    for (let cursor: string | null = null; ; ) {
      const page = await context.records.connections.list('dueBucket', bucket, { limit: 200, cursor })
      for (const { key, record } of page.records) {
        const target = await dueTarget(context, key, record)
        if (target) yield { target, record }
      }
      cursor = page.cursor
      if (cursor === null) break
    }
  }
}

/** Null for one whose server is gone or switched off: it rests until that changes. */
async function dueTarget(context: Context, id: string, record: ConnectionRecord): Promise<Target | null> {
  const target = await targetOfRecord(context, id, record)
  if (target && !target.server.disabled) return target
  const now = context.clock.now()
  await context.records.connections.update(id, { grant: record.grant }, dueFields(target ? now + HOUR : null, now))
  return null
}

/** What ends soon. Looks and does nothing. */
export async function expiring(
  context: Context,
  options: NonNullable<Parameters<Connections['expiring']>[0]> = {}
): Promise<ConnectionSummary[]> {
  const { within = DAY, unrefreshableOnly = true, limit = 1000 } = options
  const found: ConnectionSummary[] = []
  const end = context.clock.now() + within
  for await (const { target, record } of dueConnections(context, within)) {
    if (found.length >= limit) break
    const isSoon = record.accessExpiresAt !== null && record.accessExpiresAt <= end
    if (isSoon && !(unrefreshableOnly && canRefresh(record))) found.push(summaryOf(context, target, record))
  }
  return found
}

/** What has expired goes; what is owed is paid. */
export async function sweep(context: Context): Promise<{ readonly removed: number; readonly revoked: number }> {
  const { flows, links, limits, outbox } = context.records
  const now = context.clock.now()
  const revoked = await settleRevocations(context)
  const removed = await Promise.all([
    removeExpired(flows, now),
    removeExpired(links, now),
    removeExpired(limits, now),
    removeExpired(outbox, now)
  ])
  return Object.freeze({ removed: removed.reduce((sum, count) => sum + count, 0), revoked })
}

async function removeExpired<R>(collection: Collection<R>, now: number): Promise<number> {
  for (let total = 0; ; ) {
    const removed = await collection.removeExpired(now, { limit: 1000 })
    total += removed
    if (removed < 1000) return total
  }
}
