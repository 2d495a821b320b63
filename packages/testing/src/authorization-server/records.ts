/** What a fake authorization server knows, in memory and in the clear, so that a test can look at all of it. */

/** A client, from registration, from `addClient`, or from a metadata document. */
export interface FakeClient {
  readonly clientId: string
  readonly clientSecret: string | null
  /** Epoch seconds; null for never. */
  readonly secretExpiresAt: number | null
  readonly metadata: { readonly [member: string]: unknown }
}

/** What a person allowed, or a client got for itself. Ends once and for all. */
export interface FakeGrant {
  readonly grantId: string
  readonly clientId: string
  readonly subject: string
  readonly scopes: readonly string[]
  readonly resource: string | null
  readonly issuedAt: number
  /** Thumbprint of the key that its tokens are bound to. */
  readonly dpopJkt: string | null
  /** Null while it lives. `reuse`: a spent refresh token or code came a second time. */
  endedBy: 'reuse' | 'revocation' | 'test' | null
}

/** A code that was given to the browser. */
export interface FakeCode {
  readonly code: string
  readonly grant: FakeGrant
  readonly redirectUri: string | null
  readonly codeChallenge: string | null
  readonly expiresAt: number
  redeemed: boolean
}

/** An access or refresh token. */
export interface FakeToken {
  readonly token: string
  readonly grant: FakeGrant
  readonly scopes: readonly string[]
  readonly issuedAt: number
  readonly expiresAt: number | null
  revoked: boolean
  /** When a refresh token was used up by rotation; null for one that was not. */
  spentAt: number | null
}

/** One thing that happened, in order. */
export interface AuthorizationServerEvent {
  readonly type:
    | 'client.registered'
    | 'authorization.granted'
    | 'authorization.denied'
    | 'code.redeemed'
    | 'code.reused'
    | 'token.refreshed'
    | 'token.reused'
    | 'token.reused_in_grace'
    | 'token.issued'
    | 'token.revoked'
    | 'grant.ended'
    | 'request.refused'
  readonly at: number
  readonly clientId: string | null
  readonly subject: string | null
  readonly grantId: string | null
  /** The error of a refusal. */
  readonly error?: string
}

/** Everything that a server remembers. */
export class AuthorizationServerRecords {
  readonly clients = new Map<string, FakeClient>()
  readonly grants = new Map<string, FakeGrant>()
  readonly codes = new Map<string, FakeCode>()
  readonly accessTokens = new Map<string, FakeToken>()
  readonly refreshTokens = new Map<string, FakeToken>()
  readonly pushedRequests = new Map<string, { readonly parameters: URLSearchParams; readonly expiresAt: number }>()
  readonly proofIds = new Set<string>()
  readonly assertionIds = new Set<string>()
  readonly events: AuthorizationServerEvent[] = []

  /** Ends a grant with all of its tokens; the first cause stays. */
  end(grant: FakeGrant, cause: NonNullable<FakeGrant['endedBy']>, at: number): void {
    if (grant.endedBy !== null) return
    grant.endedBy = cause
    this.note('grant.ended', at, grant)
  }

  note(
    type: AuthorizationServerEvent['type'],
    at: number,
    about: { readonly clientId?: string | null; readonly subject?: string; readonly grantId?: string } = {},
    error?: string
  ): void {
    this.events.push({
      type,
      at,
      clientId: about.clientId ?? null,
      subject: about.subject ?? null,
      grantId: about.grantId ?? null,
      ...(error === undefined ? {} : { error })
    })
  }
}
