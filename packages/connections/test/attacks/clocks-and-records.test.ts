/** 5.7: clocks that differ, and flows whose record was exchanged. */
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import { settableClock } from '@fastify-mcp-auth/testing'
import { walkAuthorization } from '@fastify-mcp-auth/testing/servers'
import t from 'tap'
import { COLLECTIONS } from '../../src/index.ts'
import { alice, BINDING, bob, createWorld } from '../world.ts'

for (const minutes of [5, -5])
  t.test(
    `5.7 clock skew +-5 min: an app whose clock is ${minutes} minutes off connects, uses and refreshes`,
    async t => {
      const world = await createWorld(t)
      const clock = settableClock(world.clock.now() + minutes * 60)
      const app = await world.another({ clock })
      const pass = (seconds: number): void => {
        clock.advance(seconds)
        world.clock.advance(seconds)
      }
      const { url } = await app.start(alice, 'notes', { binding: BINDING })
      pass(599)
      const answer = { params: await walkAuthorization(url), binding: BINDING, owner: alice }
      t.equal((await app.complete(answer)).outcome, 'connected')
      const use = () => app.withClient(alice, 'notes', client => client.listTools())
      for (let hour = 0; hour < 3; hour++) {
        await use()
        pass(3500)
      }
      t.match(await app.status(alice, 'notes'), { status: 'active' })
      t.equal([...world.issuer.records.grants.values()].filter(({ endedBy }) => endedBy !== null).length, 0)
    }
  )

t.test('5.7 clock skew +-5 min: two processes that are ten minutes apart take turns and lose nothing', async t => {
  const world = await createWorld(t, { app: { storage: memoryStorage() } })
  const clocks = [-300, 300].map(skew => settableClock(world.clock.now() + skew))
  const apps = await Promise.all(clocks.map(clock => world.another({ clock })))
  await world.connect()
  for (let turn = 0; turn < 6; turn++) {
    for (const clock of [...clocks, world.clock]) clock.advance(1750)
    await apps[turn % 2]?.withClient(alice, 'notes', client => client.listTools())
    await apps[turn % 2]?.refreshDue()
  }
  for (const app of apps) t.match(await app.status(alice, 'notes'), { status: 'active' })
  t.notOk(world.events.some(({ type }) => type === 'needs_reauth'))
})

t.test(
  '5.7 swapped server id in flow: a flow that was pointed at another server or owner is not completed',
  async t => {
    const swaps = [{ server: 'other' }, { account: 'work' }, { connection: 'x' }, { owner: bob }] as const
    for (const swap of swaps) {
      const storage = memoryStorage()
      const world = await createWorld(t, { app: { storage } })
      const app = await world.another({
        servers: { notes: { url: world.server.resource }, other: { url: world.server.resource } }
      })
      const { url, flowId } = await app.start(alice, 'notes', { binding: BINDING })
      const params = await walkAuthorization(url)
      t.ok(await storage.update(COLLECTIONS.flows, flowId, {}, swap))
      const answer = { params, binding: BINDING, owner: alice }
      const outcome = await app.complete(answer).catch((error: unknown) => error)
      // Whose it is comes from who is signed in, so a changed owner in the record is of no use.
      if ('owner' in swap) t.match(outcome, { connection: { owner: alice } })
      else t.match(outcome, { code: /MCP_FLOW_(?:MISMATCH|EXPIRED)/ }, JSON.stringify(swap))
      t.equal((await app.status(bob, 'notes')).status, 'not_connected')
      t.equal((await app.status(alice, 'other')).status, 'not_connected')
    }
  }
)
