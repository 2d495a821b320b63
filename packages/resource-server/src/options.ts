/** Options of the resource server: check, type, default and documentation in one literal. */
import {
  Adapter,
  type Clock,
  ConfigurationError,
  canonicalResource,
  isHttpLoopback,
  isScopeToken,
  resolveOptions,
  type StorageDriver,
  Type
} from '@fastify-mcp-auth/core'
import type { Static } from 'typebox'
import type { EventListener, McpAuthEventType } from './events.ts'
import { SignMetadata, StaticMetadata } from './metadata-options.ts'
import type { RevocationCheck } from './revocation.ts'
import type { Principal, Verifier } from './types.ts'

/** Answers at once; called for every listed item that the caller may not use. */
export type ObtainableScopes = (principal: Principal | null, scopes: readonly string[]) => boolean

const HOST = '^(\\*|\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9._-]+)$'
const ORIGIN = '^(\\*|[A-Za-z][A-Za-z0-9+.-]*://[^/?#@\\s]+)$'

const OperationNeeds = Type.Object(
  {
    /** All of them are needed. */
    scopes: Type.Optional(Type.Array(Type.String())),
    /** At least one of them is needed. The first is what a challenge suggests. */
    anyOf: Type.Optional(Type.Array(Type.String(), { minItems: 1 }))
  },
  { additionalProperties: false }
)

export const Options = Type.Object(
  {
    /**
     * Canonical URI of the protected resource, as clients dial it: https, or http on a loopback host. Tokens must name it as
     * their audience. Never derived from a request. @see RFC 8707 section 2
     */
    resource: Type.String({ minLength: 1 }),
    /** Tells good tokens from bad ones: `jwt()`, `hmac()`, `introspection()`, `opaque()`, `apiKeys()`, `local()`, a `chain()` of them, or your own. */
    verify: Type.Unsafe<Verifier>(
      Type.Object({ issuers: Type.Array(Type.String()), verify: Type.Function([], Type.Unknown()) })
    ),
    /**
     * Other names that this resource has in `aud`, character by character, for issuers that cannot put its URL there: an API identifier at
     * Auth0, the client id of the API at Entra. Only names that the issuer gives to nobody else: a token for any of them works here.
     */
    audienceAliases: Type.Array(Type.String({ minLength: 1, pattern: '^[^*\\s]+$' }), { default: [] }),
    /**
     * Asked about every request with a good token, also when the token was remembered by a cache: true refuses it. An exception is an
     * outage, 503. Keep it quick, or answer without a promise.
     */
    isRevoked: Type.Optional(Type.Unsafe<RevocationCheck>(Type.Function([], Type.Unknown()))),
    /**
     * Path prefixes under which every route is protected, for routes of other plugins whose `config` cannot be set. `/mcp` covers
     * `/mcp` and `/mcp/x`, not `/mcpx`. A route says `mcpAuth: false` to stay open.
     */
    protect: Type.Array(Type.String({ pattern: "^/[A-Za-z0-9._~!$&'()+,=@/-]*$" }), { default: [] }),
    /** Every scope of the resource and what it allows. With it, a scope that is not listed stops the boot. */
    scopes: Type.Optional(Type.Record(Type.String(), Type.String())),
    /**
     * Scopes that bring others along: `{ 'notes:admin': ['notes:read', 'notes:write'] }`, or `['notes:*']` for all of `scopes` that begin so.
     * Transitive.
     */
    scopeHierarchy: Type.Record(Type.String(), Type.Array(Type.String()), { default: {} }),
    /** `scopes_supported` of the metadata: what a client asks for when no challenge tells it better. All of `scopes` when left out. */
    advertisedScopes: Type.Optional(Type.Array(Type.String())),
    /** Whether `notes:*` in a token stands for every scope that begins with `notes:`. The star counts behind `:`, `.` or `/` only. */
    scopeWildcards: Type.Boolean({ default: false }),
    /**
     * What a 403 names: the scopes of this operation, or with `accumulate` also those that the token has, for clients that ask for
     * exactly what they are told and would lose the rest.
     */
    stepUp: Type.Union([Type.Literal('operation'), Type.Literal('accumulate')], { default: 'operation' }),
    /**
     * Scopes by JSON-RPC operation, on every protected route that does not say `operations: false`, also when only `app.requireScopes` or
     * `app.authenticate` protects it. Keys are a method (`tools/call`),
     * a method and the name of a tool, prompt or resource (`tools/call:delete_all`), or a pattern of either: `*` ends a method, and
     * stands anywhere in a name (`resources/read:notes://*.draft`). Values are scopes that are all needed, or `{ scopes, anyOf }`. All
     * keys that match add up, so a narrow key never loosens a wide one. A completion needs what its prompt or resource needs, and whoever
     * subscribes to a resource, or ends that, needs what reading it needs.
     */
    operations: Type.Record(Type.String(), Type.Union([Type.Array(Type.String()), OperationNeeds]), { default: {} }),
    /**
     * What happens to an operation that no key of `operations` matches: with `deny` it is refused, whoever calls; with a list of scopes it
     * needs all of them. `initialize`, `ping`, `server/discover` and the notifications of the protocol need no key.
     */
    unknownOperations: Type.Union(
      [Type.Literal('allow'), Type.Literal('deny'), Type.Array(Type.String(), { minItems: 1 })],
      { default: 'allow' }
    ),
    /**
     * Operations that need no token, in the notation of `operations`: `['initialize', 'ping', 'tools/list']`. Whoever brings a token
     * is known, and a bad one is still refused. Bodies of strangers are parsed then. Not on routes behind `app.authenticate` or
     * `app.requireScopes`, which always ask for a token.
     */
    anonymous: Type.Array(Type.String(), { default: [] }),
    /**
     * What lists of tools, prompts, resources and templates show: `all` that the server has, or what is `allowed` to the caller. What is
     * not listed is not there: a call of it is answered as the server answers for something that it does not have.
     */
    lists: Type.Union([Type.Literal('all'), Type.Literal('allowed')], { default: 'all' }),
    /**
     * With `lists: 'allowed'`: whether a caller could get these scopes by asking for them. What could be allowed in this way is listed,
     * and a call of it gets the challenge. By default nothing is. The caller is null when there is no token.
     */
    obtainable: Type.Optional(Type.Unsafe<ObtainableScopes>(Type.Function([], Type.Unknown()))),
    /**
     * Whether an `Mcp-Session-Id` works only for whom it was made: the same issuer, subject and client. Everybody else gets the 404 that an
     * unknown session gets.
     */
    sessionBinding: Type.Boolean({ default: true }),
    /**
     * Where it is kept whose a session is. In memory when left out, which is enough as long as sessions themselves are in the memory of
     * one process.
     */
    sessionStorage: Type.Optional(Adapter<StorageDriver>('get', 'insert', 'update', 'remove', 'list', 'removeWhere')),
    /** Seconds after which a session that nobody uses is nobody's any more. */
    sessionTtl: Type.Integer({ default: 86_400, minimum: 60 }),
    /**
     * End event streams that a GET (whatever it accepts) or `subscriptions/listen` has opened when the token of their reader expires.
     * Answers to other calls may take longer than the token that they were called with. A POST whose body is not parsed, as in front of a
     * proxy, may be either, so its event stream ends, too.
     */
    endStreams: Type.Boolean({ default: true }),
    /**
     * Refuse requests to protected routes over plain http when `resource` is https. Behind a proxy that ends TLS, Fastify has to be told
     * whom to believe: `trustProxy`.
     */
    requireHttps: Type.Boolean({ default: true }),
    /**
     * Name of a security scheme of your OpenAPI document: routes are then described with it and their scopes, for @fastify/swagger. Declare
     * the scheme itself there, as `oauth2` or `openIdConnect`.
     */
    openapiScheme: Type.Optional(Type.String({ minLength: 1 })),
    /**
     * Told of every event from the boot on, for an audit trail of your own beside the log. Gets them within the request, so hand them on
     * quickly; what it throws or rejects with is logged. For single types of events: `app.mcpAuth.on`.
     */
    onEvent: Type.Optional(Type.Unsafe<EventListener<McpAuthEventType>>(Type.Function([], Type.Unknown()))),
    /** Time source, for tests. */
    clock: Type.Optional(Adapter<Clock>('now')),
    /** Name of the resource for people. */
    resourceName: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    /** Further members of the metadata document, as RFC 9728 names them. What the plugin knows by itself is not accepted here. */
    metadata: Type.Optional(Type.Unsafe<StaticMetadata>(StaticMetadata)),
    /** Signs the metadata, for clients that got it from somewhere else than this server. @see RFC 9728 section 2.2 */
    signMetadata: Type.Optional(Type.Unsafe<SignMetadata>(SignMetadata)),
    /**
     * Host names, without port, under which protected routes may be called; `*` for any. By default the host of `resource`, and all
     * loopback names when it is one of them.
     */
    allowedHosts: Type.Optional(Type.Array(Type.String({ pattern: HOST }), { minItems: 1 })),
    /** Browser origins that may call protected routes; `*` for any. By default the origin of `resource`. A call without `Origin` is no browser's and passes. */
    allowedOrigins: Type.Optional(Type.Array(Type.String({ pattern: ORIGIN }), { minItems: 1 })),
    /** Answer preflights of protected routes and set CORS headers for `allowedOrigins`. False leaves it to a CORS plugin registered before this one. */
    cors: Type.Boolean({ default: true })
  },
  { additionalProperties: false }
)
export type Options = Readonly<Static<typeof Options>>

/** What an integrator writes: everything that has a default may be left out. */
export type ResourceServerOptions = Pick<Options, 'resource' | 'verify'> & Partial<Omit<Options, 'resource' | 'verify'>>

const OWNER = 'resource-server'

/** A star counts behind a separator only. */
export const WILDCARD = /[:./]\*$/

/**
 * @returns options with `resource` in its canonical spelling
 * @throws ConfigurationError naming the option that is wrong
 */
export function resolveResourceServerOptions(input: ResourceServerOptions): Options {
  const options = resolveOptions(Options, input, OWNER)
  const { unknownOperations } = options
  const scopeHierarchy = resolveHierarchy(options)
  assertScopesKnown(options, 'scopeHierarchy', Object.entries(scopeHierarchy).flat(2))
  assertScopesKnown(options, 'advertisedScopes', options.advertisedScopes ?? [])
  if (typeof unknownOperations !== 'string') assertScopesKnown(options, 'unknownOperations', unknownOperations)
  assertUsed(options)
  // By reference: a verifier may have state of its own.
  return Object.freeze({ ...options, scopeHierarchy, resource: resourceOf(options.resource), verify: input.verify })
}

/** A star in what is implied stands for the scopes that are listed, so that a request need not look for them. */
function resolveHierarchy({ scopes, scopeHierarchy, scopeWildcards }: Options): Options['scopeHierarchy'] {
  const resolve = (implied: string): string[] => {
    // Without a list of scopes only the wildcards of tokens can tell what is meant.
    if (!implied.endsWith('*') || (!scopes && scopeWildcards)) return [implied]
    const covered = Object.keys(scopes ?? {}).filter(scope => scope.startsWith(implied.slice(0, -1)))
    if (WILDCARD.test(implied) && covered.length > 0) return covered
    throw new ConfigurationError(
      'FST_OAUTH_OPTION',
      `${OWNER}: "scopeHierarchy": ${JSON.stringify(implied)} stands for no scope that option "scopes" lists`
    )
  }
  return Object.fromEntries(Object.entries(scopeHierarchy).map(([scope, implied]) => [scope, implied.flatMap(resolve)]))
}

// What somebody has written and nothing reads is something that he believes to be in force.
function assertUsed({ obtainable, lists, sessionStorage, sessionBinding }: Options): void {
  const unused = (option: string, unless: string): ConfigurationError =>
    new ConfigurationError('FST_OAUTH_OPTION', `${OWNER}: option "${option}" does nothing unless ${unless}`)
  if (obtainable && lists === 'all') throw unused('obtainable', `"lists" is 'allowed'`)
  if (sessionStorage && !sessionBinding) throw unused('sessionStorage', '"sessionBinding" is true')
}

function resourceOf(value: string): string {
  const refused = (why: string): ConfigurationError =>
    new ConfigurationError('FST_OAUTH_OPTION', `${OWNER}: option "resource" ${why}: ${JSON.stringify(value)}`)
  let resource: string
  try {
    resource = canonicalResource(value)
  } catch {
    throw refused('must be an absolute URI without fragment')
  }
  if (!resource.startsWith('https:') && !isHttpLoopback(resource))
    throw refused('must be https (plain http is for loopback only)')
  // Its metadata is served by path, so two resources that differ in their query could not be told apart.
  if (resource.includes('?')) throw refused('must not have a query')
  if (!isRoutable(resource))
    throw refused('must not have a *, an encoded delimiter (%2F) nor a broken percent-encoding in its path')
  return resource
}

// The place of its metadata is a route, where a star would stand for anything, and which no delimiter that is encoded ever reaches.
function isRoutable(resource: string): boolean {
  const { pathname } = new URL(resource)
  try {
    const path = decodeURI(pathname)
    return !path.includes('*') && path === decodeURIComponent(pathname)
  } catch {
    return false
  }
}

/**
 * @param option where the scopes were written, for the message
 * @throws ConfigurationError for what is not a scope, and for a scope that `scopes` does not list
 */
export function assertScopesKnown(options: Pick<Options, 'scopes'>, option: string, scopes: Iterable<string>): void {
  for (const scope of scopes) {
    if (!isScopeToken(scope))
      throw new ConfigurationError('FST_OAUTH_OPTION', `${OWNER}: "${option}": ${JSON.stringify(scope)} is not a scope`)
    if (options.scopes && !Object.hasOwn(options.scopes, scope))
      throw new ConfigurationError(
        'FST_OAUTH_OPTION',
        `${OWNER}: "${option}" uses the scope ${JSON.stringify(scope)}, which option "scopes" does not list`
      )
  }
}
