/** The pages of an administrator about what is registered here: overview, servers, one server. */
import { cleanName, plainText, type Sentence } from '@fastify-mcp-auth/core/pages'
import type { ConnectionStats, ConnectionSummary } from '../types.ts'
import { pathTo, type Surroundings } from './frame.ts'
import type { Choice, DashboardPage, Labels, OwnedLine, ServerLine, ServerPage, ServersPage } from './model.ts'
import type { RegisteredServerView } from './registered-server.ts'

const WORKING = ['active', 'refreshing', 'expiring', 'degraded'] as const

const value = (text: string): Sentence => [{ value: text }]

export interface ServersData {
  readonly servers: readonly RegisteredServerView[]
  readonly stats: ConnectionStats
}

export function describeDashboard(
  around: Surroundings,
  { servers, stats, expiring }: ServersData & { expiring: readonly ConnectionSummary[] }
): DashboardPage {
  const { locale, frame } = around
  const heading = locale.word('admin.heading')
  return {
    ...frame,
    page: 'dashboard',
    title: heading,
    heading,
    servers: servers.map(server => describeLine(around, server, stats)),
    isComplete: stats.complete,
    people: new Intl.NumberFormat(locale.lang).format(stats.people),
    expiring: expiring.map(one => describeOwned(around, one, one.accessExpiresAt)),
    recent: stats.recent.map(one => describeOwned(around, one, one.connectedAt)),
    serversUrl: pathTo(around, '/admin/servers'),
    issuersUrl: pathTo(around, '/admin/issuers'),
    words: {
      ...tableWords(around),
      issuers: locale.word('issuers.heading'),
      expiring: locale.word('admin.expiring'),
      recent: locale.word('admin.recent'),
      people: locale.word('admin.people'),
      none: locale.word('admin.expiring.none'),
      incomplete: locale.word('admin.incomplete')
    }
  }
}

function describeOwned(
  { locale }: Surroundings,
  { serverName, owner }: ConnectionSummary,
  at: number | null
): OwnedLine {
  return {
    name: cleanName(serverName),
    owner: owner === null ? '' : [owner.id, owner.agent].filter(Boolean).join(' · '),
    day: at === null ? '' : locale.day(at)
  }
}

export function describeServers(around: Surroundings, { servers, stats }: ServersData): ServersPage {
  const { locale, frame } = around
  const heading = locale.word('admin.servers')
  return {
    ...frame,
    page: 'servers',
    title: heading,
    heading,
    servers: servers.map(server => describeLine(around, server, stats)),
    addUrl: pathTo(around, '/admin/new'),
    dashboardUrl: pathTo(around, '/admin'),
    words: { ...tableWords(around), add: locale.word('admin.add'), dashboard: locale.word('admin.dashboard') }
  }
}

function tableWords({ locale }: Surroundings): Labels {
  return {
    server: locale.word('admin.server'),
    servers: locale.word('admin.servers'),
    connections: locale.word('admin.connections'),
    working: locale.word('admin.working'),
    attention: locale.word('admin.attention'),
    disabled: locale.word('status.disabled')
  }
}

function describeLine(around: Surroundings, server: RegisteredServerView, { servers }: ConnectionStats): ServerLine {
  const { id, definition, disabled } = server
  const { locale } = around
  const numbers = new Intl.NumberFormat(locale.lang)
  const { connections = 0, byStatus = {}, tools = null } = servers[id] ?? {}
  const working = WORKING.reduce((sum, status) => sum + (byStatus[status] ?? 0), 0)
  return {
    id,
    name: cleanName(definition.name ?? id),
    url: definition.url,
    isDisabled: disabled,
    connections: numbers.format(connections),
    working: numbers.format(working),
    attention: numbers.format(connections - working),
    tools: tools && [
      `${locale.word('connection.tools')}: ${numbers.format(tools.count)} · `,
      ...locale.say('connection.tools.synced', { day: locale.day(tools.syncedAt) })
    ],
    detailUrl: pathTo(around, `/admin/servers/${encodeURIComponent(id)}`)
  }
}

const AUTH = ['oauth', 'bearer', 'header', 'none'] as const
const MODES = ['per-user', 'per-agent', 'per-user-agent', 'shared'] as const

export function describeServer(around: Surroundings, { server }: { server: RegisteredServerView | null }): ServerPage {
  const { locale, frame } = around
  const definition = server?.definition
  const isAnonymous = definition?.tools?.anonymous === 'try'
  const heading: Sentence = server ? value(cleanName(definition?.name ?? server.id)) : [locale.word('admin.add')]
  const url = server ? `${around.path}/admin/servers/${encodeURIComponent(server.id)}` : ''
  const choose = (chosen: string, choices: readonly { readonly value: string; readonly text: string }[]): Choice[] => {
    // A kind that only code can set up stays what it is.
    const all = choices.some(choice => choice.value === chosen)
      ? choices
      : [...choices, { value: chosen, text: chosen }]
    return all.map(choice => ({ ...choice, selected: choice.value === chosen }))
  }
  return {
    ...frame,
    page: 'server',
    title: plainText(heading),
    heading,
    isNew: server === null,
    isDisabled: server?.disabled ?? false,
    isFixed: server?.source === 'options',
    hasSecret: definition?.oauth?.client?.hasSecret ?? false,
    formUrl: server ? `${url}/update` : `${around.path}/admin/servers`,
    url,
    serversUrl: pathTo(around, '/admin/servers'),
    values: {
      id: server?.id ?? '',
      name: definition?.name ?? '',
      url: definition?.url ?? '',
      description: definition?.description ?? '',
      issuer: definition?.oauth?.client?.issuer ?? '',
      clientId: definition?.oauth?.client?.clientId ?? '',
      scopes: definition?.oauth?.scopes?.join(' ') ?? '',
      headerName: definition?.header?.name ?? '',
      headerPrefix: definition?.header?.prefix ?? ''
    },
    acknowledged: definition?.acknowledgeShared ?? false,
    isAnonymous,
    previewUrl: server && isAnonymous ? pathTo(around, `/admin/servers/${encodeURIComponent(server.id)}/tools`) : null,
    auth: choose(
      definition?.auth ?? 'oauth',
      AUTH.map(one => ({ value: one, text: locale.word(`form.auth.${one}`) }))
    ),
    mode: choose(
      definition?.mode ?? 'per-user',
      MODES.map(one => ({ value: one, text: locale.word(`form.mode.${one}`) }))
    ),
    words: serverWords(around)
  }
}

function serverWords({ locale }: Surroundings): Labels {
  return {
    back: locale.word('admin.servers'),
    fixed: locale.word('admin.fromCode'),
    secretKept: locale.word('admin.secret.kept'),
    id: locale.word('form.id'),
    idHint: locale.word('form.id.hint'),
    name: locale.word('form.name'),
    url: locale.word('form.url'),
    description: locale.word('form.description'),
    auth: locale.word('form.auth'),
    mode: locale.word('form.mode'),
    acknowledge: locale.word('form.acknowledge'),
    anonymous: locale.word('form.anonymous'),
    preview: locale.word('admin.preview'),
    oauth: locale.word('form.oauth'),
    oauthHint: locale.word('form.oauth.hint'),
    issuer: locale.word('form.issuer'),
    clientId: locale.word('form.clientId'),
    clientSecret: locale.word('form.clientSecret'),
    scopes: locale.word('form.scopes'),
    header: locale.word('form.header'),
    headerName: locale.word('form.headerName'),
    headerPrefix: locale.word('form.headerPrefix'),
    save: locale.word('form.save'),
    doctor: locale.word('admin.doctor'),
    disable: locale.word('admin.disable'),
    enable: locale.word('admin.enable'),
    wipe: locale.word('admin.wipe'),
    reset: locale.word('admin.reset'),
    remove: locale.word('admin.remove'),
    removeText: locale.word('admin.remove.text')
  }
}
