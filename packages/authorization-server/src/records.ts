/**
 * What the authorization server keeps. One collection per noun; digests and ciphertext only.
 *
 * A grant is one consent of one person for one installation of a client, from its authorization code to its last refresh
 * token. Code and refresh state live in the grant's own record, so that redeeming a code, rotating a refresh token and
 * revoking everything are each one conditional write of one record.
 */
import {
  ClientMetadata,
  type Collection,
  defineCollection,
  openCollection,
  type StorageDriver
} from '@fastify-mcp-auth/core'
import { type Static, Type } from 'typebox'
import { ClientSecret } from './clients/client-secret.ts'

const nullable = <S extends ReturnType<typeof Type.String> | ReturnType<typeof Type.Integer>>(schema: S) =>
  Type.Union([schema, Type.Null()])

/** Key: the client_id. */
export const ClientRecord = Type.Object({
  clientName: Type.String(),
  /** `client`: by itself, at the registration endpoint. `app`: by the app, and never forgotten. */
  registeredBy: Type.String(),
  secrets: Type.Array(ClientSecret),
  /** As registered and echoed. */
  metadata: ClientMetadata,
  registrationTokenDigest: nullable(Type.String()),
  /** Counts changes, so that of two at the same moment one wins. */
  revision: Type.Integer(),
  createdAt: Type.Integer(),
  /** When somebody allowed it something, to the precision of its renewals; null for never. */
  usedAt: nullable(Type.Integer()),
  /** From when on it counts as unknown; null for never. */
  expiresAt: nullable(Type.Integer()),
  /** When it was removed. What is left is its name. */
  endedAt: nullable(Type.Integer()),
  /** When the name goes as well; null for never. */
  forgetAt: nullable(Type.Integer())
})
export type ClientRecord = Static<typeof ClientRecord>

/** Key: the client_id, which is a URL. What was read there last, for every process and for clients that stay connected. */
export const ClientDocumentRecord = Type.Object({
  metadata: ClientMetadata,
  fetchedAt: Type.Integer(),
  /** Until when an authorization request needs no new fetch. */
  freshUntil: Type.Integer(),
  /** Not before the last grant of the client. */
  expiresAt: Type.Integer()
})
export type ClientDocumentRecord = Static<typeof ClientDocumentRecord>

/** Key: digest of client and `jti`: an assertion that was used. */
export const ClientAssertionRecord = Type.Object({ expiresAt: Type.Integer() })
export type ClientAssertionRecord = Static<typeof ClientAssertionRecord>

/** Key: digest of an initial access token. */
export const InitialAccessTokenRecord = Type.Object({
  createdAt: Type.Integer(),
  expiresAt: Type.Integer(),
  usedAt: nullable(Type.Integer())
})
export type InitialAccessTokenRecord = Static<typeof InitialAccessTokenRecord>

/** Key: digest of the handle. The whole authorization request, frozen at the first step. */
export const InteractionRecord = Type.Object({
  clientId: Type.String(),
  /** What the person is told about the client, as it was when the request came. */
  client: Type.Object({
    name: Type.String(),
    names: Type.Record(Type.String(), Type.String()),
    verifiedHost: nullable(Type.String()),
    clientUri: nullable(Type.String()),
    policyUri: nullable(Type.String()),
    tosUri: nullable(Type.String()),
    refreshable: Type.Boolean()
  }),
  redirectUri: Type.String(),
  state: nullable(Type.String()),
  resource: Type.String(),
  scopes: Type.Array(Type.String()),
  codeChallenge: Type.String(),
  /** Digest of the cookie of the browser that started it. */
  browserDigest: Type.String(),
  expiresAt: Type.Integer(),
  answeredAt: nullable(Type.Integer()),
  /** Where the answer sent the browser, encrypted: a double click gets the same answer. */
  outcome: nullable(Type.String())
})
export type InteractionRecord = Static<typeof InteractionRecord>

/** Key: the grant id, which tokens carry. */
export const GrantRecord = Type.Object({
  clientId: Type.String(),
  clientName: Type.String(),
  subject: Type.String(),
  resource: Type.String(),
  scopes: Type.Array(Type.String()),
  redirectUri: Type.String(),
  authTime: Type.Integer(),
  createdAt: Type.Integer(),
  lastUsedAt: Type.Integer(),
  /** When the grant ends if nothing uses it; moves with each refresh, never past `endsAt`. */
  expiresAt: Type.Integer(),
  endsAt: Type.Integer(),
  refreshable: Type.Boolean(),
  revokedAt: nullable(Type.Integer()),

  codeDigest: Type.String(),
  codeChallenge: Type.String(),
  codeExpiresAt: Type.Integer(),
  codeConsumedAt: nullable(Type.Integer()),

  /** Shared by every refresh token of the grant: tells a used one from an invented one. */
  familyDigest: nullable(Type.String()),
  refreshDigest: nullable(Type.String()),
  /** The refresh token before this one, while a retry with it still gets the same response. */
  previousDigest: nullable(Type.String()),
  replayUntil: nullable(Type.Integer()),
  /** That response, encrypted under a key that also depends on the previous token itself. */
  replay: nullable(Type.String()),
  replays: Type.Integer()
})
export type GrantRecord = Static<typeof GrantRecord>

/** Key: algorithm and sequence number, so that of many processes starting together one makes the key. */
export const SigningKeyRecord = Type.Object({
  alg: Type.String(),
  kid: Type.String(),
  publicJwk: Type.Record(Type.String(), Type.Unknown()),
  /** Encrypted. */
  privateJwk: Type.String(),
  createdAt: Type.Integer()
})
export type SigningKeyRecord = Static<typeof SigningKeyRecord>

export const COLLECTIONS = {
  clients: defineCollection({ name: 'clients', record: ClientRecord, indexes: ['registeredBy'], expiry: 'forgetAt' }),
  clientDocuments: defineCollection({ name: 'client_documents', record: ClientDocumentRecord, expiry: 'expiresAt' }),
  clientAssertions: defineCollection({ name: 'client_assertions', record: ClientAssertionRecord, expiry: 'expiresAt' }),
  initialAccessTokens: defineCollection({
    name: 'initial_access_tokens',
    record: InitialAccessTokenRecord,
    expiry: 'expiresAt'
  }),
  interactions: defineCollection({ name: 'interactions', record: InteractionRecord, expiry: 'expiresAt' }),
  grants: defineCollection({
    name: 'grants',
    record: GrantRecord,
    indexes: ['subject', 'clientId'],
    expiry: 'expiresAt'
  }),
  signingKeys: defineCollection({ name: 'signing_keys', record: SigningKeyRecord, indexes: ['alg'] })
}

export interface Records {
  readonly clients: Collection<ClientRecord>
  readonly clientDocuments: Collection<ClientDocumentRecord>
  readonly clientAssertions: Collection<ClientAssertionRecord>
  readonly initialAccessTokens: Collection<InitialAccessTokenRecord>
  readonly interactions: Collection<InteractionRecord>
  readonly grants: Collection<GrantRecord>
  readonly signingKeys: Collection<SigningKeyRecord>
}

export function openRecords(driver: StorageDriver): Records {
  return {
    clients: openCollection(driver, COLLECTIONS.clients),
    clientDocuments: openCollection(driver, COLLECTIONS.clientDocuments),
    clientAssertions: openCollection(driver, COLLECTIONS.clientAssertions),
    initialAccessTokens: openCollection(driver, COLLECTIONS.initialAccessTokens),
    interactions: openCollection(driver, COLLECTIONS.interactions),
    grants: openCollection(driver, COLLECTIONS.grants),
    signingKeys: openCollection(driver, COLLECTIONS.signingKeys)
  }
}
