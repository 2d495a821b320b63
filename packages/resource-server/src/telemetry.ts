/** Counts events with OpenTelemetry, where the app has it. */
import type { Counter, MeterProvider } from '@opentelemetry/api'
import type { McpAuthEvent } from './events.ts'

/** Name of the meter, and the start of the names of its instruments. */
const NAME = 'mcp_auth'

export interface EventCounter {
  /** Whether anybody collects metrics. */
  isActive(): boolean
  count(event: McpAuthEvent): void
}

/**
 * One counter, `mcp_auth.events`, with the attributes `type`, `reason` and `resource`: nothing that has a value of its own for each caller.
 *
 * @returns null when `@opentelemetry/api` is not installed
 */
export async function createEventCounter(): Promise<EventCounter | null> {
  const api = await import('@opentelemetry/api').catch(() => null)
  if (!api) return null
  let provider: MeterProvider | null = null
  let counter: Counter | null = null

  // Asked each time: the app may set up its metrics after its plugins.
  function current(): Counter | null {
    const now = api?.metrics.getMeterProvider() ?? null
    if (now === provider) return counter
    provider = now
    const meter = now?.getMeter(NAME)
    const isNoop = meter === undefined || meter === api?.createNoopMeter()
    counter = isNoop ? null : meter.createCounter(`${NAME}.events`, { description: 'What happened to requests' })
    return counter
  }

  return {
    isActive: () => current() !== null,
    count(event) {
      const reason = 'reason' in event && event.reason !== null ? { reason: event.reason } : {}
      current()?.add(1, { type: event.type, resource: event.resource, ...reason })
    }
  }
}
