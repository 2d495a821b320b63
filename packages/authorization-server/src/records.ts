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
  type CollectionDeclaration,
  Digest,
  type Display,
  defineCollection,
  Encrypted,
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
  /** What the operator lets it do in its own name: scopes by resource; null for nothing. */
  clientCredentials: Type.Union([Type.Record(Type.String(), Type.Array(Type.String())), Type.Null()]),
  /** As registered and echoed. */
  metadata: ClientMetadata,
  registrationTokenDigest: nullable(Digest()),
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

/** Key: digest of who made it, a client or an issuer that is trusted, and `jti`: an assertion that was used. */
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
    logoUri: nullable(Type.String()),
    policyUri: nullable(Type.String()),
    tosUri: nullable(Type.String()),
    refreshable: Type.Boolean()
  }),
  /** Null for a device, which gets its answer by itself. */
  redirectUri: nullable(Type.String()),
  state: nullable(Type.String()),
  /** In the order of the request; the first is the one whose tokens a client gets that names none. */
  resources: Type.Array(Type.String()),
  scopes: Type.Array(Type.String()),
  /** Null for a device, whose code never was in a browser. */
  codeChallenge: nullable(Type.String()),
  nonce: nullable(Type.String()),
  /** The device that waits; null for a request that came by browser. */
  device: Type.Union([
    Type.Object({
      /** Key of its record: keyed digest of the user code. */
      authorization: Digest(),
      /** The user code itself, encrypted, to be compared once more. */
      userCode: Encrypted(),
      requestedAt: Type.Integer(),
      expiresAt: Type.Integer()
    }),
    Type.Null()
  ]),
  /** Where pairwise subjects are the same: the client's site, or the client itself. */
  sector: Type.String(),
  /** What `prompt` said. */
  prompts: Type.Array(Type.String()),
  /** Epoch second: who signed in before it signs in again. */
  signedInSince: nullable(Type.Integer()),
  /** `sub` of the only person who may decide, by the client's `id_token_hint`; null for whoever signs in. */
  hintedSub: nullable(Type.String()),
  /** For the login and the page. */
  hints: Type.Object({
    loginHint: nullable(Type.String()),
    uiLocales: Type.Array(Type.String()),
    acrValues: Type.Array(Type.String()),
    display: Type.Union([Type.Unsafe<Display>(Type.String()), Type.Null()])
  }),
  /** Digest of the cookie of the browser that started it. */
  browserDigest: Digest(),
  expiresAt: Type.Integer(),
  answeredAt: nullable(Type.Integer()),
  /** How often the login sent back somebody whose sign-in was too old. */
  staleSignIns: Type.Integer(),
  /** Where the answer sent the browser, encrypted: a double click gets the same answer. */
  outcome: nullable(Encrypted())
})
export type InteractionRecord = Static<typeof InteractionRecord>

/** What was asked, and nothing about how it is being answered. */
export type FrozenRequest = Omit<
  InteractionRecord,
  'browserDigest' | 'expiresAt' | 'answeredAt' | 'staleSignIns' | 'outcome'
>

/** Key: keyed digest of the user code. A device that waits for a person, and its whole request, frozen at the first step. @see RFC 8628 section 3.2 */
export const DeviceAuthorizationRecord = Type.Object({
  clientId: Type.String(),
  client: InteractionRecord.properties.client,
  resources: Type.Array(Type.String()),
  scopes: Type.Array(Type.String()),
  sector: Type.String(),
  /** Digest of the secret in the device code. */
  deviceDigest: Digest(),
  createdAt: Type.Integer(),
  expiresAt: Type.Integer(),
  /** Seconds that the device has to wait between two questions; grows when it does not. */
  interval: Type.Integer(),
  polledAt: nullable(Type.Integer()),
  /** How often the user code was entered. */
  entries: Type.Integer(),
  /** When a person said yes or no. */
  decidedAt: nullable(Type.Integer()),
  /** Key of the interaction in which they did. */
  decidedIn: Type.Union([Digest(), Type.Null()]),
  /** What they allowed; null for a no. */
  grantId: nullable(Type.String())
})
export type DeviceAuthorizationRecord = Static<typeof DeviceAuthorizationRecord>

/** Key: digest of the secret in the `request_uri`. @see RFC 9126 section 2.2 */
export const PushedRequestRecord = Type.Object({
  clientId: Type.String(),
  /** Encrypted under a key that also depends on the `request_uri`. */
  parameters: Encrypted(),
  expiresAt: Type.Integer(),
  usedAt: nullable(Type.Integer())
})
export type PushedRequestRecord = Static<typeof PushedRequestRecord>

/** An access token that the server has to know. */
const KeptToken = Type.Object({
  digest: Digest(),
  expiresAt: Type.Integer(),
  /** Encrypted under the token itself. */
  content: Encrypted()
})
export type KeptToken = Static<typeof KeptToken>

/** Key: the grant id, which tokens carry. */
export const GrantRecord = Type.Object({
  clientId: Type.String(),
  clientName: Type.String(),
  /** The same in other languages, as the client said at consent. */
  clientNames: Type.Record(Type.String(), Type.String()),
  /** The client acts in its own name: `subject` is its client_id, and there is no person. */
  byClient: Type.Boolean(),
  subject: Type.String(),
  /** By which name tokens call the person; null for `subject` itself. */
  sub: nullable(Type.String()),
  /** Of the person's organizations the one that this access is for; null where the app knows none. */
  organization: nullable(Type.String()),
  /** Each access token is for one of them; for the first when the token request names none. */
  resources: Type.Array(Type.String()),
  /** Of all resources together; a token has those that its resource knows. */
  scopes: Type.Array(Type.String()),
  /** Null where no browser was sent anywhere: for a device, and for an assertion. */
  redirectUri: nullable(Type.String()),
  /** Epoch second of the sign-in; 0 where it was not here, and tokens say nothing about it. */
  authTime: Type.Integer(),
  /** How the person signed in, as far as the app says. @see OpenID Connect Core section 2 (`acr`, `amr`) */
  acr: nullable(Type.String()),
  amr: Type.Array(Type.String()),
  createdAt: Type.Integer(),
  lastUsedAt: Type.Integer(),
  /** When the grant ends if nothing uses it; moves with each refresh, never past `endsAt`. */
  expiresAt: Type.Integer(),
  endsAt: Type.Integer(),
  refreshable: Type.Boolean(),
  revokedAt: nullable(Type.Integer()),

  codeDigest: Digest(),
  /** Null for a device, which redeems by its device code; the code of the grant is known to nobody then. */
  codeChallenge: nullable(Type.String()),
  codeExpiresAt: Type.Integer(),
  codeConsumedAt: nullable(Type.Integer()),
  /** For the ID token that the code buys. */
  nonce: nullable(Type.String()),

  /** Shared by every refresh token of the grant: tells a used one from an invented one. */
  familyDigest: nullable(Digest()),
  refreshDigest: nullable(Digest()),
  /** The refresh token before this one, while a retry with it still gets the same response. */
  previousDigest: nullable(Digest()),
  replayUntil: nullable(Type.Integer()),
  /** That response, encrypted under a key that also depends on the previous token itself. */
  replay: nullable(Encrypted()),
  replays: Type.Integer(),

  /** What the app attached, encrypted under a key that only codes and tokens of the grant can open. */
  props: nullable(Encrypted()),
  /** That key, encrypted under the code, later under the refresh token. */
  propsKey: nullable(Encrypted()),
  /** Opaque access tokens, and JWTs that open `props`; null for none. */
  accessTokens: Type.Union([Type.Array(KeptToken), Type.Null()])
})
export type GrantRecord = Static<typeof GrantRecord>

/** Key: digest of who allowed whom what, where. What was decided last. */
export const ConsentRecord = Type.Object({
  subject: Type.String(),
  clientId: Type.String(),
  organization: nullable(Type.String()),
  scopes: Type.Array(Type.String()),
  createdAt: Type.Integer(),
  /** When access ended at the latest that was allowed with it. */
  expiresAt: Type.Integer()
})
export type ConsentRecord = Static<typeof ConsentRecord>

/** Key: always the same. What was revoked by what it has in common lately, for grants that are being made at that moment. */
export const RecentRevocationsRecord = Type.Object({
  /** Random name of the last one. */
  latest: Type.String(),
  /** The last few, each with what a grant had to have: the last one at the end. */
  revocations: Type.Array(
    Type.Object({
      name: Type.String(),
      subject: nullable(Type.String()),
      clientId: nullable(Type.String()),
      organization: nullable(Type.String())
    })
  ),
  expiresAt: Type.Integer()
})
export type RecentRevocationsRecord = Static<typeof RecentRevocationsRecord>

/** Key: issuer, algorithm and sequence number, so that of many processes that want a new key one makes it. */
export const SigningKeyRecord = Type.Object({
  issuer: Type.String(),
  alg: Type.String(),
  sequence: Type.Integer(),
  kid: Type.String(),
  publicJwk: Type.Record(Type.String(), Type.Unknown()),
  /** Encrypted. */
  privateJwk: Encrypted(),
  createdAt: Type.Integer(),
  /** When it begins to sign; it is published before. */
  activeFrom: Type.Integer(),
  /** When the keys before it leave the key set. */
  previousUntil: Type.Integer(),
  /** When it leaves the key set itself, because nobody is known to sign with its algorithm any more; null while somebody does. */
  retiresAt: nullable(Type.Integer())
})
export type SigningKeyRecord = Static<typeof SigningKeyRecord>

export const COLLECTIONS = {
  clients: defineCollection({ name: 'clients', record: ClientRecord, indexes: ['registeredBy'], expiry: 'forgetAt' }),
  clientDocuments: defineCollection({ name: 'client_documents', record: ClientDocumentRecord, expiry: 'expiresAt' }),
  clientAssertions: defineCollection({
    name: 'client_assertions',
    record: ClientAssertionRecord,
    expiry: 'expiresAt',
    shortLived: true
  }),
  initialAccessTokens: defineCollection({
    name: 'initial_access_tokens',
    record: InitialAccessTokenRecord,
    expiry: 'expiresAt'
  }),
  interactions: defineCollection({
    name: 'interactions',
    record: InteractionRecord,
    expiry: 'expiresAt',
    shortLived: true
  }),
  deviceAuthorizations: defineCollection({
    name: 'device_authorizations',
    record: DeviceAuthorizationRecord,
    expiry: 'expiresAt',
    shortLived: true
  }),
  consents: defineCollection({
    name: 'consents',
    record: ConsentRecord,
    indexes: ['subject', 'clientId', 'organization'],
    expiry: 'expiresAt'
  }),
  pushedRequests: defineCollection({
    name: 'pushed_requests',
    record: PushedRequestRecord,
    expiry: 'expiresAt',
    shortLived: true
  }),
  grants: defineCollection({
    name: 'grants',
    record: GrantRecord,
    indexes: ['subject', 'clientId', 'organization'],
    expiry: 'expiresAt'
  }),
  recentRevocations: defineCollection({
    name: 'recent_revocations',
    record: RecentRevocationsRecord,
    expiry: 'expiresAt'
  }),
  signingKeys: defineCollection({ name: 'signing_keys', record: SigningKeyRecord, indexes: ['issuer'] })
}

/** How long a record stays, for the reference page; `cleanup()` removes it after that. Names of options in backticks. */
export const LIFETIMES: { readonly [collection in keyof typeof COLLECTIONS]: string } = {
  clients:
    '`dynamicRegistration.unusedTtl` without a consent; `idleTtl` after the last grant can have ended; then its name for 180 days (one day if it was never used). Clients of the app: until they are removed',
  clientDocuments: '2 days after it was fetched, or as long as a grant of the client',
  clientAssertions: 'until the assertion has expired',
  initialAccessTokens: 'until it has expired',
  interactions: '`interactionTtl`',
  deviceAuthorizations: '`deviceAuthorization.codeTtl`',
  consents: '`grantTtl` after the last decision, or until its access is revoked',
  pushedRequests: '`pushedRequestTtl`',
  grants: '`codeTtl` until the code is redeemed, then `refreshTokenTtl` after the last use and `grantTtl` at most',
  recentRevocations: 'an hour after the last one',
  signingKeys:
    '`keyRotationInterval`, and a day after its last signature; an hour more where its algorithm is not signed with any more'
}

/** Everything that the authorization server stores: for migrations, and for moving to another database. */
export const collections: readonly CollectionDeclaration[] = Object.freeze(Object.values(COLLECTIONS))

export interface Records {
  readonly clients: Collection<ClientRecord>
  readonly clientDocuments: Collection<ClientDocumentRecord>
  readonly clientAssertions: Collection<ClientAssertionRecord>
  readonly initialAccessTokens: Collection<InitialAccessTokenRecord>
  readonly interactions: Collection<InteractionRecord>
  readonly deviceAuthorizations: Collection<DeviceAuthorizationRecord>
  readonly consents: Collection<ConsentRecord>
  readonly pushedRequests: Collection<PushedRequestRecord>
  readonly grants: Collection<GrantRecord>
  readonly recentRevocations: Collection<RecentRevocationsRecord>
  readonly signingKeys: Collection<SigningKeyRecord>
}

export function openRecords(driver: StorageDriver): Records {
  return {
    clients: openCollection(driver, COLLECTIONS.clients),
    clientDocuments: openCollection(driver, COLLECTIONS.clientDocuments),
    clientAssertions: openCollection(driver, COLLECTIONS.clientAssertions),
    initialAccessTokens: openCollection(driver, COLLECTIONS.initialAccessTokens),
    interactions: openCollection(driver, COLLECTIONS.interactions),
    deviceAuthorizations: openCollection(driver, COLLECTIONS.deviceAuthorizations),
    consents: openCollection(driver, COLLECTIONS.consents),
    pushedRequests: openCollection(driver, COLLECTIONS.pushedRequests),
    grants: openCollection(driver, COLLECTIONS.grants),
    recentRevocations: openCollection(driver, COLLECTIONS.recentRevocations),
    signingKeys: openCollection(driver, COLLECTIONS.signingKeys)
  }
}
