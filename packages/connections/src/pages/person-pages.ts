/** The pages of a person: list, connect, detail, badge, leaving, failures. */
import { cleanName, plainText, type Sentence } from '@fastify-mcp-auth/core/pages'
import type { McpConnectionErrorCode } from '../errors.ts'
import type { FailureBody } from '../http/failure.ts'
import { paramField } from '../http/params-body.ts'
import type { ParamNames } from '../param-names.ts'
import type { AuthKind, ConnectionSummary, ToolSnapshot } from '../types.ts'
import { describeCard } from './connection-card.ts'
import { connectPathTo, pathTo, type Surroundings } from './frame.ts'
import type { BadgePage, ConnectionPage, ConnectPage, Fact, FailurePage, IndexPage, LeavePage } from './model.ts'
import { describeDefinition } from './tool-definition.ts'

const value = (text: string): Sentence => [{ value: text }]

export function describeIndex(around: Surroundings, data: { connections: readonly ConnectionSummary[] }): IndexPage {
  const { locale, frame, agent } = around
  const heading = locale.word('index.heading')
  return {
    ...frame,
    page: 'index',
    title: heading,
    heading,
    intro:
      agent === null
        ? locale.say('index.intro', { brand: value(frame.brand.name) })
        : [locale.word('index.intro.agent')],
    cards: data.connections.map(connection => describeCard(around, connection)),
    words: {
      empty: locale.word('index.empty'),
      details: locale.word('index.details'),
      shared: locale.word('index.shared')
    }
  }
}

export function describeBadge(around: Surroundings, data: { connection: ConnectionSummary }): BadgePage {
  const card = describeCard(around, data.connection)
  return { ...around.frame, page: 'badge', title: card.name, card }
}

export interface ConnectData {
  readonly connection: ConnectionSummary
  readonly address: string
  readonly returnTo: string | null
  /** One-time link that led here: it is used up by the button. */
  readonly link?: string
}

export function describeConnect(
  around: Surroundings,
  { connection, address, returnTo, link }: ConnectData
): ConnectPage {
  const { locale, frame, agent } = around
  const { server, account, mode } = connection
  const name = cleanName(connection.serverName)
  const values = { server: value(name), brand: value(frame.brand.name) }
  const heading = locale.say('connect.heading', values)
  const kind = kindOf(connection.kind)
  const place = encodeURIComponent(server)
  return {
    ...frame,
    page: 'connect',
    title: plainText(heading),
    heading,
    intro:
      kind === 'sign_in'
        ? locale.say('connect.intro', values)
        : kind === 'nothing'
          ? locale.say('connect.intro.none', values)
          : locale.say(mode === 'shared' ? 'connect.intro.key.shared' : 'connect.intro.key', values),
    facts: [
      { term: locale.word('connect.address'), value: value(address) },
      ...(account === 'default' ? [] : [{ term: locale.word('connection.account'), value: value(cleanName(account)) }])
    ],
    kind,
    formUrl: `${kind === 'key' ? `${around.path}/credentials` : around.connectPath}/${place}`,
    cancelUrl: pathTo(around, ''),
    fields: [
      ...(account === 'default' ? [] : [{ name: 'account', value: account }]),
      ...(agent === null ? [] : [{ name: 'agent', value: agent }]),
      ...(returnTo === null ? [] : [{ name: 'returnTo', value: returnTo }]),
      ...(link === undefined ? [] : [{ name: 'link', value: link }])
    ],
    words: {
      go: locale.word(kind === 'key' ? 'connect.save' : 'action.connect'),
      key: locale.word('connect.key'),
      cancel: locale.word('connect.cancel')
    }
  }
}

function kindOf(kind: AuthKind): ConnectPage['kind'] {
  if (kind === 'bearer' || kind === 'header') return 'key'
  return kind === 'oauth' ? 'sign_in' : 'nothing'
}

export interface ConnectionData {
  readonly connection: ConnectionSummary
  readonly tools: ToolSnapshot | null
  /** What can be sent besides the credential. */
  readonly paramNames: ParamNames
}

export function describeConnection(
  around: Surroundings,
  { connection, tools, paramNames }: ConnectionData
): ConnectionPage {
  const { locale, frame } = around
  const card = describeCard(around, connection)
  const values = { server: value(card.name), brand: value(frame.brand.name) }
  const heading = locale.say('connection.heading', values)
  return {
    ...frame,
    page: 'connection',
    title: card.name,
    heading,
    card,
    facts: factsOf(around, connection),
    params: Object.entries(paramNames).map(([name, kind]) => ({
      field: paramField(name),
      name,
      isSecret: kind === 'secret',
      value: connection.params[name] ?? ''
    })),
    paramsText: locale.say('connection.params.text', values),
    tools:
      tools?.tools.map(({ name, description, enabled, changed, hash, definition }) => ({
        name,
        title: cleanName(name),
        // What is accepted is read as a whole.
        description: description && (changed ? cleanName(description) : describeTool(description)),
        checked: enabled,
        changed,
        hash,
        definition: changed ? describeDefinition(definition) : null
      })) ?? null,
    hasChanges: tools?.tools.some(({ changed }) => changed) ?? false,
    syncedText: tools ? locale.say('connection.tools.synced', { day: locale.day(tools.syncedAt) }) : null,
    canRefresh: connection.hasRefreshToken,
    url: `${around.path}/${connection.id ?? ''}`,
    indexUrl: pathTo(around, ''),
    disconnectText: locale.say('connection.disconnect.text', values),
    words: {
      agent: around.agent ?? '',
      back: locale.word('connection.back'),
      refresh: locale.word('connection.refresh'),
      disconnect: locale.word('connection.disconnect'),
      params: locale.word('connection.params'),
      paramsKept: locale.word('connection.params.kept'),
      paramsForget: locale.word('connection.params.forget'),
      paramsSave: locale.word('connection.params.save'),
      tools: locale.word('connection.tools'),
      toolsIntro: locale.word('connection.tools.intro'),
      noTools: locale.word('connection.tools.none'),
      changed: locale.word('connection.tools.changed'),
      save: locale.word('connection.tools.save'),
      approve: locale.word('connection.tools.approve'),
      toolParams: locale.word('connection.tools.params'),
      toolRequired: locale.word('connection.tools.required'),
      toolDefinition: locale.word('connection.tools.definition'),
      sync: locale.word('connection.tools.sync')
    }
  }
}

/** What a server writes about a tool, as much of it as somebody reads. */
export function describeTool(description: string): string {
  const read = cleanName(description.slice(0, MOST_READ))
  return description.length > MOST_READ ? `${read}…` : read
}

const MOST_READ = 2000

function factsOf({ locale, now }: Surroundings, connection: ConnectionSummary): Fact[] {
  const { account, grantedScopes, missingScopes, connectedAt, lastUsedAt, lastRefreshAt, accessExpiresAt } = connection
  const when = (seconds: number | null): Sentence => [
    seconds === null ? locale.word('connection.never') : locale.ago(seconds, now)
  ]
  return [
    ...(account === 'default' ? [] : [{ term: locale.word('connection.account'), value: value(cleanName(account)) }]),
    ...Object.entries(connection.params).map(([term, text]) => ({ term, value: value(cleanName(text)) })),
    ...(grantedScopes.length > 0
      ? [{ term: locale.word('connection.may'), value: locale.enumerate(grantedScopes) }]
      : []),
    ...(missingScopes.length > 0
      ? [{ term: locale.word('connection.missing'), value: locale.enumerate(missingScopes) }]
      : []),
    { term: locale.word('connection.since'), value: when(connectedAt) },
    { term: locale.word('connection.used'), value: when(lastUsedAt) },
    ...(lastRefreshAt === null ? [] : [{ term: locale.word('connection.renewed'), value: when(lastRefreshAt) }]),
    ...(connection.hasRefreshToken || accessExpiresAt === null
      ? []
      : [{ term: locale.word('connection.ends'), value: [locale.day(accessExpiresAt)] }])
  ]
}

export function describeLeaving(around: Surroundings, { url }: { url: string }): LeavePage {
  const { locale, frame } = around
  const heading = locale.say('leave.heading', { brand: value(frame.brand.name) })
  return {
    ...frame,
    page: 'leave',
    title: plainText(heading),
    heading,
    text: locale.say('leave.text', { host: value(new URL(url).host) }),
    url,
    words: { go: locale.word('leave.go') }
  }
}

type Family =
  | 'default'
  | 'denied'
  | 'expired'
  | 'mismatch'
  | 'limited'
  | 'unavailable'
  | 'signed_out'
  | 'operator'
  | 'not_found'
  | 'cross_site'
  | 'outdated'
  | 'invalid'

const FAMILIES: { readonly [code in McpConnectionErrorCode]?: Family } = {
  MCP_ACCESS_DENIED: 'denied',
  MCP_FLOW_EXPIRED: 'expired',
  MCP_FLOW_MISMATCH: 'mismatch',
  MCP_RATE_LIMITED: 'limited',
  MCP_AUTHORIZATION_SERVER_UNAVAILABLE: 'unavailable',
  MCP_SERVER_UNAVAILABLE: 'unavailable',
  MCP_SIGN_IN_REQUIRED: 'signed_out',
  MCP_OWNER_REQUIRED: 'signed_out',
  MCP_DISCOVERY_FAILED: 'operator',
  MCP_REGISTRATION_FAILED: 'operator',
  MCP_CLIENT_REJECTED: 'operator',
  MCP_PKCE_UNSUPPORTED: 'operator',
  MCP_ISSUER_MISMATCH: 'operator',
  MCP_RESOURCE_MISMATCH: 'operator',
  MCP_URL_BLOCKED: 'operator',
  MCP_SERVER_DISABLED: 'operator',
  MCP_UNKNOWN_SERVER: 'not_found',
  MCP_NOT_FOUND: 'not_found',
  MCP_CROSS_SITE: 'cross_site',
  MCP_TOOLS_CHANGED: 'outdated',
  MCP_INVALID_INPUT: 'invalid'
}

export interface FailureData extends FailureBody {
  /** Name for people of the server, where it is known. */
  readonly serverName?: string | undefined
  readonly loginUrl?: string | undefined
}

export function describeFailure(around: Surroundings, failure: FailureData): FailurePage {
  const { locale, frame } = around
  const { error, server, reference, retryAfter = 60, loginUrl, actionUrl } = failure
  const family = FAMILIES[error] ?? 'default'
  const values = {
    server: failure.serverName === undefined ? [locale.word('error.unnamed')] : value(cleanName(failure.serverName)),
    brand: value(frame.brand.name),
    count: Math.max(1, Math.ceil(retryAfter / 60))
  }
  const heading = locale.say(`error.${family}.title`, values)
  const canRetry = server !== undefined && (family === 'denied' || family === 'expired' || family === 'mismatch')
  return {
    ...frame,
    page: 'error',
    title: plainText(heading),
    code: error,
    heading,
    text: locale.say(`error.${family}.text`, values),
    reference,
    next:
      family === 'signed_out' && loginUrl !== undefined
        ? { text: locale.word('error.signIn'), url: loginUrl }
        : family === 'outdated' && actionUrl !== undefined
          ? { text: locale.word('error.outdated.look'), url: actionUrl }
          : canRetry
            ? { text: locale.word('error.again'), url: connectPathTo(around, server) }
            : { text: locale.word('error.back'), url: pathTo(around, '') },
    words: { reference: locale.word('error.reference') }
  }
}
