/**
 * Tokens that only their issuer can read: it is asked about each of them.
 *
 * @see RFC 7662
 */
import {
  assertIssuer,
  type Clock,
  ConfigurationError,
  createSafeFetch,
  discoverMetadata,
  isHttpLoopback,
  jsonBody,
  resolveOptions,
  type SafeFetch,
  systemClock,
  UnavailableError
} from '@fastify-mcp-auth/core'
import { type Static, Type } from 'typebox'
import type { VerifiedToken, Verifier, VerifierEvent } from '../types.ts'
import { type Credentials, createClientAuthentication, type IntrospectionClient } from './client-authentication.ts'
import { readIntrospection } from './introspection-response.ts'
import { createListeners, type Listeners } from './listeners.ts'
import { createTokenCache, type TokenCache } from './token-cache.ts'

const callable = Type.Function([], Type.Unknown())

const IntrospectionOptionsSchema = Type.Object(
  {
    /** Issuer of the tokens; a response that names another one is refused. Without `endpoint` its metadata says where to ask. */
    issuer: Type.Optional(Type.String({ minLength: 1 })),
    /** Where to ask: https, or http on a loopback host. */
    endpoint: Type.Optional(Type.String({ minLength: 1 })),
    /** Who asks: `{ id, secret, method? }` with `client_secret_basic` (the default) or `client_secret_post`, or `{ id, key, algorithm?, kid? }` with `private_key_jwt`. */
    client: Type.Unsafe<IntrospectionClient>(Type.Unknown()),
    /** Seconds for which a good answer is remembered, never past the `exp` of the token; a revocation is noticed this late. 0 asks every time. Without `exp` nothing is remembered. */
    cacheTtl: Type.Integer({ default: 60, minimum: 0, maximum: 3600 }),
    /** Time source, for tests. */
    clock: Type.Optional(Type.Unsafe<Clock>(Type.Object({ now: callable }))),
    /** Asks. The default takes any address, because the operator chose the issuer, but no redirect, nothing large, and no longer than 5 seconds. */
    fetch: Type.Optional(Type.Unsafe<SafeFetch>(callable))
  },
  { additionalProperties: false }
)
type Resolved = Readonly<Static<typeof IntrospectionOptionsSchema>>

/** What `introspection()` takes; all that has a default may be left out. */
export type IntrospectionOptions = Pick<Resolved, 'client'> & Partial<Omit<Resolved, 'client'>>

/**
 * Takes every token, so it comes last in a `chain()`. Only `active: true` lets a token in, and the answer has to name the audience. When the
 * issuer does not answer, or not in a usable way, that is an outage (503) and no verdict.
 *
 * @throws ConfigurationError naming the option
 */
export function introspection(input: IntrospectionOptions): Verifier {
  const options = resolveOptions(IntrospectionOptionsSchema, input, 'introspection')
  const name = options.issuer ?? options.endpoint
  if (name === undefined) throw wrong('"issuer" is missing: give it, or "endpoint", or both')
  if (options.issuer !== undefined) assertIssuer(options.issuer)
  if (options.endpoint !== undefined) assertEndpoint(options.endpoint)
  const clock = options.clock ?? systemClock
  const listeners = createListeners<VerifierEvent>()
  const questions = new Questions({
    name,
    issuer: options.issuer,
    endpoint: options.endpoint,
    authenticate: createClientAuthentication(input.client, { audience: name, clock }),
    fetch: options.fetch ?? createSafeFetch({ addresses: 'any' }),
    clock,
    cache: options.cacheTtl === 0 ? null : createTokenCache({ maxTtl: options.cacheTtl }, clock, 'introspection'),
    listeners
  })
  return Object.freeze({
    issuers: Object.freeze(options.issuer === undefined ? [] : [options.issuer]),
    verify: (token: string) => questions.ask(token),
    observe: listeners.add,
    health: () => [{ dependency: 'introspection' as const, issuer: name, state: questions.state, age: null }]
  })
}

interface Settings {
  /** For events and for what the answer does not say. */
  readonly name: string
  readonly issuer: string | undefined
  readonly endpoint: string | undefined
  readonly authenticate: () => Promise<Credentials>
  readonly fetch: SafeFetch
  readonly clock: Clock
  readonly cache: TokenCache | null
  readonly listeners: Listeners<VerifierEvent>
}

class Questions {
  readonly #settings: Settings
  /** By digest: whoever asks about a token that is being asked about waits for the same answer. */
  readonly #running = new Map<string, Promise<VerifiedToken>>()
  readonly #names: Pick<TokenCache, 'nameOf'>
  #endpoint: string | undefined
  state: 'unknown' | 'up' | 'down' = 'unknown'

  constructor(settings: Settings) {
    this.#settings = settings
    this.#endpoint = settings.endpoint
    this.#names = settings.cache ?? { nameOf: token => token }
  }

  ask(token: string): VerifiedToken | Promise<VerifiedToken> {
    const { cache } = this.#settings
    const name = this.#names.nameOf(token)
    const hit = cache?.get(name)
    if (hit) return hit
    const running = this.#running.get(name) ?? this.#answer(name, token)
    this.#running.set(name, running)
    return running
  }

  async #answer(name: string, token: string): Promise<VerifiedToken> {
    try {
      const response = await this.#exchange(token)
      const { issuer, clock, cache } = this.#settings
      const verified = readIntrospection(response, { issuer, fallback: this.#settings.name, now: clock.now() })
      if (!cache || verified.expiresAt === null) return verified
      return cache.add(name, verified, { until: verified.expiresAt, generation: () => 0 })
    } finally {
      this.#running.delete(name)
    }
  }

  async #exchange(token: string): Promise<Record<string, unknown>> {
    try {
      const response = await this.#post(token)
      if (this.state === 'down') this.#tell({ type: 'introspection.recovered', issuer: this.#settings.name })
      this.state = 'up'
      return response
    } catch (cause) {
      const error = new UnavailableError('the issuer does not say whether the token is good', { cause })
      if (this.state !== 'down') this.#tell({ type: 'introspection.failed', issuer: this.#settings.name, error })
      this.state = 'down'
      // It may have moved.
      this.#endpoint = this.#settings.endpoint
      throw error
    }
  }

  async #post(token: string): Promise<Record<string, unknown>> {
    const { authenticate, fetch } = this.#settings
    this.#endpoint ??= await this.#discover()
    const { headers, parameters } = await authenticate()
    const response = await fetch(this.#endpoint, {
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: new URLSearchParams({ token, token_type_hint: 'access_token', ...parameters }).toString()
    })
    if (response.status !== 200) throw new Error(`introspection answered ${response.status}`)
    const body: unknown = jsonBody(response)
    if (typeof body !== 'object' || body === null || Array.isArray(body))
      throw new Error('introspection answered something that is not an object')
    return body as Record<string, unknown>
  }

  async #discover(): Promise<string> {
    const { introspection_endpoint } = await discoverMetadata(this.#settings.name, this.#settings.fetch)
    if (introspection_endpoint === undefined)
      throw new Error(`the metadata of ${this.#settings.name} has no introspection_endpoint`)
    return introspection_endpoint
  }

  #tell(event: VerifierEvent): void {
    this.#settings.listeners.tell(event)
  }
}

// The credentials go there.
function assertEndpoint(endpoint: string): void {
  const url = URL.parse(endpoint)
  if (url?.protocol !== 'https:' && !isHttpLoopback(endpoint))
    throw wrong('"endpoint" must be an https URL (plain http is for loopback only)')
}

function wrong(what: string): ConfigurationError {
  return new ConfigurationError('FST_OAUTH_OPTION', `introspection: option ${what}`)
}
