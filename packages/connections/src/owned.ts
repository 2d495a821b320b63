/** The methods of {@link Connections} with the owner filled in, and the server where there is a default. */
import { McpConnectionError } from './errors.ts'
import type { Connections, OwnedConnections, Owner } from './types.ts'

export function ownedConnections(
  connections: Connections,
  owner: Owner | null,
  defaultServer: string | undefined
): OwnedConnections {
  const named = (server: string | undefined): string => {
    const id = server ?? defaultServer
    if (id !== undefined) return id
    throw new McpConnectionError('MCP_UNKNOWN_SERVER', 'no server is named, and there is no option "defaultServer"')
  }
  return Object.freeze({
    clientFor: async (server, options) => connections.clientFor(owner, named(server), options),
    tryClientFor: async (server, options) => connections.tryClientFor(owner, named(server), options),
    withClient: async (server, run, options) => connections.withClient(owner, named(server), run, options),
    toolsFor: (servers, options) => connections.toolsFor(owner, servers, options),
    fetchFor: (server, options) => connections.fetchFor(owner, named(server), options),
    status: async (server, options) => connections.status(owner, named(server), options),
    list: () => connections.list(owner),
    catalog: () => connections.catalog(owner),
    start: async (server, options) => connections.start(owner, named(server), options),
    setCredential: async (server, options) => connections.setCredential(owner, named(server), options),
    connect: async (server, options) => connections.connect(owner, named(server), options),
    disconnect: async (server, options) => connections.disconnect(owner, named(server), options),
    refresh: async (server, options) => connections.refresh(owner, named(server), options),
    syncTools: async (server, options) => connections.syncTools(owner, named(server), options)
  } satisfies OwnedConnections)
}
