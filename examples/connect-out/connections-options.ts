/** What the product and its workers have in common: which servers there are, and where connections are kept. */
import type { ConnectionsOptions } from '@fastify-mcp-auth/connections'
import type { StorageDriver } from '@fastify-mcp-auth/core'

export interface Settings {
  readonly publicUrl: string
  readonly storage: StorageDriver
  readonly encryptionKey: string
  /** MCP endpoints: of Acme Notes (sign-in), of the weather (bearer token), of the office search (API key). */
  readonly notesUrl: string
  readonly weatherUrl: string
  readonly searchUrl: string
}

export function connectionsOptions(settings: Settings) {
  return {
    baseUrl: settings.publicUrl,
    prefix: '/connections',
    client: { name: 'Acme Desk' },
    storage: settings.storage,
    encryptionKeys: [settings.encryptionKey],
    // Everything of this example runs on one computer. Without this line no server could lead us to it.
    network: { allowLoopback: true },
    servers: {
      // Everybody signs in there with an account of their own.
      notes: {
        url: settings.notesUrl,
        name: 'Acme Notes',
        description: 'Your notes',
        oauth: { scopes: ['mcp:tools', 'notes:read'] }
      },
      // Each agent of each person has a token of its own, so that one can be taken away.
      weather: { url: settings.weatherUrl, name: 'Weather', auth: 'bearer', mode: 'per-user-agent' },
      // One key of the office for everybody.
      search: {
        url: settings.searchUrl,
        name: 'Office search',
        auth: 'header',
        header: { name: 'X-Api-Key' },
        mode: 'shared',
        acknowledgeShared: true
      }
    }
  } satisfies ConnectionsOptions
}
