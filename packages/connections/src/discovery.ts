/**
 * Which authorization server a server belongs to, and what both say about themselves. Every step is written down, for the doctor page and
 * for errors that can be acted on.
 *
 * @see RFC 9728 sections 3 and 5, RFC 8414 section 3, MCP authorization 2026-07-28
 */
import {
  type AuthorizationServerMetadata,
  authorizationServerMetadataUrls,
  type Clock,
  isFetchRefusedError,
  isLoopbackHost,
  isUnavailableError,
  jsonBody,
  ProtectedResourceMetadata,
  protectedResourceMetadataUrl,
  readMetadata,
  type SafeResponse
} from '@fastify-mcp-auth/core'
import { checkResourceAllowed } from '@modelcontextprotocol/client'
import Value from 'typebox/value'
import { type BearerChallenge, readChallenge } from './bearer-challenge.ts'
import type { BlockedIssuers } from './blocked-issuers.ts'
import { type Context, routeOf, type Target } from './context.ts'
import { McpConnectionError, type McpConnectionErrorCode } from './errors.ts'
import { clockAhead, freshFor } from './freshness.ts'
import type { Route } from './network.ts'
import { StepLog } from './step-log.ts'
import type { DiscoveryStep } from './types.ts'

/** Metadata of the resource, with what is used of it. */
type ResourceMetadata = ProtectedResourceMetadata

/** What was found. */
export interface Discovered {
  readonly issuer: string
  readonly metadata: AuthorizationServerMetadata & { readonly [member: string]: unknown }
  /** Byte for byte as the resource calls itself; null where it says nothing. */
  readonly resource: string | null
  readonly scopesSupported: readonly string[] | null
  /** Scopes that the server asked for; null when it asked for none. */
  readonly challengeScopes: readonly string[] | null
  /** The endpoints are those of 2025-03-26, not of any document. */
  readonly isLegacy: boolean
  /** Seconds that the clock of the authorization server is ahead of ours; null when its answer has no date. */
  readonly clockAhead: number | null
  /** Seconds for which it may be used again: that of the document that is over first. */
  readonly freshFor: number
  readonly steps: readonly DiscoveryStep[]
}

/** What makes another look necessary, or spares a request. */
export interface DiscoverOptions {
  /** The challenge that the server sent lately; it is asked for one when left out. */
  readonly challenge?: BearerChallenge | undefined
  /** Used when the server still names it, whatever the order: what was connected there stays there. */
  readonly issuer?: string | undefined
  /** Told of every step, also when it ends in an error. */
  readonly log?: StepLog | undefined
}

/**
 * Looks again; see {@link Discoveries} for what is remembered.
 *
 * @throws McpConnectionError `MCP_DISCOVERY_FAILED`, `MCP_RESOURCE_MISMATCH`, `MCP_ISSUER_MISMATCH`, `MCP_URL_BLOCKED`,
 *   `MCP_SERVER_UNAVAILABLE`, `MCP_AUTHORIZATION_SERVER_UNAVAILABLE`
 */
export async function discover(
  context: Context,
  target: Pick<Target, 'server' | 'definition'>,
  { challenge, issuer, log = new StepLog() }: DiscoverOptions = {}
): Promise<Discovered> {
  const discovery = new Discovery(context, target, log)
  return discovery.run(challenge, issuer)
}

class Discovery {
  readonly #route: Route
  readonly #blocked: BlockedIssuers
  readonly #target: Pick<Target, 'server' | 'definition'>
  readonly #log: StepLog
  #outage: unknown = null
  /** A document of this server says where it belongs, in a form that cannot be read. */
  #isMalformed = false
  readonly #freshFor: number[] = []
  readonly #clock: Clock
  #clockAhead: number | null = null

  constructor(context: Context, target: Pick<Target, 'server' | 'definition'>, log: StepLog) {
    this.#route = routeOf(context, target)
    this.#blocked = context.blockedIssuers
    this.#clock = context.clock
    this.#target = target
    this.#log = log
  }

  async run(known: BearerChallenge | undefined, preferred: string | undefined): Promise<Discovered> {
    const challenge = known ?? (await this.#askServer())
    const resource = await this.#resourceMetadata(challenge)
    const issuer = resource ? this.#chooseIssuer(resource, preferred) : null
    if (issuer !== null) await this.#assertNotBlocked(issuer)
    const found = issuer === null ? await this.#legacy() : await this.#serverMetadata(issuer)
    if (issuer === null) await this.#assertNotBlocked(found.issuer)
    this.#assertEndpoints(found.metadata)
    return Object.freeze({
      ...found,
      resource: resource?.resource ?? null,
      scopesSupported: resource?.scopes_supported ?? null,
      challengeScopes: challenge.scopes,
      clockAhead: this.#clockAhead,
      freshFor: this.#freshFor.length === 0 ? freshFor({}) : Math.min(...this.#freshFor),
      steps: this.#log.steps
    })
  }

  async #assertNotBlocked(issuer: string): Promise<void> {
    await this.#blocked.list()
    if (!this.#blocked.has(issuer)) return
    this.#log.add('issuer', issuer, 'failed', 'is blocked by an administrator', 'RFC 9728 section 7.6')
    const message = 'the authorization server is blocked by an administrator'
    throw this.#error('MCP_URL_BLOCKED', message, undefined, 'issuer_blocked')
  }

  /** Asks without credentials, to be told where the metadata is. What else it answers does not matter here. */
  async #askServer(): Promise<BearerChallenge> {
    const { url } = this.#target.definition
    try {
      const greeted = await this.#post(GREETING)
      // Some let everybody in and ask for a token only when there is something to see.
      const response = greeted.ok ? await this.#post(LISTING, greeted.headers.get('mcp-session-id')) : greeted
      const asked = response.status === 401 ? response : greeted
      const challenge = readChallenge(asked)
      const detail = `status ${asked.status}${challenge.resourceMetadata ? ', names its metadata' : ''}`
      this.#log.add('server', url, 'ok', detail, 'RFC 9728 section 5.1')
      return { ...challenge, status: asked.status }
    } catch (error) {
      this.#log.add('server', url, 'failed', reasonOf(error), 'RFC 9728 section 5.1')
      throw this.#failure(error, 'MCP_SERVER_UNAVAILABLE', 'the server does not answer')
    }
  }

  async #post(message: string, session: string | null = null): Promise<Response> {
    const response = await this.#route.mcp(this.#target.definition.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...(session === null ? {} : { 'mcp-session-id': session })
      },
      body: message,
      signal: AbortSignal.timeout(15_000)
    })
    await response.body?.cancel()
    return response
  }

  async #resourceMetadata({ resourceMetadata }: BearerChallenge): Promise<ResourceMetadata | null> {
    const { url } = this.#target.definition
    const root = `${new URL(url).origin}/.well-known/oauth-protected-resource`
    const places = [
      ...new Set([...(resourceMetadata ? [resourceMetadata] : []), protectedResourceMetadataUrl(url), root])
    ]
    for (const place of places) {
      const document = await this.#document(place, 'resource metadata', 'RFC 9728 section 3')
      if (document === null) continue
      if (!Value.Check(ProtectedResourceMetadata, document)) {
        const isMalformed = namesServers(document)
        this.#isMalformed ||= isMalformed
        const detail = isMalformed ? MALFORMED_SERVERS : 'is no such document'
        this.#log.add('resource metadata', place, 'failed', detail, 'RFC 9728 section 2')
        continue
      }
      if (!isSameResource(url, document.resource)) {
        this.#log.add('resource metadata', place, 'failed', 'is for another resource', 'RFC 9728 section 3.3')
        throw this.#error('MCP_RESOURCE_MISMATCH', 'the metadata of the server is for another resource')
      }
      this.#log.add('resource metadata', place, 'ok', 'found', 'RFC 9728 section 3')
      if (document.authorization_servers?.every(issuer => URL.canParse(issuer))) return document
      if (document.authorization_servers) {
        this.#isMalformed = true
        this.#log.add('resource metadata', place, 'failed', MALFORMED_SERVERS, 'RFC 9728 section 2')
        continue
      }
      this.#log.add('resource metadata', place, 'failed', 'names no authorization server', 'RFC 9728 section 2')
    }
    // It has metadata, so it is none of the old kind, whose places would be guessed.
    if (this.#isMalformed)
      throw this.#error(
        'MCP_DISCOVERY_FAILED',
        '"authorization_servers" in the metadata of the server is no list of URLs',
        undefined,
        'authorization_servers'
      )
    // One that is only down must not be taken for one of the old kind: that would send people somewhere else.
    if (this.#outage) throw this.#failure(this.#outage, 'MCP_SERVER_UNAVAILABLE', 'the metadata cannot be read now')
    return null
  }

  #chooseIssuer({ authorization_servers: offered = [] }: ResourceMetadata, preferred: string | undefined): string {
    const { oauth } = this.#target.definition
    const wanted = oauth?.issuer
    if (wanted !== undefined && !offered.includes(wanted)) {
      this.#log.add('issuer', wanted, 'failed', 'the server does not name it', 'RFC 9728 section 7.6')
      throw this.#error('MCP_ISSUER_MISMATCH', 'the server does not name the authorization server of the options')
    }
    const registered = offered.find(issuer => issuer === oauth?.client?.issuer)
    const kept = offered.find(issuer => issuer === preferred)
    const issuer = wanted ?? kept ?? registered ?? (offered[0] as string)
    this.#log.add('issuer', issuer, 'ok', `one of ${offered.length}`, 'RFC 9728 section 7.6')
    return issuer
  }

  async #serverMetadata(issuer: string): Promise<Pick<Discovered, 'issuer' | 'metadata' | 'isLegacy'>> {
    const found = await this.#findMetadata([issuer])
    if (found) return { issuer, metadata: found, isLegacy: false }
    if (this.#outage)
      throw this.#failure(
        this.#outage,
        'MCP_AUTHORIZATION_SERVER_UNAVAILABLE',
        'the authorization server does not answer'
      )
    const isForeign = this.#log.steps.some(({ detail }) => detail === FOREIGN_ISSUER)
    if (isForeign) throw this.#error('MCP_ISSUER_MISMATCH', 'the metadata is that of another issuer')
    throw this.#error('MCP_DISCOVERY_FAILED', 'the authorization server has no usable metadata')
  }

  /** As 2025-03-26 had it: the origin is the issuer, and where it says nothing it has three endpoints. */
  async #legacy(): Promise<Pick<Discovered, 'issuer' | 'metadata' | 'isLegacy'>> {
    const { definition } = this.#target
    const { origin } = new URL(definition.url)
    if (definition.oauth?.legacy === 'off')
      throw this.#error('MCP_DISCOVERY_FAILED', 'the server says nothing about its authorization server')
    // Nobody named this issuer, so its own spelling of the slash is as good as ours.
    const found = await this.#findMetadata([origin, `${origin}/`])
    if (found) return { issuer: found.issuer, metadata: found, isLegacy: false }
    if (this.#outage)
      throw this.#failure(
        this.#outage,
        'MCP_AUTHORIZATION_SERVER_UNAVAILABLE',
        'the authorization server does not answer'
      )
    this.#log.add('default endpoints', origin, 'ok', '/authorize, /token, /register', 'MCP 2025-03-26')
    const metadata = {
      issuer: origin,
      authorization_endpoint: `${origin}/authorize`,
      token_endpoint: `${origin}/token`,
      registration_endpoint: `${origin}/register`
    }
    return { issuer: origin, metadata, isLegacy: true }
  }

  /** @param spellings of one issuer; the document may have any of them */
  async #findMetadata(spellings: readonly [string, ...string[]]): Promise<Discovered['metadata'] | null> {
    for (const place of authorizationServerMetadataUrls(spellings[0])) {
      const response = await this.#fetch(place, 'authorization server metadata', 'RFC 8414 section 3')
      if (response === null) continue
      const judged = spellings.map(issuer => readMetadata(response, issuer))
      const found = judged.find(verdict => typeof verdict !== 'string')
      const verdict = found ? 'found' : ownWords(String(judged[0]))
      this.#log.add('authorization server metadata', place, found ? 'ok' : 'failed', verdict, 'RFC 8414 section 3')
      if (!found) continue
      this.#freshFor.push(freshFor(response.headers))
      this.#clockAhead = clockAhead(response.headers, this.#clock.now())
      return found as Discovered['metadata']
    }
    return null
  }

  async #document(place: string, step: string, spec: string): Promise<unknown> {
    const response = await this.#fetch(place, step, spec)
    if (response === null) return null
    const document = response.status === 200 ? jsonBody(response) : undefined
    if (document !== undefined) {
      this.#freshFor.push(freshFor(response.headers))
      return document
    }
    // A page with status 200, a 401 or 403: somebody's front door, not this document.
    this.#log.add(step, place, 'skipped', `status ${response.status}, no JSON`, spec)
    return null
  }

  async #fetch(place: string, step: string, spec: string): Promise<SafeResponse | null> {
    try {
      const response = await this.#route.oauth(place, { headers: { accept: 'application/json' } })
      if (response.status < 500 && response.status !== 429) return response
      this.#log.add(step, place, 'failed', `status ${response.status}`, spec)
      this.#outage ??= new Error(`status ${response.status}`)
      return null
    } catch (error) {
      this.#log.add(step, place, 'failed', reasonOf(error), spec)
      if (isFetchRefusedError(error) && ['redirect', 'too_large', 'encoding'].includes(error.reason)) return null
      if (isUnavailableError(error)) {
        this.#outage ??= error
        return null
      }
      throw this.#failure(error, 'MCP_DISCOVERY_FAILED', 'a URL of the metadata cannot be used')
    }
  }

  /** One is opened in a browser, the others get secrets: none may lead back to this computer unless the server itself is here. */
  #assertEndpoints(metadata: Discovered['metadata']): void {
    const { authorization_endpoint, token_endpoint } = metadata
    if (!token_endpoint) throw this.#error('MCP_DISCOVERY_FAILED', 'the authorization server has no token endpoint')
    for (const endpoint of [authorization_endpoint, token_endpoint, metadata.registration_endpoint]) {
      const url = endpoint === undefined ? null : new URL(endpoint)
      if (!url || this.#route.addresses !== 'public' || !isLoopbackHost(url.hostname)) continue
      this.#log.add('endpoints', endpoint ?? null, 'failed', 'leads to this computer', 'RFC 9728 section 7.7')
      throw this.#error('MCP_URL_BLOCKED', 'an endpoint of the authorization server leads to this computer')
    }
  }

  #failure(error: unknown, code: McpConnectionErrorCode, message: string): McpConnectionError {
    if (error instanceof McpConnectionError) return error
    if (isFetchRefusedError(error))
      return this.#error('MCP_URL_BLOCKED', 'a URL leads where this app must not go', error)
    return this.#error(code, message, error)
  }

  #error(code: McpConnectionErrorCode, message: string, cause?: unknown, why?: string): McpConnectionError {
    const reason = isFetchRefusedError(cause) ? cause.reason : why
    return new McpConnectionError(code, message, {
      server: this.#target.server.id,
      steps: this.#log.steps,
      reason,
      cause
    })
  }
}

// A message that every revision knows and that changes nothing, but for a session that nobody uses.
const GREETING = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'probe', version: '1.0.0' } }
})

const LISTING = JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/list', params: {} })

const MALFORMED_SERVERS = '"authorization_servers" is no list of URLs'

const FOREIGN_ISSUER = 'is for another issuer'

// What the document says is not for our pages.
function ownWords(verdict: string): string {
  if (verdict.startsWith('is for the issuer')) return FOREIGN_ISSUER
  return verdict.includes('is not an https URL') ? 'names an endpoint that is not https' : verdict
}

function reasonOf(error: unknown): string {
  if (isFetchRefusedError(error)) return `refused: ${error.reason}`
  return isUnavailableError(error) ? 'no answer' : 'failed'
}

/** Whether it means to be the document that is looked for. */
function namesServers(document: unknown): boolean {
  return typeof document === 'object' && document !== null && 'authorization_servers' in document
}

function isSameResource(url: string, resource: string): boolean {
  return URL.canParse(resource) && checkResourceAllowed({ requestedResource: url, configuredResource: resource })
}
