/** What the background does: in time, spread, and not for ever. */

import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import { fault } from '@fastify-mcp-auth/testing/servers'
import t, { type Test } from 'tap'
import { COLLECTIONS } from '../src/index.ts'
import { alice, createWorld, type World } from './world.ts'

const connected = async (t: Test, options: Parameters<typeof createWorld>[1] = {}): Promise<World> => {
  const world = await createWorld(t, options)
  await world.connect()
  return world
}

const refreshes = ({ issuer }: World): number =>
  issuer.requests.filter(({ endpoint, body }) => endpoint === 'token' && body.includes('grant_type=refresh_token'))
    .length

t.test('item 8, after days of outages: the background gives up, use does not', async t => {
  const world = await connected(t, { app: { refresh: { exhaustedAfter: 3600 } } })
  const { clock, issuer, connections, events, whoami } = world
  issuer.fail('token', fault.unavailable(), { times: 1000 })
  for (let hour = 0; hour < 6; hour++) {
    clock.advance(3600)
    await connections.refreshDue()
  }
  const failures = events.filter(({ type }) => type === 'refresh.failed')
  t.match(failures.at(-1), { exhausted: true })
  const asked = refreshes(world)
  clock.advance(86_400)
  await connections.refreshDue()
  t.equal(refreshes(world), asked)
  issuer.heal('token')
  t.equal(await whoami(), 'alice')
  t.equal((await connections.status(alice, 'notes')).status, 'active')
})

t.test(
  'item 20: the background refreshes what ends soon, each at its time, and finds it after days without a worker',
  async t => {
    const world = await createWorld(t)
    const { connections, clock, issuer } = world
    const people = Array.from({ length: 12 }, (_, at) => ({ type: 'user', id: `user-${at}` }) as const)
    for (const person of people) await world.connect(person)
    t.match(await connections.refreshDue(), { refreshed: 0, failed: 0 })
    const counts: number[] = []
    for (let minute = 0; minute < 70; minute++) {
      clock.advance(60)
      counts.push((await connections.refreshDue()).refreshed)
    }
    t.equal(
      counts.reduce((sum, count) => sum + count),
      12
    )
    t.ok(Math.max(...counts) < 8, `not all in the same minute: ${counts.filter(count => count > 0)}`)
    clock.advance(5 * 86_400)
    const late = await connections.refreshDue({ limit: 1000 })
    t.equal(late.refreshed, 12)
    t.match(await connections.refreshDue({ budgetPerIssuer: 3 }), { refreshed: 0 })
    t.ok(
      people.every(({ id }) =>
        [...issuer.records.grants.values()].some(grant => grant.subject === id && !grant.endedBy)
      )
    )
  }
)

t.test('feature 65: who has no refresh token is told a day before, once, and then it is over', async t => {
  const behaviour = { refreshTokens: 'never', accessTokenLifetime: 3 * 86_400 } as const
  const world = await connected(t, { issuer: { behaviour } })
  const { connections, clock, events, whoami } = world
  t.strictSame(await connections.expiring(), [])
  clock.advance(2 * 86_400 + 60)
  t.match(await connections.status(alice, 'notes'), { status: 'expiring', action: 'reconnect' })
  t.equal((await connections.expiring()).length, 1)
  await connections.refreshDue()
  await connections.refreshDue()
  t.equal(events.filter(({ type }) => type === 'expiring').length, 1)
  t.equal(await whoami(), 'alice')
  clock.advance(86_400)
  await connections.refreshDue()
  t.match(events.at(-1), { type: 'needs_reauth', reason: 'expired_no_refresh' })
  await t.rejects(whoami(), { code: 'MCP_NEEDS_REAUTH', reason: 'expired_no_refresh' })
})

t.test(
  'item 20: the background waits for all dead processes at once, and for none before it has done the rest',
  async t => {
    const storage = memoryStorage()
    const world = await createWorld(t, { app: { storage } })
    const { connections, clock } = world
    for (const id of ['anna', 'ben', 'cleo', 'dora']) await world.connect({ type: 'user', id })
    clock.advance(3700)
    const order = await connections.expiring({ unrefreshableOnly: false })
    const leaseUntil = clock.now() + 30
    for (const { id } of order.slice(0, 3))
      t.ok(
        await storage.update(COLLECTIONS.connections, id ?? '', {}, { leaseHolder: 'gone', leaseUntil, leaseNumber: 1 })
      )
    const running = connections.refreshDue()
    const last = order[3]?.owner ?? null
    while ((await connections.status(last, 'notes')).lastRefreshAt === null)
      await new Promise(resolve => setTimeout(resolve, 5))
    t.equal(refreshes(world), 1, 'the last is first')
    clock.advance(31)
    t.match(await running, { refreshed: 4, failed: 0 })
  }
)

t.test('item 20: an attempt that failed counts as that, also while the token is good', async t => {
  const world = await connected(t)
  world.clock.advance(3600 - 60)
  world.issuer.fail('token', fault.unavailable())
  t.match(await world.connections.refreshDue(), { examined: 1, refreshed: 0, failed: 1, skipped: 0 })
})
