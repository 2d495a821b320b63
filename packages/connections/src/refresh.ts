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
import { isLeased, type Lease, pauseOf, takeLease } from './lease.ts'
import { obstacleTo, obstacleToRefresh } from './obstacle.ts'
import type { ServerDefinition } from './options.ts'
import type { ConnectionRecord } from './records.ts'
import { afterRefusal, afterTransientFailure, type Refreshing, saveTokens } from './refresh-outcome.ts'
import { askForTokens } from './renewal.ts'
import { connectSilently } from './silent.ts'
import { canRefresh, isSilent } from './status.ts'
import { assertScopes, connectionError, endConnection, needsReauth, noteUse, type Usable, usableOf } from './token.ts'
import { LEASE_LOST } from './token-endpoint.ts'
import type { RefreshTrigger, UseOptions } from './types.ts'

/** The token to send now, refreshed if its end is near. @returns null for a server that wants nothing */
export async function currentToken(context: Context, target: Target, use: UseOptions): Promise<Usable | null> {
  const { definition, place } = target
  if (definition.auth === 'none') return null
  const record = await readConnection(context, place)
  if (isSilent(definition) && isToBeConnected(context, definition, record)) return connectSilently(context, target)
  const usable = await usableOf(context, target, record)
  await assertScopes(context, target, usable.record, use.scopes ?? [])
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
    const begunAt = this.#context.elapsed()
    // Who waits for a dead process has to see its lease for as long as that lasts.
    const giveUpAt = begunAt + lease + timeout
    for (let wait = 25; this.#context.elapsed() < giveUpAt; wait = Math.min(wait * 2, 500)) {
      const usable = await this.#read()
      const verdict = await this.#judge(usable)
      if (verdict === 'use') {
        if (wait > 25) this.#noteWait(this.#context.elapsed() - begunAt)
        return usable
      }
      if (verdict === 'take') {
        const lease = await takeLease(this.#context, this.#target.place.id, usable.record)
        const kept = lease && (await askAndKeep(this.#refreshing(usable), lease))
        if (kept) return kept
      }
      this.#options.onHeld?.()
      await this.#pause(wait / 2 + Math.random() * wait)
    }
    throw this.#unavailable('busy', null)
  }

  async #pause(milliseconds: number): Promise<void> {
    const { signal } = this.#context.closing
    await later(milliseconds, null, { signal }).catch(() => {
      throw this.#unavailable('closed', null)
    })
  }

  #noteWait(seconds: number): void {
    const { id: server } = this.#target.server
    this.#context.telemetry.record('refresh.lease.wait', seconds, { server })
  }

  async #read(): Promise<Usable> {
    return usableOf(this.#context, this.#target, await readConnection(this.#context, this.#target.place))
  }

  /** `use` it as it is, `take` the lease, or `wait` for whoever has it. @throws when it cannot be refreshed */
  async #judge({ record }: Usable): Promise<'use' | 'take' | 'wait'> {
    const { grant, generation } = record
    const { id } = this.#target.place
    this.#first ??= { grant, generation }
    if (grant !== this.#first.grant || generation !== this.#first.generation) return 'use'
    const now = this.#context.clock.now()
    const { trigger } = this.#options
    const isRefused = trigger === 'rejected'
    const isGood = !isRefused && (record.accessExpiresAt === null || record.accessExpiresAt > now)
    const obstacle = obstacleToRefresh(this.#target.definition, record)
    if (!canRefresh(record) || obstacle) {
      if (isGood) return 'use'
      if (obstacle) throw needsReauth(this.#context, this.#target, obstacle)
      throw await endConnection(this.#context, this.#target, record, 'expired_no_refresh')
    }
    // Spent by our clock: there is nothing to hurry for. Without another token the server is asked, whose clock counts.
    const isSpent = record.refreshExpiresAt !== null && record.refreshExpiresAt <= now
    if (isSpent && isGood) return 'use'
    const mayWait = isGood && trigger !== 'manual'
    // The background waits: if the holder is dead, the sooner somebody sends the same again, the more likely it is that the server takes it.
    if (isLeased(this.#context, id, record)) return mayWait && trigger !== 'background' ? 'use' : 'wait'
    const pause = trigger === 'manual' ? 0 : pauseOf(this.#context, id, record)
    if (pause <= 0) return 'take'
    if (mayWait) return 'use'
    throw this.#unavailable(record.failure ?? 'cooldown', pause)
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
 * @param found the record as it was read, with the intent of somebody who did not come to an end
 * @returns null when somebody else has the lease by now, and this is theirs
 */
export async function askAndKeep(found: Refreshing, lease: Lease): Promise<Usable | null> {
  const { context, target, trigger } = found
  const { intentGeneration, generation } = found.usable.record
  const answer = await askForTokens(context, target, { credential: found.usable.credential, lease })
  const { outcome } = answer
  if (outcome.kind === 'transient' && outcome.reason === LEASE_LOST) return null
  context.telemetry.add('refreshes', { server: target.server.id, outcome: outcome.kind, trigger })
  const refreshing = { ...found, usable: { ...found.usable, record: lease.record } }
  if (outcome.kind === 'tokens') return saveTokens(refreshing, outcome.tokens)
  if (outcome.kind === 'transient') return afterTransientFailure(refreshing, outcome)
  return afterRefusal(refreshing, outcome.error, answer.isRepeated || intentGeneration === generation)
}
