/**
 * What a template gets. Facts and finished words side by side: a template may show our words or write its own from the facts.
 *
 * Every string is plain text. Templates must escape it, and must put values that others chose inside `<bdi>`; the
 * engine escapes `<%= %>` by itself.
 */
import type { ErrorPageReason, RedirectKind } from '@fastify-mcp-auth/core'
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
  readonly decisionUrl: string
  readonly client: ClientName
  readonly answersTo: {
    readonly kind: RedirectKind
    /** Host in ASCII (punycode for other scripts), or the scheme of an app. */
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

/** Something that the page warns of: a heading and a sentence. */
export interface Warning {
  readonly kind: 'loopback' | 'private-use' | 'imitation' | 'mixed-scripts'
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
  /** "2 tools: list notes, search", or null. */
  readonly tools: Sentence | null
  /** "Includes: read your notes, write notes", or null. */
  readonly includes: Sentence | null
  readonly destructive: boolean
  /** Checked and locked; it counts without being sent. */
  readonly required: boolean
  readonly checked: boolean
}

/** Short words without values. */
export interface ConsentWords {
  readonly askedBy: string
  readonly verified: string
  readonly notVerified: string
  readonly wholeName: string
  readonly answersTo: string
  readonly signedInAs: string
  readonly switchAccount: string
  readonly organization: string
  readonly pickOrganization: string
  readonly may: string
  readonly needed: string
  readonly irreversible: string
  readonly alreadyAllowed: string
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

/** The model of any page. `page` says which one it is, and is the name of its template. */
export type PageModel = ConsentPage | FailurePage

/** Length in characters, as a reader counts them, from which on a name is shortened in the heading. */
export const SHORT_NAME = 40
