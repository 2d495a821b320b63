/** What it means that the server refused a request, and what is left to try. */
import { readChallenge } from './bearer-challenge.ts'
import { changeConnection, readConnection } from './connection-record.ts'
import type { Context, Target } from './context.ts'
import { asMcpConnectionError, type McpConnectionError } from './errors.ts'
import type { ConnectionRecord } from './records.ts'
import { refresh } from './refresh.ts'
import { connectionError, endConnection, needsScope, type Usable, usableOf } from './token.ts'

/** An answer, and what was sent with the request. */
export interface Refused {
  readonly usable: Usable | null
  readonly response: Response
}

/**
 * 401. A newer token is tried, or one is asked for; a key is marked as refused, which no retry would change.
 *
 * @returns what to try once more with
 * @throws McpConnectionError `MCP_CREDENTIAL_REJECTED`, `MCP_NEEDS_REAUTH`, `MCP_AUTHORIZATION_SERVER_UNAVAILABLE`
 */
export async function onUnauthorized(context: Context, target: Target, refused: Refused): Promise<Usable> {
  const { usable } = refused
  if (!usable || usable.record.kind === 'bearer' || usable.record.kind === 'header')
    throw await rejectKey(context, target, usable)
  const { grant, generation } = usable.record
  const record = await readConnection(context, target.place)
  if (record?.grant !== grant || record.generation !== generation) return usableOf(context, target, record)
  await assertIssuer(context, target, record, refused.response)
  return refresh(context, target, { trigger: 'rejected', rejected: { grant, generation } })
}

/** A fresh challenge is news: the server may have moved to another authorization server. */
async function assertIssuer(
  context: Context,
  target: Target,
  record: ConnectionRecord,
  response: Response
): Promise<void> {
  const { issuer } = record
  if (issuer === null) return
  try {
    const challenge = readChallenge(response)
    const found = await context.discoveries.afterChallenge(context, target, { challenge, issuer })
    if (found.issuer === issuer) return
    context.events.emit('issuer.changed', target.place, { from: issuer, to: found.issuer })
  } catch (error) {
    // What cannot be read now proves nothing.
    if (asMcpConnectionError(error)) return
    throw error
  }
  throw await endConnection(context, target, record, 'issuer_changed')
}

/** 401 again, with a new token. Twice in a row, each after a refresh of its own, means that no refresh will help. @returns the error to throw */
export async function onSecondRejection(context: Context, target: Target, usable: Usable): Promise<McpConnectionError> {
  const { record } = usable
  if (record.kind === 'bearer' || record.kind === 'header') return rejectKey(context, target, usable)
  const rejections = record.rejections + 1
  if (rejections >= 2) return endConnection(context, target, record, 'resource_rejects')
  await changeConnection(context, target.place, record, { rejections })
  return connectionError(context, target, 'MCP_SERVER_UNAVAILABLE', 'the server refuses a token that is new', {
    reason: 'resource_rejects'
  })
}

/** The server took the token: what it refused before was not the beginning of a series. */
export async function onAccepted(context: Context, target: Target, usable: Usable | null): Promise<void> {
  if (!usable || usable.record.rejections === 0) return
  await changeConnection(context, target.place, usable.record, { rejections: 0 })
}

/**
 * 403. What is missing is remembered for the next time that the person connects, in whatever process that is.
 *
 * @throws McpConnectionError `MCP_NEEDS_SCOPE` when that is what the server says
 * @see RFC 6750 section 3.1
 */
export async function onForbidden(context: Context, target: Target, { usable, response }: Refused): Promise<void> {
  const challenge = readChallenge(response)
  if (!usable || challenge.error !== 'insufficient_scope') return
  await response.body?.cancel()
  throw await needsScope(context, target, usable.record, challenge.scopes ?? [])
}

async function rejectKey(context: Context, target: Target, usable: Usable | null): Promise<McpConnectionError> {
  const { place } = target
  const isNews = usable !== null && usable.record.state !== 'rejected'
  if (isNews && (await changeConnection(context, place, usable.record, { state: 'rejected', reason: 'unauthorized' })))
    context.events.emit('credential.rejected', place, { kind: usable.record.kind })
  return connectionError(context, target, 'MCP_CREDENTIAL_REJECTED', 'the server did not accept the key', {
    reason: usable ? 'unauthorized' : 'credential_wanted'
  })
}
