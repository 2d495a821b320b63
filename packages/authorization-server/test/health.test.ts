/** What an operator asks, and what OpenTelemetry collects. */
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import { metrics } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader
} from '@opentelemetry/sdk-metrics'
import t from 'tap'
import { buildServer, ORIGIN } from './fixture.ts'
import { observableStorage } from './observable-storage.ts'

t.test('health: well, with the storage down, and well again; it never rejects for an outage', async t => {
  const { app, storage, clock } = await buildServer(t)
  const { health } = app.authorizationServer
  const well = { ok: true, storage: true, keys: true, consentPage: true }
  t.strictSame(await health(), well)
  storage.goDown()
  t.match(await health(), { ok: false, storage: false })
  clock.advance(120)
  t.strictSame(await health(), { ok: false, storage: false, keys: false, consentPage: true })
  storage.comeBack()
  t.strictSame(await health(), well)
})

t.test('health: not before the app is ready', async t => {
  let early: unknown
  await buildServer(t, {
    async after(app) {
      early = await app.authorizationServer.health()
    }
  })
  t.strictSame(early, { ok: false, storage: true, keys: true, consentPage: false })
})

t.test('stats: what this issuer has, counted no further than asked', async t => {
  const storage = observableStorage()
  const { app, client } = await buildServer(t, { storage })
  const other = await buildServer(t, { storage, options: { issuer: `${ORIGIN}/other` } })
  const { stats } = app.authorizationServer
  for (let i = 0; i < 3; i++) await client().connect()
  await other.client().connect()
  const three = { count: 3, isMore: false }
  t.strictSame(await stats(), { clients: three, grants: three, interactions: three })
  t.strictSame(await stats({ limit: 3 }), { clients: three, grants: three, interactions: three })
  t.match(await stats({ limit: 2 }), { clients: { count: 2, isMore: true } })
  t.match(await other.app.authorizationServer.stats(), { grants: { count: 1 } })
})

t.test('stats: null where the storage cannot count', async t => {
  const { count: _, ...uncounted } = memoryStorage()
  const { app } = await buildServer(t, { storage: observableStorage(uncounted) })
  t.strictSame(await app.authorizationServer.stats(), { clients: null, grants: null, interactions: null })
})

t.test('cleanup: as much as asked, the rest at the next call, and together on every node', async t => {
  const { app, client, clock, storage } = await buildServer(t)
  const { cleanup } = app.authorizationServer
  const one = client()
  await one.register()
  for (let i = 0; i < 5; i++) await one.start().then(({ url }) => one.browser.open(url))
  clock.advance(901)
  t.equal(await cleanup({ limit: 2 }), 2)
  t.match(await storage.counts(), { interactions: 3, clients: 1 })
  const counts = await Promise.all([cleanup(), cleanup(), cleanup()])
  t.equal(
    counts.reduce((sum, count) => sum + count),
    3,
    'each record went once'
  )
})

t.test(
  'OpenTelemetry: events and the time of the storage are collected, with nothing of a client or person',
  async t => {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
    const provider = new MeterProvider({ readers: [reader] })
    metrics.setGlobalMeterProvider(provider)
    t.teardown(async () => {
      metrics.disable()
      await provider.shutdown()
    })
    const server = await buildServer(t)
    const client = server.client()
    await client.connect()
    server.storage.goDown()
    await client.refresh('x')
    await reader.forceFlush()
    const all = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(scope => scope.metrics))
    const points = (name: string) =>
      all.find(({ descriptor }) => descriptor.name === name)?.dataPoints.map(({ attributes }) => attributes) ?? []
    t.ok(
      points('mcp_auth.events').some(
        ({ type, grant_type }) => type === 'token.issued' && grant_type === 'authorization_code'
      )
    )
    t.ok(
      points('mcp_auth.storage.duration').some(
        ({ collection, outcome }) => collection === 'clients' && outcome === 'failed'
      )
    )
    const told = JSON.stringify(all.map(({ dataPoints }) => dataPoints.map(({ attributes }) => attributes)))
    const { clientId } = await client.credentials()
    for (const secret of [clientId, 'sub-alice']) t.equal(told.includes(secret), false)
  }
)
