/** The types of what is told: one member for each event, with what it has besides. */
import type { McpConnectionErrorCode, ReauthReason } from './errors.ts'
import type { AuthKind, CredentialMode, Owner } from './types.ts'

/**
 * Every event has besides: `type`, `at` (epoch seconds), `server` (its id; `*` for what is about no single one), `connection` (id or null),
 * `owner` (null for a shared one). `actor`: who did it, where that is not the owner; null when nobody was named.
 */
export interface ConnectionEvents {
  /** Somebody was sent to an authorization server. */
  'flow.started': { readonly scopes: readonly string[]; readonly registration: string }
  'flow.failed': { readonly code: McpConnectionErrorCode; readonly reason: string | null }
  /** A person agreed, pasted a key, or the app connected where nobody has to agree. */
  connected: { readonly kind: AuthKind; readonly scopes: readonly string[] }
  /** The same in the place of a connection that was there. */
  reconnected: { readonly kind: AuthKind; readonly scopes: readonly string[] }
  /** The credential is forgotten here; `revoked` says whether its issuer was told at once. */
  disconnected: { readonly revoked: boolean }
  /** A new token came without a person. */
  refreshed: { readonly trigger: RefreshTrigger; readonly rotated: boolean }
  /** For a reason that may pass: everything is kept. `exhausted`: the background has given up. */
  'refresh.failed': { readonly reason: string; readonly retryAfter: number; readonly exhausted: boolean }
  /** The connection is over. The person mends it at `actionUrl`. */
  needs_reauth: { readonly reason: ReauthReason; readonly actionUrl: string }
  /** A call needed more than was granted. */
  needs_scope: { readonly missing: readonly string[]; readonly actionUrl: string }
  /** Ends within a day, and there is no refresh token. Told once. */
  expiring: { readonly expiresAt: number; readonly actionUrl: string }
  'registration.created': { readonly issuer: string; readonly clientId: string }
  'registration.replaced': { readonly issuer: string; readonly clientId: string }
  'issuer.changed': { readonly from: string; readonly to: string }
  /** Names of tools, since the look before. */
  'tools.changed': {
    readonly added: readonly string[]
    readonly removed: readonly string[]
    readonly changed: readonly string[]
  }
  /** At most once in five minutes for each connection: who acted with whose credential, for an audit. */
  used: Readonly<Record<never, never>>
  /** The server does not take a key that cannot be refreshed. */
  'credential.rejected': { readonly kind: AuthKind }
  /** The MCP endpoint leads where the network rules forbid it. */
  'blocked.url': { readonly reason: string }
  /** An issuer could not be told that a token is not needed any more. */
  'revocation.failed': { readonly attempts: number; readonly givenUp: boolean }
  'keys.rotated': { readonly resealed: number }
  /** An administrator added a server. `origin` is that of its URL: what stands behind it may be a secret. */
  'server.added': {
    readonly actor: Owner | null
    readonly origin: string
    readonly auth: AuthKind
    readonly mode: CredentialMode
  }
  /** An administrator changed a server. `changed`: names of the members that are something else now, such as `url` or `oauth`. */
  'server.changed': { readonly actor: Owner | null; readonly origin: string; readonly changed: readonly string[] }
  'server.removed': { readonly actor: Owner | null; readonly disconnected: number }
  /** An administrator switched a server off. */
  'server.disabled': { readonly actor: Owner | null }
  'server.enabled': { readonly actor: Owner | null }
  /** An administrator disconnected everybody from a server. */
  'server.wiped': { readonly actor: Owner | null; readonly disconnected: number }
  /** An administrator had our dynamic registration at the issuer of a server forgotten. */
  'registration.reset': { readonly actor: Owner | null }
  /** An administrator wants nothing more to do with an issuer. */
  'issuer.blocked': { readonly actor: Owner | null; readonly issuer: string }
  'issuer.unblocked': { readonly actor: Owner | null; readonly issuer: string }
}

/** Why a refresh was made. */
export type RefreshTrigger = 'use' | 'background' | 'rejected' | 'manual'

/** Value of `type` of a {@link ConnectionEvent}. */
export type ConnectionEventType = keyof ConnectionEvents

/** One thing that happened, frozen and without secrets. */
export type ConnectionEvent = {
  readonly [T in ConnectionEventType]: {
    readonly type: T
    readonly at: number
    readonly server: string
    readonly connection: string | null
    readonly owner: Owner | null
  } & ConnectionEvents[T]
}[ConnectionEventType]
