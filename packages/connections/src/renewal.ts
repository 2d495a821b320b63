/** The request that gets a new token without a person: by the refresh token, or by what proves who we are. */
import { isUnavailableError } from '@fastify-mcp-auth/core'
import { clientNow } from './client-registration.ts'
import { type Context, routeOf, type Target } from './context.ts'
import type { Discovered } from './discovery.ts'
import { asMcpConnectionError } from './errors.ts'
import type { Lease } from './lease.ts'
import type { ConnectionRecord } from './records.ts'
import type { Credential } from './seal.ts'
import { silentForm } from './silent-grants.ts'
import { requestTokens, type TokenOutcome } from './token-endpoint.ts'

/** What is sent, and the right to send it. */
export interface Renewal {
  readonly credential: Credential
  readonly lease: Lease
}

export interface RenewalAnswer {
  readonly outcome: TokenOutcome
  /** It was sent twice, because no answer came to the first. */
  readonly isRepeated: boolean
}

/**
 * Sends what the connection has. Never rejects for what the other side does.
 *
 * No answer at all may mean that the server has acted and the answer got lost. Asked again at once, a server with a grace period says the
 * same again; with one that has none nothing is lost that was not lost already.
 */
export async function askForTokens(context: Context, target: Target, renewal: Renewal): Promise<RenewalAnswer> {
  const { resource } = renewal.lease.record
  const first = await send(context, target, renewal, resource)
  if (first.kind === 'refused' && resource !== null && MAY_BE_RESOURCE.has(first.error))
    return { outcome: await send(context, target, renewal, null), isRepeated: false }
  if (first.kind !== 'transient' || first.reason !== 'no_answer') return { outcome: first, isRepeated: false }
  const second = await send(context, target, renewal, resource)
  return { outcome: second, isRepeated: true }
}

/** What servers answer that do not know the parameter. */
const MAY_BE_RESOURCE: ReadonlySet<string> = new Set(['invalid_target', 'invalid_request', 'other'])

async function send(
  context: Context,
  target: Target,
  { credential, lease }: Renewal,
  resource: string | null
): Promise<TokenOutcome> {
  const { record } = lease
  const found = await lookUp(context, target, record)
  if ('kind' in found) return found
  const { definition } = target
  const client = credential.client && clientNow(context, target, { found, client: credential.client })
  const form =
    record.kind === 'oauth'
      ? { grant_type: 'refresh_token', refresh_token: credential.refreshToken }
      : await silentForm(context, target, { found, scopes: record.requestedScopes })
  if (form instanceof Error) return { kind: 'transient', reason: 'assertion_source', retryAfter: null }
  if (form === null) return { kind: 'refused', error: 'invalid_grant' }
  return requestTokens({
    fetch: routeOf(context, target).oauth,
    metadata: found.metadata,
    client,
    keys: context.clientKeys,
    form: { ...form, resource },
    now: context.clock.now(),
    defaultLifetime: definition.oauth?.accessTokenLifetime,
    dpop: credential.dpopKey ? await context.dpopSession(credential.dpopKey) : null,
    lease
  })
}

/** The endpoints of the issuer that gave the token. Another one never sees it. */
async function lookUp(
  context: Context,
  target: Target,
  record: ConnectionRecord
): Promise<Discovered | Extract<TokenOutcome, { kind: 'transient' | 'refused' }>> {
  try {
    const found = await context.discoveries.get(context, target, record.issuer ?? undefined)
    return found.issuer === record.issuer ? found : { kind: 'refused', error: 'issuer_changed' }
  } catch (error) {
    const known = asMcpConnectionError(error)
    if (!known && !isUnavailableError(error)) throw error
    // What is wrong with the metadata today says nothing about the token.
    return {
      kind: 'transient',
      reason: known?.code === 'MCP_URL_BLOCKED' ? 'url_blocked' : 'discovery',
      retryAfter: null
    }
  }
}
