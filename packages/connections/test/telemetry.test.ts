/** What OpenTelemetry collects, with its real SDK. */

import { fault } from '@fastify-mcp-auth/testing/servers'
import { type Attributes, metrics } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader
} from '@opentelemetry/sdk-metrics'
import t, { type Test } from 'tap'
import { alice, BINDING, bob, createWorld } from './world.ts'

/** Collects from now on. @returns reads the points of one instrument, each with its value; of a histogram how many values there were */
function collect(t: Test): (name: string) => Promise<{ attributes: Attributes; value: number }[]> {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const provider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] })
  metrics.setGlobalMeterProvider(provider)
  t.teardown(async () => {
    metrics.disable()
    await provider.shutdown()
  })
  return async name => {
    exporter.reset()
    await provider.forceFlush()
    return exporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(scope => scope.metrics))
      .filter(({ descriptor }) => name === '*' || descriptor.name === `mcp_auth.connections.${name}`)
      .flatMap(({ dataPoints }) => dataPoints.map(({ attributes, value }) => ({ attributes, value })))
      .map(({ attributes, value }) => ({ attributes, value: typeof value === 'number' ? value : value.count }))
  }
}

t.test('item 24: no attribute is a person, a secret or a server that somebody typed in', async t => {
  const pointsOf = collect(t)
  const world = await createWorld(t, { app: { allowCustomServers: true } })
  await world.connect()
  await world.whoami()
  world.clock.advance(3700)
  world.issuer.fail('token', fault.oauthError('invalid_grant'))
  await t.rejects(world.whoami())
  await world.connections.registry.add('private-thing', { url: world.server.resource, auth: 'bearer' })
  await world.connections.setCredential(alice, 'private-thing', { secret: 'secret' })
  await t.rejects(world.connections.syncTools(alice, 'private-thing'))
  await t.rejects(world.connections.complete({ params: { state: 'x' }, binding: BINDING, owner: alice }))
  const events = await pointsOf('events')
  const of = (type: string) => events.filter(({ attributes }) => attributes['type'] === type)
  t.match(of('flow.started'), [{ attributes: { server: 'notes', registration: 'dynamic' }, value: 1 }])
  t.match(of('needs_reauth'), [{ attributes: { server: 'notes', reason: 'invalid_grant' }, value: 1 }])
  t.match(
    of('connected').map(({ attributes }) => attributes['server']),
    ['notes', 'custom']
  )
  t.match(
    (await pointsOf('count')).map(({ attributes, value }) => ({ ...attributes, value })),
    [
      { server: 'notes', status: 'needs_reauth', kind: 'oauth', value: 1 },
      { server: 'custom', status: 'rejected', kind: 'bearer', value: 1 }
    ]
  )
  const all = JSON.stringify(await pointsOf('*'))
  t.notMatch(all, /alice|private-thing|secret|127\.0\.0\.1/)
  for (const token of world.issuer.records.accessTokens.keys()) t.notMatch(all, token)
})

t.test('5.8: flows, by how they ended, and how long people took', async t => {
  const pointsOf = collect(t)
  const { connections, connect, clock, issuer } = await createWorld(t)
  issuer.fail('token', fault.oauthError('invalid_grant'))
  await t.rejects(connect())
  await connect()
  await connect()
  const { url } = await connections.start(alice, 'notes', { binding: BINDING })
  clock.advance(45)
  const state = new URL(url).searchParams.get('state') ?? ''
  const params = { state, error: 'access_denied', iss: issuer.issuer }
  await t.rejects(connections.complete({ params, binding: BINDING, owner: alice }), { code: 'MCP_ACCESS_DENIED' })
  t.strictSame(
    (await pointsOf('flows')).map(({ attributes, value }) => ({ ...attributes, value })),
    [
      { server: 'notes', outcome: 'failed', reason: 'MCP_FLOW_EXPIRED', value: 1 },
      { server: 'notes', outcome: 'connected', value: 1 },
      { server: 'notes', outcome: 'reconnected', value: 1 },
      { server: 'notes', outcome: 'failed', reason: 'MCP_ACCESS_DENIED', value: 1 }
    ]
  )
  t.strictSame(await pointsOf('flow.duration'), [{ attributes: { server: 'notes' }, value: 2 }])
  t.match(await pointsOf('registrations'), [{ attributes: { method: 'dynamic', outcome: 'ready' } }])
  t.match(
    (await pointsOf('discovery.steps')).map(({ attributes }) => attributes),
    [
      { step: 'server', outcome: 'ok' },
      { step: 'resource_metadata', outcome: 'ok' },
      { step: 'issuer', outcome: 'ok' },
      { step: 'authorization_server_metadata', outcome: 'ok' }
    ]
  )
})

t.test('5.8: refreshes by trigger and outcome, who joined one, and who waited for another process', async t => {
  const pointsOf = collect(t)
  const world = await createWorld(t)
  const { connections, connect, whoami, clock, issuer } = world
  await connect()
  clock.advance(3400)
  await connections.refreshDue()
  clock.advance(3700)
  const other = await world.another()
  issuer.fail('token', fault.unavailable())
  await t.rejects(whoami())
  clock.advance(60)
  await Promise.all([whoami(), whoami(), other.refresh(alice, 'notes'), whoami()])
  const refreshes = (await pointsOf('refreshes')).map(({ attributes, value }) => ({ ...attributes, value }))
  const refreshed = refreshes.filter(point => 'outcome' in point && point.outcome === 'tokens')
  t.match(refreshes, [
    { server: 'notes', trigger: 'background', outcome: 'tokens', value: 1 },
    { server: 'notes', trigger: 'use', outcome: 'transient', value: 1 },
    { outcome: 'tokens' }
  ])
  t.equal(
    refreshed.reduce((sum, { value }) => sum + value, 0),
    2,
    'one for all callers of both processes'
  )
  const [joins] = await pointsOf('refresh.joins')
  t.ok((joins?.value ?? 0) >= 1)
  t.match(await pointsOf('refresh.lease.wait'), [{ attributes: { server: 'notes' } }])
})

t.test('5.8: revocations and what is owed, tools and looks at them, blocked URLs', async t => {
  const pointsOf = collect(t)
  const { connections, connect, clock, issuer } = await createWorld(t, {
    app: {
      servers: { inner: { url: 'https://inner.example/mcp', auth: 'none' } },
      network: { allowLoopback: true, lookup: async () => ['10.0.0.1'] }
    }
  })
  await connect()
  await connect(bob)
  await connections.syncTools(alice, 'notes')
  await t.rejects(connections.syncTools(alice, 'inner'), { code: 'MCP_URL_BLOCKED' })
  await connections.disconnect(alice, 'notes')
  issuer.fail('revoke', fault.unavailable())
  await connections.disconnect(bob, 'notes')
  t.match(await pointsOf('outbox.depth'), [{ value: 1 }])
  clock.advance(120)
  await connections.sweep()
  t.match(await pointsOf('outbox.depth'), [{ value: 0 }])
  t.strictSame(
    (await pointsOf('revocations')).map(({ attributes, value }) => ({ ...attributes, value })),
    [
      { outcome: 'done', value: 2 },
      { outcome: 'later', value: 1 }
    ]
  )
  t.match(await pointsOf('tools'), [{ attributes: { server: 'notes' }, value: Number }])
  t.match(
    (await pointsOf('tool_syncs')).map(({ attributes }) => attributes),
    [{ outcome: 'done' }, { outcome: 'failed' }]
  )
  t.match(await pointsOf('blocked_urls'), [{ attributes: { reason: 'address' } }])
})

t.test(
  '5.8: how many connections there are, read at most once a minute, told by every process until it ends',
  async t => {
    const pointsOf = collect(t)
    const { connections, connect, clock, issuer, another } = await createWorld(t)
    const other = await another()
    await connect()
    t.match(await pointsOf('count'), [{ value: 1 }])
    await connect(bob)
    t.match(await pointsOf('count'), [{ value: 1 }])
    clock.advance(60)
    t.match(await pointsOf('count'), [{ value: 2 }])
    await connections.disconnect(bob, 'notes')
    issuer.fail('token', fault.oauthError('invalid_grant'))
    await t.rejects(connections.refresh(alice, 'notes'))
    clock.advance(60)
    t.match(
      (await pointsOf('count')).map(({ attributes, value }) => [attributes['status'], value]),
      [
        ['active', 0],
        ['needs_reauth', 1]
      ],
      'what is not so any more is taken back'
    )
    await connections.close()
    await other.disconnect(alice, 'notes')
    clock.advance(60)
    const byStatus = Object.fromEntries(
      (await pointsOf('count')).map(({ attributes, value }) => [attributes['status'], value])
    )
    t.equal(byStatus['needs_reauth'], 0, 'the process that goes on tells it')
  }
)

t.test('an audit says who used what: once in five minutes, whatever the number of calls and processes', async t => {
  const world = await createWorld(t)
  const { connection } = await world.connect()
  const other = await world.another()
  const call = (connections: typeof other) => connections.withClient(alice, 'notes', client => client.listTools())
  await Promise.all([world.whoami(), world.whoami(), call(other), call(other)])
  const used = () => world.events.filter(({ type }) => type === 'used')
  t.match(used(), [{ server: 'notes', connection: connection.id, owner: alice }])
  t.equal(used().length, 1)
  world.clock.advance(301)
  await world.whoami()
  t.equal(used().length, 2)
})
