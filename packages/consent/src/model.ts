/**
 * What a template gets. Facts and finished words side by side: a template may show our words or write its own from the facts.
 *
 * Every string is plain text. Templates must escape it, and must put values that others chose inside `<bdi>`; the
 * engine escapes `<%= %>` by itself.
 */
import type { DeviceCodeProblem, ErrorPageReason, RedirectKind } from '@fastify-mcp-auth/core'
import type { Page, Sentence } from '@fastify-mcp-auth/core/pages'

/**
 * The question. A replaced `consent.eta` has to keep three facts on the page, or people cannot judge what they allow:
 * who asks (`client`), where the answer goes (`answersTo`) and what it may do (`scopes`).
 *
 * The form posts to `decisionUrl`: `account` (hidden), `scope` for each ticked checkbox, `organization` where there is a choice,
 * `decision` = `allow` or `deny`.
 */
export interface ConsentPage extends Page {
  readonly page: 'consent'
  readonly heading: Sentence
  readonly intro: Sentence
  /** Path to post the form to. */
  readonly decisionUrl: string
  readonly client: AskingClient
  readonly answersTo: {
    readonly kind: RedirectKind | 'device'
    /** Host in ASCII (punycode for other scripts), the scheme of an app, or the code that a device shows. */
    readonly host: string
    readonly words: Sentence
  }
  readonly account: {
    readonly displayName: string
    readonly switchUrl: string
    /** Value of the hidden field `account`. */
    readonly proof: string
  }
  /** Empty when there is nothing to fear. */
  readonly warnings: readonly Warning[]
  /** The organization that the access is for, where there is one and nothing to pick. */
  readonly organization: string | null
  /** Where there is a choice: radio buttons named `organization`, with `id` as value, none of them checked. Else empty. */
  readonly organizations: readonly { readonly id: string; readonly name: string }[]
  /** What is asked; at a step-up only what is new. */
  readonly scopes: readonly ScopeLine[]
  /** At a step-up: what it has already. Part of the same form. */
  readonly alreadyAllowed: readonly ScopeLine[]
  readonly stepUp: boolean
  readonly until: Sentence
  /** Epoch seconds after which the question can no longer be answered. */
  readonly expiresAt: number
  /** Page where it can be taken back; null when there is none. */
  readonly manageUrl: string | null
  /** For those who want to know exactly. Folded away. */
  readonly details: readonly Detail[]
  readonly words: ConsentWords
}

/** The name of a client as the pages show it. */
export interface ClientName {
  /** The whole name, without control characters. */
  readonly name: string
  /** At most {@link SHORT_NAME} characters, for the heading. The same as `name` when that is short. */
  readonly shortName: string
  /** Host that vouches for the name, in ASCII; null when nobody does. */
  readonly verifiedHost: string | null
}

/** The client that asks. */
export interface AskingClient extends ClientName {
  /** Identifier of the client; for a client with a metadata document the URL of that. */
  readonly clientId: string
  /** Path of its logo on this origin; null when it has none that can be shown, or nobody vouches for the name that it stands for. */
  readonly logoUrl: string | null
  /** The person did not allow it anything here before. */
  readonly firstTime: boolean
}

/** Something that the page warns of: a heading and a sentence. */
export interface Warning {
  readonly kind: 'loopback' | 'private-use' | 'device' | 'first-time' | 'imitation' | 'mixed-scripts'
  /** What to do, or what to look at. */
  readonly lead: Sentence
  readonly text: Sentence
}

/** One checkbox. */
export interface ScopeLine {
  /** Value of the checkbox. */
  readonly scope: string
  readonly description: string
  readonly detail: string | null
  /** The MCP tools that it unlocks, as far as they are known; the dangerous ones first. */
  readonly tools: readonly ToolLine[]
  /** "2 tools: list notes, search", or null. With more than {@link SHOWN_TOOLS}, the first ones. */
  readonly toolsText: Sentence | null
  /** All of them by name, when `toolsText` does not have them all. */
  readonly allToolsText: Sentence | null
  /** "Includes: read your notes, write notes", or null. */
  readonly includes: Sentence | null
  /** It cannot be undone, or one of its tools cannot. */
  readonly destructive: boolean
  /** Checked and locked; it counts without being sent. */
  readonly required: boolean
  readonly checked: boolean
}

/** An MCP tool by the name that people see. */
export interface ToolLine {
  readonly name: string
  readonly title: string
  /** The server says that what it does cannot be undone. */
  readonly destructive: boolean
}

/** One line of the details. */
export interface Detail {
  readonly term: string
  readonly value: string
  /** Where the value may be followed; null for what a stranger wrote. Open it in a tab of its own, without a referrer. */
  readonly url: string | null
}

/** Short words without values. */
export interface ConsentWords {
  readonly askedBy: string
  readonly verified: string
  readonly notVerified: string
  /** "first time", or that it was allowed before. */
  readonly familiarity: string
  readonly wholeName: string
  readonly answersTo: string
  readonly signedInAs: string
  readonly switchAccount: string
  readonly organization: string
  readonly pickOrganization: string
  readonly may: string
  readonly needed: string
  readonly irreversible: string
  readonly allTools: string
  readonly alreadyAllowed: string
  readonly details: string
  readonly manage: string
  readonly deny: string
  readonly allow: string
}

/** Why it does not go on: what happened, what that means, the next step. */
export interface FailurePage extends Page {
  readonly page: 'error'
  readonly reason: ErrorPageReason
  readonly statusCode: number
  readonly heading: Sentence
  readonly text: Sentence
  readonly next: Sentence
  /** Request id; the log has it too. */
  readonly reference: string
  readonly words: { readonly reference: string }
}

/** What happened a moment ago: an app was disconnected, all were, or nothing was because the page was not for this account any more. */
export type ConnectedAppsNotice = 'one' | 'all' | 'stale'

/**
 * What a person has connected. The form posts to the same address: `account` (hidden), and `revoke`, which is the `grantId` of an app
 * or `all`.
 *
 * This is also the answer to a request that accepts `application/json`, and the same two members in JSON are taken there.
 */
export interface ConnectedAppsPage extends Page {
  readonly page: 'connected-apps'
  readonly heading: Sentence
  readonly intro: Sentence
  readonly notice: { readonly kind: ConnectedAppsNotice; readonly words: Sentence } | null
  readonly account: {
    readonly displayName: string
    readonly switchUrl: string
    /** Value of the hidden field `account`. */
    readonly proof: string
  }
  readonly apps: readonly ConnectedAppEntry[]
  /** Whether there is more than one, here or on other pages of the list. */
  readonly hasSeveral: boolean
  /** Of the list; relative to this page, and null where there is none. */
  readonly nextUrl: string | null
  readonly firstUrl: string | null
  readonly words: ConnectedAppsWords
}

/** One app, allowed once. The same client may be there more than once: each installation was allowed by itself. */
export interface ConnectedAppEntry {
  readonly grantId: string
  readonly client: ClientName
  /** As it stands in a sentence: in quotation marks when nobody vouches for it. */
  readonly named: Sentence
  readonly resources: readonly { readonly resource: string; readonly name: string }[]
  readonly uses: Sentence
  readonly organization: string | null
  readonly scopes: readonly { readonly scope: string; readonly description: string; readonly destructive: boolean }[]
  readonly connected: Moment
  /** When it last fetched a token: while it works, it does so several times an hour. */
  readonly lastActive: Moment
  /** When access ends in any case. */
  readonly ends: Moment
  /** Label of its button, as plain text. */
  readonly disconnect: string
}

/** When something was or will be, as a number and in words. */
export interface Moment {
  /** Epoch seconds. */
  readonly at: number
  /** "Connected Nov 27, 2026", "last active yesterday". */
  readonly words: Sentence
}

/** Short words without values, and sentences about the whole page. */
export interface ConnectedAppsWords {
  readonly signedInAs: string
  readonly switchAccount: string
  readonly verified: string
  readonly notVerified: string
  readonly organization: string
  readonly uses: string
  readonly may: string
  readonly irreversible: string
  readonly disconnect: string
  readonly disconnectAll: string
  readonly disconnectAllText: Sentence
  readonly next: string
  readonly first: string
  readonly note: Sentence
}

/** Where a sign-out ends. Says so only when it is true. */
export interface SignedOutPage extends Page {
  readonly page: 'signed-out'
  readonly heading: Sentence
  readonly text: Sentence
  /** Null for somebody who is still signed in. */
  readonly signInUrl: string | null
  /** Page of connected apps, which a sign-out does not end; null where there is none. */
  readonly manageUrl: string | null
  readonly words: { readonly signIn: string; readonly manage: string }
}

/**
 * Asks for the code that a device shows, or, where a link brought one along, whether a device of the person's own shows the same. A
 * replaced `device.eta` has to keep `caution` on the page: whoever made the person come here may be somebody else.
 *
 * The form posts to `submitUrl`: `user_code` and `proof` (hidden). It allows nothing yet: the question follows.
 *
 * @see RFC 8628 sections 3.3 and 5.4
 */
export interface DevicePage extends Page {
  readonly page: 'device'
  readonly heading: Sentence
  readonly text: Sentence
  /** That the code has to be on a device of the person's own. */
  readonly caution: Sentence
  readonly submitUrl: string
  /** The code to compare, for a hidden field; null when the person has to type one. */
  readonly userCode: string | null
  /** What was wrong with the code before; null when nothing was. */
  readonly problem: { readonly kind: DeviceCodeProblem; readonly words: Sentence } | null
  readonly account: { readonly displayName: string; readonly switchUrl: string }
  /** Value of the hidden field `proof`. */
  readonly proof: string
  /** Where another code can be typed, relative to this page; null when that is here. */
  readonly otherCodeUrl: string | null
  readonly words: DeviceWords
}

/** Short words without values. */
export interface DeviceWords {
  readonly signedInAs: string
  readonly switchAccount: string
  readonly code: string
  /** Of the button that sends the code. */
  readonly proceed: string
  readonly otherCode: string
}

/** The person has decided for a device, which goes on by itself. */
export interface DeviceDonePage extends Page {
  readonly page: 'device-done'
  readonly outcome: 'allowed' | 'denied'
  readonly client: ClientName
  readonly heading: Sentence
  readonly text: Sentence
  /** Page where it can be taken back; null when there is none, or nothing was allowed. */
  readonly manageUrl: string | null
  readonly words: { readonly manage: string }
}

/**
 * Asks whether to sign out, because somebody led the browser here.
 *
 * The form posts to `submitUrl`: `request` and `proof` (hidden), `decision` = `sign_out` or `stay`.
 *
 * @see OpenID Connect RP-Initiated Logout 1.0 section 2
 */
export interface SignOutPage extends Page {
  readonly page: 'sign-out'
  readonly heading: Sentence
  readonly text: Sentence
  readonly submitUrl: string
  /** Values of the hidden fields. */
  readonly request: string
  readonly proof: string
  /** Who asks, as it calls itself: nobody vouches for it here. Null when nobody says. */
  readonly client: ClientName | null
  /** As it stands in a sentence, in quotation marks; null when nobody says. */
  readonly named: Sentence | null
  readonly account: { readonly displayName: string }
  /** Host where the browser goes after that, in ASCII; null when it stays here. */
  readonly goesTo: string | null
  readonly words: {
    readonly askedBy: string
    readonly notVerified: string
    readonly signedInAs: string
    readonly goesTo: string
    readonly stay: string
    readonly signOut: string
  }
}

/** The model of any page. `page` says which one it is, and is the name of its template. */
export type PageModel =
  | ConsentPage
  | ConnectedAppsPage
  | DevicePage
  | DeviceDonePage
  | SignOutPage
  | SignedOutPage
  | FailurePage

/** Length in characters, as a reader counts them, from which on a name is shortened in the heading. */
export const SHORT_NAME = 40

/** Number of tools that a line of the page names. */
export const SHOWN_TOOLS = 6
