/**
 * The end of a flow: the browser came back. First whose flow it is, then whether the answer is from the server that was asked, then what
 * it says, and only then the one exchange.
 *
 * @see RFC 6749 section 4.1.2, RFC 9207 section 2.4
 */
import { digest, equalInConstantTime } from '@fastify-mcp-auth/core'
import { validateAuthorizationResponseIssuer } from '@modelcontextprotocol/client'
import { markReplaced } from './client-registration.ts'
import { readConnection, writeConnection } from './connection-record.ts'
import { type Context, routeOf, type Target, targetOf } from './context.ts'
import { forget } from './disconnect.ts'
import { isMcpConnectionError, McpConnectionError, type McpConnectionErrorCode } from './errors.ts'
import { type FlowSecrets, flowKey, unsealFlow } from './flow.ts'
import { countAttempt } from './limits.ts'
import type { FlowRecord } from './records.ts'
import { sealCredential } from './seal.ts'
import { summaryOf } from './status.ts'
import { type Refusal, requestTokens } from './token-endpoint.ts'
import type { TokenSet } from './token-set.ts'
import { syncAfterConnect } from './tool-sync.ts'
import type { CompletedFlow, CompleteOptions, Owner } from './types.ts'

interface OpenFlow {
  readonly key: string
  readonly record: FlowRecord
  readonly target: Target
}

/**
 * @throws McpConnectionError `MCP_FLOW_EXPIRED`, `MCP_FLOW_MISMATCH`, and everything that can go wrong after that, which has the
 *   `errorTo` of the flow
 */
export async function completeFlow(context: Context, options: CompleteOptions): Promise<CompletedFlow> {
  const params = new CallbackParams(options.params)
  const flow = await ownFlow(context, params, options)
  try {
    return await complete(context, flow, params)
  } catch (error) {
    if (!(error instanceof McpConnectionError)) throw error
    tell(context, flow.record, error)
    const { errorTo } = flow.record
    throw new McpConnectionError(error.code, error.message, { ...error, errorTo: errorTo ?? undefined, cause: error })
  }
}

function tell({ events }: Context, { server, owner, connection }: FlowRecord, error: McpConnectionError): void {
  const details = { code: error.code, reason: error.reason ?? null }
  events.emit('flow.failed', { id: connection, server, owner }, details)
}

/** The parameters of the answer, each at most once. */
class CallbackParams {
  readonly #params: URLSearchParams
  constructor(given: CompleteOptions['params']) {
    if (given instanceof URLSearchParams) {
      this.#params = given
      return
    }
    this.#params = new URLSearchParams()
    for (const [name, value] of Object.entries(given))
      for (const text of [value].flat()) if (text !== undefined) this.#params.append(name, text)
  }

  get(name: 'state' | 'code' | 'iss' | 'error'): string | null {
    const values = this.#params.getAll(name)
    // Two programs that each read one of two would read two things.
    if (values.length > 1) throw mismatch('repeated_parameter')
    const [value = ''] = values
    return value === '' || value.length > 4096 ? null : value
  }
}

function mismatch(reason: string, server?: string): McpConnectionError {
  return new McpConnectionError('MCP_FLOW_MISMATCH', 'the answer does not belong to this browser and person', {
    reason,
    server
  })
}

/** Looks, and takes nothing: a stranger who got hold of the URL must not be able to use it up. */
async function ownFlow(context: Context, params: CallbackParams, options: CompleteOptions): Promise<OpenFlow> {
  const state = params.get('state')
  const key = state === null ? null : flowKey(state)
  const record = key === null ? null : await context.records.flows.get(key)
  if (key === null || !record || record.expiresAt <= context.clock.now()) {
    // Guessing is counted by address; there is no owner to count it for.
    await countAttempt(context, 'complete', { ip: options.ip })
    throw new McpConnectionError('MCP_FLOW_EXPIRED', 'the attempt to connect is unknown or too old', {
      reason: 'unknown'
    })
  }
  try {
    const target = await assertOwn(context, record, options)
    return { key, record, target }
  } catch (error) {
    if (error instanceof McpConnectionError) tell(context, record, error)
    throw error
  }
}

async function assertOwn(context: Context, record: FlowRecord, options: CompleteOptions): Promise<Target> {
  const { server, account } = record
  if (options.binding === null || !equalInConstantTime(digest(options.binding), record.bindingDigest))
    throw mismatch('foreign_browser', server)
  let target: Target
  try {
    target = await targetOf(context, await ownerOf(options, record), server, { account })
  } catch (error) {
    throw isMcpConnectionError(error, 'MCP_OWNER_REQUIRED') ? mismatch('signed_out', server) : error
  }
  if (target.place.id !== record.connection) throw mismatch('foreign_owner', server)
  await countAttempt(context, 'complete', { ownerKey: record.ownerKey, ip: options.ip, server })
  return target
}

async function ownerOf({ owner }: CompleteOptions, { owner: begun }: FlowRecord): Promise<Owner | null> {
  if (typeof owner !== 'function') return owner
  return owner({ agent: begun?.type === 'agent' ? begun.id : (begun?.agent ?? null) })
}

async function complete(context: Context, flow: OpenFlow, params: CallbackParams): Promise<CompletedFlow> {
  const { target, key, record } = flow
  const secrets = record.takenAt === null ? unsealFlow(context.ring, key, record.connection, record.sealed) : null
  // Before it is taken: a process that knows the key or the server may complete it yet.
  if (record.takenAt === null && secrets?.url !== target.definition.url)
    throw failed(target, 'MCP_FLOW_EXPIRED', secrets ? 'server_changed' : 'key_unavailable')
  // Blocked since the flow began: it gets no code, and proof of who we are neither. Allowed again, the same answer is good.
  if (secrets) await context.blockedIssuers.assertAllowed(secrets.issuer, target.server.id)
  const taken =
    secrets && (await context.records.flows.update(key, { takenAt: null }, { takenAt: context.clock.now() }))
  if (!taken) return completedBefore(context, flow)
  assertIssuer(target, secrets, params.get('iss'))
  assertNoError(target, params.get('error'))
  const code = params.get('code')
  if (code === null) throw failed(target, 'MCP_FLOW_MISMATCH', 'no_code')
  const tokens = await context.discoveries.using(secrets, () => exchange(context, target, secrets, code))
  const isReconnected = await keep(context, target, secrets, tokens)
  if (!(await context.records.flows.update(key, {}, { outcome: 'connected' }))) throw await takenBack(context, target)
  syncAfterConnect(context, target)
  const outcome = isReconnected ? 'reconnected' : 'connected'
  const { id: server } = target.server
  context.telemetry.record('flow.duration', context.clock.now() - record.createdAt, { server })
  return Object.freeze({ connection: await summary(context, target), returnTo: record.returnTo, outcome })
}

/** Disconnected, or its owner deleted, while we asked: that took the attempt away first, and what came of it is nobody's. */
async function takenBack(context: Context, target: Target): Promise<McpConnectionError> {
  await forget(context, target, await readConnection(context, target.place))
  return failed(target, 'MCP_FLOW_EXPIRED', 'ended')
}

/** A stale tab or the back button: it was done, and nothing changes. */
async function completedBefore(context: Context, { key, target }: OpenFlow): Promise<CompletedFlow> {
  const record = await context.records.flows.get(key)
  const connection = await readConnection(context, target.place)
  if (record?.outcome !== 'connected' || !connection) throw failed(target, 'MCP_FLOW_EXPIRED', 'used')
  return Object.freeze({ connection: await summary(context, target), returnTo: record.returnTo, outcome: 'already' })
}

async function summary(context: Context, target: Target) {
  return summaryOf(context, target, await readConnection(context, target.place))
}

/** Before anything else of the answer is looked at: its `error` may be somebody else's text. */
function assertIssuer(target: Target, { issuer, metadata }: FlowSecrets, iss: string | null): void {
  const issParameterSupported = metadata.authorization_response_iss_parameter_supported === true
  try {
    validateAuthorizationResponseIssuer({ iss: iss ?? undefined, expectedIssuer: issuer, issParameterSupported })
  } catch {
    throw failed(target, 'MCP_ISSUER_MISMATCH', 'iss')
  }
}

function assertNoError(target: Target, error: string | null): void {
  if (error === null) return
  if (error === 'access_denied') throw failed(target, 'MCP_ACCESS_DENIED', error)
  if (error === 'server_error' || error === 'temporarily_unavailable')
    throw failed(target, 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE', error)
  // Text of the other side goes no further.
  const known = ['invalid_scope', 'invalid_request', 'unauthorized_client', 'invalid_target', 'consent_required']
  throw failed(target, 'MCP_CLIENT_REJECTED', known.find(name => name === error) ?? 'other')
}

/** Once: a code that is sent twice may be taken for a stolen one. */
async function exchange(context: Context, target: Target, secrets: FlowSecrets, code: string): Promise<TokenSet> {
  const { client, metadata, redirectUri, resource, verifier, dpopKey } = secrets
  const outcome = await requestTokens({
    fetch: routeOf(context, target).oauth,
    metadata,
    client,
    keys: context.clientKeys,
    form: { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier, resource },
    now: context.clock.now(),
    defaultLifetime: target.definition.oauth?.accessTokenLifetime,
    dpop: dpopKey ? await context.dpopSession(dpopKey) : null
  })
  if (outcome.kind === 'tokens') return outcome.tokens
  if (outcome.kind === 'transient')
    throw failed(target, 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE', outcome.reason, outcome.retryAfter ?? undefined)
  throw await refused(context, target, secrets, outcome.error)
}

async function refused(
  context: Context,
  target: Target,
  { client }: FlowSecrets,
  error: Refusal
): Promise<McpConnectionError> {
  if (error === 'invalid_grant') return failed(target, 'MCP_FLOW_EXPIRED', error)
  if (error === 'invalid_client' || error === 'unauthorized_client') await markReplaced(context, client)
  return failed(target, 'MCP_CLIENT_REJECTED', error)
}

/** @returns whether there was a connection before */
async function keep(context: Context, target: Target, secrets: FlowSecrets, tokens: TokenSet): Promise<boolean> {
  const { place, definition } = target
  const { client, issuer, resource, scopes, dpopKey } = secrets
  const grantedScopes = [...(tokens.scopes ?? scopes)]
  const sealed = sealCredential(context.ring, place, definition.url, {
    token: tokens.accessToken,
    refreshToken: tokens.refreshToken,
    // A server may answer with a token that is bound to nothing.
    dpopKey: tokens.tokenType === 'DPoP' ? dpopKey : null,
    client
  })
  const before = await writeConnection(context, target, {
    url: definition.url,
    kind: 'oauth',
    issuer,
    clientId: client.clientId,
    clientSource: client.source,
    registration: client.registration,
    resource,
    grantedScopes,
    requestedScopes: [...scopes],
    sealed,
    hasRefreshToken: tokens.refreshToken !== null,
    accessExpiresAt: tokens.expiresAt,
    refreshExpiresAt: tokens.refreshExpiresAt,
    accessLifetime: tokens.lifetime
  })
  if (before?.issuer && before.issuer !== issuer)
    context.events.emit('issuer.changed', place, { from: before.issuer, to: issuer })
  context.events.emit(before ? 'reconnected' : 'connected', place, { kind: 'oauth', scopes: grantedScopes })
  return before !== null
}

const MESSAGES: { readonly [code in McpConnectionErrorCode]?: string } = {
  MCP_ACCESS_DENIED: 'access was not allowed',
  MCP_FLOW_EXPIRED: 'the attempt to connect is over',
  MCP_FLOW_MISMATCH: 'the answer is incomplete',
  MCP_ISSUER_MISMATCH: 'the answer is from another authorization server than the one that was asked',
  MCP_AUTHORIZATION_SERVER_UNAVAILABLE: 'the authorization server cannot answer now',
  MCP_CLIENT_REJECTED: 'the authorization server refuses the request'
}

function failed(
  { server, place }: Target,
  code: McpConnectionErrorCode,
  reason: string,
  retryAfter?: number
): McpConnectionError {
  const details = { server: server.id, connection: place.id, reason, retryAfter }
  return new McpConnectionError(code, MESSAGES[code] ?? 'the connection could not be made', details)
}
