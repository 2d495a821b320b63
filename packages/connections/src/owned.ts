/** The methods of {@link Connections} with the owner filled in. */
import type { Connections, OwnedConnections, Owner } from './types.ts'

export function ownedConnections(connections: Connections, owner: Owner | null): OwnedConnections {
  return Object.freeze({
    clientFor: (server, options) => connections.clientFor(owner, server, options),
    tryClientFor: (server, options) => connections.tryClientFor(owner, server, options),
    withClient: (server, run, options) => connections.withClient(owner, server, run, options),
    toolsFor: (servers, options) => connections.toolsFor(owner, servers, options),
    fetchFor: (server, options) => connections.fetchFor(owner, server, options),
    status: (server, options) => connections.status(owner, server, options),
    list: () => connections.list(owner),
    catalog: () => connections.catalog(owner),
    start: (server, options) => connections.start(owner, server, options),
    setCredential: (server, options) => connections.setCredential(owner, server, options),
    connect: (server, options) => connections.connect(owner, server, options),
    disconnect: (server, options) => connections.disconnect(owner, server, options),
    refresh: (server, options) => connections.refresh(owner, server, options),
    syncTools: (server, options) => connections.syncTools(owner, server, options)
  } satisfies OwnedConnections)
}
