/** The whole package without a web framework: what a worker uses, and what the plugin is built on. */
import { joinStorage, openStorage, randomSecret, systemClock } from '@fastify-mcp-auth/core'
import { startFlow } from './authorize.ts'
import { authorizedFetch } from './authorized-fetch.ts'
import { completeFlow } from './callback.ts'
import { createClientKeys } from './client-keys.ts'
import { clientDocument } from './client-metadata.ts'
import { type Context, targetOf } from './context.ts'
import { Discoveries } from './discoveries.ts'
import { createEvents, SILENT } from './events.ts'
import { listConnections, readStatus } from './listing.ts'
import { connectedClient, isForThePerson, withConnectedClient } from './mcp-client.ts'
import { createNetwork } from './network.ts'
import type { ConnectionsOptions, ResolvedOptions } from './options.ts'
import { readOptions } from './read-options.ts'
import { COLLECTIONS, openRecords } from './records.ts'
import { createRegistry } from './registry.ts'
import { storeCredential } from './static-credential.ts'
import type { Connections } from './types.ts'
import { urlsOf } from './urls.ts'

/** What exists of {@link Connections} so far. */
export type AvailableConnections = Pick<
  Connections,
  | 'clientFor'
  | 'tryClientFor'
  | 'withClient'
  | 'fetchFor'
  | 'setCredential'
  | 'start'
  | 'complete'
  | 'clientMetadata'
  | 'jwks'
  | 'rotateClientKeys'
  | 'status'
  | 'list'
  | 'catalog'
  | 'on'
  | 'urls'
  | 'close'
>

/**
 * Opens the storage and gives everything that can be done with connections.
 *
 * Does not start a timer: background work is done by whoever calls for it.
 *
 * @throws ConfigurationError naming the option
 * @throws UnavailableError when the storage does not answer
 */
export async function createConnections(input: ConnectionsOptions): Promise<AvailableConnections> {
  const context = await openContext(input)
  return Object.freeze({
    clientFor: (...args) => connectedClient(context, ...args),
    tryClientFor: (...args) =>
      connectedClient(context, ...args).catch((error: unknown) => {
        if (isForThePerson(error)) return null
        throw error
      }),
    withClient: (...args) => withConnectedClient(context, ...args),
    fetchFor: (owner, server, use) => {
      // Made at the first request, so that a server or owner that is not there is told where it can be awaited.
      let made: ReturnType<typeof open> | undefined
      const open = async () => authorizedFetch(context, await targetOf(context, owner, server, use), use)
      return async (url, init) => {
        made ??= open()
        return (await made)(url, init)
      }
    },
    setCredential: (...args) => storeCredential(context, ...args),
    start: (...args) => startFlow(context, ...args),
    complete: options => completeFlow(context, options),
    clientMetadata: (variant = 'keyed') => clientDocument(context, variant === 'public'),
    jwks: () => context.clientKeys.jwks(),
    rotateClientKeys: async () => void (await context.clientKeys.rotate()),
    status: (...args) => readStatus(context, ...args),
    list: owner => listConnections(context, owner, { all: false }),
    catalog: owner => listConnections(context, owner, { all: true }),
    on: context.events.on,
    urls: context.urls,
    async close() {
      await context.network.close()
      // The drivers are the app's own, and it may use them for something else.
    }
  } satisfies AvailableConnections)
}

// On loopback nobody could fetch the key set.
function keyAlgorithm({ baseUrl, client }: ResolvedOptions): 'ES256' | 'RS256' | 'none' {
  return baseUrl.startsWith('https:') ? (client.keys ?? 'ES256') : 'none'
}

async function openContext(input: ConnectionsOptions): Promise<Context> {
  const { options, storage, ring, isForgetful } = readOptions(input)
  const clock = options.clock ?? systemClock
  const log = options.log ?? SILENT
  await openStorage(storage, Object.values(COLLECTIONS))
  const records = openRecords(joinStorage(storage))
  const context: Context = Object.freeze({
    options,
    records,
    ring,
    clock,
    log,
    events: createEvents({ clock, log, onEvent: options.onEvent }),
    network: createNetwork(options.network, options.refresh.timeout),
    registry: createRegistry({ options, records, ring, clock }),
    discoveries: new Discoveries(),
    clientKeys: createClientKeys({ algorithm: keyAlgorithm(options), records, ring, clock }),
    urls: urlsOf(options),
    holder: randomSecret(16)
  })
  if (isForgetful) log.warn({}, 'mcp-auth: connections are kept in memory and gone with the process')
  return context
}
