/** Counts events with OpenTelemetry, where the app has it. */
import type { Counter } from '@opentelemetry/api'
import type { McpAuthEvent } from './events.ts'

/** Name of the meter, and the start of the names of its instruments. */
const NAME = 'mcp_auth'

export type EventCounter = (event: McpAuthEvent) => void

/**
 * One counter, `mcp_auth.events`, with the attributes `type`, `reason` and `resource`: nothing that has a value of its own for each caller.
 *
 * @returns null when `@opentelemetry/api` is not installed
 */
export async function createEventCounter(): Promise<EventCounter | null> {
  const api = await import('@opentelemetry/api').catch(() => null)
  if (!api) return null
  let counter: Counter | null = null
  return event => {
    // Not earlier: the app may set up its metrics after its plugins.
    counter ??= api.metrics.getMeter(NAME).createCounter(`${NAME}.events`, { description: 'What happened to requests' })
    const reason = 'reason' in event && event.reason !== null ? { reason: event.reason } : {}
    counter.add(1, { type: event.type, resource: event.resource, ...reason })
  }
}
