/** What follows from the answer to a refresh. Only a verdict of the server about the token ends a connection. */
import { setTimeout as later } from 'node:timers/promises'
import { isUnavailableError } from '@fastify-mcp-auth/core'
import { markReplaced } from './client-registration.ts'
import { changeConnection, readConnection } from './connection-record.ts'
import type { Context, Target } from './context.ts'
import type { ConnectionRecord } from './records.ts'
import { oweRevocation } from './revocation.ts'
import { dueFields, dueOfToken } from './schedule.ts'
import { sealCredential } from './seal.ts'
import { canRefresh } from './status.ts'
import { connectionError, endConnection, type Usable, usableOf } from './token.ts'
import type { Refusal, TokenOutcome } from './token-endpoint.ts'
import type { TokenSet } from './token-set.ts'
import type { RefreshTrigger } from './types.ts'

/** A refresh that has been answered. */
export interface Refreshing {
  readonly context: Context
  readonly target: Target
  /** What was sent, and the record under the lease. */
  readonly usable: Usable
  readonly trigger: RefreshTrigger
}

const RELEASED = Object.freeze({ leaseHolder: null, leaseUntil: 0, intentGeneration: null, intentAt: null })
const HEALTHY = Object.freeze({ failures: 0, failingSince: null, failure: null, retryAt: null, retryIn: null })

/** Keeps the new token in the place of the old one, if that is still what is there. */
export async function saveTokens(refreshing: Refreshing, tokens: TokenSet): Promise<Usable> {
  const { context, target, usable, trigger } = refreshing
  const { record, credential } = usable
  const now = context.clock.now()
  const next = {
    ...credential,
    token: tokens.accessToken,
    // None in the answer means that the old one stays good.
    refreshToken: tokens.refreshToken ?? credential.refreshToken,
    dpopKey: tokens.tokenType === 'DPoP' ? credential.dpopKey : null
  }
  const change = {
    ...RELEASED,
    ...HEALTHY,
    // Too few scopes stay too few; everything else is well again.
    state: record.state === 'needs_scope' ? 'needs_scope' : 'active',
    reason: null,
    generation: record.generation + 1,
    sealed: sealCredential(context.ring, target.place, target.definition.url, next),
    hasRefreshToken: next.refreshToken !== null,
    grantedScopes: [...(tokens.scopes ?? record.grantedScopes)],
    accessExpiresAt: tokens.expiresAt,
    accessLifetime: tokens.lifetime,
    refreshExpiresAt: tokens.refreshToken === null ? record.refreshExpiresAt : tokens.refreshExpiresAt,
    lastRefreshAt: now,
    noticedAt: null,
    ...dueOfToken(
      {
        accessExpiresAt: tokens.expiresAt,
        isRenewable: canRefresh({ kind: record.kind, hasRefreshToken: next.refreshToken !== null })
      },
      now
    )
  }
  if (await persistently(() => changeConnection(context, target.place, record, change))) {
    context.events.emit('refreshed', target.place, { trigger, rotated: tokens.refreshToken !== null })
    return { credential: next, record: { ...record, ...change } }
  }
  const other = await readConnection(context, target.place)
  // Disconnected, or connected anew, while we asked: what we got is nobody's, and must not come back to life.
  if (other?.grant !== record.grant) await oweRevocation(context, target, { ...usable, credential: next })
  return usableOf(context, target, other)
}

/** The server has rotated already: a database that is away for a moment must not cost the connection. */
async function persistently<T>(write: () => Promise<T>): Promise<T> {
  for (const wait of [100, 400, 1500]) {
    try {
      return await write()
    } catch (error) {
      if (!isUnavailableError(error)) throw error
      await later(wait)
    }
  }
  return write()
}

/** Keeps everything, and tries again later. @returns the token while it is good */
export async function afterTransientFailure(
  refreshing: Refreshing,
  { reason, retryAfter }: Extract<TokenOutcome, { kind: 'transient' }>
): Promise<Usable> {
  return postpone(refreshing, { reason, retryAfter, isAmbiguous: reason === 'no_answer', code: UNAVAILABLE })
}

const UNAVAILABLE = 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE'

interface Postponement {
  readonly reason: string
  readonly retryAfter: number | null
  /** The server may have acted on it. */
  readonly isAmbiguous: boolean
  readonly code: typeof UNAVAILABLE | 'MCP_CLIENT_REJECTED'
}

async function postpone(refreshing: Refreshing, why: Postponement): Promise<Usable> {
  const { context, target, usable, trigger } = refreshing
  const { cooldown, exhaustedAfter } = context.options.refresh
  const { record } = usable
  const now = context.clock.now()
  const failures = record.failures + 1
  const failingSince = record.failingSince ?? now
  const wait = Math.max(cooldown, why.retryAfter ?? 0)
  // The background has patience; who waits for the token gets another try after each cooldown.
  const backoff = Math.max(wait, Math.min(cooldown * 2 ** Math.min(failures, 10), 3600))
  const isExhausted = now - failingSince >= exhaustedAfter
  const { grant, generation, leaseNumber, intentGeneration, intentAt } = record
  // Whoever took the lease since then is told nothing by an attempt that was too slow.
  const held = { grant, generation, leaseNumber }
  await context.records.connections.update(target.place.id, held, {
    ...RELEASED,
    ...(why.isAmbiguous ? { intentGeneration, intentAt } : {}),
    failures,
    failingSince,
    failure: isExhausted ? 'exhausted' : why.reason,
    retryAt: now + wait,
    retryIn: wait,
    ...dueFields(isExhausted ? null : now + backoff, now),
    updatedAt: now
  })
  const details = { reason: why.reason, retryAfter: wait, exhausted: isExhausted }
  context.events.emit('refresh.failed', target.place, details)
  const isGood = trigger !== 'rejected' && record.accessExpiresAt !== null && record.accessExpiresAt > now
  if (isGood && trigger !== 'manual') return usable
  throw connectionError(context, target, why.code, 'the authorization server gives no token now', {
    reason: why.reason,
    retryAfter: wait
  })
}

/** A verdict. @param mayBeLost somebody sent this refresh token before, and no answer was kept */
export async function afterRefusal(refreshing: Refreshing, error: Refusal, mayBeLost: boolean): Promise<Usable> {
  const { context, target, usable } = refreshing
  const { record, credential } = usable
  const newer = await newerThan(refreshing, mayBeLost)
  if (newer) return usableOf(context, target, newer)
  if (error === 'invalid_grant') {
    const { refreshExpiresAt } = record
    // That it is over is for the server to say, whose clock counts. Why it is over is told by ours.
    const isOver = refreshExpiresAt !== null && refreshExpiresAt <= context.clock.now()
    const reason = isOver ? 'expired_no_refresh' : mayBeLost ? 'lost_rotation' : error
    throw await endConnection(context, target, record, reason)
  }
  if (error === 'issuer_changed') throw await endConnection(context, target, record, error)
  if (error === 'invalid_client' || error === 'unauthorized_client') {
    const { client } = credential
    // A new client cannot use the grants of the old one. What was configured by hand is for the operator to mend.
    if (client?.source === 'dynamic') {
      await markReplaced(context, client)
      throw await endConnection(context, target, record, 'client_replaced')
    }
  }
  return postpone(refreshing, { reason: error, retryAfter: null, isAmbiguous: false, code: 'MCP_CLIENT_REJECTED' })
}

/** What somebody else has saved meanwhile; whoever sent it before us may be about to. */
async function newerThan(
  { context, target, usable }: Refreshing,
  mayBeLost: boolean
): Promise<ConnectionRecord | null> {
  const { grant, generation } = usable.record
  for (const wait of mayBeLost ? [0, 250] : [0]) {
    if (wait > 0) await later(wait)
    const record = await readConnection(context, target.place)
    if (record?.grant !== grant || record.generation !== generation) return record
  }
  return null
}
