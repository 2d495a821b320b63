/**
 * Metrics and spans with OpenTelemetry, for apps that have started its SDK. Nothing of it is on the way of a request otherwise.
 *
 * No attribute has anything of a token in it, nor a value of its own for each caller.
 *
 * @see OpenTelemetry specification, metrics API and tracing API
 */
import { isOAuthError, isUnavailableError } from '@fastify-mcp-auth/core'
import type { Attributes, Meter, Span, Tracer } from '@opentelemetry/api'
import { isPromise } from './awaitable.ts'
import type { McpAuthEvent } from './events.ts'
import type { VerificationContext, VerifiedToken, Verifier } from './types.ts'

type Api = typeof import('@opentelemetry/api')

/** Name of meter and tracer, and the start of the names of everything that they make. */
const NAME = 'mcp_auth'

/** Seconds: a token that is known takes microseconds, a question to its issuer seconds. */
const BUCKETS = [0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5]

export interface Telemetry {
  /** Counter `mcp_auth.events`, by type, reason and resource. */
  count(event: McpAuthEvent): void
  /**
   * The same verifier with a histogram of the time that each verdict took, `mcp_auth.verify.duration`, and a span around it,
   * `mcp_auth.verify`. Requests that it makes are children of the span.
   */
  measured(verifier: Verifier): Pick<Verifier, 'verify'>
  /**
   * Gauges `mcp_auth.streams` (open ones that end with their token) and `mcp_auth.keys.age` (seconds, by issuer), read when metrics are
   * collected.
   *
   * @returns a function that ends it
   */
  observe(sources: { readonly verifier: Verifier; readonly streams: () => number }): () => void
}

/**
 * The SDK has to be there before the plugin, as OpenTelemetry wants it anyway (`node --import ./telemetry.js`): looked for once.
 *
 * @returns null when `@opentelemetry/api` is not installed, or nobody collects
 */
export async function createTelemetry(resource: string): Promise<Telemetry | null> {
  const api = await import('@opentelemetry/api').catch(() => null)
  if (!api) return null
  const meter = api.metrics.getMeterProvider().getMeter(NAME)
  const tracer = tracerOf(api)
  if (meter === api.createNoopMeter() && !tracer) return null
  const events = meter.createCounter(`${NAME}.events`, { description: 'What happened to requests', unit: '{event}' })
  return Object.freeze({
    count(event: McpAuthEvent): void {
      const reason = 'reason' in event && event.reason !== null ? { reason: event.reason } : {}
      events.add(1, { type: event.type, resource, ...reason })
    },
    measured: (verifier: Verifier) => measured(verifier, { api, meter, tracer, resource }),
    observe: (sources: Parameters<Telemetry['observe']>[0]) => observe(meter, resource, sources)
  })
}

// The provider of the API stands in for one that may still come: whether it has come, only its stand-in knows.
function tracerOf({ trace, ProxyTracerProvider }: Api): Tracer | null {
  const provider = trace.getTracerProvider()
  if (!(provider instanceof ProxyTracerProvider)) return provider.getTracer(NAME)
  return provider.getDelegateTracer(NAME) ?? null
}

interface Instruments {
  readonly api: Api
  readonly meter: Meter
  readonly tracer: Tracer | null
  readonly resource: string
}

function measured(verifier: Verifier, { api, meter, tracer, resource }: Instruments): Pick<Verifier, 'verify'> {
  const duration = meter.createHistogram(`${NAME}.verify.duration`, {
    description: 'Time until a verdict about a token',
    unit: 's',
    advice: { explicitBucketBoundaries: BUCKETS }
  })

  function begin(): { readonly span: Span | null; readonly end: (outcome: Attributes) => void } {
    const start = performance.now()
    const span = tracer?.startSpan(`${NAME}.verify`, { attributes: { resource } }) ?? null
    return {
      span,
      end(outcome) {
        duration.record((performance.now() - start) / 1000, { resource, outcome: outcome['outcome'] ?? '' })
        span?.setAttributes(outcome)
        // A token that is refused is no fault of ours.
        if (outcome['outcome'] === 'failed') span?.setStatus({ code: api.SpanStatusCode.ERROR })
        span?.end()
      }
    }
  }

  return {
    verify(token: string, context: VerificationContext): VerifiedToken | Promise<VerifiedToken> {
      const { span, end } = begin()
      const accept = (verified: VerifiedToken): VerifiedToken => {
        end({ outcome: 'accepted' })
        return verified
      }
      const refuse = (error: unknown): never => {
        end(outcomeOf(error))
        throw error
      }
      let verdict: VerifiedToken | Promise<VerifiedToken>
      try {
        const ask = (): typeof verdict => verifier.verify(token, context)
        verdict = span ? api.context.with(api.trace.setSpan(api.context.active(), span), ask) : ask()
      } catch (error) {
        return refuse(error)
      }
      return isPromise(verdict) ? verdict.then(accept, refuse) : accept(verdict)
    }
  }
}

function outcomeOf(error: unknown): Attributes {
  if (isOAuthError(error)) return { outcome: 'rejected', reason: error.reason }
  return { outcome: 'failed', reason: isUnavailableError(error) ? 'unavailable' : 'unexpected' }
}

function observe(
  meter: Meter,
  resource: string,
  { verifier, streams }: Parameters<Telemetry['observe']>[0]
): ReturnType<Telemetry['observe']> {
  const open = meter.createObservableUpDownCounter(`${NAME}.streams`, {
    description: 'Open streams that end with their token',
    unit: '{stream}'
  })
  const age = meter.createObservableGauge(`${NAME}.keys.age`, {
    description: 'Time since the keys of an issuer were fetched',
    unit: 's'
  })
  const onOpen: Parameters<typeof open.addCallback>[0] = result => result.observe(streams(), { resource })
  const onAge: Parameters<typeof age.addCallback>[0] = result => {
    for (const { dependency, issuer, age: seconds } of verifier.health?.() ?? [])
      if (dependency === 'jwks' && seconds !== null) result.observe(seconds, { resource, issuer })
  }
  open.addCallback(onOpen)
  age.addCallback(onAge)
  return () => {
    open.removeCallback(onOpen)
    age.removeCallback(onAge)
  }
}
