/**
 * Metrics with OpenTelemetry, for apps that have started its SDK. Nothing of it is on the way of a request otherwise. No attribute has
 * a value of its own for each client or person.
 *
 * @see OpenTelemetry specification, metrics API
 */
import type { AuthorizationServerEvent } from '@fastify-mcp-auth/core'

/** Name of the meter, and the start of the names of its instruments. */
const NAME = 'mcp_auth'

/** Seconds: an embedded database takes microseconds, a remote one that is in trouble seconds. */
const BUCKETS = [0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5]

export interface Telemetry {
  /** Counter `mcp_auth.events`, by issuer, type, reason and kind of grant. */
  count(event: AuthorizationServerEvent): void
  /** Histogram `mcp_auth.storage.duration`, by issuer, collection, operation and outcome. @returns to be called at the end */
  startCall(call: { collection: string; operation: string }): (outcome: 'answered' | 'failed') => void
}

/**
 * The SDK has to be there before the plugin, as OpenTelemetry wants it anyway (`node --import ./telemetry.js`): looked for once.
 *
 * @returns null when `@opentelemetry/api` is not installed, or nobody collects
 */
export async function createTelemetry(issuer: string): Promise<Telemetry | null> {
  const api = await import('@opentelemetry/api').catch(() => null)
  if (!api) return null
  const meter = api.metrics.getMeterProvider().getMeter(NAME)
  if (meter === api.createNoopMeter()) return null
  const events = meter.createCounter(`${NAME}.events`, { description: 'What happened', unit: '{event}' })
  const duration = meter.createHistogram(`${NAME}.storage.duration`, {
    description: 'Time until the storage answered',
    unit: 's',
    advice: { explicitBucketBoundaries: BUCKETS }
  })
  return Object.freeze({
    count(event: AuthorizationServerEvent): void {
      const reason = 'reason' in event ? { reason: event.reason } : {}
      const grantType = 'grantType' in event && event.grantType !== null ? { grant_type: event.grantType } : {}
      events.add(1, { issuer, type: event.type, ...reason, ...grantType })
    },
    startCall(call: { collection: string; operation: string }): (outcome: string) => void {
      const start = performance.now()
      return outcome => duration.record((performance.now() - start) / 1000, { issuer, ...call, outcome })
    }
  })
}
