/** What the plugin adds to Fastify, and the shapes that travel between verifiers, routes and MCP handlers. */
import type { OperationScopes, ProtectedResourceMetadata, UnavailableError } from '@fastify-mcp-auth/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { EventListener, McpAuthEventType } from './events.ts'

/**
 * Claims of `request.auth`. Add those that your issuer puts into its tokens, and that you have checked:
 * `declare module '@fastify-mcp-auth/resource-server' { interface McpAuthClaims { tenant?: string } }`.
 */
export interface McpAuthClaims {
  readonly [name: string]: unknown
}

/** Who calls, on whose behalf, and what they may do. Deeply frozen: what one request does with it cannot reach another. */
export interface Principal {
  /** `sub`: the user, or the client itself when no user is involved. Unique within `issuer` only. */
  readonly subject: string
  readonly clientId: string
  /** As granted; compare with {@link McpAuth} or `app.requireScopes`, which know the hierarchy. */
  readonly scopes: readonly string[]
  readonly issuer: string
  readonly audience: readonly string[]
  /** Epoch seconds; null for credentials that do not end by themselves. */
  readonly expiresAt: number | null
  readonly organization: string | null
  readonly claims: McpAuthClaims
  /**
   * What the app attached to the grant (`users.props` of the authorization server), with `local()` only; else null. Not enumerable, so that
   * no serialiser prints it: it may hold secrets.
   */
  readonly props: unknown
  /**
   * The token itself. Not enumerable, so that no serialiser prints it.
   * Never pass it on: it was issued for this resource and nobody else.
   */
  readonly token: string
  readonly scheme: 'Bearer'
}

/** What the handlers of the official MCP SDKs (v1 and v2) read from `request.raw.auth`. */
export interface AuthInfo {
  /** Not enumerable. */
  readonly token: string
  readonly clientId: string
  readonly scopes: string[]
  /** Epoch seconds. */
  readonly expiresAt?: number
  readonly resource: URL
  readonly resourceMetadataUrl: string
  /** `sub`, `iss`, `organization`, `claims`; and `props`, which is not enumerable. */
  readonly extra: { readonly [name: string]: unknown }
}

/** What a verifier found out about a token. */
export interface VerifiedToken {
  readonly subject: string
  readonly clientId: string
  readonly scopes: readonly string[]
  readonly issuer: string
  /** The plugin refuses the token unless this names its resource: a verifier reports, it does not vouch. */
  readonly audience: readonly string[]
  /** Epoch seconds, or null. */
  readonly expiresAt: number | null
  readonly organization: string | null
  /** Frozen together with the principal. */
  readonly claims: { readonly [name: string]: unknown }
  /** What the app attached to the grant behind the token. Frozen together with the principal. */
  readonly props?: unknown
}

/** Where a token was shown. */
export interface VerificationContext {
  /** Canonical identifier of the resource that the token is shown to. */
  readonly resource: string
  /** Null when the token does not come from a request (`app.mcpAuth.verify`). */
  readonly request: FastifyRequest | null
}

/** Something that happened to what a verifier depends on. Has nothing of a token in it. */
export type VerifierEvent =
  | { readonly type: 'jwks.refreshed'; readonly issuer: string }
  /** Known keys may still work. Told once for an outage, however long. */
  | { readonly type: 'jwks.failed'; readonly issuer: string; readonly error: UnavailableError }
  | { readonly type: 'jwks.recovered'; readonly issuer: string }
  /** Told once for an outage, however long. */
  | { readonly type: 'introspection.failed'; readonly issuer: string; readonly error: UnavailableError }
  /** It failed several times in a row and is not asked again for so many seconds. Told once for an outage. */
  | { readonly type: 'introspection.suspended'; readonly issuer: string; readonly seconds: number }
  | { readonly type: 'introspection.recovered'; readonly issuer: string }

/** What a verifier depends on, as it was when it was last asked for. */
export interface VerifierHealth {
  /** `discovery`: the metadata of the issuer. It is read again only after a failure. */
  readonly dependency: 'jwks' | 'discovery' | 'introspection'
  readonly issuer: string
  /**
   * `unknown` until it was asked for the first time, and when the next caller is to find out. Static keys are always `up`; an introspection
   * endpoint is `down` while its breaker is open.
   */
  readonly state: 'unknown' | 'up' | 'down'
  /** Seconds since that which is in use was fetched; null when there is none, it is too old, or nothing is kept. */
  readonly age: number | null
  /** Of an introspection endpoint. `open`: it is not asked. `half-open`: the next caller finds out whether it answers again. */
  readonly breaker?: 'closed' | 'open' | 'half-open'
}

/** Tells a good token from a bad one. Write your own, or take one of ours. */
export interface Verifier {
  /** Issuers whose tokens it accepts; they become `authorization_servers` of the metadata. */
  readonly issuers: readonly string[]
  /**
   * Does not look at the audience nor at scopes: the plugin does, for every verifier alike.
   *
   * @throws OAuthError `invalid_token`: a verdict about the token
   * @throws UnavailableError when no verdict is possible now; the caller gets a 503
   */
  verify(token: string, context: VerificationContext): VerifiedToken | Promise<VerifiedToken>
  /**
   * True for a verifier that refuses by itself what is no token by RFC 6750 section 2.1. To others nothing else is handed, which costs
   * every request a look at every character, also when the token is known.
   */
  readonly checksSyntax?: boolean
  /**
   * Whether a token looks like one of its own, by shape, issuer or prefix; for `chain()`. Proves nothing. A verifier without this takes
   * every token.
   */
  accepts?(token: string): boolean
  /** Once for each app that uses it, while the app boots: whom to tell of events. */
  observe?(listener: (event: VerifierEvent) => void): void
  /** Fetches ahead of the first token. Called when the app listens; never throws, a failure is an event. */
  prepare?(): Promise<void>
  /** For readiness probes. Fetches nothing. */
  health?(): readonly VerifierHealth[]
}

/** What a route asks of its callers, `config.mcpAuth`. An empty object asks for a valid token and nothing else. */
export interface RouteAuth {
  /** All of them are needed. */
  scopes?: readonly string[]
  /** At least one of them is needed. */
  anyOf?: readonly string[]
  /** Callers without a token get in with `request.auth` null. A token that is bad is still refused. */
  optional?: boolean
  /** False for a route that does not speak JSON-RPC: the option `operations` is not applied to its bodies. */
  operations?: boolean
}

/** `app.mcpAuth` */
export interface McpAuth extends OperationScopes {
  readonly metadata: Readonly<ProtectedResourceMetadata>
  readonly metadataUrl: string
  /**
   * Checks a token that came by another way than the `Authorization` header of a request, for example over a WebSocket.
   * Does not check scopes.
   *
   * @throws OAuthError `invalid_token`
   * @throws UnavailableError
   */
  verify(token: string): Promise<Principal>
  /** Tells of everything that happens to requests and to what verdicts depend on. @returns a function that ends it */
  on<T extends McpAuthEventType>(type: T, listener: EventListener<T>): () => void
  /** For readiness probes. Fetches nothing. */
  health(): Health
}

/** Whether requests can be answered. */
export interface Health {
  /** False when a verdict is not possible: something is down, and nothing that was kept from before helps. */
  readonly ok: boolean
  readonly dependencies: readonly VerifierHealth[]
}

/** A hook that lets the request pass or throws; fits `onRequest`, `preHandler` and `@fastify/auth`. */
export type AuthHook = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

declare module 'fastify' {
  interface FastifyContextConfig {
    mcpAuth?: RouteAuth | false
  }
  interface FastifyRequest {
    /** The caller; null on routes without protection and for anonymous callers of `optional` ones. */
    auth: Principal | null
  }
  interface FastifyInstance {
    mcpAuth: McpAuth
    /**
     * A hook that demands a valid token; usable in `@fastify/auth`. Option `operations` and what goes with it apply to the callers whom it
     * lets in, and not to those whom another strategy lets in without it.
     *
     * Before all routes (`app.addHook('onRequest', app.authenticate)`) it lets those of this plugin pass, the metadata and the preflights, but no
     * others: `mcpAuth: false` opens a route under `protect`, where a hook may be what protects it instead. For all routes but some take
     * `protect: ['/']`.
     *
     * @throws OAuthError
     * @throws UnavailableError
     * @throws RefusedRequestError
     */
    authenticate: AuthHook
    /**
     * A hook that demands a valid token and all of the scopes; otherwise like `app.authenticate`.
     *
     * @throws ConfigurationError at once, for a scope that is not declared
     */
    requireScopes(...scopes: string[]): AuthHook
  }
}
