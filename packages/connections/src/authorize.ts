/**
 * Beginning a connection that a person has to agree to: discovery, client, scopes, and the URL to send the browser to.
 *
 * @see RFC 6749 section 4.1.1, RFC 7636, RFC 8707, RFC 9126, MCP authorization 2026-07-28
 */
import {
  canonicalResource,
  codeChallengeOf,
  createCodeVerifier,
  digest,
  formatScope,
  isScopeToken,
  jsonBody,
  randomSecret
} from '@fastify-mcp-auth/core'
import { resolveClient } from './client-registration.ts'
import { changeConnection, readConnection } from './connection-record.ts'
import { type Context, routeOf, type ServerTarget, type Target, targetOf } from './context.ts'
import type { Discovered } from './discovery.ts'
import { newDpopKey } from './dpop.ts'
import { McpConnectionError } from './errors.ts'
import { type FlowSecrets, flowKey, sealFlow } from './flow.ts'
import { countAttempt } from './limits.ts'
import { assertNoMixUp } from './mix-up.ts'
import type { ServerDefinition } from './options.ts'
import { forgetDeadClient } from './preflight.ts'
import type { ConnectionRecord } from './records.ts'
import { assertReturnTo } from './return-to.ts'
import { postForm } from './token-endpoint.ts'
import type { Owner, StartedFlow, StartOptions } from './types.ts'

/** Seconds that a person has. */
export const FLOW_TTL = 600

/** Issuers that answer an error to the parameter `resource`. */
const WITHOUT_RESOURCE = /^https:\/\/(?:login\.microsoftonline\.com|login\.windows\.net|sts\.windows\.net)\//

export async function startFlow(
  context: Context,
  owner: Owner | null,
  server: string,
  options: StartOptions
): Promise<StartedFlow> {
  const target = await targetOf(context, owner, server, options)
  const paths = checkedOptions(context, target, options)
  await countAttempt(context, 'start', { ownerKey: target.place.ownerKey, ip: options.ip, server })
  // Where a person is sent is for the server to say now.
  const found = await context.discoveries.look(context, target)
  await context.discoveries.using(found, async () => {
    assertUsable(target, found)
    await assertNoMixUp(context, target, found)
  })
  const record = await readConnection(context, target.place)
  await countStepUp(context, target, record)
  const scopes = chooseScopes(target.definition, { found, record, owner, wanted: options.scopes ?? [] })
  const state = randomSecret(32)
  const { url, secrets } = await context.discoveries.using(found, () =>
    prepare(context, target, { found, scopes, state })
  )
  const now = context.clock.now()
  const key = flowKey(state)
  const { place } = target
  await context.records.flows.insert(key, {
    ownerKey: place.ownerKey,
    userKey: place.userKey,
    agentKey: place.agentKey,
    connection: place.id,
    owner: place.owner,
    tenant: place.tenant,
    server: place.server,
    account: place.account,
    bindingDigest: digest(options.binding),
    sealed: sealFlow(context.ring, key, place.id, secrets),
    ...paths,
    createdAt: now,
    expiresAt: now + FLOW_TTL,
    takenAt: null,
    outcome: null
  })
  context.events.emit('flow.started', place, { scopes, registration: secrets.client.source })
  const granted = new Set(record?.grantedScopes ?? [])
  const addedScopes = scopes.filter(scope => !granted.has(scope))
  return Object.freeze({ url, flowId: key, expiresAt: now + FLOW_TTL, addedScopes })
}

interface Planned {
  readonly found: Discovered
  readonly scopes: readonly string[]
  readonly state: string
}

/** Twice at most: the second time with a new registration, if the server has forgotten the one that we had. */
async function prepare(
  context: Context,
  target: Target,
  { found, scopes, state }: Planned
): Promise<{ readonly url: string; readonly secrets: FlowSecrets }> {
  for (let attempt = 0; ; attempt++) {
    const client = await resolveClient(context, target, found)
    const secrets: FlowSecrets = {
      verifier: createCodeVerifier(),
      client,
      issuer: found.issuer,
      metadata: found.metadata,
      redirectUri: context.urls.callback,
      resource: resourceFor(target.definition, found),
      scopes,
      url: target.definition.url,
      dpopKey: await newDpopKey(target.definition, found)
    }
    const url = await authorizationUrl(context, target, secrets, state)
    if (attempt > 0 || !(await forgetDeadClient(context, target, { client, url }))) return { url, secrets }
  }
}

function checkedOptions(
  { options: { baseUrl } }: Context,
  target: Target,
  { binding, returnTo, errorTo, scopes = [] }: StartOptions
): { returnTo: string | null; errorTo: string | null } {
  assertSignIn(target)
  if (typeof binding !== 'string' || binding.length < 16)
    throw new McpConnectionError('MCP_INVALID_INPUT', '"binding" must be a secret of at least 16 characters')
  if (!scopes.every(isScopeToken))
    throw new McpConnectionError('MCP_INVALID_INPUT', '"scopes" has a text that is no scope')
  return { returnTo: assertReturnTo(returnTo, baseUrl), errorTo: assertReturnTo(errorTo, baseUrl) }
}

/** @throws McpConnectionError `MCP_NOT_ALLOWED` for a server that nobody signs in at */
export function assertSignIn({ server, definition }: ServerTarget): void {
  if (definition.auth === 'oauth') return
  throw new McpConnectionError('MCP_NOT_ALLOWED', 'the server is not connected by signing in there', {
    server: server.id
  })
}

const STEP_UP_WINDOW = 600
const STEP_UPS = 2

/** A server that is never content must not send a person round and round. @throws McpConnectionError `MCP_RATE_LIMITED` */
async function countStepUp(context: Context, { place }: Target, record: ConnectionRecord | null): Promise<void> {
  if (!record?.challenge) return
  const now = context.clock.now()
  const lately = record.stepUps.filter(at => at > now - STEP_UP_WINDOW)
  if (lately.length >= STEP_UPS)
    throw new McpConnectionError('MCP_RATE_LIMITED', 'the server keeps asking for more than it was allowed', {
      server: place.server,
      connection: place.id,
      reason: 'step_up',
      retryAfter: Math.max(1, (lately[0] ?? now) + STEP_UP_WINDOW - now)
    })
  await changeConnection(context, place, record, { stepUps: [...lately, now] })
}

/** @throws McpConnectionError `MCP_PKCE_UNSUPPORTED`, `MCP_DISCOVERY_FAILED` */
export function assertUsable({ server, definition }: ServerTarget, { metadata, isLegacy, steps }: Discovered): void {
  const methods = metadata.code_challenge_methods_supported
  // Where there is no document at all it is a server of 2025-03-26, which had to have PKCE.
  const isSilent = methods === undefined && !isLegacy && definition.oauth?.pkceUnadvertised !== 'allow'
  if (isSilent || methods?.includes('S256') === false)
    throw new McpConnectionError(
      'MCP_PKCE_UNSUPPORTED',
      'the authorization server does not say that it has PKCE (S256)',
      {
        server: server.id,
        steps
      }
    )
  if (!metadata.authorization_endpoint)
    throw new McpConnectionError('MCP_DISCOVERY_FAILED', 'the authorization server has no authorization endpoint', {
      server: server.id,
      steps
    })
}

/**
 * What the server asked for, or what the options say, or what its metadata lists; with what this connection asked for before, so that
 * more of one thing is not less of another.
 *
 * @see SEP-2350
 */
export function chooseScopes(
  { oauth }: ServerDefinition,
  circumstances: {
    readonly found: Discovered
    readonly record: ConnectionRecord | null
    readonly owner: Owner | null
    readonly wanted: readonly string[]
  }
): string[] {
  const { found, record, owner, wanted } = circumstances
  const configured = typeof oauth?.scopes === 'function' ? oauth.scopes(owner) : (oauth?.scopes ?? null)
  const usual = found.challengeScopes ?? configured ?? found.scopesSupported ?? []
  const before = record?.issuer === found.issuer ? record.requestedScopes : []
  const lacking = record?.challenge?.scopes
  // More is asked for together with what there was; where there is nothing of this issuer, with what anybody is asked for.
  const asked = lacking ? [...(before.length === 0 ? usual : []), ...lacking] : usual
  const chosen = new Set([...before, ...asked, ...(configured ?? []), ...wanted])
  // Without it some servers give no refresh token, and the person would be asked again in an hour.
  if (found.metadata.scopes_supported?.includes('offline_access')) chosen.add('offline_access')
  return [...chosen].filter(isScopeToken).slice(0, 100)
}

/** Byte for byte as the resource calls itself. @see RFC 8707 section 2 */
export function resourceFor({ url, oauth }: ServerDefinition, { issuer, resource }: Discovered): string | null {
  const policy = oauth?.resource ?? 'auto'
  if (policy === 'omit' || (policy === 'auto' && WITHOUT_RESOURCE.test(issuer))) return null
  return policy === 'auto' || policy === 'always' ? (resource ?? canonicalResource(url)) : policy
}

async function authorizationUrl(
  context: Context,
  target: Target,
  secrets: FlowSecrets,
  state: string
): Promise<string> {
  const { metadata, client, scopes, resource, redirectUri, verifier, dpopKey } = secrets
  const form: Record<string, string> = {
    // What the options add cannot replace what follows.
    ...target.definition.oauth?.authorizeParams,
    response_type: 'code',
    client_id: client.clientId,
    redirect_uri: redirectUri,
    state,
    code_challenge: codeChallengeOf(verifier),
    code_challenge_method: 'S256'
  }
  if (scopes.length > 0) form['scope'] = formatScope(scopes)
  if (resource !== null) form['resource'] = resource
  // Refresh tokens by `offline_access` need it. @see OpenID Connect Core section 11
  if (scopes.includes('offline_access')) form['prompt'] ??= 'consent'
  if (dpopKey) form['dpop_jkt'] = (await context.dpopSession(dpopKey)).thumbprint
  const url = new URL(metadata.authorization_endpoint as string)
  const isPushed = metadata.require_pushed_authorization_requests === true
  const parameters = isPushed ? await pushed(context, target, secrets, form) : form
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url.href
}

/** @see RFC 9126 section 2 */
async function pushed(
  context: Context,
  target: Target,
  { client, metadata, dpopKey }: FlowSecrets,
  form: Record<string, string>
): Promise<Record<string, string>> {
  const failed = (code: 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE' | 'MCP_CLIENT_REJECTED') =>
    new McpConnectionError(code, 'the authorization request could not be pushed', { server: target.server.id })
  const endpoint = metadata.pushed_authorization_request_endpoint
  if (endpoint === undefined) throw failed('MCP_CLIENT_REJECTED')
  const response = await postForm(
    {
      fetch: routeOf(context, target).oauth,
      metadata,
      client,
      keys: context.clientKeys,
      form,
      dpop: dpopKey ? await context.dpopSession(dpopKey) : null
    },
    endpoint
  )
  if (!('status' in response) || response.status >= 500) throw failed('MCP_AUTHORIZATION_SERVER_UNAVAILABLE')
  const body = jsonBody(response)
  const uri = typeof body === 'object' && body !== null && 'request_uri' in body ? body.request_uri : null
  if (response.status >= 300 || typeof uri !== 'string') throw failed('MCP_CLIENT_REJECTED')
  return { client_id: client.clientId, request_uri: uri }
}
