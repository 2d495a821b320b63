/**
 * Tokens that only their issuer can read: it is asked about each of them.
 *
 * @see RFC 7662
 */
import {
  ASYMMETRIC_ALGORITHMS,
  assertIssuer,
  type Clock,
  ConfigurationError,
  createSafeFetch,
  digest,
  isHttpLoopback,
  resolveOptions,
  type SafeFetch,
  systemClock,
  Type
} from '@fastify-mcp-auth/core'
import type { Static } from 'typebox'
import type { VerifiedToken, Verifier, VerifierEvent, VerifierHealth } from '../types.ts'
import { Breaker } from './breaker.ts'
import { createClientAuthentication, type IntrospectionClient } from './client-authentication.ts'
import { IntrospectionEndpoint, isAboutQuestion, PLAIN_JSON } from './introspection-endpoint.ts'
import { signedAnswers } from './introspection-jwt.ts'
import { readIntrospection } from './introspection-response.ts'
import { createIssuerDiscovery, type IssuerDiscovery } from './issuer-discovery.ts'
import { createIssuerKeys, type IssuerKeys, type KeySettings } from './issuer-keys.ts'
import { createListeners } from './listeners.ts'
import { createTokenCache, type TokenCache } from './token-cache.ts'

const callable = Type.Function([], Type.Unknown())

const SignedResponses = Type.Object(
  {
    /** Signature algorithms that are accepted; asymmetric ones only. */
    algorithms: Type.Array(Type.String(), { default: ['ES256', 'RS256', 'PS256', 'EdDSA'], minItems: 1 }),
    /** Where the keys of the issuer are, if not where its metadata says. */
    jwksUri: Type.Optional(Type.String({ pattern: '^https?://' })),
    /** Its public keys as a JWK set. Nothing is fetched then. */
    jwks: Type.Optional(Type.Unknown())
  },
  { additionalProperties: false }
)

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
    /**
     * Takes only answers that `issuer` has signed for `client`; one in plain JSON counts as an outage. `{}` finds the keys through its
     * metadata. The issuer has to be told to sign for this client. @see RFC 9701
     */
    signedResponses: Type.Optional(SignedResponses),
    /** Seconds for everything that one answer takes. */
    timeout: Type.Integer({ default: 5, minimum: 1, maximum: 60 }),
    /** After so many questions in a row without an answer the issuer is left alone for `cooldown` seconds: 503 at once. A token that is not active is an answer. */
    maxFailures: Type.Integer({ default: 5, minimum: 1, maximum: 1000 }),
    /** Seconds. Then one question finds out whether the issuer is back. */
    cooldown: Type.Integer({ default: 10, minimum: 1, maximum: 300 }),
    /** Time source, for tests. */
    clock: Type.Optional(Type.Unsafe<Clock>(Type.Object({ now: callable }))),
    /** Asks. The default takes any address, because the operator chose the issuer, but no redirect and nothing large. */
    fetch: Type.Optional(Type.Unsafe<SafeFetch>(callable))
  },
  { additionalProperties: false }
)
type Resolved = Readonly<Static<typeof IntrospectionOptionsSchema>>

/** What `introspection()` takes; all that has a default may be left out. */
export type IntrospectionOptions = Pick<Resolved, 'client'> &
  Partial<Omit<Resolved, 'client' | 'signedResponses'>> & {
    readonly signedResponses?: Partial<Static<typeof SignedResponses>>
  }

/**
 * Takes every token, so it comes last in a `chain()`. Only `active: true` lets a token in, and the answer has to name the audience. When the
 * issuer does not answer, or not in a usable way, that is an outage (503) and no verdict.
 *
 * @throws ConfigurationError naming the option
 */
export function introspection(input: IntrospectionOptions): Verifier {
  const options = resolveOptions(IntrospectionOptionsSchema, input, 'introspection')
  const { issuer, endpoint, timeout, maxFailures, cooldown, clock = systemClock } = options
  const name = issuer ?? endpoint
  if (name === undefined) throw wrong('"issuer" is missing: give it, or "endpoint", or both')
  if (issuer !== undefined) assertIssuer(issuer)
  if (endpoint !== undefined) assertEndpoint(endpoint)
  const listeners = createListeners<VerifierEvent>()
  const fetch = options.fetch ?? createSafeFetch({ addresses: 'any', timeoutMs: timeout * 1000 })
  const authenticate = createClientAuthentication(input.client, { audience: name, clock })
  const signer = signerOf(options, { fetch, clock, tell: listeners.tell })
  const format = signer ? signedAnswers({ ...signer, audience: input.client.id, clock }) : PLAIN_JSON
  const breaker = new Breaker({
    maxFailures,
    cooldown,
    clock,
    isOutage: error => !isAboutQuestion(error),
    tell: event => listeners.tell({ ...event, type: `introspection.${event.type}`, issuer: name } as VerifierEvent)
  })
  const discovery = createIssuerDiscovery(name, fetch, clock)
  const questions = new Questions({
    endpoint: new IntrospectionEndpoint({
      endpoint,
      discover: () => discovery.find('introspection_endpoint'),
      authenticate,
      fetch,
      format,
      timeout
    }),
    breaker,
    issuer,
    fallback: name,
    clock,
    cache: options.cacheTtl === 0 ? null : createTokenCache({ maxTtl: options.cacheTtl }, clock, 'introspection')
  })
  return Object.freeze({
    issuers: Object.freeze(issuer === undefined ? [] : [issuer]),
    verify: (token: string) => questions.ask(token),
    observe: listeners.add,
    async prepare() {
      await signer?.keys.prefetch()
    },
    health: () => [
      { dependency: 'introspection' as const, issuer: name, state: breaker.health, age: null, breaker: breaker.state },
      ...(endpoint === undefined ? [metadataHealth(discovery, breaker)] : []),
      ...(signer?.health() ?? [])
    ]
  })
}

interface Settings {
  readonly endpoint: IntrospectionEndpoint
  readonly breaker: Breaker
  readonly issuer: string | undefined
  /** Who issued it when the answer does not say. */
  readonly fallback: string
  readonly clock: Clock
  readonly cache: TokenCache | null
}

// Answers have no keys that could be dropped.
const ONE_GENERATION = { generation: () => 0 }

class Questions {
  readonly #settings: Settings
  /** By digest: whoever asks about a token that is being asked about waits for the same answer. */
  readonly #running = new Map<string, Promise<VerifiedToken>>()

  constructor(settings: Settings) {
    this.#settings = settings
  }

  ask(token: string): VerifiedToken | Promise<VerifiedToken> {
    const { cache } = this.#settings
    const name = cache?.nameOf(token) ?? digest(token)
    const hit = cache?.get(name)
    if (hit) return hit
    const running = this.#running.get(name) ?? this.#answer(name, token)
    this.#running.set(name, running)
    return running
  }

  async #answer(name: string, token: string): Promise<VerifiedToken> {
    try {
      const { endpoint, breaker, issuer, fallback, clock, cache } = this.#settings
      const body = await breaker.run(() => endpoint.ask(token))
      const verified = readIntrospection(body, { issuer, fallback, now: clock.now() })
      if (!cache || verified.expiresAt === null) return verified
      return cache.add(name, verified, { until: verified.expiresAt, keys: ONE_GENERATION })
    } finally {
      this.#running.delete(name)
    }
  }
}

// What is down is down only while nobody is let through to find out.
function metadataHealth(discovery: IssuerDiscovery, breaker: Breaker): VerifierHealth {
  const health = discovery.health()
  return health.state === 'down' ? { ...health, state: breaker.health } : health
}

/** Whose signature is demanded; null when none is. */
function signerOf(
  { issuer, signedResponses }: Resolved,
  settings: Omit<KeySettings, 'algorithms'>
): (IssuerKeys & Pick<KeySettings, 'algorithms'>) | null {
  if (!signedResponses) return null
  if (issuer === undefined) throw wrong('"signedResponses" needs "issuer": who is to have signed')
  const { algorithms, jwksUri, jwks } = signedResponses
  const bad = algorithms.find(algorithm => !ASYMMETRIC_ALGORITHMS.includes(algorithm))
  if (bad !== undefined) throw wrong(`"signedResponses.algorithms": ${JSON.stringify(bad)} is not asymmetric`)
  if (jwks !== undefined && jwksUri !== undefined)
    throw wrong('"signedResponses": "jwks" and "jwksUri" exclude each other')
  const owner = { issuer, ...(jwksUri === undefined ? {} : { jwksUri }), ...(jwks === undefined ? {} : { jwks }) }
  return { ...createIssuerKeys(owner, { ...settings, algorithms }), algorithms }
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
