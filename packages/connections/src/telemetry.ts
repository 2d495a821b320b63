/**
 * Metrics with OpenTelemetry, for apps that have started its SDK. No attribute has a value of its own for each person, tenant or server
 * that was added while the app runs.
 *
 * @see OpenTelemetry specification, metrics API
 */
import type { ConnectionEvent } from './types.ts'

/** Name of the meter, and the start of the names of its instruments. */
const NAME = 'mcp_auth.connections'

/** Attributes of an event that have few values. */
const ATTRIBUTES = ['reason', 'code', 'kind', 'trigger', 'rotated', 'exhausted', 'registration', 'revoked'] as const

/** Counter `mcp_auth.connections.events`, by type, server and what the event says about how it went. */
export type CountEvent = (event: ConnectionEvent) => void

/**
 * The SDK has to be there before, as OpenTelemetry wants it anyway (`node --import ./telemetry.js`): looked for once.
 *
 * @param servers ids of the options; every other server counts as `custom`
 * @returns null when `@opentelemetry/api` is not installed, or nobody collects
 */
export async function createTelemetry(servers: readonly string[]): Promise<CountEvent | null> {
  const api = await import('@opentelemetry/api').catch(() => null)
  if (!api) return null
  const meter = api.metrics.getMeterProvider().getMeter(NAME)
  if (meter === api.createNoopMeter()) return null
  const counter = meter.createCounter(`${NAME}.events`, { description: 'What happened', unit: '{event}' })
  const known = new Set(servers)
  return event => {
    const attributes: Record<string, string | boolean> = {
      type: event.type,
      server: known.has(event.server) ? event.server : 'custom'
    }
    for (const name of ATTRIBUTES) {
      const value = Reflect.get(event, name) as unknown
      if (typeof value === 'string' || typeof value === 'boolean') attributes[name] = value
    }
    counter.add(1, attributes)
  }
}
