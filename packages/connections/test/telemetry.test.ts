/** What OpenTelemetry collects, with its real SDK. */

import { fault } from '@fastify-mcp-auth/testing/servers'
import { metrics } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader
} from '@opentelemetry/sdk-metrics'
import t from 'tap'
import { alice, BINDING, createWorld } from './world.ts'

t.test(
  'item 24: events are counted by few attributes, none of them a person or a server that somebody typed in',
  async t => {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
    const provider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] })
    metrics.setGlobalMeterProvider(provider)
    t.teardown(async () => {
      metrics.disable()
      await provider.shutdown()
    })
    const world = await createWorld(t, { app: { allowCustomServers: true } })
    await world.connect()
    world.clock.advance(3700)
    world.issuer.fail('token', fault.oauthError('invalid_grant'))
    await t.rejects(world.whoami())
    await world.connections.registry.add('private-thing', { url: world.server.resource, auth: 'bearer' })
    await world.connections.setCredential(alice, 'private-thing', { secret: 'secret' })
    await t.rejects(world.connections.complete({ params: { state: 'x' }, binding: BINDING, owner: alice }))
    await provider.forceFlush()
    const points = exporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(scope => scope.metrics))
      .filter(({ descriptor }) => descriptor.name === 'mcp_auth.connections.events')
      .flatMap(({ dataPoints }) => dataPoints.map(({ attributes, value }) => ({ ...attributes, value })))
    const of = (type: string) => points.filter(point => 'type' in point && point.type === type)
    t.match(of('flow.started'), [{ server: 'notes', registration: 'dynamic', value: 1 }])
    t.match(of('needs_reauth'), [{ server: 'notes', reason: 'invalid_grant', value: 1 }])
    t.match(
      of('connected').map(point => 'server' in point && point.server),
      ['notes', 'custom']
    )
    t.notMatch(JSON.stringify(points), /alice|private-thing|secret/)
  }
)
