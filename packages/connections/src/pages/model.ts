/** What the templates are given: every word in the language of the reader, every URL ready. Typed, and the contract of own templates. */
import type { Page, Sentence } from '@fastify-mcp-auth/core/pages'
import type { ConnectionStatus, DiscoveryStep } from '../types.ts'

/** Grey: off. Green: works. Amber: a person can mend it. Red: somebody else has to. */
export type Tone = 'off' | 'good' | 'attention' | 'fault'

/** The one thing to do about a connection: a button that posts, or a link; for others it is only said. */
export interface Action {
  readonly text: string
  readonly kind: 'post' | 'link' | 'text'
  /** Path of ours; empty for `text`. */
  readonly url: string
}

/** A connection as every page shows it. */
export interface ConnectionCard {
  readonly id: string | null
  readonly server: string
  readonly name: string
  /** Null where it is the only one. */
  readonly account: Sentence | null
  readonly isShared: boolean
  readonly status: ConnectionStatus
  readonly tone: Tone
  readonly badge: string
  /** What is the matter; null where nothing is. */
  readonly why: Sentence | null
  readonly action: Action | null
  /** Path of the detail page; null where there is nothing to show. */
  readonly detailUrl: string | null
}

/** A line of a table of facts. */
export interface Fact {
  readonly term: string
  readonly value: Sentence
}

/** Names of things to click on and to read, by a short key of the page. */
export type Labels = { readonly [name: string]: string }

export interface IndexPage extends Page {
  readonly page: 'index'
  readonly heading: string
  readonly intro: Sentence
  readonly cards: readonly ConnectionCard[]
  readonly words: Labels
}

export interface BadgePage extends Page {
  readonly page: 'badge'
  readonly card: ConnectionCard
}

export interface ConnectPage extends Page {
  readonly page: 'connect'
  readonly heading: Sentence
  readonly intro: Sentence
  readonly facts: readonly Fact[]
  readonly kind: 'sign_in' | 'key' | 'nothing'
  readonly formUrl: string
  readonly cancelUrl: string
  /** Hidden fields of the form. */
  readonly fields: readonly { readonly name: string; readonly value: string }[]
  readonly words: Labels
}

/** What a tool is given, with what is in it. */
export interface ParamText {
  readonly name: string
  /** As the server calls it; empty where it does not say. */
  readonly type: string
  readonly isRequired: boolean
  readonly description: string | null
  readonly params: readonly ParamText[]
}

/** What somebody reads before a tool that changed is accepted. */
export interface DefinitionText {
  readonly params: readonly ParamText[]
  /** All of it, as JSON, with what would not be seen. */
  readonly text: string
}

/** A tool with its checkbox. */
export interface ToolLine {
  /** As the server calls it: what the form sends. */
  readonly name: string
  /** The same, harmless on a page. */
  readonly title: string
  /** All of it where the tool changed; elsewhere what somebody reads of it, with an ellipsis where it is cut. */
  readonly description: string | null
  readonly checked: boolean
  readonly changed: boolean
  /** Of this definition: the form that accepts it sends it as `hashes`, and nothing else is accepted. */
  readonly hash: string
  /** Null where nothing changed. */
  readonly definition: DefinitionText | null
}

/** Something that is sent besides the credential, with its field. */
export interface ParamLine {
  /** Name of the field. */
  readonly field: string
  readonly name: string
  /** Written, never shown: the field is empty, and left empty it changes nothing. */
  readonly isSecret: boolean
  readonly value: string
}

export interface ConnectionPage extends Page {
  readonly page: 'connection'
  readonly heading: Sentence
  readonly card: ConnectionCard
  readonly facts: readonly Fact[]
  readonly params: readonly ParamLine[]
  readonly paramsText: Sentence
  readonly tools: readonly ToolLine[] | null
  readonly hasChanges: boolean
  readonly syncedText: Sentence | null
  readonly canRefresh: boolean
  /** Path that `/refresh`, `/sync`, `/tools`, `/approve`, `/params` and `/disconnect` stand below. */
  readonly url: string
  readonly indexUrl: string
  readonly disconnectText: Sentence
  readonly words: Labels
}

export interface LeavePage extends Page {
  readonly page: 'leave'
  readonly heading: Sentence
  readonly text: Sentence
  readonly url: string
  readonly words: Labels
}

export interface FailurePage extends Page {
  readonly page: 'error'
  readonly code: string
  readonly heading: Sentence
  readonly text: Sentence
  readonly reference: string
  /** What to do next. */
  readonly next: { readonly text: string; readonly url: string }
  readonly words: Labels
}

/** A server in the lists of administrators. */
export interface ServerLine {
  readonly id: string
  readonly name: string
  readonly url: string
  readonly isDisabled: boolean
  readonly connections: string
  readonly working: string
  readonly attention: string
  /** How many tools the last look found, and when that was; null before there was one. */
  readonly tools: Sentence | null
  readonly detailUrl: string
}

/** Somebody's connection, and a day that matters for it. */
export interface OwnedLine {
  readonly name: string
  readonly owner: string
  readonly day: string
}

export interface DashboardPage extends Page {
  readonly page: 'dashboard'
  readonly heading: string
  readonly servers: readonly ServerLine[]
  readonly isComplete: boolean
  readonly people: string
  readonly expiring: readonly OwnedLine[]
  /** Connected last. */
  readonly recent: readonly OwnedLine[]
  readonly serversUrl: string
  readonly issuersUrl: string
  readonly words: Labels
}

export interface ServersPage extends Page {
  readonly page: 'servers'
  readonly heading: string
  readonly servers: readonly ServerLine[]
  readonly addUrl: string
  readonly dashboardUrl: string
  readonly words: Labels
}

export interface Choice {
  readonly value: string
  readonly text: string
  readonly selected: boolean
}

export interface ServerPage extends Page {
  readonly page: 'server'
  readonly heading: Sentence
  readonly isNew: boolean
  readonly isDisabled: boolean
  /** Written in code: shown, not changed here. */
  readonly isFixed: boolean
  readonly hasSecret: boolean
  readonly formUrl: string
  /** Path that `/disable`, `/wipe`, ... stand below; empty for a new one. */
  readonly url: string
  readonly serversUrl: string
  readonly values: { readonly [field: string]: string }
  readonly acknowledged: boolean
  /** Its tools may be looked at before anybody connects. */
  readonly isAnonymous: boolean
  /** Path of the page with its tools; null where they may not be looked at. */
  readonly previewUrl: string | null
  readonly auth: readonly Choice[]
  readonly mode: readonly Choice[]
  readonly words: Labels
}

export interface DoctorPage extends Page {
  readonly page: 'doctor'
  readonly heading: Sentence
  readonly intro: string
  readonly result: string
  readonly problems: readonly string[]
  readonly steps: readonly (DiscoveryStep & { readonly outcomeText: string })[]
  readonly downloadUrl: string
  readonly backUrl: string
  readonly words: Labels
}

/** A tool that a server shows to strangers. */
export interface PreviewedTool {
  readonly name: string
  readonly description: string | null
  /** The filter of the server keeps it from being used. */
  readonly isLeftOut: boolean
}

export interface PreviewPage extends Page {
  readonly page: 'preview'
  readonly heading: Sentence
  readonly intro: string
  /** Null when the server shows them to nobody that it does not know. */
  readonly tools: readonly PreviewedTool[] | null
  readonly backUrl: string
  readonly words: Labels
}

export interface IssuersPage extends Page {
  readonly page: 'issuers'
  readonly heading: string
  readonly intro: string
  readonly blocked: readonly string[]
  /** Path that `/block` and `/unblock` stand below. */
  readonly url: string
  readonly dashboardUrl: string
  readonly words: Labels
}

/** Every page; its member `page` is the name of its template. */
export type ConnectionsPageModel =
  | IndexPage
  | BadgePage
  | ConnectPage
  | ConnectionPage
  | LeavePage
  | FailurePage
  | DashboardPage
  | ServersPage
  | ServerPage
  | DoctorPage
  | PreviewPage
  | IssuersPage
