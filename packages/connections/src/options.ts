/** Options of `createConnections()`: check, type, default and documentation in one literal. */
import {
  Adapter,
  AdapterThat,
  type Clock,
  type EventLog,
  isStorage,
  type Lookup,
  type SplitStorage,
  STORAGE_VERBS,
  type StorageDriver
} from '@fastify-mcp-auth/core'
import { type Static, Type } from 'typebox'
import { PATH } from './route-paths.ts'
import type { ConnectionEvent, Owner } from './types.ts'

/** Scopes for one owner; runs at every start of a flow. */
export type ScopePolicy = (owner: Owner | null) => readonly string[]

/** Gives the encryption keys; a rejection stops the start. */
export type KeySource = () => readonly string[] | Promise<readonly string[]>

/** What an {@link AssertionSource} is told. */
export interface AssertionContext {
  readonly owner: Owner | null
  readonly server: string
  /** `aud` of the assertion: the issuer of the server's authorization server. */
  readonly audience: string
  readonly resource: string | null
  readonly scopes: readonly string[]
  readonly signal: AbortSignal
}

/**
 * For `jwt_bearer` the workload's own JWT; for `id_jag` the identity assertion grant (ID-JAG) of the person, which an identity provider
 * issued for this audience. Called for every token; a rejection counts as an outage, null as "sign in again".
 */
export type AssertionSource = (context: AssertionContext) => Promise<string | null>

const fn = <T>(): ReturnType<typeof AdapterThat<T>> =>
  AdapterThat<T>(value => typeof value === 'function', 'must be a function')

const Strings = Type.Array(Type.String({ minLength: 1, maxLength: 2048 }))

/** How we are known to the authorization server of one server, and what its habits are. */
export const OAuthOptions = Type.Object(
  {
    /** A client that was registered by hand. It counts for this issuer only, and is never sent to another. */
    client: Type.Optional(
      Type.Object(
        {
          issuer: Type.String(),
          clientId: Type.String({ minLength: 1 }),
          /** Left out for a public client, or one that signs with our client keys. */
          clientSecret: Type.Optional(Type.String({ minLength: 1 })),
          /** The key that was registered with this client, for `private_key_jwt`, where it is not one of our client keys. In the options only. */
          privateKey: Type.Optional(
            Type.Object(
              {
                /** PKCS #8, PEM. */
                pem: Type.String({ minLength: 1 }),
                alg: Type.Union([Type.Literal('ES256'), Type.Literal('RS256'), Type.Literal('EdDSA')]),
                kid: Type.Optional(Type.String({ minLength: 1 }))
              },
              { additionalProperties: false }
            )
          ),
          /** What the server advertises first when left out. */
          authMethod: Type.Optional(
            Type.Union([
              Type.Literal('client_secret_basic'),
              Type.Literal('client_secret_post'),
              Type.Literal('private_key_jwt'),
              Type.Literal('none')
            ])
          )
        },
        { additionalProperties: false }
      )
    ),
    /** Which of several authorization servers of a resource to use; the first one when left out. No other is then used. */
    issuer: Type.Optional(Type.String()),
    /** Asked for besides what the server's challenge or metadata names. */
    scopes: Type.Optional(Type.Union([Strings, fn<ScopePolicy>()])),
    /**
     * RFC 8707 parameter. `auto`: always, but to issuers that are known to refuse it (Entra). A URL is sent as it stands.
     */
    resource: Type.Optional(Type.String()),
    /** Parameters of the authorization request that its server wants: `{ access_type: 'offline' }`. */
    authorizeParams: Type.Optional(Type.Record(Type.String(), Type.String())),
    /** Ways to become a client that may be used, out of `preregistered`, `metadata_document`, `dynamic`. */
    registration: Type.Optional(
      Type.Array(
        Type.Union([Type.Literal('preregistered'), Type.Literal('metadata_document'), Type.Literal('dynamic')]),
        { minItems: 1 }
      )
    ),
    /** `allow` talks to a server whose metadata does not mention PKCE. It is sent all the same. */
    pkceUnadvertised: Type.Optional(Type.Union([Type.Literal('refuse'), Type.Literal('allow')])),
    /** Where the server says nothing of RFC 9728: take its origin for the issuer, and default paths, as 2025-03-26 had it. */
    legacy: Type.Optional(Type.Union([Type.Literal('auto'), Type.Literal('off')])),
    /** Seconds that an access token lives whose answer does not say so. Unknown when left out: used until it is refused. */
    accessTokenLifetime: Type.Optional(Type.Integer({ minimum: 30 })),
    /** Bind tokens to a key of each connection (RFC 9449) where the server supports it. */
    dpop: Type.Optional(Type.Boolean()),
    /** Scopes that a tool needs, by its name or a pattern with `*`: a lack is told before the call is made. */
    toolScopes: Type.Optional(Type.Record(Type.String(), Strings)),
    /** For the kinds `jwt_bearer` and `id_jag`. */
    assertion: Type.Optional(fn<AssertionSource>())
  },
  { additionalProperties: false }
)
export type OAuthOptions = Static<typeof OAuthOptions>

/** One MCP server that owners connect to. */
export const ServerDefinition = Type.Object(
  {
    /** Endpoint of the MCP server. https; plain http on a loopback host with `network.allowLoopback`. */
    url: Type.String({ minLength: 1, maxLength: 2048 }),
    /** Name for people; the id when left out. */
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    /** One sentence for people. */
    description: Type.Optional(Type.String({ maxLength: 500 })),
    /** What proves to the server that it is us. */
    auth: Type.Union(
      [
        Type.Literal('oauth'),
        Type.Literal('bearer'),
        Type.Literal('header'),
        Type.Literal('client_credentials'),
        Type.Literal('jwt_bearer'),
        Type.Literal('id_jag'),
        Type.Literal('none')
      ],
      { default: 'oauth' }
    ),
    /** Who shares one credential. */
    mode: Type.Union(
      [Type.Literal('shared'), Type.Literal('per-user'), Type.Literal('per-agent'), Type.Literal('per-user-agent')],
      { default: 'per-user' }
    ),
    /** One person's sign-in that everybody acts with has to be wanted: `shared` with `oauth` does not start without it. */
    acknowledgeShared: Type.Optional(Type.Boolean()),
    /**
     * Id of a server with `mode: 'shared'` at the same URL, whose credential serves those who have not connected yet: for the time of a
     * move from one shared key to connections of their own. Whoever has connected once never falls back. The tool filters of both count.
     */
    fallback: Type.Optional(Type.String()),
    /** `sse` is the transport of 2024-11-05, for servers that have no other. */
    transport: Type.Union([Type.Literal('http'), Type.Literal('sse')], { default: 'http' }),
    /** The header of the kind `header`: `{ name: 'X-Api-Key' }`, with `prefix` before the key. */
    header: Type.Optional(
      Type.Object(
        { name: Type.String({ minLength: 1 }), prefix: Type.Optional(Type.String()) },
        { additionalProperties: false }
      )
    ),
    /**
     * Headers that each connection may carry besides its credential, which `setParams` gives their values: `{ 'X-Workspace-Id': 'clear' }`.
     * What is `secret` is encrypted and never shown.
     */
    params: Type.Optional(Type.Record(Type.String(), Type.Union([Type.Literal('clear'), Type.Literal('secret')]))),
    /** How this server is signed in to, where its own metadata does not say it or says it wrongly. */
    oauth: Type.Optional(OAuthOptions),
    tools: Type.Optional(
      Type.Object(
        {
          /** Names or patterns with `*` of the tools that owners may use; all when left out. */
          allow: Type.Optional(Strings),
          /** The same for what they may not use, allowed or not. */
          deny: Type.Optional(Strings),
          /**
           * Whose a list of tools is. As the server says when left out: one for all owners where it calls every page public (`cacheScope`), else
           * each owner's own. `owner`: always that. `server`: one for all whatever it says, with one approval of changes.
           */
          partition: Type.Optional(Type.Union([Type.Literal('owner'), Type.Literal('server')])),
          /** `try`: `previewTools` may ask without a credential, for administrators who want to see the tools before anybody has connected. */
          anonymous: Type.Optional(Type.Literal('try')),
          /** Look at the tools after every connect, so that people and pages know them; `false` leaves that to `syncTools`. */
          syncOnConnect: Type.Optional(Type.Boolean()),
          /** A tool whose definition changed is not used until somebody approved it. */
          approveChanges: Type.Optional(Type.Boolean())
        },
        { additionalProperties: false }
      )
    ),
    /** Lets `rawTokenFor` give the access token out of our hands. */
    allowRawToken: Type.Optional(Type.Boolean()),
    /** The operator chose this URL inside his own network: private addresses are in order, for it and what it names, and plain http for it. */
    internal: Type.Optional(Type.Boolean())
  },
  { additionalProperties: false }
)
export type ServerDefinition = Static<typeof ServerDefinition>

/** See the reference of options. */
export const Options = Type.Object(
  {
    /** Public origin of the app: `https://app.example.com`. http is for loopback hosts. */
    baseUrl: Type.String(),
    /** Path of our routes below it. */
    prefix: Type.String({ default: '/mcp/connections', pattern: PATH }),
    /** Other paths, outside `prefix`, for what is known elsewhere by its address. The same in every process. */
    routes: Type.Object(
      {
        /** Path of the redirect URI, where another one is registered already: `/oauth/callback`. `/callback` below `prefix` when left out. */
        callback: Type.Optional(Type.String({ pattern: PATH })),
        /** Path before the id of a server, for links that people have: `/integrations`. `/connect` below `prefix` when left out. */
        connect: Type.Optional(Type.String({ pattern: PATH }))
      },
      { additionalProperties: false, default: {} }
    ),
    /** Id of the server of `servers` that is meant where a call of `for(owner)`, `require()` or `request.mcp()` names none. */
    defaultServer: Type.Optional(Type.String()),
    /** Where connections are kept; `{ default, shortLived }` for two databases. Memory, which forgets, when left out; that is for loopback origins only. */
    storage: Type.Optional(
      AdapterThat<StorageDriver | SplitStorage>(isStorage, `must have the methods ${STORAGE_VERBS.join(', ')}`)
    ),
    /**
     * 32 random bytes each, base64 (`openssl rand -base64 32`). The first encrypts, the others still decrypt. A function gets them from
     * where they are kept or unwrapped (a KMS, a vault), once, while starting.
     */
    encryptionKeys: Type.Optional(Type.Union([Type.Array(Type.String(), { minItems: 1 }), fn<KeySource>()])),
    /** What authorization servers and people there are told about this app. */
    client: Type.Object(
      {
        /** Name for people. */
        name: Type.String({ minLength: 1, maxLength: 200 }),
        uri: Type.Optional(Type.String()),
        logoUri: Type.Optional(Type.String()),
        policyUri: Type.Optional(Type.String()),
        tosUri: Type.Optional(Type.String()),
        contacts: Type.Optional(Strings),
        softwareId: Type.Optional(Type.String()),
        softwareVersion: Type.Optional(Type.String()),
        /**
         * Where the metadata document is, when it is not served at our own route: https, with a path. It is the client id at servers that
         * know such documents, so it has to stay where it is and to say what `clientMetadata()` says.
         */
        documentUrl: Type.Optional(Type.String()),
        /** Prove who we are by keys of our own (`private_key_jwt`) where a server can check that. `none`: always a public client. */
        keys: Type.Optional(Type.Union([Type.Literal('ES256'), Type.Literal('RS256'), Type.Literal('none')]))
      },
      { additionalProperties: false }
    ),
    /** Servers by id: lower-case letters, digits, `-` and `_`. */
    servers: Type.Record(Type.String(), ServerDefinition, { default: {} }),
    /** Whether servers can be added while the app runs. */
    allowCustomServers: Type.Boolean({ default: false }),
    refresh: Type.Object(
      {
        /** Seconds before its end that a token is refreshed; never more than a fifth of its life. */
        early: Type.Integer({ default: 300, minimum: 0 }),
        /** Seconds for one request to a token endpoint. */
        timeout: Type.Integer({ default: 15, minimum: 1, maximum: 60 }),
        /** Seconds that one process may hold the right to refresh. Longer than `timeout`. */
        lease: Type.Integer({ default: 30, minimum: 5, maximum: 300 }),
        /** Seconds without another attempt after one that failed; the server's `Retry-After` when that is longer. */
        cooldown: Type.Integer({ default: 30, minimum: 1 }),
        /** Seconds of nothing but failures after which the background gives up. Use still tries. */
        exhaustedAfter: Type.Integer({ default: 345_600, minimum: 60 })
      },
      { additionalProperties: false, default: {} }
    ),
    network: Type.Object(
      {
        /** Servers on a loopback host, for development. What a public server names stays public. */
        allowLoopback: Type.Boolean({ default: false }),
        /** Hosts that may be reached, exactly or as `*.example.com`; any when left out. */
        allowedHosts: Type.Optional(Strings),
        /** Hosts that may not, whatever `allowedHosts` says. */
        deniedHosts: Type.Optional(Strings),
        /** Bytes of one answer, or of one event of a stream. */
        maxBytes: Type.Integer({ default: 16_777_216, minimum: 1024 }),
        /** Resolves a host name to all of its addresses; the system's resolver when left out. */
        lookup: Type.Optional(fn<Lookup>()),
        /**
         * URL of a forward proxy for everything that goes out: `http://user:password@egress.internal:3128`. Names are resolved and checked here
         * all the same (`lookup`), and the proxy is asked for the address that was checked.
         */
        proxy: Type.Optional(Type.String())
      },
      { additionalProperties: false, default: {} }
    ),
    /** How often an owner may begin or complete a connection, or paste a key, and a person may refresh one: each counted apart. */
    limits: Type.Union(
      [
        Type.Object(
          { perMinute: Type.Integer({ default: 5, minimum: 1 }), perDay: Type.Integer({ default: 20, minimum: 1 }) },
          { additionalProperties: false }
        ),
        Type.Literal(false)
      ],
      { default: {} }
    ),
    clock: Type.Optional(Adapter<Clock>('now')),
    /** A pino logger, for example. Silent when left out. */
    log: Type.Optional(Adapter<EventLog>('debug', 'info', 'warn', 'error')),
    /** Told of every event. */
    onEvent: Type.Optional(fn<(event: ConnectionEvent) => unknown>())
  },
  { additionalProperties: false }
)

/** Options with their defaults filled in. */
export type ResolvedOptions = Static<typeof Options>

type Given<T, Optional extends keyof T> = Omit<T, Optional> & Partial<Pick<T, Optional>>

/** A server as it is written in the options. */
export type ServerInput = Given<ServerDefinition, 'auth' | 'mode' | 'transport'>

/** What `createConnections()` takes. */
export type ConnectionsOptions = Omit<
  ResolvedOptions,
  'prefix' | 'routes' | 'servers' | 'allowCustomServers' | 'refresh' | 'network' | 'limits'
> & {
  readonly prefix?: string
  readonly routes?: ResolvedOptions['routes']
  readonly servers?: Readonly<Record<string, ServerInput>>
  readonly allowCustomServers?: boolean
  readonly refresh?: Partial<ResolvedOptions['refresh']>
  readonly network?: Partial<ResolvedOptions['network']>
  readonly limits?: Partial<Exclude<ResolvedOptions['limits'], false>> | false
}
