/** What happens at an authorization server, for audit and metrics: who, which client, which grant, and never a token, code or secret. */
import type { DeviceCodeProblem } from './authorization-server.ts'

/**
 * Who or what ended a grant. `consent_withdrawn`: it was being made from a remembered consent while that was taken back.
 * `access_withdrawn`: the same of any other grant, by a revocation of many.
 */
export type RevocationReason =
  | 'user'
  | 'administrator'
  | 'client'
  | 'client_removed'
  | 'consent_withdrawn'
  | 'access_withdrawn'
  | 'code_replayed'
  | 'refresh_token_reused'

/**
 * Why a grant ended by itself. `not_redeemed`: nobody came with its code. `idle`: nothing kept it alive, neither a refresh
 * (`refreshTokenTtl`) nor, without refresh tokens, a token that is still good. `absolute`: it was used to its end (`grantTtl`, or the
 * lifetime of the one token that an assertion bought).
 */
export type ExpiryReason = 'not_redeemed' | 'idle' | 'absolute'

/** What most events are about. */
interface OfGrant {
  readonly grantId: string
  readonly clientId: string
  readonly subject: string
}

/** What a person allowed. */
interface Allowed {
  readonly organization: string | null
  readonly resources: readonly string[]
  readonly scopes: readonly string[]
}

/** What an event of each type says, besides {@link EventEnvelope}. `reason` is a stable word. */
export interface AuthorizationServerEvents {
  'client.registered': { clientId: string; clientName: string; redirectUris: readonly string[] }
  /** It replaced its own registration, or the app changed one of its own. */
  'client.updated': { clientId: string; clientName: string; redirectUris: readonly string[] }
  /** By itself or by the app. Its grants end with it. */
  'client.removed': { clientId: string; clientName: string }
  'client.secret_added': { clientId: string; secretId: string }
  'client.secret_removed': { clientId: string; secretId: string }
  /** Somebody did not prove to be a client. `clientId` is the client that was claimed, null when there is none of that name. */
  'client.authentication_failed': { clientId: string | null; reason: string }
  /** A person is about to be asked. */
  'authorization.requested': { clientId: string; resources: readonly string[]; scopes: readonly string[] }
  /** A client asked for what it cannot have, and was told so by redirect. Nobody was asked. */
  'authorization.refused': { clientId: string; error: string; reason: string }
  'authorization.approved': OfGrant & Allowed
  /** `subject` is null when nobody was signed in. */
  'authorization.denied': { clientId: string; subject: string | null }
  /** A person was signed out because a client asked for it; `clientId` is null when it did not say which. Grants stay. */
  'session.ended': { subject: string; clientId: string | null }
  /** A device got a code that a person has to enter. Nobody was asked yet. */
  'device.requested': { clientId: string; resources: readonly string[]; scopes: readonly string[] }
  /** Somebody entered a code that is not good: `unknown`, `expired` or `used`. Many of them are somebody who guesses. */
  'device.entry_refused': { subject: string; reason: DeviceCodeProblem }
  /** Somebody that the operator trusts vouched for a person or a workload, in these words; what it bought is told next. */
  'assertion.accepted': { clientId: string; subject: string; assertionIssuer: string; assertionSubject: string }
  /** An assertion bought nothing. `clientId` is the client that proved itself; null where the assertion came alone. */
  'assertion.refused': { clientId: string | null; error: string; reason: string }
  'grant.created': OfGrant & Allowed
  'grant.revoked': OfGrant & { reason: RevocationReason }
  /**
   * It came of age: access ended at `endedAt` (epoch seconds) by itself. Told by the `cleanup()` that finds it first among all processes,
   * never twice; not at all when that process dies, or loses the database, in this very moment.
   */
  'grant.expired': OfGrant & { reason: ExpiryReason; endedAt: number }
  /** Tokens were made: for a code, of a browser or a device, for an assertion, or by a rotation when `grantType` is `refresh_token`. */
  'token.issued': OfGrant & { grantType: string; resource: string; scopes: readonly string[] }
  /** A retry got the response of the refresh before it once more. */
  'token.replayed': OfGrant
  /** A refresh token was used that had been replaced before: theft, until proven otherwise. The grant ends. */
  'token.reused': OfGrant
  /** A code was used a second time. The grant ends. */
  'code.replayed': OfGrant
  /** A signing key was made. It is published at once and signs from `activeFrom` (epoch seconds). */
  'key.created': { kid: string; alg: string; activeFrom: number }
  /** A key was removed from the storage: its time is over, or it went at once because one was stolen. */
  'key.removed': { kid: string; alg: string }
  /** Somebody asks too often. `address` as it is counted: IPv6 by its /64. */
  'request.limited': { endpoint: string; grantType: string | null; address: string }
  /** The store of the limits does not answer: each process counts alone meanwhile. Told once, like an outage of the storage. */
  'limits.failed': { store: string }
  'limits.recovered': { store: string }
  /** The storage does not answer. Told once for an outage by each process, however long it is. */
  'storage.failed': { collection: string; operation: string }
  'storage.recovered': { collection: string; operation: string }
}

/** Names of the events. */
export type AuthorizationServerEventType = keyof AuthorizationServerEvents

/** What every event says. */
export interface EventEnvelope<T extends AuthorizationServerEventType> {
  readonly type: T
  readonly issuer: string
  /** Epoch seconds. */
  readonly at: number
  /** Id of the request that it happened in, as the log has it; null outside of a request, and for what the storage does. */
  readonly requestId: string | null
}

/** The event of one type, or of any. Frozen. */
export type AuthorizationServerEvent<T extends AuthorizationServerEventType = AuthorizationServerEventType> = {
  [K in T]: EventEnvelope<K> & Readonly<AuthorizationServerEvents[K]>
}[T]
