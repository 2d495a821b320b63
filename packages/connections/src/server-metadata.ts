/**
 * What a server says about where it belongs: by its challenge, and by the metadata that the challenge leads to.
 *
 * @see RFC 9728 sections 3 and 5
 */
import { ProtectedResourceMetadata, protectedResourceMetadataUrl } from '@fastify-mcp-auth/core'
import { checkResourceAllowed } from '@modelcontextprotocol/client'
import Value from 'typebox/value'
import { type BearerChallenge, readChallenge } from './bearer-challenge.ts'
import type { ServerTarget } from './context.ts'
import { type DiscoveryFailure, discoveryFailure } from './discovery-failure.ts'
import { DocumentReader, reasonOf } from './document-reader.ts'
import { freshFor } from './freshness.ts'
import type { Route } from './network.ts'
import { StepLog } from './step-log.ts'
import type { DiscoveryStep } from './types.ts'

/** What was read of a server. */
export interface ServerMetadata {
  /** Null where it says nothing: a server of 2025-03-26, perhaps. */
  readonly resource: ProtectedResourceMetadata | null
  /** Scopes that it asked for; null when it asked for none. */
  readonly challengeScopes: readonly string[] | null
  /** Seconds for which it may be used again: that of the document that is over first. */
  readonly freshFor: number
  readonly steps: readonly DiscoveryStep[]
}

/**
 * @param challenge that it sent lately; it is asked for one when left out
 * @throws McpConnectionError `MCP_DISCOVERY_FAILED`, `MCP_RESOURCE_MISMATCH`, `MCP_URL_BLOCKED`, `MCP_SERVER_UNAVAILABLE`
 */
export async function readServer(
  route: Route,
  place: ServerTarget,
  { challenge, log = new StepLog() }: { readonly challenge?: BearerChallenge | undefined; readonly log?: StepLog }
): Promise<ServerMetadata> {
  const look = new Look(route, place, log)
  return look.run(challenge)
}

class Look {
  readonly #route: Route
  readonly #url: string
  readonly #log: StepLog
  readonly #reader: DocumentReader
  readonly #failure: DiscoveryFailure
  readonly #freshFor: number[] = []
  /** A document of this server says where it belongs, in a form that cannot be read. */
  #isMalformed = false

  constructor(route: Route, place: ServerTarget, log: StepLog) {
    this.#route = route
    this.#url = place.definition.url
    this.#log = log
    this.#reader = new DocumentReader(route, log)
    this.#failure = discoveryFailure(place, log)
  }

  async run(known: BearerChallenge | undefined): Promise<ServerMetadata> {
    const challenge = known ?? (await this.#askServer())
    const resource = await this.#resourceMetadata(challenge)
    return Object.freeze({
      resource,
      challengeScopes: challenge.scopes,
      freshFor: this.#freshFor.length === 0 ? freshFor({}) : Math.min(...this.#freshFor),
      steps: this.#log.steps
    })
  }

  /** Asks without credentials, to be told where the metadata is. What else it answers does not matter here. */
  async #askServer(): Promise<BearerChallenge> {
    try {
      const greeted = await this.#post(GREETING)
      // Some let everybody in and ask for a token only when there is something to see.
      const response = greeted.ok ? await this.#post(LISTING, greeted.headers.get('mcp-session-id')) : greeted
      const asked = response.status === 401 ? response : greeted
      const challenge = readChallenge(asked)
      const detail = `status ${asked.status}${challenge.resourceMetadata ? ', names its metadata' : ''}`
      this.#log.add('server', this.#url, 'ok', detail, 'RFC 9728 section 5.1')
      return { ...challenge, status: asked.status }
    } catch (error) {
      this.#log.add('server', this.#url, 'failed', reasonOf(error), 'RFC 9728 section 5.1')
      throw this.#failure(error, 'MCP_SERVER_UNAVAILABLE', 'the server does not answer')
    }
  }

  async #post(message: string, session: string | null = null): Promise<Response> {
    const response = await this.#route.mcp(this.#url, {
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

  async #resourceMetadata({ resourceMetadata }: BearerChallenge): Promise<ProtectedResourceMetadata | null> {
    const root = `${new URL(this.#url).origin}/.well-known/oauth-protected-resource`
    // A slash at the end belongs to the path, but most servers answer without it only, as the MCP SDKs ask.
    const inserted = [this.#url, this.#url.replace(/\/$/, '')].map(protectedResourceMetadataUrl)
    const places = [...new Set([...(resourceMetadata ? [resourceMetadata] : []), ...inserted, root])]
    for (const place of places) {
      const document = await this.#document(place)
      if (document === null) continue
      if (!Value.Check(ProtectedResourceMetadata, document)) {
        const isMalformed = namesServers(document)
        this.#isMalformed ||= isMalformed
        const detail = isMalformed ? MALFORMED_SERVERS : 'is no such document'
        this.#log.add('resource metadata', place, 'failed', detail, 'RFC 9728 section 2')
        continue
      }
      if (!isSameResource(this.#url, document.resource)) {
        this.#log.add('resource metadata', place, 'failed', 'is for another resource', 'RFC 9728 section 3.3')
        throw this.#failure(null, 'MCP_RESOURCE_MISMATCH', 'the metadata of the server is for another resource')
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
      throw this.#failure(
        null,
        'MCP_DISCOVERY_FAILED',
        '"authorization_servers" in the metadata of the server is no list of URLs',
        'authorization_servers'
      )
    // One that is only down must not be taken for one of the old kind: that would send people somewhere else.
    const { outage } = this.#reader
    if (outage) throw this.#failure(outage, 'MCP_SERVER_UNAVAILABLE', 'the metadata cannot be read now')
    return null
  }

  async #document(place: string): Promise<unknown> {
    try {
      const read = await this.#reader.json(place, { step: 'resource metadata', spec: 'RFC 9728 section 3' })
      if (read === null) return null
      this.#freshFor.push(freshFor(read.headers))
      return read.document
    } catch (error) {
      throw this.#failure(error, 'MCP_DISCOVERY_FAILED', 'a URL of the metadata cannot be used')
    }
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

/** Whether it means to be the document that is looked for. */
function namesServers(document: unknown): boolean {
  return typeof document === 'object' && document !== null && 'authorization_servers' in document
}

function isSameResource(url: string, resource: string): boolean {
  return URL.canParse(resource) && checkResourceAllowed({ requestedResource: url, configuredResource: resource })
}
