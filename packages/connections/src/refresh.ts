/**
 * A new token before the old one ends, from one of any number of callers and processes: whoever holds the lease of the connection asks,
 * the others wait or go on with the token that is still good. What was asked is written down before it is asked, because an answer can
 * get lost after the server has acted on the question.
 *
 * @see RFC 6749 section 6, RFC 9700 section 4.14
 */
import { setTimeout as later } from 'node:timers/promises'
import { readConnection } from './connection-record.ts'
import type { Context, Target } from './context.ts'
import { obstacleTo, obstacleToRefresh } from './obstacle.ts'
import type { ServerDefinition } from './options.ts'
import type { ConnectionRecord } from './records.ts'
import { afterRefusal, afterTransientFailure, type Refreshing, saveTokens } from './refresh-outcome.ts'
import { askForTokens } from './renewal.ts'
import { connectSilently } from './silent.ts'
import { canRefresh, isSilent } from './status.ts'
import { assertScopes, connectionError, endConnection, needsReauth, noteUse, type Usable, usableOf } from './token.ts'
import type { RefreshTrigger, UseOptions } from './types.ts'

/** The token to send now, refreshed if its end is near. @returns null for a server that wants nothing */
export async function currentToken(context: Context, target: Target, use: UseOptions): Promise<Usable | null> {
  const { definition, place } = target
  if (definition.auth === 'none') return null
  const record = await readConnection(context, place)
  if (isSilent(definition) && isToBeConnected(context, definition, record)) return connectSilently(context, target)
  const usable = await usableOf(context, target, record)
  assertScopes(context, target, usable.record, use.scopes ?? [])
  const current = isDue(context, usable.record) ? await refresh(context, target, { trigger: 'use' }) : usable
  await noteUse(context, target, current.record)
  return current
}

/** Nobody has to agree, so what has ended begins again with the next use, but not with each of them. */
function isToBeConnected(context: Context, definition: ServerDefinition, record: ConnectionRecord | null): boolean {
  if (!record) return true
  const isOver = record.state === 'needs_reauth' || obstacleTo(context, definition, record) !== null
  return isOver && record.updatedAt + context.options.refresh.cooldown <= context.clock.now()
}

/** Whether the end of the token is near. Short tokens are not refreshed at every use: never more than a fifth of their life early. */
export function isDue({ options, clock }: Context, { accessExpiresAt, accessLifetime }: ConnectionRecord): boolean {
  if (accessExpiresAt === null) return false
  const { early } = options.refresh
  const margin = accessLifetime === null ? early : Math.min(early, Math.floor(accessLifetime / 5))
  return clock.now() >= accessExpiresAt - margin
}

export interface RefreshOptions {
  readonly trigger: RefreshTrigger
  /** What the server refused: a newer token is as good as a refresh. */
  readonly rejected?: Pick<ConnectionRecord, 'grant' | 'generation'>
  /** Told when somebody else has the lease, so that nothing but waiting is left. */
  readonly onHeld?: () => void
}

/**
 * @returns the new token, that of somebody who was faster, or the old one while it is good and there is no new one to be had
 * @throws McpConnectionError `MCP_NEEDS_REAUTH`, `MCP_AUTHORIZATION_SERVER_UNAVAILABLE`, `MCP_CLIENT_REJECTED`, `MCP_NOT_CONNECTED`
 */
export function refresh(context: Context, target: Target, options: RefreshOptions): Promise<Usable> {
  return context.refresher(context, target, options)
}

/** How a refresh is made; {@link refreshTogether} but in a test of what that is for. */
export type Refresher = typeof refresh

/** One refresh for all callers of this process, and, by the lease, for all processes. */
export function refreshTogether(context: Context, target: Target, options: RefreshOptions): Promise<Usable> {
  const key = `${target.place.id} ${URGENCY[options.trigger]}`
  let running = context.refreshes.get(key)
  if (running) context.telemetry.add('refresh.joins', { server: target.server.id })
  else {
    running = new Refresh(context, target, options).run().finally(() => context.refreshes.delete(key))
    context.refreshes.set(key, running)
  }
  return running
}

// Who has to have a new token does not join somebody who is content with the old one while it is good, and who is content with it does
// not wait with the background, which is in no hurry.
const URGENCY: Readonly<Record<RefreshTrigger, string>> = {
  use: 'soon',
  background: 'later',
  manual: 'now',
  rejected: 'now'
}

class Refresh {
  readonly #context: Context
  readonly #target: Target
  readonly #options: RefreshOptions
  /** Generation that the first look found. */
  #first: Pick<ConnectionRecord, 'grant' | 'generation'> | null

  constructor(context: Context, target: Target, options: RefreshOptions) {
    this.#context = context
    this.#target = target
    this.#options = options
    this.#first = options.rejected ?? null
  }

  async run(): Promise<Usable> {
    const { lease, timeout } = this.#context.options.refresh
    const begunAt = performance.now()
    const giveUpAt = begunAt + (lease + timeout) * 1000
    for (let wait = 25; performance.now() < giveUpAt; wait = Math.min(wait * 2, 500)) {
      const usable = await this.#read()
      const verdict = await this.#judge(usable)
      if (verdict === 'use') {
        if (wait > 25) this.#noteWait(performance.now() - begunAt)
        return usable
      }
      if (verdict === 'take') {
        const held = await this.#takeLease(usable.record)
        if (held) return askAndKeep(this.#refreshing({ ...usable, record: held }), usable.record)
      }
      this.#options.onHeld?.()
      await later(wait / 2 + Math.random() * wait)
    }
    throw this.#unavailable('busy', null)
  }

  #noteWait(milliseconds: number): void {
    const { id: server } = this.#target.server
    this.#context.telemetry.record('refresh.lease.wait', milliseconds / 1000, { server })
  }

  async #read(): Promise<Usable> {
    return usableOf(this.#context, this.#target, await readConnection(this.#context, this.#target.place))
  }

  /** `use` it as it is, `take` the lease, or `wait` for whoever has it. @throws when it cannot be refreshed */
  async #judge({ record }: Usable): Promise<'use' | 'take' | 'wait'> {
    const { grant, generation, leaseHolder, leaseUntil, retryAt } = record
    this.#first ??= { grant, generation }
    if (grant !== this.#first.grant || generation !== this.#first.generation) return 'use'
    const now = this.#context.clock.now()
    const { trigger } = this.#options
    const isRefused = trigger === 'rejected'
    const isGood = !isRefused && (record.accessExpiresAt === null || record.accessExpiresAt > now)
    const isDead = record.refreshExpiresAt !== null && record.refreshExpiresAt <= now
    const obstacle = obstacleToRefresh(this.#target.definition, record)
    if (!canRefresh(record) || isDead || obstacle) {
      if (isGood) return 'use'
      if (obstacle) throw needsReauth(this.#context, this.#target, obstacle)
      throw await endConnection(this.#context, this.#target, record, 'expired_no_refresh')
    }
    const mayWait = isGood && trigger !== 'manual'
    // The background waits: if the holder is dead, the sooner somebody sends the same again, the more likely it is that the server takes it.
    if (leaseHolder !== null && leaseUntil > now) return mayWait && trigger !== 'background' ? 'use' : 'wait'
    if (retryAt === null || retryAt <= now || trigger === 'manual') return 'take'
    if (mayWait) return 'use'
    throw this.#unavailable(record.failure ?? 'cooldown', retryAt - now)
  }

  /** One conditional write takes the lease and says what is going to be sent. */
  async #takeLease(record: ConnectionRecord): Promise<ConnectionRecord | null> {
    const { records, clock, holder, options } = this.#context
    const { grant, generation, leaseNumber } = record
    const now = clock.now()
    const lease = {
      leaseNumber: leaseNumber + 1,
      leaseHolder: holder,
      leaseUntil: now + options.refresh.lease,
      intentGeneration: generation,
      intentAt: now
    }
    const won = await records.connections.update(this.#target.place.id, { grant, generation, leaseNumber }, lease)
    return won ? { ...record, ...lease } : null
  }

  #refreshing(usable: Usable): Refreshing {
    return { context: this.#context, target: this.#target, usable, trigger: this.#options.trigger }
  }

  #unavailable(reason: string, retryAfter: number | null) {
    return connectionError(
      this.#context,
      this.#target,
      'MCP_AUTHORIZATION_SERVER_UNAVAILABLE',
      'the authorization server gives no token now',
      { reason, retryAfter: retryAfter ?? undefined }
    )
  }
}

/**
 * Asks, and keeps what comes of it.
 *
 * @param before the record as it was found, with the intent of somebody who did not come to an end
 */
export async function askAndKeep(refreshing: Refreshing, before: ConnectionRecord): Promise<Usable> {
  const { context, target, usable, trigger } = refreshing
  const answer = await askForTokens(context, target, usable)
  context.telemetry.add('refreshes', { server: target.server.id, outcome: answer.outcome.kind, trigger })
  if (answer.outcome.kind === 'tokens') return saveTokens(refreshing, answer.outcome.tokens)
  if (answer.outcome.kind === 'transient') return afterTransientFailure(refreshing, answer.outcome)
  const mayBeLost = answer.isRepeated || before.intentGeneration === before.generation
  return afterRefusal(refreshing, answer.outcome.error, mayBeLost)
}
