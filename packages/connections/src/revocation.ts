/**
 * Telling an authorization server that a token is not needed any more: the refresh token, whose end is the end of the grant, and then the
 * access token. What cannot be told now is owed and told later.
 *
 * @see RFC 7009 section 2
 */
import { isUnavailableError, randomSecret } from '@fastify-mcp-auth/core'
import { clientNow } from './client-registration.ts'
import { type Context, routeOf, type ServerTarget, type Target } from './context.ts'
import { asMcpConnectionError } from './errors.ts'
import type { OAuthClient } from './oauth-client.ts'
import { owedSeal } from './owed-seal.ts'
import type { Place } from './owner.ts'
import type { ConnectionRecord } from './records.ts'
import { type Credential, unsealCredential } from './seal.ts'
import type { Usable } from './token.ts'
import { postForm } from './token-endpoint.ts'
import type { Owner } from './types.ts'

/** What is needed to revoke without the connection, which is gone by then. */
interface OwedRevocation {
  readonly connection: string
  readonly server: string
  readonly owner: Owner | null
  readonly issuer: string
  readonly token: string
  readonly refreshToken: string | null
  readonly client: OAuthClient
  readonly dpopKey: Usable['credential']['dpopKey']
}

/** The same of a connection that the process which ended it could not decrypt. */
interface UnreadRevocation {
  readonly place: Place
  readonly issuer: string
  /** Of the server: part of what the ciphertext belongs to. */
  readonly url: string
  readonly credential: string
}

/** Seconds after which nobody tries any more: most tokens have ended by themselves. */
const GIVE_UP_AFTER = 7 * 86_400
const MAX_ATTEMPTS = 12

/**
 * Revokes now if it can be done, and writes down what is owed if not.
 *
 * @returns whether it was done now
 */
export async function revoke(context: Context, target: Target, usable: Usable): Promise<boolean> {
  const owed = owedBy(target, usable)
  if (!owed) return false
  const verdict = await attempt(context, target, owed)
  context.telemetry.add('revocations', { outcome: verdict })
  if (verdict === 'later') await owe(context, owed)
  return verdict === 'done'
}

/** For when somebody waits for something else. */
export async function oweRevocation(context: Context, target: Target, usable: Usable): Promise<void> {
  const owed = owedBy(target, usable)
  if (owed) await owe(context, owed)
}

function owedBy(
  { place }: Pick<Target, 'place'>,
  { record, credential }: { readonly record: Pick<ConnectionRecord, 'issuer'>; readonly credential: Credential }
): OwedRevocation | null {
  const { client, token, refreshToken, dpopKey } = credential
  if (client === null || record.issuer === null) return null
  const { id, server, owner } = place
  return { connection: id, server, owner, issuer: record.issuer, token, refreshToken, client, dpopKey }
}

/** For a process that has the key of the connection, which is gone by then. */
export async function oweUnread(context: Context, { place }: Target, record: ConnectionRecord): Promise<void> {
  const { issuer, url, sealed } = record
  if (issuer === null || sealed === null || context.ring.hasKeyOf(sealed)) return
  await owe(context, { place, issuer, url, credential: sealed })
}

async function owe({ records, ring, clock }: Context, owed: OwedRevocation | UnreadRevocation): Promise<void> {
  const key = randomSecret()
  const now = clock.now()
  await records.outbox.insert(key, {
    queue: 'revocation',
    sealed: ring.seal(JSON.stringify(owed), owedSeal(key)),
    attempts: 0,
    nextAt: now + 60,
    expiresAt: now + GIVE_UP_AFTER
  })
}

/** `gone`: there is nothing that could be told, now or later. */
async function attempt(
  context: Context,
  target: ServerTarget,
  owed: OwedRevocation
): Promise<'done' | 'later' | 'gone'> {
  try {
    const found = await context.discoveries.get(context, target, owed.issuer)
    const endpoint = found.metadata.revocation_endpoint
    if (found.issuer !== owed.issuer || endpoint === undefined) return 'gone'
    const dpop = owed.dpopKey ? await context.dpopSession(owed.dpopKey) : null
    const tokens = { refresh_token: owed.refreshToken, access_token: owed.token }
    for (const [hint, token] of Object.entries(tokens)) {
      if (token === null) continue
      const response = await postForm(
        {
          fetch: routeOf(context, target).oauth,
          metadata: found.metadata,
          client: clientNow(context, target, { found, client: owed.client }),
          keys: context.clientKeys,
          form: { token, token_type_hint: hint },
          dpop
        },
        endpoint
      )
      if (!('status' in response) || response.status >= 500 || response.status === 429) return 'later'
      // A refusal of the client or the kind of token will be the same next time.
      if (response.status >= 400 && hint === 'refresh_token') return 'gone'
    }
    return 'done'
  } catch (error) {
    if (asMcpConnectionError(error)?.retryable || isUnavailableError(error)) return 'later'
    if (asMcpConnectionError(error)) return 'gone'
    // Whatever it was, the token is good for as long as it was not told; and nobody else waits for this one.
    context.log.error({ err: error, server: target.server.id }, 'mcp-auth: a token could not be revoked')
    return 'later'
  }
}

/** One look at what is owed. @returns how many were told */
export async function settleRevocations(context: Context): Promise<number> {
  const { records, clock } = context
  let settled = 0
  for (let cursor: string | null = null; ; ) {
    const page = await records.outbox.list('queue', 'revocation', { limit: 200, cursor })
    for (const { key, record } of page.records) {
      // What another process sealed with a key that is new waits for one that knows it.
      if (record.nextAt > clock.now() || !context.ring.hasKeyOf(record.sealed)) continue
      // Whoever moves its time has it: two sweeps do not tell the same thing twice.
      const { attempts } = record
      const nextAt = clock.now() + Math.min(60 * 2 ** attempts, 21_600)
      if (!(await records.outbox.update(key, { attempts }, { attempts: attempts + 1, nextAt }))) continue
      // One that cannot be settled, for whatever reason, stands in nobody's way.
      const isSettled = await settle(context, key, record.sealed, attempts + 1).catch((err: unknown) => {
        context.log.error({ err }, 'mcp-auth: a revocation that is owed could not be settled')
        return false
      })
      if (isSettled) settled++
    }
    cursor = page.cursor
    if (cursor === null) return settled
  }
}

async function settle(context: Context, key: string, sealed: string, attempts: number): Promise<boolean> {
  const { records, events } = context
  const owed = openOwed(context, key, sealed)
  if (owed === 'unread') return false
  const server = owed ? await context.registry.get(owed.server).catch(() => null) : null
  const verdict =
    owed && server ? await attempt(context, { server, definition: server.definition }, owed) : ('gone' as const)
  context.telemetry.add('revocations', { outcome: verdict })
  const givenUp = verdict === 'gone' || attempts >= MAX_ATTEMPTS
  if (verdict !== 'done' && owed) {
    const subject = { id: owed.connection, server: owed.server, owner: owed.owner }
    events.emit('revocation.failed', subject, { attempts, givenUp })
  }
  if (verdict === 'done' || givenUp) await records.outbox.remove(key)
  return verdict === 'done'
}

/** @returns `unread` when the key of the connection is not here yet, null for what nobody can read */
function openOwed({ ring }: Context, key: string, sealed: string): OwedRevocation | 'unread' | null {
  const text = ring.unseal(sealed, owedSeal(key))
  if (text === null) return null
  const owed = JSON.parse(text) as OwedRevocation | UnreadRevocation
  if (!('credential' in owed)) return owed
  if (!ring.hasKeyOf(owed.credential)) return 'unread'
  const credential = unsealCredential(ring, owed.place, owed.url, owed.credential)
  return credential && owedBy(owed, { record: owed, credential })
}
