/** The look at the tools that follows a connect. */
import { EventEmitter, once } from 'node:events'

import type { StorageDriver } from '@fastify-mcp-auth/core'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import { fault, walkAuthorization } from '@fastify-mcp-auth/testing/servers'
import t, { type Test } from 'tap'
import { alice, BINDING, createWorld } from './world.ts'

/** An app that looks by itself; `stored` waits for the next list of tools that is written. */
async function lookingWorld(t: Test, tools?: { syncOnConnect: boolean }) {
  const writes = new EventEmitter()
  const memory = memoryStorage()
  const storage: StorageDriver = {
    ...memory,
    async insert(collection, key, record) {
      const isNew = await memory.insert(collection, key, record)
      writes.emit(collection.name)
      return isNew
    }
  }
  const world = await createWorld(t, { app: { storage }, definition: tools ? { tools } : { tools: {} } })
  const connect = async () => {
    const { url } = await world.connections.start(alice, 'notes', { binding: BINDING })
    return world.connections.complete({ params: await walkAuthorization(url), binding: BINDING, owner: alice })
  }
  return { ...world, connect, stored: () => once(writes, 'connection_tools') }
}

t.test('feature 50: the tools are known after the connect, and nobody waits for them', async t => {
  const { connections, connect, server, stored } = await lookingWorld(t)
  const seen = stored()
  server.fail('mcp', fault.slow(30), { times: 20 })
  t.equal((await connect()).outcome, 'connected')
  t.equal(await connections.tools(alice, 'notes'), null, 'the person is back already')
  await seen
  t.match(await connections.tools(alice, 'notes'), { tools: [{ name: String }] })
})

t.test('feature 50: a connect is a connect, also when the look fails or is cut off by the end', async t => {
  for (const what of [fault.unavailable(), fault.html(200), fault.hang()]) {
    const { connections, server, events } = await lookingWorld(t)
    const { url } = await connections.start(alice, 'notes', { binding: BINDING })
    const params = await walkAuthorization(url)
    server.fail('mcp', what, { times: 50 })
    t.equal((await connections.complete({ params, binding: BINDING, owner: alice })).outcome, 'connected')
    await connections.close()
    t.equal((await connections.status(alice, 'notes')).status, 'active')
    t.notOk(events.some(({ type }) => type === 'needs_reauth'))
  }
})

t.test('feature 50: the options leave it to the app', async t => {
  const { connections, connect, server } = await lookingWorld(t, { syncOnConnect: false })
  await connect()
  await connections.close()
  t.equal(server.calls.length, 0)
  t.equal(await connections.tools(alice, 'notes'), null)
})
