/**
 * Which authorization server a server belongs to, and what both say about themselves. Every step is written down, for the doctor page and
 * for errors that can be acted on.
 *
 * @see RFC 9728, RFC 8414, MCP authorization 2026-07-28
 */
import { isLoopbackHost } from '@fastify-mcp-auth/core'
import type { BearerChallenge } from './bearer-challenge.ts'
import { type Context, routeOf, type ServerTarget } from './context.ts'
import { type DiscoveryFailure, discoveryFailure } from './discovery-failure.ts'
import { type IssuerDocument, type IssuerMetadata, readIssuer } from './issuer-metadata.ts'
import type { Route } from './network.ts'
import { readServer, type ServerMetadata } from './server-metadata.ts'
import { StepLog } from './step-log.ts'
import type { DiscoveryStep } from './types.ts'

/** What was found. */
export interface Discovered {
  readonly issuer: string
  readonly metadata: IssuerDocument
  /** Byte for byte as the resource calls itself; null where it says nothing. */
  readonly resource: string | null
  readonly scopesSupported: readonly string[] | null
  /** Scopes that the server asked for; null when it asked for none. */
  readonly challengeScopes: readonly string[] | null
  /** The endpoints are those of 2025-03-26, not of any document. */
  readonly isLegacy: boolean
  /** Seconds that the clock of the authorization server was ahead of ours; null when its answer had no date. */
  readonly clockAhead: number | null
  readonly steps: readonly DiscoveryStep[]
}

/** What makes another look necessary, or spares a request. */
export interface DiscoverOptions {
  /** The challenge that the server sent lately; it is asked for one when left out. */
  readonly challenge?: BearerChallenge | undefined
  /** Used when the server still names it, whatever the order: what was connected there stays there. */
  readonly issuer?: string | undefined
}

/**
 * Looks, and remembers nothing; see {@link Discoveries} for what does.
 *
 * @param log told of every step, also when it ends in an error
 * @throws McpConnectionError `MCP_DISCOVERY_FAILED`, `MCP_RESOURCE_MISMATCH`, `MCP_ISSUER_MISMATCH`, `MCP_URL_BLOCKED`,
 *   `MCP_SERVER_UNAVAILABLE`, `MCP_AUTHORIZATION_SERVER_UNAVAILABLE`
 */
export async function discover(context: Context, target: ServerTarget, log = new StepLog()): Promise<Discovered> {
  const route = routeOf(context, target)
  const server = await readServer(route, target, { log })
  return conclude(context, target, { server, log, read: spellings => readIssuer(route, spellings, context.clock) })
}

/** What is known already, and how the rest is found out. */
export interface Known {
  readonly server: ServerMetadata
  /** Has the steps of `server`, if they were made now. */
  readonly log: StepLog
  readonly issuer?: string | undefined
  /** Spellings of one issuer: more than one where nobody has named it. */
  readonly read: (spellings: readonly [string, ...string[]]) => Promise<IssuerMetadata>
}

/** From what the server says to its authorization server. @throws as {@link discover} */
export async function conclude(context: Context, target: ServerTarget, known: Known): Promise<Discovered> {
  const { server, log } = known
  const found = await new Conclusion(context, target, known).run()
  return Object.freeze({
    ...found,
    resource: server.resource?.resource ?? null,
    scopesSupported: server.resource?.scopes_supported ?? null,
    challengeScopes: server.challengeScopes,
    steps: log.steps
  })
}

type Found = Pick<Discovered, 'issuer' | 'metadata' | 'isLegacy' | 'clockAhead'>

class Conclusion {
  readonly #context: Context
  readonly #target: ServerTarget
  readonly #known: Known
  readonly #route: Route
  readonly #failure: DiscoveryFailure

  constructor(context: Context, target: ServerTarget, known: Known) {
    this.#context = context
    this.#target = target
    this.#known = known
    this.#route = routeOf(context, target)
    this.#failure = discoveryFailure(target, known.log)
  }

  async run(): Promise<Found> {
    const { resource } = this.#known.server
    const issuer = resource ? this.#chooseIssuer(resource.authorization_servers ?? []) : null
    if (issuer !== null) await this.#assertNotBlocked(issuer)
    const found = issuer === null ? await this.#legacy() : await this.#named(issuer)
    if (issuer === null) await this.#assertNotBlocked(found.issuer)
    this.#assertEndpoints(found.metadata)
    return found
  }

  async #assertNotBlocked(issuer: string): Promise<void> {
    const { blockedIssuers } = this.#context
    await blockedIssuers.list()
    if (!blockedIssuers.has(issuer)) return
    this.#known.log.add('issuer', issuer, 'failed', 'is blocked by an administrator', 'RFC 9728 section 7.6')
    throw this.#failure(
      null,
      'MCP_URL_BLOCKED',
      'the authorization server is blocked by an administrator',
      'issuer_blocked'
    )
  }

  #chooseIssuer(offered: readonly string[]): string {
    const { log, issuer: preferred } = this.#known
    const { oauth } = this.#target.definition
    const wanted = oauth?.issuer
    if (wanted !== undefined && !offered.includes(wanted)) {
      log.add('issuer', wanted, 'failed', 'the server does not name it', 'RFC 9728 section 7.6')
      const message = 'the server does not name the authorization server of the options'
      throw this.#failure(null, 'MCP_ISSUER_MISMATCH', message)
    }
    const registered = offered.find(issuer => issuer === oauth?.client?.issuer)
    const kept = offered.find(issuer => issuer === preferred)
    const issuer = wanted ?? kept ?? registered ?? (offered[0] as string)
    log.add('issuer', issuer, 'ok', `one of ${offered.length}`, 'RFC 9728 section 7.6')
    return issuer
  }

  async #named(issuer: string): Promise<Found> {
    const { document, isForeign, clockAhead } = await this.#read([issuer])
    if (document) return { issuer, metadata: document, isLegacy: false, clockAhead }
    if (isForeign) throw this.#failure(null, 'MCP_ISSUER_MISMATCH', 'the metadata is that of another issuer')
    throw this.#failure(null, 'MCP_DISCOVERY_FAILED', 'the authorization server has no usable metadata')
  }

  /** As 2025-03-26 had it: the origin is the issuer, and where it says nothing it has three endpoints. */
  async #legacy(): Promise<Found> {
    const { definition } = this.#target
    const { origin } = new URL(definition.url)
    if (definition.oauth?.legacy === 'off')
      throw this.#failure(null, 'MCP_DISCOVERY_FAILED', 'the server says nothing about its authorization server')
    // Nobody named this issuer, so its own spelling of the slash is as good as ours.
    const { document, clockAhead } = await this.#read([origin, `${origin}/`])
    if (document) return { issuer: document.issuer, metadata: document, isLegacy: false, clockAhead }
    this.#known.log.add('default endpoints', origin, 'ok', '/authorize, /token, /register', 'MCP 2025-03-26')
    const metadata = {
      issuer: origin,
      authorization_endpoint: `${origin}/authorize`,
      token_endpoint: `${origin}/token`,
      registration_endpoint: `${origin}/register`
    }
    return { issuer: origin, metadata, isLegacy: true, clockAhead }
  }

  async #read(spellings: readonly [string, ...string[]]): Promise<IssuerMetadata> {
    const look = await this.#known.read(spellings)
    this.#known.log.append(look.steps)
    const { outage, refusal } = look
    if (refusal) throw this.#failure(refusal, 'MCP_DISCOVERY_FAILED', 'a URL of the metadata cannot be used')
    const message = 'the authorization server does not answer'
    if (outage) throw this.#failure(outage, 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE', message)
    return look
  }

  /** One is opened in a browser, the others get secrets: none may lead back to this computer unless the server itself is here. */
  #assertEndpoints(metadata: IssuerDocument): void {
    const { authorization_endpoint, token_endpoint } = metadata
    if (!token_endpoint)
      throw this.#failure(null, 'MCP_DISCOVERY_FAILED', 'the authorization server has no token endpoint')
    for (const endpoint of [authorization_endpoint, token_endpoint, metadata.registration_endpoint]) {
      const url = endpoint === undefined ? null : new URL(endpoint)
      if (!url || this.#route.addresses !== 'public' || !isLoopbackHost(url.hostname)) continue
      this.#known.log.add('endpoints', endpoint ?? null, 'failed', 'leads to this computer', 'RFC 9728 section 7.7')
      const message = 'an endpoint of the authorization server leads to this computer'
      throw this.#failure(null, 'MCP_URL_BLOCKED', message)
    }
  }
}
