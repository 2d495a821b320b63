/** One life of a connection on a driver: connect, use, refresh by two at once, notice, disconnect, sweep, rotate. */
import { randomBytes } from 'node:crypto'
import type { StorageDriver } from '@fastify-mcp-auth/core'
import type { Test } from 'tap'
import { alice, bob, createWorld } from './world.ts'

export async function liveOn(t: Test, storage: StorageDriver): Promise<void> {
  const [first, second] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')]
  const world = await createWorld(t, {
    app: { storage, encryptionKeys: [first, second], limits: { perMinute: 50, perDay: 50 } }
  })
  const { connections, clock, issuer, whoami } = world
  const other = await world.another({ encryptionKeys: [second, first] })
  await world.connect()
  await world.connect(bob)
  t.strictSame(await Promise.all([whoami(), whoami(bob)]), ['alice', 'bob'])
  clock.advance(3700)
  const ask = (from: typeof connections) =>
    from.withClient(alice, 'notes', client => client.callTool({ name: 'whoami' }))
  const before = issuer.count('token')
  await Promise.all([ask(connections), ask(other), ask(connections), ask(other)])
  t.equal(issuer.count('token'), before + 1, 'one of two refreshed')
  t.match(await other.refreshDue(), { refreshed: 1 }, 'the background found the other one')
  await connections.syncTools(alice, 'notes')
  t.equal((await other.tools(alice, 'notes'))?.tools.length, 2)
  // Sealed with the first key of the first process, whichever of the two has refreshed before.
  await world.connect(bob)
  const rotated = await other.rotateKeys()
  t.match(rotated, { remaining: 0 })
  t.ok(rotated.resealed >= 1, 'what the first process has sealed is sealed anew')
  t.match(await ask(other), { content: [{ text: 'alice' }] })
  t.equal((await connections.list(bob)).length, 1)
  t.equal(await connections.disconnect(alice, 'notes'), true)
  t.equal((await other.status(alice, 'notes')).status, 'not_connected')
  t.equal(await other.deleteOwner(bob), 1)
  clock.advance(86_400)
  t.ok((await connections.sweep()).removed >= 0)
  t.match(await connections.stats(), { servers: { notes: { connections: 0 } } })
}
