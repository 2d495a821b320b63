/** Connections that nobody has to agree to: made at their first use, or when they are asked for. */
import { chooseScopes, resourceFor } from './authorize.ts'
import { resolveClient } from './client-registration.ts'
import { NO_OAUTH, readConnection, writeConnection } from './connection-record.ts'
import { type Context, routeOf, type Target } from './context.ts'
import type { Discovered } from './discovery.ts'
import { newDpopKey } from './dpop.ts'
import type { McpConnectionError } from './errors.ts'
import type { OAuthClient } from './oauth-client.ts'
import { sealCredential } from './seal.ts'
import { silentForm } from './silent-grants.ts'
import { connectionError, type Usable, usableOf } from './token.ts'
import { requestTokens } from './token-endpoint.ts'
import type { TokenSet } from './token-set.ts'

/** @throws McpConnectionError `MCP_NEEDS_REAUTH`, `MCP_CLIENT_REJECTED`, `MCP_AUTHORIZATION_SERVER_UNAVAILABLE`, what discovery throws */
export async function connectSilently(context: Context, target: Target): Promise<Usable> {
  const { id } = target.place
  let running = context.refreshes.get(id)
  if (!running) {
    running = obtain(context, target).finally(() => context.refreshes.delete(id))
    context.refreshes.set(id, running)
  }
  return running
}

/** A record of a server that wants no credential: so that it is on the owner's list, with a filter of its own. */
export async function connectOpenly(context: Context, target: Target): Promise<void> {
  const { definition, place } = target
  const before = await writeConnection(context, target, {
    ...NO_OAUTH,
    url: definition.url,
    kind: 'none',
    sealed: null
  })
  if (!before) context.events.emit('connected', place, { kind: 'none', scopes: [] })
}

async function obtain(context: Context, target: Target): Promise<Usable> {
  const { definition, place } = target
  const found = await context.discoveries.get(context, target)
  const client = await clientFor(context, target, found)
  const scopes = chooseScopes(definition, { found, record: null, owner: place.owner, wanted: [] }).filter(
    scope => scope !== 'offline_access'
  )
  const resource = resourceFor(definition, found)
  const dpopKey = await newDpopKey(definition, found)
  const tokens = await request(context, target, { found, client, scopes, resource, dpopKey })
  const sealed = sealCredential(context.ring, place, definition.url, {
    token: tokens.accessToken,
    refreshToken: null,
    dpopKey: tokens.tokenType === 'DPoP' ? dpopKey : null,
    client
  })
  const grantedScopes = [...(tokens.scopes ?? scopes)]
  const before = await writeConnection(context, target, {
    ...NO_OAUTH,
    url: definition.url,
    kind: definition.auth,
    issuer: found.issuer,
    clientId: client?.clientId ?? null,
    clientSource: client?.source ?? null,
    registration: client?.registration ?? null,
    resource,
    grantedScopes,
    requestedScopes: scopes,
    sealed,
    accessExpiresAt: tokens.expiresAt,
    accessLifetime: tokens.lifetime
  })
  context.events.emit(before ? 'reconnected' : 'connected', place, { kind: definition.auth, scopes: grantedScopes })
  return usableOf(context, target, await readConnection(context, place))
}

/** A workload may need no client beside its assertion. */
async function clientFor(context: Context, target: Target, found: Discovered): Promise<OAuthClient | null> {
  const { auth, oauth } = target.definition
  return auth === 'jwt_bearer' && !oauth?.client ? null : resolveClient(context, target, found)
}

interface SilentRequest {
  readonly found: Discovered
  readonly client: OAuthClient | null
  readonly scopes: readonly string[]
  readonly resource: string | null
  readonly dpopKey: Awaited<ReturnType<typeof newDpopKey>>
}

async function request(context: Context, target: Target, wanted: SilentRequest): Promise<TokenSet> {
  const { found, client, scopes, resource, dpopKey } = wanted
  const form = await silentForm(context, target, { found, scopes })
  if (form instanceof Error) throw unavailable(context, target, 'assertion_source')
  if (form === null)
    throw connectionError(context, target, 'MCP_NOT_CONNECTED', 'there is nothing that says who the owner is', {
      reason: 'no_assertion'
    })
  const outcome = await requestTokens({
    fetch: routeOf(context, target).oauth,
    metadata: found.metadata,
    client,
    keys: context.clientKeys,
    form: { ...form, resource },
    now: context.clock.now(),
    defaultLifetime: target.definition.oauth?.accessTokenLifetime,
    dpop: dpopKey ? await context.dpopSession(dpopKey) : null
  })
  if (outcome.kind === 'tokens') return outcome.tokens
  // Asked once: a verdict is told as it is, and no other grant is tried in its place.
  if (outcome.kind === 'transient') throw unavailable(context, target, outcome.reason, outcome.retryAfter ?? undefined)
  throw connectionError(context, target, 'MCP_CLIENT_REJECTED', 'the authorization server gives no token', {
    reason: outcome.error
  })
}

function unavailable(context: Context, target: Target, reason: string, retryAfter?: number): McpConnectionError {
  const message = 'the authorization server gives no token now'
  return connectionError(context, target, 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE', message, { reason, retryAfter })
}
