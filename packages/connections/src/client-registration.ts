/**
 * Becoming a client of an authorization server: registered by hand, by our metadata document, by dynamic registration, in this order. A
 * dynamic registration belongs to an issuer and is shared by all owners; of many that need one at once, one registers.
 *
 * @see MCP authorization 2026-07-28 "Client Registration", RFC 7591 section 3
 */
import { setTimeout as later } from 'node:timers/promises'
import { digest, isFetchRefusedError, isUnavailableError, jsonBody } from '@fastify-mcp-auth/core'
import { clientMetadata } from './client-metadata.ts'
import { type Context, routeOf, type ServerTarget, type Target } from './context.ts'
import type { Discovered } from './discovery.ts'
import { McpConnectionError } from './errors.ts'
import { type ClientAuthMethod, chooseMethod, type OAuthClient } from './oauth-client.ts'
import type { Place } from './owner.ts'
import type { RegistrationRecord } from './records.ts'

const METHODS = ['preregistered', 'metadata_document', 'dynamic'] as const

/** Seconds for which one process may be registering. */
const LEASE = 30

type Way = (typeof METHODS)[number]

/** The server that a client is needed for, and the connection, if it is for one. */
type Purpose = ServerTarget & { readonly place?: Place }

/** Ways that exist there and that the options allow, best first. */
export function waysToRegister(context: Context, target: Pick<Target, 'definition'>, found: Discovered): Way[] {
  const { oauth } = target.definition
  const possible: Record<Way, boolean> = {
    preregistered: oauth?.client !== undefined,
    metadata_document:
      found.metadata.client_id_metadata_document_supported === true && documentFor(context, found) !== null,
    dynamic: found.metadata.registration_endpoint !== undefined
  }
  return METHODS.filter(way => possible[way] && (oauth?.registration?.includes(way) ?? true))
}

/**
 * @throws McpConnectionError `MCP_REGISTRATION_FAILED`, `MCP_ISSUER_MISMATCH` for a client that was registered with another issuer,
 *   `MCP_AUTHORIZATION_SERVER_UNAVAILABLE`
 */
export async function resolveClient(context: Context, target: Purpose, found: Discovered): Promise<OAuthClient> {
  const [way] = waysToRegister(context, target, found)
  const count = (outcome: 'ready' | 'failed'): void =>
    context.telemetry.add('registrations', { method: way ?? 'none', outcome })
  try {
    const client = await clientBy(way, context, target, found)
    count('ready')
    return client
  } catch (error) {
    count('failed')
    throw error
  }
}

async function clientBy(
  way: Way | undefined,
  context: Context,
  target: Purpose,
  found: Discovered
): Promise<OAuthClient> {
  if (way === 'preregistered') return preregistered(context, target, found)
  if (way === 'metadata_document') return documentFor(context, found) as OAuthClient
  if (way === 'dynamic') return registered(context, target, found)
  throw new McpConnectionError(
    'MCP_REGISTRATION_FAILED',
    'the authorization server has no way to register by itself: register a client there and put it into "oauth.client"',
    { server: target.server.id, reason: 'manual' }
  )
}

function preregistered(context: Context, { server, definition }: Purpose, found: Discovered): OAuthClient {
  const client = definition.oauth?.client
  // Never sent to anybody but the issuer that it was registered with.
  if (client?.issuer !== found.issuer)
    throw new McpConnectionError(
      'MCP_ISSUER_MISMATCH',
      'the client of the options was registered with another authorization server',
      { server: server.id, reason: 'preregistered_for_another_issuer' }
    )
  const { clientId, clientSecret = null, privateKey, authMethod } = client
  if (privateKey) {
    const source = { source: 'preregistered', registration: null } as const
    return { clientId, clientSecret: null, privateKey, authMethod: 'private_key_jwt', ...source }
  }
  const possible: ClientAuthMethod[] =
    clientSecret !== null ? ['client_secret_basic', 'client_secret_post'] : [...keyed(context, found), 'none']
  const supported = found.metadata.token_endpoint_auth_methods_supported
  const method = authMethod ?? chooseMethod(supported, possible) ?? (possible[0] as ClientAuthMethod)
  return { clientId, clientSecret, authMethod: method, source: 'preregistered', registration: null }
}

/** What got a token, as it proves itself today: a client of the options may have another secret or key since then. */
export function clientNow(
  context: Context,
  target: Purpose,
  { found, client }: { readonly found: Discovered; readonly client: OAuthClient }
): OAuthClient {
  const written = target.definition.oauth?.client
  const isWritten =
    client.source === 'preregistered' && client.clientId === written?.clientId && written.issuer === found.issuer
  return isWritten ? preregistered(context, target, found) : client
}

/** Null where our document cannot be fetched, because it is on loopback, or where the server takes none of its methods and keys. */
function documentFor({ options, urls, clientKeys }: Context, found: Discovered): OAuthClient | null {
  const own = options.client.documentUrl
  if (own === undefined && !urls.clientDocument.startsWith('https:')) return null
  const supported = found.metadata.token_endpoint_auth_methods_supported ?? ['none', 'private_key_jwt']
  const isKeyed = takesOurKeys(clientKeys, found) && supported.includes('private_key_jwt')
  if (!isKeyed && !supported.includes('none')) return null
  return {
    clientId: own ?? (isKeyed ? urls.clientDocument : urls.publicClientDocument),
    clientSecret: null,
    authMethod: isKeyed ? 'private_key_jwt' : 'none',
    source: 'metadata_document',
    registration: null
  }
}

// A server that cannot reach our key set cannot check a signature.
function keyed({ clientKeys, urls }: Context, found: Discovered): ClientAuthMethod[] {
  return takesOurKeys(clientKeys, found) && urls.jwks.startsWith('https:') ? ['private_key_jwt'] : []
}

function takesOurKeys({ algorithm }: Context['clientKeys'], { metadata }: Discovered): boolean {
  return algorithm !== null && (metadata.token_endpoint_auth_signing_alg_values_supported?.includes(algorithm) ?? true)
}

async function registered(context: Context, target: Purpose, found: Discovered): Promise<OAuthClient> {
  const supported = found.metadata.token_endpoint_auth_methods_supported
  const possible: ClientAuthMethod[] = [...keyed(context, found), 'client_secret_basic', 'client_secret_post', 'none']
  const method = chooseMethod(supported, possible) ?? 'none'
  const metadata = clientMetadata(context, method)
  const key = digest(JSON.stringify(['registration', found.issuer, metadata]))
  const registration = new Registration(context, target, { found, key, metadata })
  return registration.find()
}

interface Wanted {
  readonly found: Discovered
  readonly key: string
  readonly metadata: Record<string, unknown>
}

class Registration {
  readonly #context: Context
  readonly #target: Purpose
  readonly #wanted: Wanted

  constructor(context: Context, target: Purpose, wanted: Wanted) {
    this.#context = context
    this.#target = target
    this.#wanted = wanted
  }

  /** What is stored, or a new one; waits for whoever is registering already. */
  async find(): Promise<OAuthClient> {
    const { records } = this.#context
    for (let attempt = 0; attempt < 120; attempt++) {
      const record = await records.registrations.get(this.#wanted.key)
      const stored = record ? this.#open(record) : null
      if (stored) return stored
      if (await this.#claim(record)) return this.#register()
      await later(50 + 50 * Math.random() * Math.min(attempt, 10))
    }
    throw this.#failed('somebody else is registering and does not come to an end', 'busy')
  }

  #open(record: RegistrationRecord): OAuthClient | null {
    const { clock, ring } = this.#context
    const { clientId, sealed, secretExpiresAt, replacedAt, issuer } = record
    const isOver = replacedAt !== null || (secretExpiresAt !== null && secretExpiresAt <= clock.now() + 60)
    if (clientId === null || sealed === null || isOver || issuer !== this.#wanted.found.issuer) return null
    const plain = ring.unseal(sealed, this.#sealContext())
    if (plain === null) return null
    const { secret, method } = JSON.parse(plain) as { secret: string | null; method: ClientAuthMethod }
    return {
      clientId,
      clientSecret: secret,
      authMethod: method,
      source: 'dynamic',
      registration: this.#wanted.key
    }
  }

  /** True for the one that is going to register. */
  async #claim(record: RegistrationRecord | null): Promise<boolean> {
    const { records, clock, watch } = this.#context
    const now = clock.now()
    const leaseUntil = now + LEASE
    if (record) {
      const { revision } = record
      const span = { name: `registration ${revision}`, seconds: LEASE, until: record.leaseUntil }
      if (record.leaseUntil > 0 && !watch.hasPassed(this.#wanted.key, span)) return false
      return records.registrations.update(this.#wanted.key, { revision }, { revision: revision + 1, leaseUntil })
    }
    return records.registrations.insert(this.#wanted.key, {
      issuer: this.#wanted.found.issuer,
      clientId: null,
      sealed: null,
      createdAt: now,
      secretExpiresAt: null,
      replacedAt: null,
      revision: 1,
      leaseUntil
    })
  }

  async #register(): Promise<OAuthClient> {
    const { records, ring, clock, events } = this.#context
    const { key, found } = this.#wanted
    try {
      const answer = await this.#send()
      const before = await records.registrations.get(key)
      const method = methodOf(answer, this.#wanted.metadata['token_endpoint_auth_method'] as ClientAuthMethod)
      const sealed = ring.seal(JSON.stringify({ secret: answer.secret, method }), this.#sealContext())
      await records.registrations.update(
        key,
        {},
        {
          issuer: found.issuer,
          clientId: answer.clientId,
          sealed,
          createdAt: clock.now(),
          secretExpiresAt: answer.secretExpiresAt,
          replacedAt: null,
          leaseUntil: 0
        }
      )
      const type = before?.clientId ? 'registration.replaced' : 'registration.created'
      const { server, place } = this.#target
      const subject = { server: server.id, owner: null, ...place, id: null }
      events.emit(type, subject, { issuer: found.issuer, clientId: answer.clientId })
      const { clientId, secret: clientSecret } = answer
      return { clientId, clientSecret, authMethod: method, source: 'dynamic', registration: key }
    } catch (error) {
      await records.registrations.update(key, {}, { leaseUntil: 0 })
      throw error
    }
  }

  async #send(): Promise<RegistrationAnswer> {
    const endpoint = this.#wanted.found.metadata.registration_endpoint as string
    let response: Awaited<ReturnType<ReturnType<typeof routeOf>['oauth']>>
    try {
      response = await routeOf(this.#context, this.#target).oauth(endpoint, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify(this.#wanted.metadata)
      })
    } catch (error) {
      if (isFetchRefusedError(error)) throw this.#failed('the registration endpoint cannot be used', error.reason)
      if (isUnavailableError(error)) throw this.#unavailable(error)
      throw error
    }
    if (response.status >= 500 || response.status === 429) throw this.#unavailable()
    const answer = readAnswer(jsonBody(response))
    if (response.status >= 300 || !answer)
      throw this.#failed('the authorization server refuses to register us', 'refused')
    return answer
  }

  #sealContext(): string {
    return sealContextOf(this.#wanted.key, this.#wanted.found.issuer)
  }

  #failed(message: string, reason: string): McpConnectionError {
    return new McpConnectionError('MCP_REGISTRATION_FAILED', message, { server: this.#target.server.id, reason })
  }

  #unavailable(cause?: unknown): McpConnectionError {
    const details = { server: this.#target.server.id, cause }
    return new McpConnectionError(
      'MCP_AUTHORIZATION_SERVER_UNAVAILABLE',
      'the registration endpoint does not answer',
      details
    )
  }
}

function sealContextOf(key: string, issuer: string): string {
  return JSON.stringify(['connection_registrations', key, issuer])
}

/** @returns the same under the first key; null when it is that already, or cannot be read */
export function resealRegistration(
  { ring }: Pick<Context, 'ring'>,
  key: string,
  { sealed, issuer }: RegistrationRecord
): string | null {
  const plain = sealed !== null && ring.isOutdated(sealed) ? ring.unseal(sealed, sealContextOf(key, issuer)) : null
  return plain === null ? null : ring.seal(plain, sealContextOf(key, issuer))
}

interface RegistrationAnswer {
  readonly clientId: string
  readonly secret: string | null
  readonly method: string | null
  readonly secretExpiresAt: number | null
}

function readAnswer(body: unknown): RegistrationAnswer | null {
  if (typeof body !== 'object' || body === null) return null
  const {
    client_id,
    client_secret,
    client_secret_expires_at: end,
    token_endpoint_auth_method: method
  } = body as Record<string, unknown>
  if (typeof client_id !== 'string' || client_id === '' || client_id.length > 2048) return null
  return {
    clientId: client_id,
    secret: typeof client_secret === 'string' && client_secret !== '' ? client_secret : null,
    method: typeof method === 'string' ? method : null,
    // 0 means never. @see RFC 7591 section 3.2.1
    secretExpiresAt: typeof end === 'number' && end > 0 ? Math.floor(end) : null
  }
}

/** What the server says counts, as far as it can be done; a client without a secret cannot send one. */
function methodOf({ method, secret }: RegistrationAnswer, asked: ClientAuthMethod): ClientAuthMethod {
  const said = method ?? asked
  if (said === 'private_key_jwt') return 'private_key_jwt'
  if (secret === null) return 'none'
  return said === 'client_secret_post' ? 'client_secret_post' : 'client_secret_basic'
}

/**
 * The server does not know the client any more: the next flow registers anew. Only for the client that it was said about.
 *
 * @returns whether that changed something
 */
export async function markReplaced(
  { records, clock }: Context,
  { registration, clientId }: Pick<OAuthClient, 'registration' | 'clientId'>
): Promise<boolean> {
  if (registration === null) return false
  const change = { replacedAt: clock.now() }
  return records.registrations.update(registration, { clientId, replacedAt: null }, change)
}

/** Forgets what was registered dynamically with an issuer. @returns how many registrations that were */
export async function forgetRegistrations({ records }: Pick<Context, 'records'>, issuer: string): Promise<number> {
  return records.registrations.removeWhere('issuer', issuer)
}
