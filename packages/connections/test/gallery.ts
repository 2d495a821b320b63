/**
 * Every page as it can be met, by name: looked at by axe in every language, light and dark, wide and narrow, and photographed for the
 * documentation. A page more is one entry more.
 */
import { buildStylesheet } from '@fastify-mcp-auth/core/pages'
import Fastify, { type FastifyInstance } from 'fastify'
import { McpConnectionError, type McpConnectionErrorCode } from '../src/errors.ts'
import { failureBody } from '../src/http/failure.ts'
import { pageLanguages } from '../src/locales/languages.ts'
import { createPages } from '../src/pages/pages.ts'
import type { RegisteredServerView } from '../src/pages/registered-server.ts'
import { loadTemplates } from '../src/pages/templates.ts'
import type { PageView } from '../src/pages/view.ts'
import { stylesheetRoute } from '../src/routes/stylesheet.ts'
import type { ConnectionStats, ConnectionStatus, ConnectionSummary, KnownTool, ProbeReport } from '../src/types.ts'

/** Monday, 15 June 2026, 10:00 UTC. */
const NOW = 1_781_517_600
const HOUR = 3600
const DAY = 24 * HOUR

function connection(changes: Partial<ConnectionSummary> = {}): ConnectionSummary {
  return {
    id: 'c-1',
    server: 'notes',
    serverName: 'Acme Notes',
    account: 'default',
    mode: 'per-user',
    kind: 'oauth',
    owner: { type: 'user', id: 'alice' },
    status: 'active',
    reason: null,
    action: null,
    issuer: 'https://login.acme.example',
    grantedScopes: ['notes:read', 'notes:write'],
    missingScopes: [],
    accessExpiresAt: NOW + HOUR,
    hasRefreshToken: true,
    params: {},
    connectedAt: NOW - 40 * DAY,
    lastRefreshAt: NOW - 2 * HOUR,
    lastUsedAt: NOW - 600,
    ...changes
  }
}

/** Each status once, with the action that goes with it. */
const STATES: Readonly<Record<ConnectionStatus, Partial<ConnectionSummary>>> = {
  active: { serverName: 'Acme Notes' },
  needs_scope: { serverName: 'Issue tracker', action: 'allow_more', missingScopes: ['issues:write'] },
  needs_reauth: { serverName: 'Calendar', action: 'reconnect', reason: 'expired_no_refresh' },
  expiring: { serverName: 'Weather', kind: 'bearer', action: 'replace_key', accessExpiresAt: NOW + 20 * HOUR },
  rejected: { serverName: 'Maps', kind: 'header', action: 'replace_key' },
  degraded: { serverName: 'Wiki', action: 'wait', reason: 'no_answer' },
  refreshing: { serverName: 'Mail', account: 'work' },
  pending: { serverName: 'Code review', action: 'connect', id: null },
  not_connected: { serverName: 'Payments', action: 'connect', id: null },
  blocked: { serverName: 'Chat', action: 'contact_operator' },
  disabled: { serverName: 'Office search', mode: 'shared', action: 'contact_operator' }
}

const EVERY_STATUS = Object.entries(STATES).map(([status, changes], at) =>
  connection({ id: `c-${at}`, server: `server-${at}`, status: status as ConnectionStatus, ...changes })
)

function tool(name: string, description: string, changes: Partial<KnownTool> = {}): KnownTool {
  const definition = { name, description, inputSchema: { type: 'object' } } as KnownTool['definition']
  return { name, description, definition, hash: name, enabled: true, changed: false, ...changes }
}

const TOOLS = [
  tool('list_notes', 'Lists your notes, the newest first'),
  tool('add_note', 'Adds a note'),
  tool('share_note', 'Shares a note with everybody who has its link', {
    changed: true,
    enabled: false,
    definition: {
      name: 'share_note',
      description: 'Shares a note with everybody who has its link',
      inputSchema: {
        type: 'object',
        required: ['id'],
        properties: {
          id: { type: 'string', description: 'Which note' },
          until: { type: ['string', 'null'], description: 'Day on which the link ends' },
          people: { type: 'array', items: { type: 'object', properties: { mail: { type: 'string' } } } }
        }
      }
    }
  }),
  tool('delete_all_notes', 'Deletes every note that you have', { enabled: false })
]

function server(
  id: string,
  name: string,
  changes: Partial<RegisteredServerView['definition']> = {}
): RegisteredServerView {
  const definition = {
    url: `https://${id}.example/mcp`,
    name,
    auth: 'oauth',
    mode: 'per-user',
    transport: 'http',
    ...changes
  } as const
  return { id, definition, source: 'options', disabled: false }
}

const SERVERS = [
  server('notes', 'Acme Notes'),
  server('weather', 'Weather', { auth: 'bearer', mode: 'per-user-agent' }),
  server('search', 'Office search', { auth: 'header', mode: 'shared' }),
  { ...server('tracker', 'Issue tracker'), source: 'stored' as const },
  { ...server('chat', 'Chat'), source: 'stored' as const, disabled: true }
]

const STATS: ConnectionStats = {
  complete: true,
  servers: {
    notes: {
      connections: 412,
      byStatus: { active: 398, needs_reauth: 9, needs_scope: 5 },
      tools: { count: 4, syncedAt: NOW - DAY }
    },
    weather: { connections: 87, byStatus: { active: 85, rejected: 2 }, tools: { count: 12, syncedAt: NOW - 3 * DAY } },
    search: { connections: 1, byStatus: { active: 1 }, tools: { count: 1, syncedAt: NOW - HOUR } },
    tracker: {
      connections: 230,
      byStatus: { active: 228, degraded: 2 },
      tools: { count: 38, syncedAt: NOW - 9 * DAY }
    },
    chat: { connections: 12, byStatus: { disabled: 12 }, tools: null }
  },
  expiring: 2,
  people: 518,
  recent: ['dora', 'emil'].map((id, at) =>
    connection({ owner: { type: 'user', id }, connectedAt: NOW - (1 + 30 * at) * HOUR })
  )
}

const EXPIRING = ['alice', 'bob'].map((id, at) =>
  connection({ owner: { type: 'user', id }, ...STATES.expiring, accessExpiresAt: NOW + (6 + 9 * at) * HOUR })
)

const REPORT: ProbeReport = {
  url: 'https://notes.example/mcp',
  auth: 'oauth',
  issuer: 'https://login.acme.example',
  resource: 'https://notes.example/mcp',
  scopes: ['notes:read', 'notes:write'],
  registration: ['metadata_document', 'dynamic'],
  clockAhead: 0,
  error: null,
  problems: [],
  steps: [
    {
      step: 'server',
      url: 'https://notes.example/mcp',
      outcome: 'ok',
      detail: 'status 401, names its metadata',
      spec: 'RFC 9728 section 5.1'
    },
    {
      step: 'resource metadata',
      url: 'https://notes.example/.well-known/oauth-protected-resource/mcp',
      outcome: 'ok',
      detail: 'found',
      spec: 'RFC 9728 section 3'
    },
    {
      step: 'issuer',
      url: 'https://login.acme.example',
      outcome: 'ok',
      detail: 'one of 1',
      spec: 'RFC 9728 section 7.6'
    },
    {
      step: 'authorization server metadata',
      url: 'https://login.acme.example/.well-known/oauth-authorization-server',
      outcome: 'skipped',
      detail: 'status 404, no JSON',
      spec: 'RFC 8414 section 3'
    },
    {
      step: 'authorization server metadata',
      url: 'https://login.acme.example/.well-known/openid-configuration',
      outcome: 'ok',
      detail: 'found',
      spec: 'RFC 8414 section 3'
    }
  ]
}

const BROKEN: ProbeReport = {
  ...REPORT,
  auth: 'unknown',
  issuer: null,
  registration: [],
  error: 'MCP_DISCOVERY_FAILED',
  problems: ['the authorization server has no usable metadata'],
  steps: [
    ...REPORT.steps.slice(0, 3),
    {
      step: 'authorization server metadata',
      url: 'https://login.acme.example/.well-known/oauth-authorization-server',
      outcome: 'failed',
      detail: 'is for another issuer',
      spec: 'RFC 8414 section 3'
    }
  ]
}

const LONG = 'A_server_of_a_company_with_a_name_that_does_not_end_'.repeat(3)

/** What routes hand to the pages. */
export const GALLERY: Readonly<Record<string, PageView>> = {
  index: { page: 'index', data: { connections: EVERY_STATUS } },
  'index-long': {
    page: 'index',
    data: {
      connections: [connection({ serverName: LONG, account: LONG }), connection({ serverName: 'עברית', id: 'c-2' })]
    }
  },
  'index-empty': { page: 'index', data: { connections: [] } },
  connect: {
    page: 'connect',
    data: {
      connection: connection({ id: null, status: 'not_connected', action: 'connect' }),
      address: 'notes.example',
      returnTo: '/briefing'
    }
  },
  key: {
    page: 'connect',
    data: {
      connection: connection({ id: null, status: 'not_connected', serverName: 'Weather', kind: 'bearer' }),
      address: 'weather.example',
      returnTo: null
    }
  },
  connection: {
    page: 'connection',
    data: {
      connection: connection(),
      tools: {
        server: 'notes',
        tools: TOOLS,
        shared: false,
        protocolRevision: '2026-07-28',
        syncedAt: NOW - DAY,
        dueAt: NOW,
        added: [],
        removed: [],
        changed: ['share_note']
      },
      paramNames: {}
    }
  },
  'connection-params': {
    page: 'connection',
    data: {
      connection: connection({ params: { 'X-Workspace-Id': 'ws_42' } }),
      tools: null,
      paramNames: { 'X-Workspace-Id': 'clear', 'X-Second-Key': 'secret' }
    }
  },
  'connection-params-long': {
    page: 'connection',
    data: {
      connection: connection({ params: { 'X-A': LONG } }),
      tools: null,
      paramNames: { 'X-A': 'clear', [`X-${'Long-'.repeat(30)}Name`]: 'secret' }
    }
  },
  'connection-ended': {
    page: 'connection',
    data: {
      connection: connection({ status: 'needs_reauth', action: 'reconnect', hasRefreshToken: false }),
      tools: null,
      paramNames: {}
    }
  },
  denied: { page: 'error', data: failure('MCP_ACCESS_DENIED') },
  limited: { page: 'error', data: failure('MCP_RATE_LIMITED') },
  dashboard: { page: 'dashboard', data: { servers: SERVERS, stats: STATS, expiring: EXPIRING } },
  servers: { page: 'servers', data: { servers: SERVERS, stats: STATS } },
  'server-new': { page: 'server', data: { server: null } },
  server: { page: 'server', data: { server: SERVERS[3] ?? null } },
  'server-anonymous': {
    page: 'server',
    data: { server: server('notes', 'Acme Notes', { tools: { anonymous: 'try' } }) }
  },
  doctor: { page: 'doctor', data: { server: 'Acme Notes', report: REPORT } },
  'doctor-broken': { page: 'doctor', data: { server: 'Acme Notes', report: BROKEN } },
  preview: {
    page: 'preview',
    data: { server: 'notes', tools: TOOLS.map(({ definition }) => definition), leftOut: ['delete_all_notes'] }
  },
  'preview-hidden': { page: 'preview', data: { server: 'weather', tools: null, leftOut: [] } },
  'preview-long': {
    page: 'preview',
    data: { server: 'notes', tools: [tool(LONG, LONG).definition, tool('עברית', 'עברית').definition], leftOut: [LONG] }
  },
  issuers: {
    page: 'issuers',
    data: { blocked: ['https://login.chat.example', 'https://accounts.payments.example/realms/acme'] }
  },
  'issuers-long': { page: 'issuers', data: { blocked: [`https://login.example/realms/${LONG}`] } },
  'issuers-none': { page: 'issuers', data: { blocked: [] } }
}

function failure(code: McpConnectionErrorCode): Extract<PageView, { page: 'error' }>['data'] {
  const error = new McpConnectionError(code, 'as the test wants it', { server: 'notes', retryAfter: 60 })
  return { ...failureBody(error, 'req-4f2a'), serverName: 'Acme Notes', loginUrl: undefined }
}

/** Serves every exhibit at `/` + its name, with the headers of the real routes. */
export async function openGallery(): Promise<{ readonly app: FastifyInstance; readonly origin: string }> {
  const app = Fastify()
  const templates = loadTemplates(undefined)
  const stylesheet = buildStylesheet({ rules: templates.files.read('pages.css'), theme: '', accent: '#0f766e' })
  const pages = createPages({
    templates,
    render: undefined,
    languages: pageLanguages(undefined),
    brand: { name: 'Acme Desk' },
    stylesheet,
    baseUrl: 'https://desk.example',
    path: '',
    connectPath: '/connect',
    appName: 'Acme Desk',
    now: () => NOW,
    hasAdmins: true
  })
  stylesheetRoute(app, stylesheet)
  for (const [name, view] of Object.entries(GALLERY))
    app.get(`/${name}`, async (request, reply) => {
      const { html, headers } = await pages.draw(view, { request, reply })
      return reply.headers(headers).type('text/html; charset=utf-8').send(html)
    })
  return { app, origin: await app.listen({ host: '127.0.0.1', port: 0 }) }
}
