/**
 * An issuer for tests: real keys, good tokens, and tokens that are wrong in exactly one way. Works in process, or over HTTP on
 * 127.0.0.1 with {@link TestIssuer.listen}.
 *
 * For tests only: it issues whatever it is asked for.
 */
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Clock, type SafeFetch, systemClock, UnavailableError } from '@fastify-mcp-auth/core'
import { exportJWK, type JWK, SignJWT } from 'jose'
import { createTestKey, type TestKey } from './issuer-keys.ts'
import { type WrongToken, wrongTokens } from './wrong-tokens.ts'

export type { WrongToken }

/** Algorithms that a test issuer has keys for. */
export type TestAlgorithm = 'ES256' | 'RS256' | 'EdDSA'

/** What a token is to say. The rest is filled in so that it is a good one. */
export interface MintOptions {
  /** `sub`; `alice` by default. */
  subject?: string
  /** `aud`: the resource that the token is for. */
  resource: string
  /** `scope`; none by default. */
  scopes?: readonly string[]
  /** `client_id`; `test-client` by default. */
  clientId?: string
  /** Seconds until `exp`; 300 by default. Negative for a token that has expired. */
  expiresIn?: number
  /** `ES256` by default. */
  algorithm?: TestAlgorithm
  /** Replaces or adds claims; undefined takes a claim away. */
  claims?: { readonly [name: string]: unknown }
  /** Replaces or adds header parameters; undefined takes one away. `alg` is decided by `algorithm`. */
  header?: { readonly [name: string]: unknown }
}

/** An issuer that answers over HTTP. Its `issuer` is the address that it listens on. */
export interface ListeningIssuer {
  readonly url: string
  /** Requests by path since the start. */
  readonly requests: ReadonlyMap<string, number>
  close(): Promise<void>
}

/** An issuer in the same process. See {@link createTestIssuer}. */
export interface TestIssuer {
  readonly issuer: string
  readonly jwksUri: string
  /** A good access token in the profile of RFC 9068, but for what `options` changes. */
  mint(options: MintOptions): Promise<string>
  /** Every wrong token for the resource, each with the reason in its name. None of them may be accepted. */
  wrong(options: MintOptions): Promise<WrongToken[]>
  /** The public keys, in the shape of RFC 7517. */
  jwks(): Promise<{ keys: JWK[] }>
  /** The metadata of RFC 8414. */
  metadata(): { issuer: string; jwks_uri: string; [name: string]: unknown }
  /**
   * New keys for every algorithm.
   *
   * @param options `keep`: the old keys stay in the set, as before the end of a planned rotation. False by default.
   */
  rotate(options?: { keep?: boolean }): Promise<void>
  /** While true, HTTP answers 503 and `fetch` fails. */
  outage: boolean
  /** Number of answers and failures, of `fetch` and of HTTP together. */
  readonly fetches: number
  /** Answers for metadata and keys without a network; for options named `fetch`. */
  readonly fetch: SafeFetch
  /** Serves metadata and keys on 127.0.0.1. The issuer takes the address as its name unless it was given one. */
  listen(): Promise<ListeningIssuer>
}

/**
 * @param options `issuer`: its identifier, `https://issuer.test` by default; `clock`: what `iat` and `exp` count from
 */
export async function createTestIssuer(options: { issuer?: string; clock?: Clock } = {}): Promise<TestIssuer> {
  const state = new IssuerState(options.issuer, options.clock ?? systemClock)
  await state.rotate({ keep: false })
  return state
}

class IssuerState implements TestIssuer {
  issuer: string
  outage = false
  fetches = 0
  readonly #named: boolean
  readonly #clock: Clock
  #keys: TestKey[] = []
  #generation = 0

  constructor(issuer: string | undefined, clock: Clock) {
    this.issuer = issuer ?? 'https://issuer.test'
    this.#named = issuer !== undefined
    this.#clock = clock
  }

  get jwksUri(): string {
    return `${this.issuer.replace(/\/$/, '')}/jwks.json`
  }

  async mint(options: MintOptions): Promise<string> {
    const key = this.#key(options.algorithm ?? 'ES256')
    const { header, claims } = this.#content(options, key)
    return new SignJWT(claims).setProtectedHeader({ ...header, alg: key.algorithm }).sign(key.privateKey)
  }

  async wrong(options: MintOptions): Promise<WrongToken[]> {
    const key = this.#key('ES256')
    return wrongTokens({ ...this.#content(options, key), key, rsa: this.#key('RS256'), now: this.#clock.now() })
  }

  async jwks(): Promise<{ keys: JWK[] }> {
    const keys = await Promise.all(
      this.#keys.map(async ({ publicKey, kid, algorithm }) => ({
        ...(await exportJWK(publicKey)),
        kid,
        alg: algorithm,
        use: 'sig'
      }))
    )
    return { keys }
  }

  metadata(): { issuer: string; jwks_uri: string; [name: string]: unknown } {
    const base = this.issuer.replace(/\/$/, '')
    return {
      issuer: this.issuer,
      jwks_uri: this.jwksUri,
      authorization_endpoint: `${base}/authorize`,
      token_endpoint: `${base}/token`,
      response_types_supported: ['code'],
      code_challenge_methods_supported: ['S256']
    }
  }

  async rotate({ keep = false }: { keep?: boolean } = {}): Promise<void> {
    this.#generation++
    const algorithms: TestAlgorithm[] = ['ES256', 'RS256', 'EdDSA']
    const fresh = await Promise.all(algorithms.map(name => createTestKey(name, `${name}-${this.#generation}`)))
    this.#keys = keep ? [...fresh, ...this.#keys] : fresh
  }

  readonly fetch: SafeFetch = async url => {
    const answer = await this.#answer(new URL(url).pathname)
    if (answer.status === 503) throw new UnavailableError('the test issuer has an outage')
    return {
      status: answer.status,
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(answer.body)
    }
  }

  async listen(): Promise<ListeningIssuer> {
    const requests = new Map<string, number>()
    const server = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1')
      requests.set(pathname, (requests.get(pathname) ?? 0) + 1)
      void this.#answer(pathname).then(answer => send(response, answer))
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    if (!this.#named) this.issuer = url
    return { url, requests, close: () => close(server) }
  }

  async #answer(path: string): Promise<{ status: number; body: string }> {
    this.fetches++
    if (this.outage) return { status: 503, body: '{}' }
    if (path === new URL(this.jwksUri).pathname) return { status: 200, body: JSON.stringify(await this.jwks()) }
    const isMetadata = /^\/\.well-known\/oauth-authorization-server(\/|$)/.test(path)
    return isMetadata ? { status: 200, body: JSON.stringify(this.metadata()) } : { status: 404, body: '{}' }
  }

  #key(algorithm: TestAlgorithm): TestKey {
    const key = this.#keys.find(candidate => candidate.algorithm === algorithm)
    if (!key) throw new Error(`no key for ${algorithm}`)
    return key
  }

  #content(options: MintOptions, key: TestKey): { header: Record<string, unknown>; claims: Record<string, unknown> } {
    const now = this.#clock.now()
    const claims = {
      iss: this.issuer,
      sub: options.subject ?? 'alice',
      aud: options.resource,
      client_id: options.clientId ?? 'test-client',
      iat: now,
      exp: now + (options.expiresIn ?? 300),
      jti: crypto.randomUUID(),
      ...(options.scopes ? { scope: options.scopes.join(' ') } : {}),
      ...options.claims
    }
    return {
      header: defined({ alg: key.algorithm, kid: key.kid, typ: 'at+jwt', ...options.header }),
      claims: defined(claims)
    }
  }
}

function defined(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

function send(response: ServerResponse, answer: { status: number; body: string }): void {
  response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body)
}

function close(server: Server): Promise<void> {
  server.closeAllConnections()
  return new Promise(resolve => server.close(() => resolve()))
}
