/** Options of the authorization server: check, type, default and documentation in one literal. */
import {
  Adapter,
  AdapterThat,
  ClientMetadata,
  type Clock,
  isStorage,
  KNOWN_PRIVATE_USE_URIS,
  type SafeFetch,
  type SplitStorage,
  STORAGE_VERBS,
  type StorageDriver
} from '@fastify-mcp-auth/core'
import { type LocalizedText, LocalizedTextSchema } from '@fastify-mcp-auth/core/pages'
import { type Static, Type } from 'typebox'
import type { ClientSource } from './clients/client-source.ts'
import type { DocumentPolicy } from './clients/documents.ts'
import type { EventSink } from './events.ts'
import type { AssertedUser, ExternalSigner, RegistrationPolicy, UserAdapter } from './types.ts'

const ScopeDefinition = Type.Object(
  {
    /** One short sentence with a verb, for people: "Read your notes", or `{ en: 'Read your notes', de: 'Notizen lesen' }`. */
    description: LocalizedTextSchema,
    /** One more line for the consent page, or that by language tag. */
    detail: Type.Optional(LocalizedTextSchema),
    /** Names of the MCP tools that the scope unlocks, for the consent page. */
    tools: Type.Optional(Type.Array(Type.String())),
    /** Other scopes that it brings along; shown, granted and checked with it. */
    implies: Type.Optional(Type.Array(Type.String())),
    /** Part of every request and shown locked, asked for or not: without it nothing works. */
    required: Type.Optional(Type.Boolean()),
    /** What it allows cannot be undone: marked on the consent page and not preselected. */
    destructive: Type.Optional(Type.Boolean())
  },
  { additionalProperties: false }
)

const AccessTokenDefinition = Type.Object(
  {
    /** `jwt`: resource servers check it by themselves (RFC 9068). `opaque`: they ask, by introspection or `local()`, and it says nothing to others. */
    format: Type.Optional(Type.Union([Type.Literal('jwt'), Type.Literal('opaque')])),
    /** Lifetime in seconds; `accessTokenTtl` when left out. */
    lifetime: Type.Optional(Type.Integer({ minimum: 30, maximum: 86_400 })),
    /** ES256 when left out; it also signs introspection answers. HS256 is faster and only for `local()`: nobody else can check it. */
    algorithm: Type.Optional(
      Type.Union([
        Type.Literal('ES256'),
        Type.Literal('RS256'),
        Type.Literal('PS256'),
        Type.Literal('EdDSA'),
        Type.Literal('HS256')
      ])
    ),
    /** Of what `users.claims` returns, the claims that these tokens carry; all when left out. */
    claims: Type.Optional(Type.Array(Type.String()))
  },
  { additionalProperties: false }
)

const ResourceDefinition = Type.Object(
  {
    /** Name of the resource for people: "Acme Notes", or `{ en: 'Acme Notes', de: 'Acme Notizen' }`. */
    name: LocalizedTextSchema,
    /** What may be asked for, by scope. A text, in one language or by language tag, is short for `{ description }`. */
    scopes: Type.Record(Type.String(), Type.Union([LocalizedTextSchema, ScopeDefinition])),
    /** Scopes of a request that names none; every scope that is not destructive when left out. */
    defaultScopes: Type.Optional(Type.Array(Type.String())),
    /** The resource of a request that names none. Not needed when there is only one resource. */
    default: Type.Optional(Type.Boolean()),
    /** Access tokens for this resource. */
    accessToken: Type.Optional(AccessTokenDefinition)
  },
  { additionalProperties: false }
)

const SecretDigest = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' })

const ClientDefinition = Type.Object(
  {
    /** Identifier that the client sends. */
    client_id: Type.String({ minLength: 1, maxLength: 255 }),
    /** Name for the consent page. By writing it here you vouch for it. */
    client_name: Type.String({ minLength: 1, maxLength: 200 }),
    /** Exact redirect URIs; http on a loopback host matches with any port. None for a resource server. */
    redirect_uris: Type.Array(Type.String(), { default: [] }),
    /** Exact URIs to which a person may be sent after a sign-out that the client asked for. @see OpenID Connect RP-Initiated Logout 1.0 */
    post_logout_redirect_uris: Type.Optional(Type.Array(Type.String())),
    /** SHA-256 digest (base64url) of the secret of a confidential client, or several while one replaces the other. */
    client_secret_digest: Type.Optional(
      Type.Union([SecretDigest, Type.Array(SecretDigest, { minItems: 1, maxItems: 5 })])
    ),
    /** What it may trade for tokens, by the names of RFC 7591; `authorization_code` and `refresh_token` when left out. */
    grant_types: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    /**
     * What it may do in its own name, without a person: scopes by resource. Needs a secret or keys. The `sub` of such tokens is the
     * client_id. @see RFC 6749 section 4.4
     */
    client_credentials: Type.Optional(Type.Record(Type.String(), Type.Array(Type.String()))),
    /** Public keys of a client that proves itself by `private_key_jwt`. */
    jwks: Type.Optional(ClientMetadata.properties.jwks),
    /** Where such a client publishes its keys. */
    jwks_uri: Type.Optional(Type.String()),
    /** Resources of which it is the resource server: it may ask about their tokens, and get none for itself. Needs a secret or keys. @see RFC 7662 */
    introspects: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    /** Refuse its authorization requests unless it pushed them. @see RFC 9126 section 6 */
    require_pushed_authorization_requests: Type.Optional(Type.Boolean()),
    /** Home page of the client, shown on the consent page. */
    client_uri: Type.Optional(Type.String()),
    /** Its logo for the consent page: an https URL of a PNG, JPEG, GIF or WebP. */
    logo_uri: Type.Optional(Type.String())
  },
  { additionalProperties: false }
)

const DeviceAuthorization = Type.Object(
  {
    /** Seconds that a person has to enter the code of a device and to decide. */
    codeTtl: Type.Integer({ default: 600, minimum: 60, maximum: 1800 }),
    /** Seconds that a device waits between two questions; longer for one that does not. */
    interval: Type.Integer({ default: 5, minimum: 1, maximum: 60 }),
    /** Path of the app's own page for the codes; without it `@fastify-mcp-auth/consent` serves it. People may have to type it: keep it short. */
    pageUrl: Type.Optional(Type.String({ pattern: '^(/[A-Za-z0-9._~-]+)+$' }))
  },
  { additionalProperties: false }
)
export type DeviceAuthorizationOptions = Static<typeof DeviceAuthorization>

const IdentityProvider = Type.Object(
  {
    /** Exactly as its assertions have it in `iss`. */
    issuer: Type.String({ minLength: 1 }),
    /** Where its keys are, if not where its metadata says. */
    jwksUri: Type.Optional(Type.String({ pattern: '^https?://' })),
    /** Its public keys as a JWK set, for an issuer that is not asked. */
    jwks: Type.Optional(ClientMetadata.properties.jwks),
    /**
     * The user that an assertion is about, by its verified claims, or null for nobody: nobody is made here. Go by `iss` and `sub`; an e-mail
     * address may be somebody else's tomorrow. With `users.organizations` it also says for which of them the access is, where there are several.
     */
    user: Type.Unsafe<AssertedUser>(Type.Function([], Type.Unknown()))
  },
  { additionalProperties: false }
)
export type IdentityProvider = Static<typeof IdentityProvider>

const Workload = Type.Object(
  {
    /** By which name it is known here, `sub` and `client_id` of its tokens. Nobody else's: no client's and no user's. */
    client_id: Type.String({ minLength: 1, maxLength: 255 }),
    /** Name for lists and logs. */
    client_name: Type.String({ minLength: 1, maxLength: 200 }),
    /** What its assertions say, each claim exactly: `{ sub: 'system:serviceaccount:jobs:nightly' }`. */
    claims: Type.Record(Type.String({ minLength: 1 }), Type.String({ minLength: 1 })),
    /** What it may do: scopes by resource. */
    client_credentials: Type.Record(Type.String(), Type.Array(Type.String()))
  },
  { additionalProperties: false }
)

const WorkloadIssuer = Type.Object(
  {
    /** Exactly as its assertions have it in `iss`. */
    issuer: Type.String({ minLength: 1 }),
    /** Where its keys are, if not where its metadata says. */
    jwksUri: Type.Optional(Type.String({ pattern: '^https?://' })),
    /** Its public keys as a JWK set, for an issuer that is not asked. */
    jwks: Type.Optional(ClientMetadata.properties.jwks),
    /** Each assertion buys one token. False for a platform that hands the same one out until it expires, as Kubernetes does. */
    singleUse: Type.Boolean({ default: true }),
    /** Which of its workloads may do what. The others may do nothing. */
    workloads: Type.Array(Workload, { minItems: 1 })
  },
  { additionalProperties: false }
)
export type WorkloadIssuer = Static<typeof WorkloadIssuer>

const JwtBearer = Type.Object(
  {
    /** Identity providers of companies, which decide which of their people use which client here (ID-JAG). */
    identityProviders: Type.Array(IdentityProvider, { default: [] }),
    /** Platforms that tell the programs that run on them apart: Kubernetes, a CI system, a cloud. */
    workloadIssuers: Type.Array(WorkloadIssuer, { default: [] })
  },
  { additionalProperties: false }
)

/** What @fastify/rate-limit needs of an ioredis client. */
export interface RedisClient {
  defineCommand(name: string, definition: { numberOfKeys?: number; lua: string }): void
}

const RateLimit = Type.Object(
  {
    /** Authorization requests per minute, client and address; pages and decisions of interactions per address, each counted alone. */
    authorize: Type.Integer({ default: 500, minimum: 1 }),
    /** Registrations per minute and address. */
    register: Type.Integer({ default: 200, minimum: 1 }),
    /** Token requests per minute, kind of grant, client and address. Other endpoints for programs are counted alone, by the same number. */
    token: Type.Integer({ default: 500, minimum: 1 }),
    /** Codes of devices that one person may enter in a minute; four times as many are entered from one address. @see RFC 8628 section 5.1 */
    userCode: Type.Integer({ default: 10, minimum: 1 }),
    /**
     * Addresses, in CIDR notation, behind which many people share a hosted assistant. The default is what Anthropic publishes for
     * Claude (platform.claude.com/docs/en/api/ip-addresses). OpenAI's ranges change: openai.com/chatgpt-connectors.json.
     */
    sharedEgress: Type.Array(Type.String(), { default: ['160.79.104.0/21'] }),
    /** How many times as much these may ask. */
    sharedEgressFactor: Type.Integer({ default: 20, minimum: 1 }),
    /** An ioredis client in which all processes count together; without it each counts alone. While it is down they do, too. */
    redis: Type.Optional(Adapter<RedisClient>('defineCommand'))
  },
  { additionalProperties: false }
)

/** Lifetimes of registrations when nothing else is said, in seconds. */
export const REGISTRATION_LIFETIMES = Object.freeze({ unusedTtl: 7 * 86_400, idleTtl: 90 * 86_400 })

const DynamicRegistration = Type.Object(
  {
    /** Let nobody register without an initial access token from `app.authorizationServer.clients.issueInitialAccessToken()`. */
    initialAccessTokens: Type.Boolean({ default: false }),
    /** The app's own rules, asked for every registration and every update of one. */
    policy: Type.Optional(Type.Unsafe<RegistrationPolicy>(Type.Function([], Type.Unknown()))),
    /** Seconds after which a registration that led to no consent is forgotten. */
    unusedTtl: Type.Integer({ default: REGISTRATION_LIFETIMES.unusedTtl, minimum: 3600 }),
    /** Seconds for which a client is kept after its last grant has ended; every new grant renews it. */
    idleTtl: Type.Integer({ default: REGISTRATION_LIFETIMES.idleTtl, minimum: 86_400 })
  },
  { additionalProperties: false }
)

const ClientIdMetadataDocuments = Type.Object(
  {
    /** Whether documents of this host (with its port, if it has one) may be used; asked before anything is fetched, and for every request. */
    allowHost: Type.Optional(Type.Unsafe<NonNullable<DocumentPolicy['allowHost']>>(Type.Function([], Type.Unknown()))),
    /** Whether this client may be used, given its document; asked for every request. */
    allowClient: Type.Optional(
      Type.Unsafe<NonNullable<DocumentPolicy['allowClient']>>(Type.Function([], Type.Unknown()))
    )
  },
  { additionalProperties: false }
)

const KNOW_WHO_YOU_ARE: LocalizedText = {
  en: 'Know who you are',
  de: 'Wissen, wer Sie sind',
  fr: 'Savoir qui vous êtes',
  es: 'Saber quién eres',
  ja: 'あなたが誰であるかを確認する',
  ar: 'معرفة هويتك',
  'zh-Hans': '了解您的身份'
}

const IdentityScopes = Type.Object(
  {
    /** Gives an ID token; needed for the others. "Know who you are" when left out, in the languages of the pages. */
    openid: { ...LocalizedTextSchema, default: KNOW_WHO_YOU_ARE },
    /** Opens name, picture and the like. */
    profile: Type.Optional(LocalizedTextSchema),
    /** Opens email and email_verified. */
    email: Type.Optional(LocalizedTextSchema),
    /** Opens address. */
    address: Type.Optional(LocalizedTextSchema),
    /** Opens phone_number and phone_number_verified. */
    phone: Type.Optional(LocalizedTextSchema)
  },
  { additionalProperties: false, default: {} }
)

const OpenId = Type.Object(
  {
    /** Scopes that clients may ask for about the person, with the sentence that the consent page shows for each. */
    scopes: IdentityScopes,
    /** Signs ID tokens. OpenID Connect wants RS256 to be there; not every client can do another. */
    algorithm: Type.Union(
      [Type.Literal('RS256'), Type.Literal('ES256'), Type.Literal('PS256'), Type.Literal('EdDSA')],
      { default: 'RS256' }
    )
  },
  { additionalProperties: false }
)

export const Options = Type.Object(
  {
    /** Issuer identifier, the `iss` of every token: https, or http on a loopback host. Used exactly as written. @see RFC 8414 section 2 */
    issuer: Type.String({ minLength: 1 }),
    /**
     * Where clients, grants and keys are kept. Must be atomic. `{ default, shortLived }` keeps interactions, pushed requests and used
     * assertions in a database of their own, such as Redis.
     */
    storage: AdapterThat<StorageDriver | SplitStorage>(
      isStorage,
      `must have the methods ${STORAGE_VERBS.join(', ')}, or be { default, shortLived } with two that have`
    ),
    /** The app's own users, login and session. */
    users: Adapter<UserAdapter>('current', 'loginUrl', 'subject', 'find', 'displayName'),
    /** Protected resources by their canonical URI: what tokens can be issued for. @see RFC 8707 */
    resources: Type.Record(Type.String(), ResourceDefinition),
    /**
     * 32-byte keys in base64. The first encrypts signing keys and replayed responses at rest, all decrypt. Required when the
     * storage is durable or shared; every process needs the same.
     */
    encryptionKeys: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    /**
     * Seconds after which signing keys get successors; 0 for never (then call `keys.rotate()`). A new key is published an hour before
     * it signs, an old one leaves the key set a day after its last signature.
     */
    keyRotationInterval: Type.Integer({ default: 90 * 86_400, minimum: 0 }),
    /**
     * Keys that never leave a key management service. The first for an algorithm signs in the place of our own key, the others are only
     * published: put a new one behind the old one, wait an hour, then put it in front.
     */
    signers: Type.Array(Adapter<ExternalSigner>('sign'), { default: [] }),
    /**
     * OpenID Connect: ID tokens, the userinfo endpoint and its discovery document. Claims come from `users.claims`; without this option
     * none of it exists.
     */
    openid: Type.Optional(OpenId),
    /**
     * People have another `sub` for each site that clients come from. The salt must stay the same for ever: with another one everybody is
     * a stranger. Where `local()` checks a token, `request.auth.subject` still is the app's own.
     */
    pairwiseSubjects: Type.Optional(
      Type.Object({ salt: Type.String({ minLength: 32 }) }, { additionalProperties: false })
    ),
    /** Path of the endpoints. */
    prefix: Type.String({ default: '/oauth', pattern: '^(/[A-Za-z0-9._~-]+)+$' }),
    /**
     * Answer at `/authorize`, `/token` and `/register` as well, for clients that guess these paths (MCP 2025-03-26 had them) where the
     * MCP server is on this host. The metadata names the paths below `prefix` all the same.
     */
    rootAliases: Type.Boolean({ default: false }),
    /** Pre-registered clients. */
    clients: Type.Array(ClientDefinition, { default: [] }),
    /**
     * Clients that the app keeps itself, asked for after `clients` and before those that registered here. Where it has a `register`, it
     * keeps those that register from now on, which then have no lifetime and no management (RFC 7592).
     */
    clientSource: Type.Optional(Adapter<ClientSource>('find')),
    /** Dynamic client registration and its management, or false for none. @see RFC 7591, RFC 7592 */
    dynamicRegistration: Type.Union([Type.Literal(false), DynamicRegistration], { default: {} }),
    /** Accept https URLs of client ID metadata documents as client identifiers, or false to accept none. */
    clientIdMetadataDocuments: Type.Union([Type.Literal(false), ClientIdMetadataDocuments], { default: {} }),
    /**
     * How often metadata documents that nobody knows yet are fetched from one host in a minute, by each process, and a quarter of it for
     * one address; keys of clients likewise. Each URL that was read before has the same number for itself.
     */
    fetchesPerHost: Type.Integer({ default: 120, minimum: 1 }),
    /** Exact private-use redirect URIs that clients may register. */
    privateUseRedirectUris: Type.Array(Type.String(), { default: [...KNOWN_PRIVATE_USE_URIS] }),
    /** Lifetime of access tokens in seconds. */
    accessTokenTtl: Type.Integer({ default: 900, minimum: 30, maximum: 86_400 }),
    /** Seconds without use after which a refresh token ends. */
    refreshTokenTtl: Type.Integer({ default: 30 * 86_400, minimum: 60 }),
    /** Seconds after consent at which access ends even when it is used. */
    grantTtl: Type.Integer({ default: 90 * 86_400, minimum: 60 }),
    /** Seconds during which a retry with the previous refresh token gets the same response; 0 turns it off. */
    refreshGrace: Type.Integer({ default: 60, minimum: 0, maximum: 300 }),
    /** Lifetime of an authorization code in seconds. @see OAuth 2.1 section 4.1.2 */
    codeTtl: Type.Integer({ default: 60, minimum: 10, maximum: 600 }),
    /**
     * Pushed authorization requests (RFC 9126): `required` refuses a request whose parameters came by the browser, `off` has no such
     * endpoint.
     */
    pushedAuthorizationRequests: Type.Union([Type.Literal('optional'), Type.Literal('required'), Type.Literal('off')], {
      default: 'optional'
    }),
    /**
     * For which clients a consent is remembered, so that the same request again is answered without a page (and `prompt=none`
     * works): `known-clients` are those registered here whose answers go to an https address; `all-clients` adds metadata documents,
     * programs on the person's computer and private-use schemes, for which others can pass.
     */
    rememberedConsent: Type.Union([Type.Literal('known-clients'), Type.Literal('all-clients'), Type.Literal('never')], {
      default: 'known-clients'
    }),
    /**
     * Devices without a browser: they show a code that people enter on a page here. Only clients with the grant type may ask. Without this
     * option none of it exists. @see RFC 8628
     */
    deviceAuthorization: Type.Optional(DeviceAuthorization),
    /**
     * Tokens for assertions of others: of the identity provider of a company for its people, of a platform for its programs. Nobody is asked.
     * Without this option none of it exists. @see RFC 7523
     */
    jwtBearer: Type.Optional(JwtBearer),
    /** Seconds within which a pushed request must be used. @see RFC 9126 section 2.2 */
    pushedRequestTtl: Type.Integer({ default: 60, minimum: 5, maximum: 600 }),
    /** Seconds that a person has for sign-in and consent. */
    interactionTtl: Type.Integer({ default: 900, minimum: 60, maximum: 7200 }),
    /** How often may be asked, or false when something in front of the app limits it. An address has its /64 with it, and gets four times as much for all its clients together. */
    rateLimit: Type.Union([Type.Literal(false), RateLimit], { default: {} }),
    /** Where the app serves its own consent page, given the handle; without it `@fastify-mcp-auth/consent` must be registered. */
    interactionUrl: Type.Optional(Type.Function([Type.String()], Type.String())),
    /**
     * Told of every event from the boot on, for an audit trail of your own beside the log. Gets them within the request, so hand them on
     * quickly; what it throws or rejects with is logged. For single types of events: `app.authorizationServer.on`.
     */
    onEvent: Type.Optional(Type.Unsafe<EventSink>(Type.Function([], Type.Unknown()))),
    /** Time source, for tests. */
    clock: Type.Optional(Adapter<Clock>('now')),
    /** Fetches metadata documents; must guard what it fetches like `createSafeFetch` of core does. */
    fetch: Type.Optional(Type.Unsafe<SafeFetch>(Type.Function([], Type.Unknown())))
  },
  { additionalProperties: false }
)
export type Options = Static<typeof Options>

type WithDefaults =
  | 'issuer'
  | 'openid'
  | 'storage'
  | 'users'
  | 'resources'
  | 'clients'
  | 'rateLimit'
  | 'dynamicRegistration'
  | 'clientIdMetadataDocuments'
  | 'deviceAuthorization'
  | 'jwtBearer'

/** What an integrator writes: everything that has a default may be left out. */
export type AuthorizationServerOptions = Pick<Options, 'issuer' | 'storage' | 'users'> &
  Partial<Omit<Options, WithDefaults>> & {
    resources: { [resource: string]: ResourceOptions }
    clients?: ClientOptions[]
    openid?: OpenIdOptions
    rateLimit?: false | Partial<Static<typeof RateLimit>>
    dynamicRegistration?: false | Partial<Static<typeof DynamicRegistration>>
    clientIdMetadataDocuments?: false | Static<typeof ClientIdMetadataDocuments>
    deviceAuthorization?: Partial<DeviceAuthorizationOptions>
    jwtBearer?: JwtBearerOptions
  }

/** Whose assertions buy tokens. */
export interface JwtBearerOptions {
  identityProviders?: IdentityProvider[]
  workloadIssuers?: (Omit<WorkloadIssuer, 'singleUse'> & Partial<Pick<WorkloadIssuer, 'singleUse'>>)[]
}

/** A protected resource: its name and what may be asked for there. */
export type ResourceOptions = Pick<Static<typeof ResourceDefinition>, 'name'> &
  Partial<Omit<Static<typeof ResourceDefinition>, 'name' | 'scopes'>> & {
    scopes: { [scope: string]: LocalizedText | ScopeOptions }
  }

/** OpenID Connect: which scopes about the person, in which words, and what signs. */
export type OpenIdOptions = Partial<Omit<Static<typeof OpenId>, 'scopes'>> & {
  scopes?: Partial<Static<typeof IdentityScopes>>
}

/** A pre-registered client, or with `introspects` a resource server. */
export type ClientOptions = Omit<Static<typeof ClientDefinition>, 'redirect_uris'> & { redirect_uris?: string[] }

/** What a scope means to a person, and how it may be granted. */
export type ScopeOptions = Static<typeof ScopeDefinition>
