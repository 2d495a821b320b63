/**
 * What is known about servers of other people, as data. Every fact has the source that it was read from. None was tried against the
 * server itself (`verified: false`): a preset saves reading, it does not replace the first connection.
 */
import type { ServerInput } from '../options.ts'

/** One thing that is known, and where from. */
export interface PresetFact {
  readonly fact: string
  readonly source: string
  /** Whether we saw it ourselves, against the server. */
  readonly verified: boolean
}

/** One provider. */
export interface Preset {
  /** For the option `servers`; `url` is null where every organization has its own. */
  readonly server: Omit<ServerInput, 'url'> & { readonly url: string | null }
  /** Clients have to be registered by hand, and their id and secret put into `oauth.client`. */
  readonly needsClient: boolean
  readonly facts: readonly PresetFact[]
}

const read = (fact: string, source: string): PresetFact => ({ fact, source, verified: false })

/** All presets by id. */
export const PRESETS = {
  linear: {
    server: { name: 'Linear', url: 'https://mcp.linear.app/mcp', auth: 'oauth' },
    needsClient: false,
    facts: [
      read('URL; OAuth 2.1 with dynamic client registration', 'https://linear.app/docs/mcp'),
      read(
        "takes an API key as a bearer token, too: `preset('linear', { auth: 'bearer' })`",
        'https://docs.litellm.ai/docs/mcp_servers/linear'
      )
    ]
  },
  sentry: {
    server: { name: 'Sentry', url: 'https://mcp.sentry.dev/mcp', auth: 'oauth' },
    needsClient: false,
    facts: [
      read('URL; OAuth; streamable HTTP with a fallback to SSE', 'https://docs.sentry.io/product/sentry-mcp'),
      read(
        'an authorization server of its own with a registration endpoint, in front of that of sentry.io',
        'https://github.com/getsentry/sentry-mcp (docs/cloudflare/oauth-architecture.md)'
      )
    ]
  },
  granola: {
    server: { name: 'Granola', url: 'https://mcp.granola.ai/mcp', auth: 'oauth' },
    needsClient: false,
    facts: [
      read(
        'URL; OAuth with dynamic client registration only: no API key, no service account',
        'https://www.scalekit.com/blog/granola-mcp-vs-api'
      )
    ]
  },
  github: {
    server: {
      name: 'GitHub',
      url: 'https://api.githubcopilot.com/mcp/',
      auth: 'oauth',
      oauth: { registration: ['preregistered'], pkceUnadvertised: 'allow' }
    },
    needsClient: true,
    facts: [
      read('URL', 'https://github.com/github/github-mcp-server (docs/remote-server.md)'),
      read(
        'no dynamic registration; a GitHub App or OAuth App with a client secret; PKCE is recommended and its support still to come, so ' +
          'metadata may not name it',
        'https://github.com/github/github-mcp-server (docs/host-integration.md)'
      ),
      read(
        "takes a personal access token, too: `preset('github', { auth: 'bearer' })`",
        'https://github.com/github/github-mcp-server (docs/host-integration.md)'
      )
    ]
  },
  notion: {
    server: { name: 'Notion', url: 'https://mcp.notion.com/mcp', auth: 'oauth' },
    needsClient: false,
    facts: [
      read(
        'URL; OAuth with PKCE; streamable HTTP, and SSE at /sse',
        'https://developers.notion.com/guides/mcp/build-mcp-client'
      ),
      read(
        'a refresh token that is used twice ends the connection: one process at a time may refresh',
        'https://github.com/can1357/oh-my-pi/issues/5081'
      )
    ]
  },
  slack: {
    server: {
      name: 'Slack',
      url: 'https://mcp.slack.com/mcp',
      auth: 'oauth',
      oauth: { registration: ['preregistered'] }
    },
    needsClient: true,
    facts: [
      read(
        'URL; no dynamic registration: a Slack app with client id and secret',
        'https://docs.litellm.ai/docs/mcp_servers/slack'
      ),
      read(
        'the app has to be internal or published, and to have the user scopes of the tools that are used; tokens are per user',
        'https://docs.mcpmanager.ai/mcp-server-guides/slack'
      )
    ]
  },
  render: {
    server: { name: 'Render', url: 'https://mcp.render.com/mcp', auth: 'bearer' },
    needsClient: false,
    facts: [read('URL; a Render API key as a bearer token', 'https://skills.sh/render-oss/skills/render-mcp')]
  },
  entra: {
    server: {
      name: 'Microsoft Entra ID',
      url: null,
      auth: 'oauth',
      oauth: { registration: ['preregistered'], resource: 'omit', pkceUnadvertised: 'allow' }
    },
    needsClient: true,
    facts: [
      read(
        'refuses the parameter `resource` (AADSTS901002), or one that does not fit the scopes (AADSTS9010010), at authorization, code and ' +
          'refresh alike',
        'https://github.com/modelcontextprotocol/modelcontextprotocol/issues/1389, https://github.com/punkpeye/mcp-remote/issues/217'
      ),
      read(
        'its metadata does not name `code_challenge_methods_supported`, although S256 works',
        'https://github.com/modelcontextprotocol/typescript-sdk/issues/832'
      ),
      read(
        'no dynamic registration: an app registration in the tenant',
        'https://github.com/anomalyco/opencode/issues/12308'
      ),
      read(
        'scopes carry the API: `api://ID/.default`, and `offline_access` for a refresh token',
        'https://github.com/UsefulSoftwareCo/executor/issues/1789'
      )
    ]
  }
} as const satisfies Record<string, Preset>

/** Name of a preset. */
export type PresetId = keyof typeof PRESETS
