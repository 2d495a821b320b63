import { OAuthError, UnavailableError } from '@fastify-mcp-auth/core'
import { context, metrics, type Tracer, trace } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader
} from '@opentelemetry/sdk-metrics'
import {
  AlwaysOnSampler,
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor
} from '@opentelemetry/sdk-trace-node'
import t from 'tap'
import { createTelemetry } from '../src/telemetry.ts'
import type { VerifiedToken, Verifier } from '../src/types.ts'
import { createApp, RESOURCE, toolCall } from './app.ts'

interface Collected {
  /** Points of all metrics by the name of the metric: value and attributes. */
  metrics(): Promise<Record<string, { value: unknown; attributes: object }[]>>
  spans(): ReadableSpan[]
}

/** The real SDK, in memory, before the app as its users have it. */
function startSdk(t: { teardown(done: () => unknown): void }): Collected {
  const points = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter: points, exportIntervalMillis: 3_600_000 })
  const spans = new InMemorySpanExporter()
  const meterProvider = new MeterProvider({ readers: [reader] })
  const tracerProvider = new NodeTracerProvider({
    sampler: new AlwaysOnSampler(),
    spanProcessors: [new SimpleSpanProcessor(spans)]
  })
  metrics.setGlobalMeterProvider(meterProvider)
  tracerProvider.register()
  t.teardown(async () => {
    metrics.disable()
    trace.disable()
    context.disable()
    await meterProvider.shutdown()
    await tracerProvider.shutdown()
  })
  return {
    async metrics() {
      points.reset()
      await reader.forceFlush()
      const all = points.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(scope => scope.metrics))
      return Object.fromEntries(
        all.map(({ descriptor, dataPoints }) => [
          descriptor.name,
          dataPoints.map(({ value, attributes }) => ({ value, attributes }))
        ])
      )
    },
    spans: () => spans.getFinishedSpans()
  }
}

t.test('OpenTelemetry: without an SDK nothing is measured, and the verifier is called as it is', async t => {
  t.equal(await createTelemetry(RESOURCE), null)
})

t.test('OpenTelemetry: events, times of verdicts and ages of keys, by nothing personal', async t => {
  const collected = startSdk(t)
  const { app, bearer, clock, issuer } = await createApp(t)
  const post = (headers: Record<string, string> = {}): Promise<unknown> =>
    app.inject({ method: 'POST', url: '/mcp', headers, payload: toolCall('x') })
  await post()
  await post({ authorization: 'Bearer x' })
  const good = await bearer({ scopes: ['mcp:tools'] })
  await post(good)
  await post(good)
  await post(await bearer({ scopes: [] }))
  clock.advance(7)
  const found = await collected.metrics()
  t.match(found['mcp_auth.events'], [
    { value: 1, attributes: { type: 'token.missing', resource: RESOURCE } },
    { value: 1, attributes: { type: 'token.rejected', resource: RESOURCE, reason: 'not_a_jwt' } },
    { value: 1, attributes: { type: 'jwks.refreshed', resource: RESOURCE } },
    { value: 3, attributes: { type: 'token.accepted', resource: RESOURCE } },
    { value: 1, attributes: { type: 'scope.denied', resource: RESOURCE } }
  ])
  t.match(found['mcp_auth.verify.duration'], [
    { value: { count: 1 }, attributes: { resource: RESOURCE, outcome: 'rejected' } },
    { value: { count: 3, min: Number, max: Number }, attributes: { resource: RESOURCE, outcome: 'accepted' } }
  ])
  t.strictSame(found['mcp_auth.keys.age'], [{ value: 7, attributes: { resource: RESOURCE, issuer: issuer.issuer } }])
  t.strictSame(found['mcp_auth.streams'], [{ value: 0, attributes: { resource: RESOURCE } }])
  const everything = JSON.stringify([found, collected.spans().map(({ name, attributes }) => ({ name, attributes }))])
  for (const personal of ['alice', 'test-client', good.authorization.slice(-20)]) t.notMatch(everything, personal)
})

t.test('OpenTelemetry: an app that was closed is looked at no more', async t => {
  const collected = startSdk(t)
  let asked = 0
  const health = (): [] => {
    asked++
    return []
  }
  const verify: Verifier = { issuers: [], verify: () => Promise.reject(new UnavailableError('down')), health }
  const { app } = await createApp(t, { options: { verify } })
  await collected.metrics()
  t.equal(asked, 1)
  await app.close()
  await collected.metrics()
  t.equal(asked, 1)
})

t.test('OpenTelemetry: a span for each verdict, whatever it is, and what it waits for is in it', async t => {
  const collected = startSdk(t)
  const tracer: Tracer = trace.getTracer('app')
  const outcomes: Record<string, () => ReturnType<Verifier['verify']>> = {
    promised: async () => {
      tracer.startSpan('asked the issuer').end()
      throw new OAuthError('invalid_token', 'no', { reason: 'inactive' })
    },
    thrown: () => {
      throw new OAuthError('invalid_token', 'no', { reason: 'expired' })
    },
    down: () => Promise.reject(new UnavailableError('down')),
    broken: () => {
      throw new TypeError('broken')
    }
  }
  const verify: Verifier['verify'] = token => outcomes[token]?.() ?? Promise.reject(new Error('no such case'))
  const { app } = await createApp(t, { options: { verify: { issuers: ['https://issuer.test'], verify } } })
  const statuses: number[] = []
  for (const name of Object.keys(outcomes)) {
    const headers = { authorization: `Bearer ${name}` }
    statuses.push((await app.inject({ url: '/mcp', headers })).statusCode)
  }
  t.strictSame(statuses, [401, 401, 503, 500], 'measuring changes no answer')
  const [child, ...spans] = collected.spans()
  t.equal(child?.parentSpanContext?.spanId, spans[0]?.spanContext().spanId)
  t.strictSame(
    spans.map(({ name, attributes, status }) => [name, attributes, status.code]),
    [
      ['mcp_auth.verify', { resource: RESOURCE, outcome: 'rejected', reason: 'inactive' }, 0],
      ['mcp_auth.verify', { resource: RESOURCE, outcome: 'rejected', reason: 'expired' }, 0],
      ['mcp_auth.verify', { resource: RESOURCE, outcome: 'failed', reason: 'unavailable' }, 2],
      ['mcp_auth.verify', { resource: RESOURCE, outcome: 'failed', reason: 'unexpected' }, 2]
    ]
  )
})

t.test('OpenTelemetry: a verdict is the same object, at once or later, measured or not', async t => {
  const collected = startSdk(t)
  const telemetry = await createTelemetry(RESOURCE)
  const token = { subject: 'alice' } as unknown as VerifiedToken
  class Stateful implements Verifier {
    readonly issuers = []
    readonly #token = token
    verify(): VerifiedToken {
      return this.#token
    }
  }
  const context = { resource: RESOURCE, request: null }
  t.equal(telemetry?.measured(new Stateful()).verify('x', context), token)
  t.equal(await telemetry?.measured({ issuers: [], verify: async () => token }).verify('x', context), token)
  t.equal(collected.spans().length, 2)
})
