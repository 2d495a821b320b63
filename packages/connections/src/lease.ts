/**
 * Who may refresh a connection now, although no two clocks agree.
 *
 * Whoever finds that somebody else has the lease remembers which one it saw, and since when, by a clock that only counts seconds and is
 * its own. The lease is over when it has been seen unchanged for as long as it was taken for: it began before it was seen. So a clock that
 * is wrong, or that is put right, moves nothing. To take a lease is one conditional write that names the one before: of many one gets it.
 * Who has it writes it anew before a request that might last longer than it does, and sends nothing when that comes too late.
 */
import type { Clock } from '@fastify-mcp-auth/core'
import { LRUCache } from 'lru-cache'
import type { Context } from './context.ts'
import type { ConnectionRecord } from './records.ts'

/** A time that another process has begun. */
export interface Span {
  /** Is another one as soon as it begins anew. */
  readonly name: string
  readonly seconds: number
  /** Its end by the clock of whoever began it: an epoch second. */
  readonly until: number
}

/**
 * Seconds by which two clocks may differ. Past that the end that was written down counts, too, for processes that live too short to watch
 * anything. Who takes local time for UTC is off by up to 14 hours.
 */
const CLOCKS_APART = 86_400

/** Times that others have begun, as this process has seen them. */
export class Watch {
  readonly #clock: Clock
  readonly #elapsed: () => number
  readonly #seen = new LRUCache<string, { readonly name: string; readonly since: number }>({ max: 10_000 })

  /** @param elapsed seconds since any moment; never goes back, whatever happens to the clock */
  constructor(clock: Clock, elapsed: () => number) {
    this.#clock = clock
    this.#elapsed = elapsed
  }

  /** Whether it has certainly passed, however wrong the clocks are. @param key of what it is about; one span of it is remembered */
  hasPassed(key: string, span: Span): boolean {
    return this.#hasBeenSeen(key, span) || this.#clock.now() >= span.until + CLOCKS_APART
  }

  /** Whether it has passed by our clock or before our eyes: for times that are a courtesy. */
  mayHavePassed(key: string, span: Span): boolean {
    return this.#hasBeenSeen(key, span) || this.#clock.now() >= span.until
  }

  /** Begins to watch one that has begun just now. */
  remember(key: string, name: string): void {
    this.#seen.set(key, { name, since: this.#elapsed() })
  }

  #hasBeenSeen(key: string, { name, seconds }: Span): boolean {
    const seen = this.#seen.get(key)
    if (seen?.name === name) return this.#elapsed() - seen.since >= seconds
    this.remember(key, name)
    return false
  }
}

function keyOfLease(id: string): string {
  return `lease ${id}`
}

function nameOfLease({ grant, leaseNumber, leaseHolder }: ConnectionRecord): string {
  return `${grant} ${leaseNumber} ${leaseHolder}`
}

/** Whether somebody may be refreshing the connection. */
export function isLeased({ watch, options }: Context, id: string, record: ConnectionRecord): boolean {
  const { leaseHolder, leaseUntil, intentAt } = record
  if (leaseHolder === null) return false
  // Both by the clock of the holder, whose options may be other than ours.
  const seconds = intentAt === null ? options.refresh.lease : leaseUntil - intentAt
  return !watch.hasPassed(keyOfLease(id), { name: nameOfLease(record), seconds, until: leaseUntil })
}

/**
 * Whether nobody should ask yet, because it failed a moment ago.
 *
 * @returns seconds that are left; 0 when it is over
 */
export function pauseOf({ watch, clock, options }: Context, id: string, record: ConnectionRecord): number {
  const { grant, generation, leaseNumber, retryAt } = record
  if (retryAt === null) return 0
  const seconds = record.retryIn ?? options.refresh.cooldown
  const name = `${grant} ${generation} ${leaseNumber}`
  if (watch.mayHavePassed(`pause ${id}`, { name, seconds, until: retryAt })) return 0
  return Math.min(retryAt - clock.now(), seconds)
}

/** The right to refresh, once it is ours. */
export interface Lease {
  /** As it is stored. */
  readonly record: ConnectionRecord
  /** Whether a request may be sent: it will be answered, or given up, before somebody else may take the lease. */
  lasts(): Promise<boolean>
}

/**
 * Takes the lease, and says what is going to be sent.
 *
 * @param record as it was read
 * @returns null when somebody was faster
 */
export async function takeLease(context: Context, id: string, record: ConnectionRecord): Promise<Lease | null> {
  const lease = new OwnLease(context, id, record)
  return (await lease.write()) ? lease : null
}

class OwnLease implements Lease {
  record: ConnectionRecord
  readonly #context: Context
  readonly #id: string
  #since = Number.NEGATIVE_INFINITY

  constructor(context: Context, id: string, record: ConnectionRecord) {
    this.#context = context
    this.#id = id
    this.record = record
  }

  async lasts(): Promise<boolean> {
    while (!this.#isLongEnough()) if (!(await this.write())) return false
    return true
  }

  /** A computer that slept may have counted nothing, and its clock knows it. That may be wrong, too: then one write was too much. */
  #isLongEnough(): boolean {
    const { elapsed, clock, options } = this.#context
    const { lease, timeout } = options.refresh
    return elapsed() - this.#since <= lease - timeout && clock.now() <= this.record.leaseUntil - timeout
  }

  async write(): Promise<boolean> {
    const { records, clock, elapsed, watch, holder, options } = this.#context
    const { grant, generation, leaseNumber } = this.record
    // Others see it after this moment, so for them it ends later.
    const since = elapsed()
    const now = clock.now()
    const change = {
      leaseNumber: leaseNumber + 1,
      leaseHolder: holder,
      leaseUntil: now + options.refresh.lease,
      intentGeneration: generation,
      intentAt: now,
      // Whoever fails now says anew when to ask again.
      retryAt: null,
      retryIn: null
    }
    if (!(await records.connections.update(this.#id, { grant, generation, leaseNumber }, change))) return false
    this.record = { ...this.record, ...change }
    this.#since = since
    // Should we not come to an end, nobody knows better when it was.
    watch.remember(keyOfLease(this.#id), nameOfLease(this.record))
    return true
  }
}
