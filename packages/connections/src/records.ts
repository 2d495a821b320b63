/**
 * What is kept. One collection per noun; secrets are sealed, and everything that a status, a schedule or a list needs is beside them in
 * the clear, so that nothing is decrypted to be looked at.
 *
 * A connection is one record: credential, lease and outcome of its refreshes change together, each in one conditional write.
 */
import { type Collection, defineCollection, openCollection, type StorageDriver } from '@fastify-mcp-auth/core'
import { type Static, Type } from 'typebox'
import type { OAuthClient } from './oauth-client.ts'
import type { ServerDefinition } from './options.ts'
import type { AuthKind, Owner } from './types.ts'

const text = Type.Union([Type.String(), Type.Null()])
const integer = Type.Union([Type.Integer(), Type.Null()])
const Strings = Type.Array(Type.String())

/** What the server wanted and did not get. */
const Challenge = Type.Object({ scopes: Strings, at: Type.Integer() })

/** Key: digest of owner, server and account. */
export const ConnectionRecord = Type.Object({
  owner: Type.Union([Type.Unsafe<Owner>(Type.Object({})), Type.Null()]),
  tenant: text,
  ownerKey: Type.String(),
  userKey: text,
  agentKey: text,
  server: Type.String(),
  account: Type.String(),
  /** Of the server, as it was registered when this was connected. */
  url: Type.String(),
  kind: Type.Unsafe<AuthKind>(Type.String()),
  /** `active`, `needs_scope`, `needs_reauth`, `rejected`: what is true until something changes it. The rest is computed. */
  state: Type.String(),
  reason: text,
  issuer: text,
  clientId: text,
  /** How we became that client; null without one. */
  clientSource: Type.Union([Type.Unsafe<OAuthClient['source']>(Type.String()), Type.Null()]),
  /** Key of the dynamic registration that the tokens were issued to. */
  registration: text,
  /** As it was sent; null when it was left out. */
  resource: text,
  grantedScopes: Strings,
  requestedScopes: Strings,
  challenge: Type.Union([Challenge, Type.Null()]),
  /** Epoch seconds of flows that were begun because of a challenge, lately. */
  stepUps: Type.Array(Type.Integer()),
  /** Ciphertext of the credential; null for `none`. */
  sealed: text,
  hasRefreshToken: Type.Boolean(),
  accessExpiresAt: integer,
  refreshExpiresAt: integer,
  /** Seconds that the token was to live when it came; decides how early it is refreshed. */
  accessLifetime: integer,
  /** Random, new with every connect: a write that was meant for the connection before finds nothing. */
  grant: Type.String(),
  /** Counts the credentials of this grant. */
  generation: Type.Integer(),
  leaseHolder: text,
  /** Epoch second by the clock of the holder, who took it at `intentAt`. */
  leaseUntil: Type.Integer(),
  /** Counts leases, and renewals of them: whoever read an older number cannot take it. */
  leaseNumber: Type.Integer(),
  /** Generation whose refresh token was sent, and when: an answer to that may have been lost. */
  intentGeneration: integer,
  intentAt: integer,
  failures: Type.Integer(),
  failingSince: integer,
  failure: text,
  /** Until then nobody asks again, by the clock of whoever failed last; and how many seconds that were. */
  retryAt: integer,
  retryIn: integer,
  /** How many fresh tokens in a row the server refused. */
  rejections: Type.Integer(),
  /** When something has to be done, and the ten minutes that it falls into; null for never. */
  dueAt: integer,
  dueBucket: text,
  /** The owner was told that it is going to end. */
  noticedAt: integer,
  toolFilter: Type.Union([Type.Object({ allow: Type.Union([Strings, Type.Null()]), deny: Strings }), Type.Null()]),
  /** Parameters of this connection that are no secret, and the ciphertext of those that are. */
  params: Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()]),
  sealedParams: text,
  connectedAt: Type.Integer(),
  lastRefreshAt: integer,
  lastUsedAt: integer,
  updatedAt: Type.Integer()
})
export type ConnectionRecord = Static<typeof ConnectionRecord>

/** Key: digest of the state. */
export const FlowRecord = Type.Object({
  ownerKey: Type.String(),
  userKey: text,
  agentKey: text,
  connection: Type.String(),
  owner: Type.Union([Type.Unsafe<Owner>(Type.Object({})), Type.Null()]),
  tenant: text,
  server: Type.String(),
  account: Type.String(),
  bindingDigest: Type.String(),
  /** Verifier, client, endpoints: see `flow.ts`. */
  sealed: Type.String(),
  returnTo: text,
  errorTo: text,
  createdAt: Type.Integer(),
  expiresAt: Type.Integer(),
  takenAt: integer,
  /** `connected` when it ended well. */
  outcome: text
})
export type FlowRecord = Static<typeof FlowRecord>

/** Key: digest of the link's secret. */
export const LinkRecord = Type.Object({
  ownerKey: Type.String(),
  userKey: text,
  agentKey: text,
  /** Key of the connection that it is for. */
  connection: Type.String(),
  server: Type.String(),
  account: Type.String(),
  scopes: Strings,
  returnTo: text,
  expiresAt: Type.Integer(),
  usedAt: integer
})
export type LinkRecord = Static<typeof LinkRecord>

/** Key: digest of issuer, redirect URI and what was registered. */
export const RegistrationRecord = Type.Object({
  issuer: Type.String(),
  clientId: text,
  sealed: text,
  createdAt: Type.Integer(),
  /** Of the secret; null for never. */
  secretExpiresAt: integer,
  /** When the server said that it does not know the client any more. */
  replacedAt: integer,
  revision: Type.Integer(),
  leaseUntil: Type.Integer()
})
export type RegistrationRecord = Static<typeof RegistrationRecord>

/** Key: id of the server. Those that were added while the app ran, and switches of the others. */
export const ServerRecord = Type.Object({
  definition: Type.Union([Type.Unsafe<ServerDefinition>(Type.Object({})), Type.Null()]),
  /** Ciphertext of the client secret. */
  sealed: text,
  disabledAt: integer,
  /** Always `stored`: what the list is found by. */
  source: Type.String(),
  updatedAt: Type.Integer()
})
export type ServerRecord = Static<typeof ServerRecord>

/** Key: digest of server and partition. */
export const ToolsRecord = Type.Object({
  server: Type.String(),
  /** Both null in a list that is for all. */
  ownerKey: text,
  connection: text,
  /** Of the list that is for all by what the server says: `public`, or `private` when it does not say so any more. Null in every other. */
  cacheScope: text,
  tools: Type.Array(Type.Unknown()),
  /** Name -> hash that somebody approved. */
  approved: Type.Record(Type.String(), Type.String()),
  added: Strings,
  removed: Strings,
  changed: Strings,
  revision: Type.Integer(),
  protocolRevision: text,
  /** Seconds, from `syncedAt`. */
  ttl: Type.Integer(),
  syncedAt: Type.Integer()
})
export type ToolsRecord = Static<typeof ToolsRecord>

/** Key: random. A revocation that is still owed. */
export const OutboxRecord = Type.Object({
  /** Always `revocation`: what the list is found by. */
  queue: Type.String(),
  sealed: Type.String(),
  attempts: Type.Integer(),
  nextAt: Type.Integer(),
  expiresAt: Type.Integer()
})
export type OutboxRecord = Static<typeof OutboxRecord>

/** Key: digest of what is limited, and its window. */
export const LimitRecord = Type.Object({ count: Type.Integer(), expiresAt: Type.Integer() })
export type LimitRecord = Static<typeof LimitRecord>

/** Key: name. Small facts that all processes share. */
export const StateRecord = Type.Object({ value: Type.String(), revision: Type.Integer() })
export type StateRecord = Static<typeof StateRecord>

/** Key: key id. Keys that prove who our client is. */
export const ClientKeyRecord = Type.Object({
  /** Always `client`: what the list is found by. */
  purpose: Type.String(),
  kid: Type.String(),
  alg: Type.String(),
  publicJwk: Type.Unsafe<Record<string, unknown>>(Type.Object({})),
  sealed: Type.String(),
  createdAt: Type.Integer(),
  /** Signs from then on; published before. */
  activeFrom: Type.Integer()
})
export type ClientKeyRecord = Static<typeof ClientKeyRecord>

/** All collections of the package, for `storage.open` and for whoever makes tables by hand. */
export const COLLECTIONS = {
  connections: defineCollection({
    name: 'connections',
    record: ConnectionRecord,
    indexes: ['ownerKey', 'userKey', 'agentKey', 'server', 'dueBucket']
  }),
  flows: defineCollection({
    name: 'connection_flows',
    record: FlowRecord,
    indexes: ['ownerKey', 'userKey', 'agentKey', 'connection'],
    expiry: 'expiresAt',
    shortLived: true
  }),
  links: defineCollection({
    name: 'connection_links',
    record: LinkRecord,
    indexes: ['userKey', 'agentKey'],
    expiry: 'expiresAt',
    shortLived: true
  }),
  registrations: defineCollection({
    name: 'connection_registrations',
    record: RegistrationRecord,
    indexes: ['issuer']
  }),
  servers: defineCollection({ name: 'connection_servers', record: ServerRecord, indexes: ['source'] }),
  tools: defineCollection({
    name: 'connection_tools',
    record: ToolsRecord,
    indexes: ['server', 'ownerKey', 'connection']
  }),
  outbox: defineCollection({
    name: 'connection_outbox',
    record: OutboxRecord,
    indexes: ['queue'],
    expiry: 'expiresAt'
  }),
  limits: defineCollection({ name: 'connection_limits', record: LimitRecord, expiry: 'expiresAt', shortLived: true }),
  state: defineCollection({ name: 'connection_state', record: StateRecord }),
  clientKeys: defineCollection({ name: 'connection_client_keys', record: ClientKeyRecord, indexes: ['purpose'] })
} as const

/** The collections over a driver. */
export interface Records {
  readonly connections: Collection<ConnectionRecord>
  readonly flows: Collection<FlowRecord>
  readonly links: Collection<LinkRecord>
  readonly registrations: Collection<RegistrationRecord>
  readonly servers: Collection<ServerRecord>
  readonly tools: Collection<ToolsRecord>
  readonly outbox: Collection<OutboxRecord>
  readonly limits: Collection<LimitRecord>
  readonly state: Collection<StateRecord>
  readonly clientKeys: Collection<ClientKeyRecord>
}

export function openRecords(driver: StorageDriver): Records {
  return {
    connections: openCollection(driver, COLLECTIONS.connections),
    flows: openCollection(driver, COLLECTIONS.flows),
    links: openCollection(driver, COLLECTIONS.links),
    registrations: openCollection(driver, COLLECTIONS.registrations),
    servers: openCollection(driver, COLLECTIONS.servers),
    tools: openCollection(driver, COLLECTIONS.tools),
    outbox: openCollection(driver, COLLECTIONS.outbox),
    limits: openCollection(driver, COLLECTIONS.limits),
    state: openCollection(driver, COLLECTIONS.state),
    clientKeys: openCollection(driver, COLLECTIONS.clientKeys)
  }
}
