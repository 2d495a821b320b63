/**
 * What `app.authorizationServer` is, told without Fastify: the interface through which `consent`, `resource-server` and
 * the host app meet the authorization server at run time. `Request` and `Reply` are those of the framework.
 */
import type { AuthorizationServerEvent, AuthorizationServerEventType } from './authorization-server-events.ts'
import type { LocalizedText } from './pages/language.ts'
import type { RegisteredClients } from './registered-clients.ts'
import type { AccessTokenClaims } from './schemas/access-token-claims.ts'

/** A permission as the consent page shows it. */
export interface ConsentScope {
  readonly scope: string
  /** One short sentence with a verb: "Read your notes". In the words of the options; `inLanguage()` of `core/pages` picks a language. */
  readonly description: LocalizedText
  /** One more line, or null. */
  readonly detail: LocalizedText | null
  /** Names of the MCP tools that it unlocks, as far as the options say. */
  readonly tools: readonly string[]
  /** Descriptions of what it brings along, whether or not that is asked for by itself. */
  readonly includes: readonly LocalizedText[]
  /** Cannot be undone: marked, and not preselected unless it is the very thing that a step-up asks for. */
  readonly destructive: boolean
  /** Shown checked and locked: without it nothing works. */
  readonly required: boolean
  readonly preselected: boolean
  /** The person allowed it to this client before. */
  readonly granted: boolean
}

/** Everything a consent page needs to be honest. Frozen on the server; the browser carries only the handle. */
export interface ConsentRequest {
  readonly status: 'consent'
  /** Path to post the decision to: `decision` (`allow` or `deny`), `scope` (repeated), `account`, `organization`. */
  readonly decisionUrl: string
  readonly client: {
    readonly clientId: string
    readonly name: string
    /** The same in other languages, by language tag. No truer than `name`. @see RFC 7591 section 2.2 */
    readonly names: { readonly [languageTag: string]: string }
    /** Host that published the client's metadata document and so vouches for the name; null when nobody does. */
    readonly verifiedHost: string | null
    readonly clientUri: string | null
    /** Where it says that its logo is. A stranger's URL: fetch it by `createSafeFetch()`, never let a browser load it. */
    readonly logoUri: string | null
    readonly policyUri: string | null
    readonly tosUri: string | null
  }
  /** Where the answer goes; null when it goes to a device that waits for it, and no browser is sent anywhere. */
  readonly redirect: {
    readonly uri: string
    readonly kind: RedirectKind
    /** Host name, or the scheme of a private-use URI. */
    readonly host: string
    /** Source for the `form-action` directive, without which browsers block the redirect after the form. */
    readonly formAction: string
  } | null
  /** The device that waits for the answer; null for a request that came by browser. @see RFC 8628 section 5.4 */
  readonly device: {
    /** What it shows, as it shows it: who is asked has to find the very same on a device of their own. */
    readonly userCode: string
    /** Epoch second at which it asked. */
    readonly requestedAt: number
  } | null
  /** Where it may be used; at least one. Almost always there is only one. */
  readonly resources: readonly { readonly resource: string; readonly name: LocalizedText }[]
  /**
   * With more than one the person picks, in the field `organization` (its `id`); with one it is told for which the access is; with none
   * there is nothing to say.
   */
  readonly organizations: readonly { readonly id: string; readonly name: string }[]
  readonly scopes: readonly ConsentScope[]
  /** The person already uses this client and is asked for something new. */
  readonly stepUp: boolean
  /** This person has not allowed this client anything here yet, or took it back, or the answer went somewhere else. */
  readonly firstTime: boolean
  readonly account: {
    readonly displayName: string
    /** Where to sign in as somebody else; leads back here. */
    readonly switchUrl: string
    /** Hidden field `account` of the form: the decision counts only for the account that saw the page. */
    readonly proof: string
  }
  /** Languages that the client asked for, in the order of preference, as BCP 47 tags. */
  readonly uiLocales: readonly string[]
  /** How the client shows the page; null when it did not say. */
  readonly display: Display | null
  /** Seconds after which access ends even when it is used. */
  readonly grantTtl: number
  /** Epoch seconds. */
  readonly expiresAt: number
}

/** Nobody is signed in (any more): send the browser there; it comes back. */
export interface LoginRequest {
  readonly status: 'login'
  readonly loginUrl: string
}

/** How the client shows the page. @see OpenID Connect Core section 3.1.2.1 */
export type Display = 'page' | 'popup' | 'touch' | 'wap'

/** There is nothing to ask: it was allowed before and is remembered, or this person may not allow it. Send the browser there. */
export interface Settled {
  readonly status: 'settled'
  readonly redirectTo: string
}

/** Why a code was not accepted: there is none like it, it is too old, or it was answered or entered too often. */
export type DeviceCodeProblem = 'unknown' | 'expired' | 'used'

/** What the page for the codes of devices has to ask. @see RFC 8628 section 3.3 */
export interface DeviceCodeRequest {
  readonly status: 'device'
  /** Path to post `user_code` and `proof` to. */
  readonly submitUrl: string
  /**
   * The code that a link brought along, null without one. Ask whether a device of the person's own shows the very same, and never send the
   * form for them: a stranger may have made the link.
   */
  readonly userCode: string | null
  /** What was wrong with the code that was entered before; null when nothing was. */
  readonly problem: DeviceCodeProblem | null
  readonly account: {
    readonly displayName: string
    /** Where to sign in as somebody else; leads back here. */
    readonly switchUrl: string
  }
  /** Hidden field `proof` of the form: it counts only from this browser and for this account. */
  readonly proof: string
}

/** What a person is asked whom a client wants to be signed out. */
export interface SignOutRequest {
  readonly status: 'sign_out'
  /** Path to post `request`, `proof` and `decision` (`sign_out` or `stay`) to. */
  readonly submitUrl: string
  /** Hidden field `request`: what was asked, encrypted, of no use in another browser. */
  readonly request: string
  /** Hidden field `proof`: the answer counts only from this browser and for this account. */
  readonly proof: string
  /** Who asks, by the name that it gives itself; null when nobody says. */
  readonly client: { readonly clientId: string; readonly name: string } | null
  readonly account: { readonly displayName: string }
  /** Host, or scheme, of the place where the browser goes afterwards; null when it stays here. */
  readonly redirectHost: string | null
  /** For the `form-action` directive, without which browsers block the redirect after the form. */
  readonly formAction: string
}

/** The person has decided: the device knows by itself. */
export interface DeviceFinished {
  readonly status: 'device_finished'
  readonly outcome: 'allowed' | 'denied'
  readonly client: ConsentRequest['client']
}

/** `https`, a program on the person's own computer, or an app that owns a URI scheme. */
export type RedirectKind = 'https' | 'loopback' | 'private-use'

/** Why a person sees an error page. Each has words in the consent package. */
export type ErrorPageReason =
  | 'unknown_client'
  | 'client_forgotten'
  | 'client_metadata'
  | 'redirect_uri'
  | 'invalid_request'
  | 'interaction_unknown'
  | 'interaction_expired'
  | 'interaction_answered'
  | 'interaction_other_browser'
  | 'account_changed'
  | 'rate_limited'
  | 'unavailable'
  | 'server_error'

/** What a page says about a request that must not be redirected. */
export interface ErrorPage {
  readonly statusCode: number
  readonly reason: ErrorPageReason
  /** Name of the client, when it is known. Unverified. */
  readonly clientName: string | null
  /** Request id for support; the log has it too. */
  readonly reference: string
}

/**
 * Draws an error page for whoever sent the request, in their language.
 *
 * @returns a whole HTML document and the headers that protect it
 */
export type ErrorPageRenderer<Request = unknown, Reply = unknown> = (
  page: ErrorPage,
  to: { readonly request: Request; readonly reply: Reply }
) => Promise<{ html: string; headers: Record<string, string> }>

/** One consent that is in force, for lists of connected apps and for operators. */
export interface GrantSummary {
  readonly grantId: string
  readonly clientId: string
  readonly clientName: string
  /** The same in other languages, by language tag. */
  readonly clientNames: { readonly [languageTag: string]: string }
  readonly subject: string
  /** The organization that was picked at consent; null where there is none. */
  readonly organization: string | null
  readonly resources: readonly string[]
  readonly scopes: readonly string[]
  /** Epoch seconds. */
  readonly createdAt: number
  readonly lastUsedAt: number
  /** When it ends if nothing uses it; moves with each use, never past `endsAt`. */
  readonly expiresAt: number
  readonly endsAt: number
}

/** One consent that is in force, as the person who gave it recognises it: names in place of identifiers. */
export interface ConnectedApp {
  readonly grantId: string
  readonly client: {
    readonly clientId: string
    /** As it called itself when it was allowed. */
    readonly name: string
    /** The same in other languages, by language tag. @see RFC 7591 section 2.2 */
    readonly names: { readonly [languageTag: string]: string }
    /** Host that vouched for the name; null when nobody did. */
    readonly verifiedHost: string | null
  }
  readonly resources: readonly { readonly resource: string; readonly name: LocalizedText }[]
  /** The organization that was picked at consent, by its id where the app does not name it any more; null where there is none. */
  readonly organization: { readonly id: string; readonly name: string } | null
  /** What it may do now: permissions that the options do not have any more are left out. */
  readonly scopes: readonly {
    readonly scope: string
    readonly description: LocalizedText
    readonly destructive: boolean
  }[]
  /** Epoch seconds. */
  readonly createdAt: number
  /** When it last fetched a token. What it does with one is not counted, so this may be as old as a token can be. */
  readonly lastUsedAt: number
  /** When it ends if nothing uses it. */
  readonly expiresAt: number
  /** When it ends in any case. */
  readonly endsAt: number
}

/** Some of the connected apps of a person. */
export interface ConnectedApps {
  readonly apps: readonly ConnectedApp[]
  /** What the server's clock said, in epoch seconds: what is "today" in the list. */
  readonly now: number
  /** Pass it to get the next page; null when this was the last. */
  readonly cursor: string | null
}

/** A person whom the app's own login has signed in, in this browser. */
export interface SignedInPerson {
  readonly subject: string
  /** How the app names the account, for example the e-mail address. */
  readonly displayName: string
}

/** Some of the grants of a list. */
export interface GrantPage {
  readonly grants: readonly GrantSummary[]
  /** Pass it to get the next page; null when this was the last. */
  readonly cursor: string | null
}

/** Which grants are meant: those that meet all that is given here. At least one is needed. */
export interface GrantCriteria {
  readonly subject?: string
  readonly clientId?: string
  readonly organization?: string
}

/** A key that signs tokens, without anything of the key itself. */
export interface SigningKeySummary {
  readonly kid: string
  readonly alg: 'ES256' | 'RS256' | 'PS256' | 'EdDSA' | 'HS256'
  /**
   * `next`: published, does not sign yet. `previous`: does not sign any more, still published, because another took its place or these
   * options have no use for its algorithm.
   */
  readonly state: 'next' | 'current' | 'previous'
  /** Epoch seconds; null for a key of an external signer. */
  readonly createdAt: number | null
  readonly activeFrom: number | null
}

/** An access token of ours that is good now. */
export interface VerifiedAccessToken {
  readonly claims: AccessTokenClaims
  /** The app's own name for the user, which `claims.sub` is not where subjects are pairwise. */
  readonly subject: string
  /** What the app attached to the grant (`users.props`); null when there is nothing. */
  readonly props: unknown
}

/** How many records there are; `isMore` when there are more than were counted. */
export interface RecordCount {
  readonly count: number
  readonly isMore: boolean
}

/** Null where the storage cannot count. */
export interface AuthorizationServerStats {
  readonly clients: RecordCount | null
  readonly grants: RecordCount | null
  readonly interactions: RecordCount | null
}

/** Whether clients can get tokens, and if not, why. */
export interface AuthorizationServerHealth {
  readonly ok: boolean
  /** It answers. */
  readonly storage: boolean
  /** There is a key to sign with. */
  readonly keys: boolean
  /** Somebody serves the page where people decide. False only until the app is ready. */
  readonly consentPage: boolean
}

/** `app.authorizationServer`: what the other packages and the app itself may ask of the authorization server. */
export interface AuthorizationServer<Request = unknown, Reply = unknown> {
  readonly issuer: string
  /** Absolute path of the endpoints, `/oauth` by default. */
  readonly prefix: string
  readonly interactions: {
    /**
     * Which client an open question of this browser is about, for what its page loads besides, such as a logo. Decides nothing and does
     * not count.
     *
     * @returns null where there is no such question, or nobody is signed in
     * @throws UnavailableError
     */
    client(request: Request, handle: string): Promise<ConsentRequest['client'] | null>
    /**
     * What to show for a handle. Pages may be loaded twice. Where a remembered consent covers the request, this answers it, so no route
     * for it may take HEAD.
     *
     * @throws InteractionError
     * @throws OAuthError with status 429 for somebody who asks too often
     */
    details(request: Request, handle: string): Promise<ConsentRequest | LoginRequest | Settled>
    /**
     * @param choice `scopes` the person left ticked (required ones are added); `account` the proof from the model; `organization`
     *   the id of the one that was picked
     * @returns where to send the browser
     * @throws InteractionError
     */
    approve(
      request: Request,
      handle: string,
      choice: { scopes: readonly string[]; account: string; organization?: string | undefined }
    ): Promise<{ redirectTo: string }>
    /** @throws InteractionError */
    deny(request: Request, handle: string): Promise<{ redirectTo: string }>
  }
  /** Codes that devices show; null where there are none. @see RFC 8628 */
  readonly devices: {
    /** Path of the page (GET, `consent` or the app) and of the form (POST, served here). */
    readonly path: string
    /**
     * What to show to whoever comes to the page, by the query of the request. Gives the browser a cookie, if it has none.
     *
     * @throws InteractionError
     * @throws OAuthError with status 429 for somebody who asks too often
     * @throws UnavailableError
     */
    details(request: Request, reply: Reply): Promise<DeviceCodeRequest | DeviceFinished | LoginRequest>
    /**
     * Takes the code that a person entered. Allows nothing: what follows is an interaction like any other.
     *
     * @param entry `proof` from the model
     * @returns where to send the browser: to the consent page, or back here with what is wrong
     * @throws InteractionError for a form of another browser or account
     * @throws OAuthError with status 429 for somebody who tries too often
     * @throws UnavailableError
     */
    enter(request: Request, reply: Reply, entry: { userCode: string; proof: string }): Promise<{ redirectTo: string }>
  } | null
  /**
   * Sign-out that a client asks for; null where there is none: it needs the option `openid` and `users.signOut`.
   *
   * @see OpenID Connect RP-Initiated Logout 1.0
   */
  readonly signOuts: {
    /** Path of the page (GET, `consent` or the app) and of its form (POST, served here). */
    readonly path: string
    /**
     * What to ask, by the query of the request.
     *
     * @throws InteractionError for a question of another browser, or that is too old
     * @throws OAuthError with status 429 for somebody who asks too often
     * @throws UnavailableError
     */
    details(request: Request, reply: Reply): Promise<SignOutRequest | Settled>
    /**
     * Takes the answer: ends the session, unless the person wants to stay.
     *
     * @returns where to send the browser
     * @throws InteractionError
     * @throws UnavailableError
     */
    confirm(
      request: Request,
      reply: Reply,
      answer: { request: string; proof: string; decision: 'sign_out' | 'stay' }
    ): Promise<{ redirectTo: string }>
  } | null
  /** The app's own users, for pages beside the consent page. */
  readonly people: {
    /**
     * Who is signed in in this browser; null when nobody is.
     *
     * @throws UnavailableError
     */
    current(request: Request): Promise<SignedInPerson | null>
    /**
     * Where to sign in.
     *
     * @param target `returnTo` is a path on this origin; with `prompt: 'login'` the person signs in anew, perhaps as somebody else
     */
    loginUrl(target: { returnTo: string; prompt?: 'login' | 'select_account'; uiLocales?: readonly string[] }): string
    /**
     * Counts a request for a page beside the consent page, as the option `rateLimit.authorize` says, by address. Call it before anything
     * is looked up.
     *
     * @param page each has a counter of its own
     * @throws OAuthError with status 429 for somebody who asks too often
     */
    countRequest(request: Request, page: string): Promise<void>
  }
  readonly grants: {
    /**
     * The grants of a user that can still be used. Looks at no more than `limit` records, 1,000 at most and by default, so that a page
     * may have less, or none, and be followed by more: go on while there is a cursor. Newest first within a page.
     *
     * @throws RangeError for a `limit` that is no whole number from 1 on
     * @throws UnavailableError
     */
    list(subject: string, page?: { limit?: number; cursor?: string | null }): Promise<GrantPage>
    /** The same in words for the person: what a page of connected apps shows. Bounded, ordered and paged like `list`, throws the same. */
    describe(subject: string, page?: { limit?: number; cursor?: string | null }): Promise<ConnectedApps>
    /**
     * Ends a grant: its refresh token at once, its access tokens at once where they are checked by `local()` or introspection.
     *
     * @param owner subject of the user who asks. Always give it when the id comes from a browser: ids are no secrets. Events say `user`
     *   with it and `administrator` without
     * @returns false when there is no such grant of that user, or it was revoked before
     * @throws UnavailableError
     */
    revoke(grantId: string, owner?: string): Promise<boolean>
    /**
     * Ends every grant that meets all criteria, in the same way, and forgets what was allowed with them. Takes as long as there are
     * records, in portions with room for requests between them. Safe on several nodes at once; after an error call it again.
     *
     * Of requests that began before it, none leaves anything that is good, in whichever process. What people allow anew afterwards stays: to
     * keep somebody out, see to it first that they cannot sign in.
     *
     * @param by who wants it, for the events: `administrator` when left out
     * @returns how many grants this call ended
     * @throws TypeError without a criterion, or for one that is no string
     * @throws UnavailableError
     */
    revokeAll(criteria: GrantCriteria, by?: 'user' | 'administrator'): Promise<number>
  }
  readonly clients: RegisteredClients
  readonly keys: {
    /** The keys that can be used to verify tokens. */
    list(): Promise<readonly SigningKeySummary[]>
    /**
     * Makes successors for all keys that this server signs with, not for those of external signers. Called by many processes at once it
     * makes one for each, and while one waits to be used, none. Returns the keys as they are then.
     *
     * A key of ours that the options have no use for any more, because of another algorithm or an external signer, needs no successor: it
     * goes by itself, a day and an hour after the last process that signed with it.
     *
     * @param how `immediately` after a key was stolen: the new key signs at once, and no token that a key of ours signed before is good any
     *   more, whether the options still have a use for that key or not (other processes follow within a minute). Else a new key is published for an hour before it signs, and the old one stays
     *   published for a day after that: nobody notices.
     * @throws UnavailableError
     */
    rotate(how?: { immediately?: boolean }): Promise<readonly SigningKeySummary[]>
  }
  /**
   * Checks one of our own access tokens, its grant included. Does not check scopes.
   *
   * @param resource the canonical resource identifier that the token must be for
   * @throws OAuthError `invalid_token`
   * @throws UnavailableError when the storage does not answer
   */
  verifyAccessToken(token: string, resource: string): Promise<VerifiedAccessToken>
  /** Whether a token looks like an access token of this server, by shape and issuer. Proves nothing. */
  looksLikeOurs(token: string): boolean
  /**
   * Removes what is expired, and tells of the grants among it (`grant.expired`), in bounded batches with room for requests between
   * them. Safe on every node at the same time; what one call leaves, the next one finds. Issuers that share a database each tell of
   * their own grants, and have a week for it.
   *
   * @param bounds about `limit` records at most; without it, all
   * @returns how many records went
   */
  cleanup(bounds?: { limit?: number }): Promise<number>
  /**
   * How much is stored for this issuer, what is expired but not removed yet included. Costs one bounded count per line: never more than
   * reading `limit` entries of an index, however much there is.
   *
   * @param bounds counts no further than `limit`, 10,000 by default
   */
  stats(bounds?: { limit?: number }): Promise<AuthorizationServerStats>
  /** For readiness probes. Asks the storage one small question. Does not reject when it is down. */
  health(): Promise<AuthorizationServerHealth>
  /**
   * Tells of everything that happens. What a listener throws is logged and changes nothing.
   *
   * @returns a function that ends it
   */
  on<T extends AuthorizationServerEventType>(
    type: T,
    listener: (event: AuthorizationServerEvent<T>) => unknown
  ): () => void
  /**
   * Called by whoever serves `GET {prefix}/interaction/:handle` and draws the error pages; at most once.
   *
   * @param pages `signedOutUrl`: path of the page where a sign-out ends, `/` when left out
   */
  present(pages: { error: ErrorPageRenderer<Request, Reply>; signedOutUrl?: string | undefined }): void
}

/** An interaction that cannot go on. Shown as a page, never as a redirect. */
export class InteractionError extends Error {
  override readonly name = 'InteractionError'
  readonly reason: ErrorPageReason
  readonly statusCode: number
  readonly clientName: string | null

  constructor(
    reason: ErrorPageReason,
    details: { statusCode?: number; clientName?: string | null; cause?: unknown } = {}
  ) {
    super(reason, details.cause === undefined ? undefined : { cause: details.cause })
    this.reason = reason
    this.statusCode = details.statusCode ?? 400
    this.clientName = details.clientName ?? null
  }
}

/** By its name, so that errors of another copy of this package count. */
export function isInteractionError(value: unknown): value is InteractionError {
  return value instanceof Error && value.name === 'InteractionError'
}
