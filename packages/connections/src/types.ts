/** The public types: owners, connections, their states, events, and what `createConnections()` returns. */
import type { AuthProvider, Client, Tool } from '@modelcontextprotocol/client'
import type { ConnectionEvent, ConnectionEventType } from './connection-events.ts'
import type { McpConnectionErrorCode, ReauthReason } from './errors.ts'
import type { ServerDefinition } from './options.ts'

export type * from './connection-events.ts'

/** Whose connection it is. Ids are the app's own, opaque here; none of them is ever guessed or defaulted. */
export interface Owner {
  readonly type: 'user' | 'agent'
  readonly id: string
  /** Id of the agent that acts for this user, for servers of the mode `per-user-agent`. */
  readonly agent?: string | undefined
  /** Organization, workspace: owners of two tenants share nothing, whatever their ids are. */
  readonly tenant?: string | undefined
}

/** Who shares one credential: everybody of a tenant, each user, each agent, or each pair of the two. */
export type CredentialMode = 'shared' | 'per-user' | 'per-agent' | 'per-user-agent'

/** What proves to the server that it is us. `none` sends nothing. */
export type AuthKind = 'oauth' | 'bearer' | 'header' | 'client_credentials' | 'jwt_bearer' | 'id_jag' | 'none'

/** One word for the badge, the API and the metrics. Each but `active` and `refreshing` has one thing to do about it. */
export type ConnectionStatus =
  | 'not_connected'
  /** A person is at the authorization server. */
  | 'pending'
  | 'active'
  /** Ends within a day, and there is no refresh token. */
  | 'expiring'
  | 'refreshing'
  /** The last refresh failed for a reason that may pass. */
  | 'degraded'
  | 'needs_scope'
  | 'needs_reauth'
  /** The server refused a key that cannot be refreshed. */
  | 'rejected'
  /** Network rules forbid the server, or an administrator its authorization server. */
  | 'blocked'
  /** Switched off in the registry. */
  | 'disabled'

/** Which connection of an owner, where there are several. */
export interface AccountChoice {
  /** Name of the account, chosen by the app; `default` when left out. */
  readonly account?: string | undefined
}

/** A connection as it may be shown: no secret in it, and none had to be decrypted for it. Times are epoch seconds. */
export interface ConnectionSummary {
  /** Opaque, for URLs; null when there is no record of it yet. */
  readonly id: string | null
  readonly server: string
  readonly serverName: string
  readonly account: string
  readonly mode: CredentialMode
  readonly kind: AuthKind
  /** Null for a shared connection. */
  readonly owner: Owner | null
  readonly status: ConnectionStatus
  /** Why, for `needs_reauth`, `degraded`, `rejected`, `blocked`; see {@link ReauthReason}. */
  readonly reason: string | null
  /** The one thing to do about it. */
  readonly action: 'connect' | 'reconnect' | 'allow_more' | 'replace_key' | 'wait' | 'contact_operator' | null
  readonly issuer: string | null
  readonly grantedScopes: readonly string[]
  readonly missingScopes: readonly string[]
  readonly accessExpiresAt: number | null
  readonly hasRefreshToken: boolean
  /** Those of `setParams` that are no secret. */
  readonly params: Readonly<Record<string, string>>
  readonly connectedAt: number | null
  readonly lastRefreshAt: number | null
  readonly lastUsedAt: number | null
}

/** One request of discovery or one decision, as the doctor shows it. */
export interface DiscoveryStep {
  readonly step: string
  readonly url: string | null
  readonly outcome: 'ok' | 'skipped' | 'failed'
  /** One sentence; never text of the other side. */
  readonly detail: string
  /** Where the rule stands. */
  readonly spec: string
}

/** What is known about a URL before anybody connects. */
export interface ProbeReport {
  readonly url: string
  readonly auth: 'none' | 'oauth' | 'unknown'
  readonly issuer: string | null
  readonly resource: string | null
  readonly scopes: readonly string[]
  /** Ways to become a client there, best first. */
  readonly registration: readonly ('preregistered' | 'metadata_document' | 'dynamic')[]
  /** Seconds that the clock of its authorization server is ahead of ours; null where that cannot be seen. */
  readonly clockAhead: number | null
  /** What connecting fails with as things are, as far as that is seen without registering; null where nothing is in the way. */
  readonly error: McpConnectionErrorCode | null
  readonly problems: readonly string[]
  readonly steps: readonly DiscoveryStep[]
}

/** What {@link Connections.prepare} found, and who we are there. */
export interface PreparedServer {
  readonly issuer: string
  /** Of its resource metadata; null where there is none. */
  readonly resource: string | null
  readonly clientId: string
  /** How we became a client. */
  readonly registration: ProbeReport['registration'][number]
}

/** How to begin a connection that a person has to agree to. */
export interface StartOptions extends AccountChoice {
  /** Secret of the browser (its binding cookie). Only the same browser can complete the flow. */
  readonly binding: string
  /** Path on our own origin to go to afterwards. Anything else is refused. */
  readonly returnTo?: string | undefined
  /** The same for when it fails; `returnTo` when left out. */
  readonly errorTo?: string | undefined
  /** Asked for besides what the server and the options name. */
  readonly scopes?: readonly string[] | undefined
  /** For limits per address, in addition to those per owner. */
  readonly ip?: string | undefined
}

/** Where to send the browser. */
export interface StartedFlow {
  readonly url: string
  readonly flowId: string
  /** Epoch seconds. */
  readonly expiresAt: number
  /** What this asks for beyond what was granted before. */
  readonly addedScopes: readonly string[]
}

/** A link for {@link Connections.createConnectLink}. */
export interface ConnectLinkOptions extends AccountChoice {
  /** Path on our own origin to go to afterwards. */
  readonly returnTo?: string | undefined
  readonly scopes?: readonly string[] | undefined
  /** Seconds that it can be used: 60 to 86,400, 600 when left out. */
  readonly ttl?: number | undefined
  /** For a person, in `elicitation`. */
  readonly message?: string | undefined
}

/** A link by which one owner can connect one server, once. */
export interface ConnectLink {
  readonly id: string
  /** A secret is in it, which is worth nothing to anybody but the owner. */
  readonly url: string
  /** Id that the connection is going to have: `connected` and `reconnected` name it. */
  readonly connection: string
  readonly expiresAt: number
  /** Parameters of `elicitation/create` for an app that is an MCP server itself. @see MCP 2026-07-28, elicitation */
  readonly elicitation: {
    readonly mode: 'url'
    readonly elicitationId: string
    readonly url: string
    readonly message: string
  }
}

/** What a link is for. */
export interface OpenedLink {
  readonly server: string
  readonly account: string
  readonly scopes: readonly string[]
  readonly returnTo: string | null
}

/** What the browser brought back. */
export interface CompleteOptions {
  /** The whole query of the callback. */
  readonly params: URLSearchParams | Readonly<Record<string, string | string[] | undefined>>
  readonly binding: string | null
  /**
   * Who is signed in, as the app says now. A function is told for which agent the flow was begun, once it is known to be of this browser.
   */
  readonly owner: Owner | null | ((flow: { readonly agent: string | null }) => Owner | null | Promise<Owner | null>)
  readonly ip?: string | undefined
}

/** How a flow ended well. */
export interface CompletedFlow {
  readonly connection: ConnectionSummary
  readonly returnTo: string | null
  /** `already`: the same answer came a second time (a stale tab, the back button) and changed nothing. */
  readonly outcome: 'connected' | 'reconnected' | 'already'
}

/** A key that a person pasted. */
export interface SetCredentialOptions extends AccountChoice {
  /** Bearer token or value of the header. Write-only: nothing gives it back. */
  readonly secret: string
  /** Epoch seconds after which it is known not to work. */
  readonly expiresAt?: number | undefined
  /** Of the person who pastes it, which is counted then, by owner and by address. */
  readonly ip?: string | undefined
}

/** Which account, and who asks. */
export interface RefreshOptions extends AccountChoice {
  /** Of the person who wants it now, which is counted then, by connection and by address. */
  readonly ip?: string | undefined
}

/** A connection that another system holds, as {@link Connections.importConnections} takes it over. */
export type ImportedConnection = AccountChoice & {
  readonly owner: Owner | null
  readonly server: string
  /** Epoch seconds: end of the key or of the access token. */
  readonly expiresAt?: number | undefined
} & (
    | { readonly secret: string }
    | {
        readonly accessToken: string
        readonly refreshToken?: string | undefined
        /** Of the authorization server that issued them, byte for byte. */
        readonly issuer: string
        /** To which they were issued: no other can refresh them. */
        readonly client: {
          readonly clientId: string
          readonly clientSecret?: string | undefined
          readonly authMethod?: 'client_secret_basic' | 'client_secret_post' | 'none' | undefined
        }
        readonly scopes?: readonly string[] | undefined
        /** RFC 8707 parameter that they were asked for with. */
        readonly resource?: string | undefined
      }
  )

/** What came of an import. */
export interface ImportReport {
  readonly imported: number
  /** Connected already, or left out by the mapping. */
  readonly skipped: number
  /** By the number of the row, from 0. No secret is in the message. */
  readonly failures: readonly {
    readonly row: number
    readonly code: McpConnectionErrorCode
    readonly message: string
  }[]
}

/** One run of the background refresh. */
export interface RefreshDueReport {
  readonly examined: number
  readonly refreshed: number
  readonly failed: number
  readonly skipped: number
  readonly noticed: number
}

/** A tool as it was seen last. */
export interface KnownTool {
  readonly name: string
  readonly description: string | null
  readonly definition: Tool
  /** Of all that the server says about it, its name included. */
  readonly hash: string
  /** What `listTools` and `callTool` of {@link Connections.clientFor} and `toolsFor` will let through. */
  readonly enabled: boolean
  /** Its definition changed, and nobody approved that yet. */
  readonly changed: boolean
}

/** What exactly is accepted. */
export interface ApproveOptions extends AccountChoice {
  /**
   * Of the definitions that somebody has read ({@link KnownTool}): no other is accepted, and none at all when one of them is not offered any
   * more.
   */
  readonly hashes?: readonly string[] | undefined
}

/** What a server offered at the last look. */
export interface ToolSnapshot {
  readonly server: string
  readonly tools: readonly KnownTool[]
  /** One list for all owners, because the server calls it public or the options say so. */
  readonly shared: boolean
  /** Revision of MCP that the server spoke; null when it was not told. */
  readonly protocolRevision: string | null
  readonly syncedAt: number
  /** Epoch second from which `syncTools` should look again: as long as the server says, at most a week, and a day where it says nothing. */
  readonly dueAt: number
  /** Names, since the look before. */
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly changed: readonly string[]
}

/** Tools of several servers in one list, each with the call that belongs to it. */
export interface OwnedTool {
  /** `server__tool`, or where that is too long or ambiguous a text without `__`: never that of another server, and what model providers accept. */
  readonly name: string
  readonly server: string
  readonly tool: Tool
}

/** What {@link Connections.toolsFor} gives: servers that failed do not spoil the others. */
export interface OwnedTools extends AsyncDisposable {
  readonly tools: readonly OwnedTool[]
  readonly failures: readonly { readonly server: string; readonly error: unknown }[]
  call(name: string, args?: Readonly<Record<string, unknown>>): ReturnType<Client['callTool']>
}

/**
 * A connected client of the official SDK that closes itself: `await using client = await connections.clientFor(...)`, or
 * `await client[Symbol.asyncDispose]()` where Node cannot read that (22, in JavaScript).
 */
export type OwnedClient = Client & AsyncDisposable

/** What it takes to use a connection. */
export interface UseOptions extends AccountChoice {
  readonly signal?: AbortSignal | undefined
  /** Scopes that the caller is going to need: a lack of them is told before anything is sent. */
  readonly scopes?: readonly string[] | undefined
}

/** Numbers for a dashboard; `limit` bounds the work, and `complete` says whether it was enough. */
export interface ConnectionStats {
  readonly complete: boolean
  readonly servers: Readonly<
    Record<
      string,
      {
        readonly connections: number
        readonly byStatus: Readonly<Partial<Record<ConnectionStatus, number>>>
        /** What the last look of anybody found; null before there was one. Times are epoch seconds. */
        readonly tools: { readonly count: number; readonly syncedAt: number } | null
      }
    >
  >
  readonly expiring: number
  /** How many people have a connection of their own, by themselves or with an agent. */
  readonly people: number
  /** The ten that were connected last, newest first, among those that were counted. */
  readonly recent: readonly ConnectionSummary[]
}

/** How many secrets are encrypted with which key of `encryptionKeys`. */
export interface KeyStatus {
  /** With the first one. */
  readonly current: number
  /** With another one of the list, which has to stay until `rotateKeys` is done. */
  readonly outdated: number
  /** With a key that this process does not know. */
  readonly unreadable: number
}

/** Who changes something that is not his own. */
export interface ActOptions {
  /** Named in the event, for an audit; the routes of administrators name who is signed in. */
  readonly actor?: Owner | undefined
}

/** An entry of the registry. */
export interface RegisteredServer {
  readonly id: string
  readonly definition: ServerDefinition
  /** `options`: written in code, not to be changed here. */
  readonly source: 'options' | 'stored'
  readonly disabled: boolean
}

/**
 * Everything that can be done with connections, without a web framework. Every method that names an owner rejects with
 * `MCP_OWNER_REQUIRED` when the mode of the server needs another one: nothing is ever looked up for "anybody".
 */
export interface Connections {
  /** The same methods with the owner filled in. */
  for(owner: Owner | null): OwnedConnections
  /** @throws McpConnectionError `MCP_NOT_CONNECTED`, `MCP_NEEDS_REAUTH`, ... */
  clientFor(owner: Owner | null, server: string, options?: UseOptions): Promise<OwnedClient>
  /** Null instead of an error when a person has to act first; other errors are thrown. */
  tryClientFor(owner: Owner | null, server: string, options?: UseOptions): Promise<OwnedClient | null>
  /** Runs with a connected client and closes it, whatever happens. */
  withClient<T>(
    owner: Owner | null,
    server: string,
    run: (client: Client) => Promise<T>,
    options?: UseOptions
  ): Promise<T>
  toolsFor(owner: Owner | null, servers: readonly string[], options?: UseOptions): Promise<OwnedTools>
  /** A `fetch` that reaches this server's origin only, with the credential of the owner. Retries once with a new token. */
  fetchFor(owner: Owner | null, server: string, options?: UseOptions): OwnedFetch
  /** The access token itself, for servers with `allowRawToken`. */
  rawTokenFor(owner: Owner | null, server: string, options?: UseOptions): Promise<string>
  /**
   * `authProvider` for a transport of the official SDK that the app builds itself, for servers with `allowRawToken`. It is handed the
   * access token only, and never signs anybody in. Does not guard where that transport sends its requests.
   */
  sdkProvider(owner: Owner | null, server: string, options?: UseOptions): AuthProvider
  status(
    owner: Owner | null,
    server: string,
    options?: AccountChoice & { readonly deep?: boolean }
  ): Promise<ConnectionSummary>
  /** Every connection of the owner, shared ones of the tenant included. */
  list(owner: Owner | null): Promise<ConnectionSummary[]>
  /** Every server the owner could use, connected or not. */
  catalog(owner: Owner | null): Promise<ConnectionSummary[]>
  /** By the id of a summary; null for one that is not this owner's. */
  find(owner: Owner | null, id: string): Promise<ConnectionSummary | null>
  probe(url: string): Promise<ProbeReport>
  /** The same for a registered server, with its options applied. */
  diagnose(server: string): Promise<ProbeReport>
  /**
   * Does ahead what the first connection would have to wait for: finds the authorization server and becomes a client there, once for all
   * owners and processes. Again it finds what is there. In the order preregistered, metadata document, dynamic registration.
   *
   * @throws McpConnectionError `MCP_REGISTRATION_FAILED` (reason `manual`: a client has to be registered by hand), `MCP_PKCE_UNSUPPORTED`,
   *   `MCP_DISCOVERY_FAILED`, `MCP_AUTHORIZATION_SERVER_UNAVAILABLE`; `MCP_NOT_ALLOWED` for a server that nobody signs in at
   */
  prepare(server: string): Promise<PreparedServer>
  start(owner: Owner | null, server: string, options: StartOptions): Promise<StartedFlow>
  complete(options: CompleteOptions): Promise<CompletedFlow>
  /**
   * For a job or an agent that has nobody in front of it: a link to hand to the owner, whose session it is bound to. One to a server with
   * `mode: 'shared'` needs a user, and is for that user only.
   */
  createConnectLink(owner: Owner | null, server: string, options?: ConnectLinkOptions): Promise<ConnectLink>
  /** What a link is for. @throws McpConnectionError `MCP_FLOW_EXPIRED`, `MCP_FLOW_MISMATCH` for another owner, who does not use it up */
  readConnectLink(owner: Owner | null, link: string): Promise<OpenedLink>
  /** The same, once: for whoever begins the flow. */
  useConnectLink(owner: Owner | null, link: string): Promise<OpenedLink>
  setCredential(owner: Owner | null, server: string, options: SetCredentialOptions): Promise<ConnectionSummary>
  /**
   * Takes over connections that another system holds: rows of its table, and what each of them means here (null leaves it out). What is
   * connected here already stays as it is, so an import can be run again. Does not check that the credentials work.
   *
   * @throws what is no fault of a row: an outage of the storage, an error of `map` that is none of ours
   */
  importConnections<Row>(
    rows: Iterable<Row> | AsyncIterable<Row>,
    map: (row: Row) => ImportedConnection | null | Promise<ImportedConnection | null>
  ): Promise<ImportReport>
  /** Connects where nobody has to agree: `client_credentials`, `jwt_bearer`, `id_jag`, `none`. */
  connect(owner: Owner | null, server: string, options?: AccountChoice): Promise<ConnectionSummary>
  /** Forgets the credential at once; revokes it at its authorization server now, or later if that is down. */
  disconnect(owner: Owner | null, server: string, options?: AccountChoice): Promise<boolean>
  /** Refreshes now, whatever the token's age. */
  refresh(owner: Owner | null, server: string, options?: RefreshOptions): Promise<ConnectionSummary>
  /** For a timer or cron, in any number of processes. @param options `within`, `budgetPerIssuer`: seconds and refreshes */
  refreshDue(options?: {
    readonly within?: number
    readonly limit?: number
    readonly budgetPerIssuer?: number
  }): Promise<RefreshDueReport>
  expiring(options?: {
    readonly within?: number
    readonly unrefreshableOnly?: boolean
    readonly limit?: number
  }): Promise<ConnectionSummary[]>
  syncTools(owner: Owner | null, server: string, options?: UseOptions): Promise<ToolSnapshot>
  tools(owner: Owner | null, server: string, options?: AccountChoice): Promise<ToolSnapshot | null>
  /** The tools that a server with `tools.anonymous` shows to strangers; null when it shows them none. */
  previewTools(server: string): Promise<readonly Tool[] | null>
  setToolFilter(
    owner: Owner | null,
    server: string,
    filter: { readonly allow?: readonly string[]; readonly deny?: readonly string[] } | null,
    options?: AccountChoice
  ): Promise<void>
  /**
   * Headers that this connection carries besides its credential, out of those that the server has in `params`: replaces all but those to
   * `keep`, null takes them away. They stay when it is connected anew, until its server has another URL.
   *
   * @throws McpConnectionError `MCP_INVALID_INPUT`, `MCP_NOT_CONNECTED`
   */
  setParams(
    owner: Owner | null,
    server: string,
    params: Readonly<Record<string, string>> | null,
    options?: AccountChoice & { readonly keep?: readonly string[] | undefined }
  ): Promise<void>
  /**
   * Accepts definitions, for servers with `tools.approveChanges`: those with the `hashes` of {@link ApproveOptions}, or all as they are at
   * this moment, which somebody who has read them a while ago may not have read.
   *
   * @param names all when left out
   * @throws McpConnectionError `MCP_TOOLS_CHANGED`
   */
  approveTools(owner: Owner | null, server: string, names?: readonly string[], options?: ApproveOptions): Promise<void>
  /**
   * Disconnects everything of the owner, of both sides of a `per-user-agent` pair, and forgets open flows.
   *
   * @throws what went wrong here (the storage, say) once everything else is forgotten: call it again
   */
  deleteOwner(owner: Owner): Promise<number>
  /** What is stored about an owner, without secrets, for a data request. */
  exportOwner(owner: Owner): Promise<readonly ConnectionSummary[]>
  /** Disconnects every owner from one server. */
  wipeServer(server: string, act?: ActOptions): Promise<number>
  /**
   * Has nothing more to do with an authorization server, in any process: nothing begins or is refreshed there, and none of its tokens is used.
   * What is connected is kept, and works again after `unblockIssuer`.
   */
  blockIssuer(issuer: string, act?: ActOptions): Promise<void>
  unblockIssuer(issuer: string, act?: ActOptions): Promise<void>
  blockedIssuers(): Promise<readonly string[]>
  /** Forgets the dynamic registration at the server's issuer; the next flow registers anew. */
  resetRegistration(server: string, act?: ActOptions): Promise<boolean>
  /** Expired flows, limits, caches; revocations that are still owed. */
  sweep(): Promise<{ readonly removed: number; readonly revoked: number }>
  stats(options?: { readonly limit?: number }): Promise<ConnectionStats>
  /** Encrypts with the first key what another key encrypted. Repeat until `remaining` is 0, then remove the old key. */
  rotateKeys(options?: { readonly limit?: number }): Promise<{ readonly resealed: number; readonly remaining: number }>
  /** Which keys what is stored is encrypted with. Decrypts nothing, and changes nothing. */
  keyStatus(): Promise<KeyStatus>
  readonly registry: {
    get(id: string): Promise<RegisteredServer>
    list(): Promise<RegisteredServer[]>
    /** @throws McpConnectionError `MCP_NOT_ALLOWED` unless `allowCustomServers` */
    add(
      id: string,
      definition: Partial<ServerDefinition> & { readonly url: string },
      act?: ActOptions
    ): Promise<RegisteredServer>
    /** The whole definition: what is left out is its default from then on. */
    update(
      id: string,
      definition: Partial<ServerDefinition> & { readonly url: string },
      act?: ActOptions
    ): Promise<RegisteredServer>
    /** Disconnects everybody first. */
    remove(id: string, act?: ActOptions): Promise<boolean>
    setDisabled(id: string, disabled: boolean, act?: ActOptions): Promise<void>
  }
  /** Content of the client metadata document, and of the key set it points to. Serve both at the URLs of `urls`. */
  clientMetadata(variant?: 'keyed' | 'public'): ClientMetadataDocument
  jwks(): Promise<{ readonly keys: readonly object[] }>
  rotateClientKeys(): Promise<void>
  /** @returns a function that ends it */
  on<T extends ConnectionEventType>(
    type: T,
    listener: (event: Extract<ConnectionEvent, { readonly type: T }>) => unknown
  ): () => void
  readonly urls: ConnectionUrls
  readonly mirror: Mirror
  close(): Promise<void>
}

/** For whoever looks after a deployment, as `mcp-auth doctor` does: how a request looks to the app that runs under `baseUrl`. */
export interface Mirror {
  /** A request that the app answers with a {@link Reflection}, if it has the same encryption keys. Good for an hour. */
  request(): { readonly url: string; readonly headers: { readonly [name: string]: string } }
  /** Whether such a request was made with our keys. */
  admits(pass: unknown): boolean
}

/** How a request looks to the app. */
export interface Reflection {
  /** `protocol` and `host` of Fastify's request, by what the app believes of headers (`trustProxy`). */
  readonly protocol: string
  readonly host: string
  /** From whom the connection is to the farthest that is believed, who is taken for whoever asks. */
  readonly addresses: readonly string[]
  /** Whether X-Forwarded-For came with it. */
  readonly isForwarded: boolean
  /** Epoch seconds. */
  readonly now: number
}

/** A `fetch` that is bound to one connection. */
export type OwnedFetch = (url: string | URL, init?: RequestInit) => Promise<Response>

/** Our own URLs, all below `baseUrl` + `prefix`, but for those that `routes` has elsewhere. */
export interface ConnectionUrls {
  readonly callback: string
  readonly clientDocument: string
  /** The same for authorization servers that cannot check keys. */
  readonly publicClientDocument: string
  readonly jwks: string
  readonly index: string
  /** @param options `agent`: that the owner acts with, where the connection is one of an agent */
  connect(server: string, options?: AccountChoice & { readonly returnTo?: string; readonly agent?: string }): string
  /** @param agent that the owner acts with */
  link(secret: string, agent?: string): string
}

/** @see draft-ietf-oauth-client-id-metadata-document section 4, RFC 7591 section 2 */
export interface ClientMetadataDocument {
  readonly client_id: string
  readonly client_name: string
  readonly redirect_uris: readonly string[]
  readonly grant_types: readonly string[]
  readonly response_types: readonly string[]
  readonly token_endpoint_auth_method: string
  readonly application_type: string
  readonly [member: string]: unknown
}

/** {@link Connections} of one owner. A `server` that is left out, or undefined, is the option `defaultServer`. */
export interface OwnedConnections {
  clientFor(server?: string, options?: UseOptions): Promise<OwnedClient>
  tryClientFor(server?: string, options?: UseOptions): Promise<OwnedClient | null>
  withClient<T>(server: string | undefined, run: (client: Client) => Promise<T>, options?: UseOptions): Promise<T>
  toolsFor(servers: readonly string[], options?: UseOptions): Promise<OwnedTools>
  fetchFor(server?: string, options?: UseOptions): OwnedFetch
  status(server?: string, options?: AccountChoice & { readonly deep?: boolean }): Promise<ConnectionSummary>
  list(): Promise<ConnectionSummary[]>
  catalog(): Promise<ConnectionSummary[]>
  start(server: string | undefined, options: StartOptions): Promise<StartedFlow>
  setCredential(server: string | undefined, options: SetCredentialOptions): Promise<ConnectionSummary>
  connect(server?: string, options?: AccountChoice): Promise<ConnectionSummary>
  disconnect(server?: string, options?: AccountChoice): Promise<boolean>
  refresh(server?: string, options?: RefreshOptions): Promise<ConnectionSummary>
  syncTools(server?: string, options?: UseOptions): Promise<ToolSnapshot>
}
