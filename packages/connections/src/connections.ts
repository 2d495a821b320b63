/** The whole package without a web framework: what a worker uses, and what the plugin is built on. */
import { setMaxListeners } from 'node:events'
import { joinStorage, openStorage, randomSecret, systemClock } from '@fastify-mcp-auth/core'
import { administrationOf } from './administration.ts'
import { startFlow } from './authorize.ts'
import { BlockedIssuers } from './blocked-issuers.ts'
import { completeFlow } from './callback.ts'
import { createClientKeys } from './client-keys.ts'
import { clientDocument } from './client-metadata.ts'
import { createConnectLink, readConnectLink, useConnectLink } from './connect-link.ts'
import type { Context } from './context.ts'
import { deleteOwner, disconnect } from './disconnect.ts'
import { Discoveries } from './discoveries.ts'
import { createDpopSessions } from './dpop.ts'
import { Eras } from './eras.ts'
import { createEvents, SILENT } from './events.ts'
import { importConnections } from './import.ts'
import { Watch } from './lease.ts'
import { exportOwner, listConnections, readStatus } from './listing.ts'
import { expiring, refreshDue, sweep } from './maintenance.ts'
import { connectedClient, isForThePerson, withConnectedClient } from './mcp-client.ts'
import { mirrorOf } from './mirror.ts'
import { createNetwork } from './network.ts'
import { numbersOf, stats } from './numbers.ts'
import { connectWithoutPerson, refreshNow, setToolFilter } from './operations.ts'
import type { ConnectionsOptions, ResolvedOptions } from './options.ts'
import { ownedConnections } from './owned.ts'
import { setParams } from './params.ts'
import { prepareServer } from './prepare-server.ts'
import { previewTools } from './preview-tools.ts'
import { diagnose, probe } from './probe.ts'
import { lazyFetch, rawToken, sdkProvider } from './raw-access.ts'
import { readOptions } from './read-options.ts'
import { COLLECTIONS, openRecords } from './records.ts'
import { refreshTogether } from './refresh.ts'
import { createRegistry } from './registry.ts'
import { keyStatus, rotateKeys } from './rotate-keys.ts'
import { beginSchedule } from './schedule.ts'
import { storeCredential } from './static-credential.ts'
import { createTelemetry } from './telemetry.ts'
import { approveTools, knownTools, syncTools } from './tool-sync.ts'
import { toolsFor } from './tools-for.ts'
import type { Connections } from './types.ts'
import { urlsOf } from './urls.ts'

/**
 * Opens the storage and gives everything that can be done with connections.
 *
 * Does not start a timer: background work is done by whoever calls for it.
 *
 * @throws ConfigurationError naming the option
 * @throws UnavailableError when the storage does not answer
 */
export function createConnections(input: ConnectionsOptions): Promise<Connections> {
  return openConnections(input)
}

/** Parts that are others only in a test: of what coordination is for, and of time. */
export type Parts = Pick<Context, 'refresher' | 'elapsed'> & Partial<Pick<Context, 'watch'>>

export async function openConnections(input: ConnectionsOptions, parts: Partial<Parts> = {}): Promise<Connections> {
  const context = await openContext(input, { ...PARTS, ...parts })
  const { network, telemetry } = context
  const stopObserving = telemetry.observe(numbersOf(context))
  const use = {
    clientFor: (owner, server, options) => connectedClient(context, owner, server, options),
    tryClientFor: (owner, server, options) =>
      connectedClient(context, owner, server, options).catch((error: unknown) => {
        if (isForThePerson(error)) return null
        throw error
      }),
    withClient: (owner, server, run, options) => withConnectedClient(context, owner, server, run, options),
    toolsFor: (owner, servers, options) => toolsFor(context, owner, servers, options),
    fetchFor: (owner, server, options) => lazyFetch(context, owner, server, options),
    sdkProvider: (owner, server, options) => sdkProvider(context, owner, server, options),
    rawTokenFor: (owner, server, options) => rawToken(context, owner, server, options)
  } satisfies Partial<Connections>
  const look = {
    status: (owner, server, options) => readStatus(context, owner, server, options),
    list: owner => listConnections(context, owner, { all: false }),
    catalog: owner => listConnections(context, owner, { all: true }),
    find: async (owner, id) =>
      (await listConnections(context, owner, { all: false })).find(each => each.id === id) ?? null,
    probe: url => probe(context, url),
    diagnose: server => diagnose(context, server),
    exportOwner: owner => exportOwner(context, owner),
    expiring: options => expiring(context, options),
    stats: options => stats(context, options)
  } satisfies Partial<Connections>
  const change = {
    prepare: server => prepareServer(context, server),
    start: (owner, server, options) => startFlow(context, owner, server, options),
    complete: options => completeFlow(context, options),
    createConnectLink: (owner, server, options) => createConnectLink(context, owner, server, options),
    readConnectLink: (owner, link) => readConnectLink(context, owner, link),
    useConnectLink: (owner, link) => useConnectLink(context, owner, link),
    setParams: (owner, server, params, options) => setParams(context, owner, server, { ...options, params }),
    setCredential: (owner, server, options) => storeCredential(context, owner, server, options),
    importConnections: (rows, map) => importConnections(context, rows, map),
    connect: (owner, server, options) => connectWithoutPerson(context, owner, server, options),
    disconnect: (owner, server, options) => disconnect(context, owner, server, options),
    refresh: (owner, server, options) => refreshNow(context, owner, server, options),
    refreshDue: options => refreshDue(context, options),
    deleteOwner: owner => deleteOwner(context, owner),
    sweep: () => sweep(context),
    rotateKeys: options => rotateKeys(context, options),
    keyStatus: () => keyStatus(context)
  } satisfies Partial<Connections>
  const tools = {
    syncTools: (owner, server, options) => syncTools(context, owner, server, options),
    previewTools: server => previewTools(context, server),
    tools: (owner, server, options) => knownTools(context, owner, server, options),
    setToolFilter: (owner, server, filter, options) => setToolFilter(context, owner, server, { ...options, filter }),
    approveTools: (owner, server, names, options) => approveTools(context, owner, server, { ...options, names })
  } satisfies Partial<Connections>
  const connections: Connections = {
    ...use,
    ...look,
    ...change,
    ...tools,
    ...administrationOf(context),
    for: owner => ownedConnections(connections, owner, context.options.defaultServer),
    clientMetadata: (variant = 'keyed') => clientDocument(context, variant === 'public'),
    jwks: () => context.clientKeys.jwks(),
    rotateClientKeys: async () => void (await context.clientKeys.rotate()),
    on: context.events.on,
    urls: context.urls,
    mirror: mirrorOf(context),
    // The drivers are the app's own, and it may use them for something else.
    async close() {
      stopObserving()
      context.closing.abort()
      await network.close()
      await Promise.allSettled(context.background)
    }
  }
  return Object.freeze(connections)
}

const PARTS: Parts = Object.freeze({ refresher: refreshTogether, elapsed: () => performance.now() / 1000 })

// On loopback nobody could fetch the key set.
function keyAlgorithm({ baseUrl, client }: ResolvedOptions): 'ES256' | 'RS256' | 'none' {
  return baseUrl.startsWith('https:') ? (client.keys ?? 'ES256') : 'none'
}

async function openContext(input: ConnectionsOptions, { refresher, elapsed, watch }: Parts): Promise<Context> {
  const { options, storage, openRing, isForgetful } = readOptions(input)
  const ring = await openRing()
  const clock = options.clock ?? systemClock
  const log = options.log ?? SILENT
  const telemetry = await createTelemetry(Object.keys(options.servers))
  const sinks = [telemetry.count, ...(options.onEvent ? [options.onEvent] : [])]
  await openStorage(storage, Object.values(COLLECTIONS))
  const records = openRecords(joinStorage(storage))
  const closing = new AbortController()
  // One for everybody who waits.
  setMaxListeners(0, closing.signal)
  const context: Context = Object.freeze({
    options,
    records,
    ring,
    clock,
    elapsed,
    watch: watch ?? new Watch(clock, elapsed),
    log,
    events: createEvents({ clock, log, sinks }),
    telemetry,
    network: createNetwork(options.network, {
      timeout: options.refresh.timeout,
      onRefused: reason => telemetry.add('blocked_urls', { reason })
    }),
    registry: createRegistry({ options, records, ring, clock }),
    discoveries: new Discoveries(),
    clientKeys: createClientKeys({ algorithm: keyAlgorithm(options), records, ring, clock }),
    dpopSession: createDpopSessions(clock),
    eras: new Eras(clock),
    blockedIssuers: new BlockedIssuers(records, clock),
    closing,
    background: new Set<Promise<unknown>>(),
    refreshes: new Map(),
    refresher,
    urls: urlsOf(options),
    holder: randomSecret(16)
  })
  await beginSchedule(context)
  if (isForgetful) log.warn({}, 'mcp-auth: connections are kept in memory and gone with the process')
  return context
}
