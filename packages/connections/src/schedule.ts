/**
 * When something has to be done about a connection. Records are found by the ten minutes that their time falls into, so a look at what
 * is due costs as much as there is due, in any database. How far everything has been dealt with is stored, so nothing is forgotten when no
 * process was there for days.
 */
import { digest } from '@fastify-mcp-auth/core'
import type { Context } from './context.ts'

const BUCKET = 600

/** Clocks of processes may differ by so many buckets: two hours. */
const SLACK = 13

/** Buckets of one look: more than half a year. */
const MOST = 30_000

const CURSOR = 'due_until'

/** Index value of an epoch second. Never in the past: what is late already is due now. */
export function dueFields(dueAt: number | null, now: number): { dueAt: number | null; dueBucket: string | null } {
  return { dueAt, dueBucket: dueAt === null ? null : String(bucketOf(Math.max(dueAt, now))) }
}

const DAY = 86_400

/** When something has to be done about a token: at its end, or, where a person has to do it, a day before. */
export function dueOfToken(
  { accessExpiresAt, isRenewable }: { readonly accessExpiresAt: number | null; readonly isRenewable: boolean },
  now: number
): { dueAt: number | null; dueBucket: string | null } {
  if (accessExpiresAt === null) return dueFields(null, now)
  return dueFields(isRenewable ? accessExpiresAt : Math.max(accessExpiresAt - DAY, now), now)
}

export function bucketOf(time: number): number {
  return Math.floor(time / BUCKET)
}

/** Seconds, of `span`, that belong to this key: the same every time, and spread evenly over keys. */
export function spread(key: string, span: number): number {
  const share = Number.parseInt(Buffer.from(digest(key), 'base64url').toString('hex', 0, 6), 16) / 0xffffffffffff
  return Math.floor(span * (0.5 + share / 2))
}

/**
 * Every bucket that may have something in it, oldest first, up to `within` seconds from now. Buckets that turn out to be empty and are over
 * are not looked at again.
 */
export async function* dueBuckets(context: Context, within: number): AsyncGenerator<string> {
  const { records, clock } = context
  const over = bucketOf(clock.now()) - SLACK
  const stored = await records.state.get(CURSOR)
  const begun = stored ? Number(stored.value) : over - 1
  const end = Math.min(bucketOf(clock.now() + within), begun + MOST)
  let isEmpty = true
  let until = begun
  for (let bucket = begun + 1; bucket <= end; bucket++) {
    yield String(bucket)
    if (bucket > over || !isEmpty) continue
    const { records: left } = await records.connections.list('dueBucket', String(bucket), { limit: 1 })
    isEmpty = left.length === 0
    if (isEmpty) until = bucket
  }
  if (stored && until > begun) await advance(context, stored.revision, until)
  if (!stored) await records.state.insert(CURSOR, { value: String(until), revision: 1 })
}

async function advance({ records }: Context, revision: number, until: number): Promise<void> {
  await records.state.update(CURSOR, { revision }, { value: String(until), revision: revision + 1 })
}

/** Where the first look begins. At boot, before anything can be due. */
export async function beginSchedule({ records, clock }: Pick<Context, 'records' | 'clock'>): Promise<void> {
  const value = String(bucketOf(clock.now()) - SLACK - 1)
  if (!(await records.state.get(CURSOR))) await records.state.insert(CURSOR, { value, revision: 1 })
}
