/** How a fake MCP server behaves. Every member can be changed while it runs. */

/** A tool. `requiredScopes` of a token that lacks one lead to 403 with a challenge. */
export interface FakeTool {
  readonly name: string
  readonly description?: string
  readonly inputSchema?: { readonly type: 'object'; readonly [member: string]: unknown }
  readonly requiredScopes?: readonly string[]
  /** @returns the text of the result */
  readonly call: (input: { readonly [name: string]: unknown }, visitor: Visitor) => string | Promise<string>
}

/** Whoever presented good credentials; `anonymous` without any. */
export interface Visitor {
  readonly subject: string
  readonly scopes: readonly string[]
  /** The token or key as it came; null without. */
  readonly token: string | null
  /** Thumbprint of the key that the token is bound to; null for a bearer token. */
  readonly dpopJkt?: string | null
}

/** Well-known places of the metadata of a protected resource. @see RFC 9728 section 3.1 */
export type ResourceMetadataPlace =
  /** `/.well-known/oauth-protected-resource` before the path of the resource. */
  | 'path'
  /** `/.well-known/oauth-protected-resource` alone. */
  | 'root'
  /** `/resource-metadata.json`, which only the challenge tells. */
  | 'elsewhere'

/** Settings of a fake MCP server. See {@link defaultMcpServerBehaviour} for where they start. */
export interface McpServerBehaviour {
  /** `key`: one of `keys` in `keyHeader`; no metadata and no challenge that names any. */
  authentication: 'oauth' | 'key' | 'none'
  keyHeader: { readonly name: string; readonly prefix: string }
  /** Keys and whose they are. */
  keys: ReadonlyMap<string, string>
  /** `authorization_servers` of the metadata. */
  authorizationServers: readonly string[]
  metadataAt: readonly ResourceMetadataPlace[]
  /** Replaces or adds members of the metadata; undefined takes one away. */
  metadata: { readonly [member: string]: unknown }
  scopesSupported: readonly string[] | null
  /** Whether 401 and 403 say `resource_metadata`. */
  challengeNamesMetadata: boolean
  /** `scope` of the 401; null for none. */
  challengeScope: string | null
  /** Methods that are answered without credentials. */
  publicMethods: readonly string[]
  /** 401 to every token, the fresh ones too. */
  rejectsEveryToken: boolean
  /** Whether a token that was issued for another resource is refused. */
  checksAudience: boolean
  /** Demands a nonce in proofs and changes it after so many seconds; null demands none. */
  dpopNonceLifetime: number | null
  /** How requests are answered: one JSON object, or a stream of events. */
  answers: 'json' | 'sse'
  /** Sessions of the revisions until 2025-11-25: demanded when true, not known when false. */
  sessions: boolean
  /** Revisions that it speaks. 2026-07-28 has no session and no handshake. */
  revisions: readonly string[]
  /** `cacheScope` of the tool list in 2026-07-28. */
  toolListScope: 'public' | 'private'
  /** `ttlMs` of the tool list in 2026-07-28. */
  toolListTtl: number
  /** Tools in one page of the list. */
  pageSize: number
}

/** An OAuth-protected server that speaks all revisions, answers JSON and says where its metadata is. */
export const defaultMcpServerBehaviour: McpServerBehaviour = {
  authentication: 'oauth',
  keyHeader: { name: 'authorization', prefix: 'Bearer ' },
  keys: new Map(),
  authorizationServers: [],
  metadataAt: ['path'],
  metadata: {},
  scopesSupported: null,
  challengeNamesMetadata: true,
  challengeScope: null,
  publicMethods: [],
  rejectsEveryToken: false,
  checksAudience: true,
  dpopNonceLifetime: null,
  answers: 'json',
  sessions: true,
  revisions: ['2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28'],
  toolListScope: 'private',
  toolListTtl: 0,
  pageSize: 100
}
