/**
 * Metrics with OpenTelemetry, for apps that have started its SDK. No attribute has a value of its own for each person, tenant or server
 * that was added while the app runs.
 *
 * @see OpenTelemetry specification, metrics API
 */
import type { Attributes, Histogram, Meter } from '@opentelemetry/api'
import type { AuthKind, ConnectionEvent, ConnectionStatus, RefreshTrigger } from './types.ts'

/** Name of the meter, and the start of the names of its instruments. */
const NAME = 'mcp_auth.connections'

/** Attributes of an event that have few values. */
const ATTRIBUTES = ['reason', 'code', 'kind', 'trigger', 'rotated', 'exhausted', 'registration', 'revoked'] as const

/** What is counted, by name of the counter. `server` is turned into `custom` for those that the options do not name. */
export interface Counted {
  /** Flows that came to an end. `reason` is the code of the error. */
  flows: { server: string; outcome: 'connected' | 'reconnected' | 'failed'; reason?: string }
  /** Requests for a new token without a person. */
  refreshes: { server: string; outcome: 'tokens' | 'transient' | 'refused'; trigger: RefreshTrigger }
  'refresh.joins': { server: string }
  'discovery.steps': { step: string; outcome: 'ok' | 'skipped' | 'failed' }
  registrations: { method: 'preregistered' | 'metadata_document' | 'dynamic' | 'none'; outcome: 'ready' | 'failed' }
  revocations: { outcome: 'done' | 'later' | 'gone' }
  tool_syncs: { outcome: 'done' | 'failed' }
  blocked_urls: { reason: string }
}

const COUNTERS = {
  flows: ['Flows that came to an end', '{flow}'],
  refreshes: ['Requests for a new token without a person', '{refresh}'],
  'refresh.joins': ['Callers that waited for the refresh of another one in this process', '{caller}'],
  'discovery.steps': ['Requests and decisions of discovery', '{step}'],
  registrations: ['Clients that were looked up or made', '{registration}'],
  revocations: ['Attempts to revoke tokens', '{attempt}'],
  tool_syncs: ['Looks at the tools of a server', '{sync}'],
  blocked_urls: ['Requests that the network rules stopped', '{request}']
} as const satisfies Record<keyof Counted, readonly [string, string]>

/** What is timed, in seconds, by name of the histogram. */
export interface Timed {
  'flow.duration': { server: string }
  'refresh.lease.wait': { server: string }
}

const HISTOGRAMS = {
  'flow.duration': [
    'Time from Connect to the callback of a flow that ended well',
    [1, 2, 5, 10, 20, 30, 60, 120, 300, 600]
  ],
  'refresh.lease.wait': ['Time until somebody else had a new token', [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]]
} as const satisfies Record<keyof Timed, readonly [string, readonly number[]]>

/** Connections with the same server, status and kind. */
export interface ConnectionGroup {
  readonly server: string
  readonly status: ConnectionStatus
  readonly kind: AuthKind
  readonly count: number
}

/** What is read from the storage when metrics are collected. */
export interface Observed {
  readonly groups: readonly ConnectionGroup[]
  /** Servers that have too many to be counted. */
  readonly uncounted: readonly string[]
  /** Revocations that are still owed. */
  readonly owed: number
}

/** Measures. Nothing here throws, and without a collector nothing happens. */
export interface Telemetry {
  /** Counter `mcp_auth.connections.events`, by type, server and what the event says about how it went; and what follows from it. */
  count(event: ConnectionEvent): void
  add<N extends keyof Counted>(name: N, attributes: Counted[N]): void
  record<N extends keyof Timed>(name: N, seconds: number, attributes: Timed[N]): void
  /** Gauge `mcp_auth.connections.tools`: how many tools the last look found. */
  setTools(server: string, count: number): void
  /**
   * Gauges `mcp_auth.connections.count` and `mcp_auth.connections.outbox.depth`, read when metrics are collected.
   *
   * @returns a function that ends it
   */
  observe(read: () => Promise<Observed>): () => void
}

const nothing = (): void => undefined

const SILENT: Telemetry = Object.freeze({
  count: nothing,
  add: nothing,
  record: nothing,
  setTools: nothing,
  observe: () => nothing
})

/**
 * The SDK has to be there before, as OpenTelemetry wants it anyway (`node --import ./telemetry.js`): looked for once.
 *
 * @param servers ids of the options; every other server counts as `custom`
 * @returns one that does nothing when `@opentelemetry/api` is not installed, or nobody collects
 */
export async function createTelemetry(servers: readonly string[]): Promise<Telemetry> {
  const api = await import('@opentelemetry/api').catch(() => null)
  if (!api) return SILENT
  const meter = api.metrics.getMeterProvider().getMeter(NAME)
  if (meter === api.createNoopMeter()) return SILENT
  return collected(meter, new Set(servers))
}

function collected(meter: Meter, known: ReadonlySet<string>): Telemetry {
  const labelOf = (server: string): string => (known.has(server) ? server : 'custom')
  const named = (attributes: Attributes): Attributes =>
    'server' in attributes ? { ...attributes, server: labelOf(String(attributes['server'])) } : attributes
  const events = meter.createCounter(`${NAME}.events`, { description: 'What happened', unit: '{event}' })
  const tools = meter.createGauge(`${NAME}.tools`, { description: 'Tools that the last look found', unit: '{tool}' })
  const counters = new Map(
    Object.entries(COUNTERS).map(([name, [description, unit]]) => [
      name,
      meter.createCounter(`${NAME}.${name}`, { description, unit })
    ])
  )
  const histograms = new Map<string, Histogram>(
    Object.entries(HISTOGRAMS).map(([name, [description, buckets]]) => [
      name,
      meter.createHistogram(`${NAME}.${name}`, {
        description,
        unit: 's',
        advice: { explicitBucketBoundaries: [...buckets] }
      })
    ])
  )
  const telemetry: Telemetry = {
    count(event) {
      const attributes: Attributes = { type: event.type, server: labelOf(event.server) }
      for (const name of ATTRIBUTES) {
        const value = Reflect.get(event, name) as unknown
        if (typeof value === 'string' || typeof value === 'boolean') attributes[name] = value
      }
      events.add(1, attributes)
      const { server } = event
      if (event.type === 'flow.failed') telemetry.add('flows', { server, outcome: 'failed', reason: event.code })
      const isConnected = event.type === 'connected' || event.type === 'reconnected'
      if (isConnected && event.kind === 'oauth') telemetry.add('flows', { server, outcome: event.type })
    },
    add: (name, attributes) => counters.get(name)?.add(1, named({ ...attributes })),
    record: (name, seconds, attributes) => histograms.get(name)?.record(seconds, named({ ...attributes })),
    setTools: (server, count) => tools.record(count, { server: labelOf(server) }),
    observe: read => observe(meter, labelOf, read)
  }
  return Object.freeze(telemetry)
}

function observe(meter: Meter, labelOf: (server: string) => string, read: () => Promise<Observed>): () => void {
  const connections = meter.createObservableGauge(`${NAME}.count`, {
    description: 'Connections in the storage, the same in every process',
    unit: '{connection}'
  })
  const outbox = meter.createObservableGauge(`${NAME}.outbox.depth`, {
    description: 'Revocations that are still owed, the same in every process',
    unit: '{revocation}'
  })
  let sums = new Map<string, ConnectionGroup>()
  const callback: Parameters<Meter['addBatchObservableCallback']>[0] = async result => {
    const { groups, uncounted, owed } = await read()
    const unknown = new Set(uncounted.map(labelOf))
    // What was told once has to be taken back: an SDK repeats the last value of what it hears nothing more about.
    const before = [...sums].filter(([, { server }]) => !unknown.has(server))
    sums = new Map(before.map(([key, group]) => [key, { ...group, count: 0 }]))
    for (const { server, status, kind, count } of groups) {
      const label = labelOf(server)
      if (unknown.has(label)) continue
      const key = JSON.stringify([label, status, kind])
      sums.set(key, { server: label, status, kind, count: count + (sums.get(key)?.count ?? 0) })
    }
    for (const { count, ...attributes } of sums.values()) result.observe(connections, count, attributes)
    result.observe(outbox, owed)
  }
  meter.addBatchObservableCallback(callback, [connections, outbox])
  return () => meter.removeBatchObservableCallback(callback, [connections, outbox])
}
