/** One list of tools for all owners where the server says so, and never a moment longer or for anybody else. */
import type { StorageDriver } from '@fastify-mcp-auth/core'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import type { FakeMcpServer } from '@fastify-mcp-auth/testing/servers'
import t, { type Test } from 'tap'
import { COLLECTIONS, type ServerDefinition } from '../src/index.ts'
import { alice, bob, createWorld } from './world.ts'

const DAY = 86_400_000

/** Both are connected; the list of the server is good for a day. */
async function sharingWorld(t: Test, tools: ServerDefinition['tools'] = {}) {
  const memory = memoryStorage()
  const world = await createWorld(t, {
    app: { storage: memory },
    definition: { tools: { syncOnConnect: false, ...tools } }
  })
  const { server } = world
  Object.assign(server.behaviour, { revisions: ['2026-07-28'], toolListTtl: DAY, toolListScope: 'public' })
  await world.connect(alice)
  await world.connect(bob)
  return { ...world, memory, other: await world.another() }
}

const namesOf = (snapshot: { tools: readonly { name: string }[] } | null): string[] | undefined =>
  snapshot?.tools.map(({ name }) => name)

/** Says another thing of each page. */
function scopes(server: FakeMcpServer, ...said: readonly string[]): void {
  let page = 0
  const get = (): string | undefined => said[page++ % said.length]
  Object.defineProperty(server.behaviour, 'toolListScope', { get, configurable: true })
}

t.test('feature 85: a list that the server calls public is one for all owners, in every process', async t => {
  const { connections, other, server, events } = await sharingWorld(t)
  t.equal(await other.tools(bob, 'notes'), null)
  const seen = await connections.syncTools(alice, 'notes')
  t.match(seen, { shared: true, tools: [{ name: String }] })
  const asked = server.count('mcp')
  t.strictSame(namesOf(await other.tools(bob, 'notes')), namesOf(seen))
  t.equal(server.count('mcp'), asked, 'and nobody has to look for himself')
  await connections.disconnect(alice, 'notes')
  t.strictSame(namesOf(await other.tools(bob, 'notes')), namesOf(seen), 'it is nobody in particular whose it is')
  t.notOk(events.some(({ type }) => type === 'tools.changed'))
})

t.test('feature 85: the filter of an owner stays his own', async t => {
  const { connections } = await sharingWorld(t)
  const seen = await connections.syncTools(alice, 'notes')
  const [first = ''] = namesOf(seen) ?? []
  await connections.setToolFilter(bob, 'notes', { deny: [first] })
  const enabled = async (owner: typeof bob) =>
    (await connections.tools(owner, 'notes'))?.tools.find(({ name }) => name === first)?.enabled
  t.strictSame([await enabled(alice), await enabled(bob)], [true, false])
})

t.test('feature 85: whatever is not public on every page is for whoever asked', async t => {
  const { connections, server } = await sharingWorld(t)
  const isShared = async () => {
    const { shared } = await connections.syncTools(alice, 'notes')
    t.equal((await connections.tools(bob, 'notes')) !== null, shared)
    return shared
  }
  server.behaviour.toolListScope = 'private'
  t.equal(await isShared(), false)
  server.behaviour.pageSize = 1
  scopes(server, 'public', 'private')
  t.equal(await isShared(), false, 'the last page')
  scopes(server, 'private', 'public')
  t.equal(await isShared(), false, 'the first page')
  for (const said of ['Public', 'shared', '']) {
    scopes(server, said)
    t.equal(await isShared().catch(() => false), false, said)
  }
  scopes(server, 'public')
  t.equal(await isShared(), true)
})

t.test('feature 85: revisions that do not have the word are not believed', async t => {
  const { connections, server } = await sharingWorld(t)
  server.behaviour.revisions = ['2025-11-25']
  t.match(await connections.syncTools(alice, 'notes'), { shared: false, protocolRevision: '2025-11-25' })
  t.equal(await connections.tools(bob, 'notes'), null)
})

t.test('feature 85: private again ends it at once, for everybody and in every process', async t => {
  const { connections, other, server, memory } = await sharingWorld(t)
  await connections.syncTools(alice, 'notes')
  t.ok(await other.tools(bob, 'notes'))
  server.behaviour.toolListScope = 'private'
  t.match(await connections.syncTools(alice, 'notes'), { shared: false })
  t.equal(await other.tools(bob, 'notes'), null)
  t.match(await other.tools(alice, 'notes'), { shared: false, tools: [{ name: String }] }, 'her own is hers')
  const { records } = await memory.list(COLLECTIONS.tools, 'server', 'notes')
  t.match(
    records.find(({ record }) => record['cacheScope'] === 'private'),
    { record: { tools: [], approved: {}, added: [], removed: [], changed: [], connection: null, ownerKey: null } },
    'and of what was shared nothing is kept'
  )
  server.behaviour.toolListScope = 'public'
  t.match(await other.syncTools(bob, 'notes'), { shared: true })
  t.match(await connections.tools(alice, 'notes'), { shared: false }, 'what she was told herself, while that is good')
  await connections.syncTools(alice, 'notes')
  t.match(await other.tools(alice, 'notes'), { shared: true }, 'until she is told that it is public')
})

t.test('feature 85: what is shared counts when what an owner was told himself is over', async t => {
  const { connections, clock, server } = await sharingWorld(t)
  server.behaviour.toolListScope = 'private'
  await connections.syncTools(alice, 'notes')
  clock.advance(DAY / 1000)
  server.behaviour.toolListScope = 'public'
  await connections.syncTools(bob, 'notes')
  t.match(await connections.tools(alice, 'notes'), { shared: true })
})

for (const [when, wasShared] of [
  ['before anything was shared', false],
  ['while it was shared', true]
] as const)
  t.test(`feature 85: a public answer that was on its way when it became private ${when} shares nothing`, async t => {
    const { another, connections, server, memory } = await sharingWorld(t)
    if (wasShared) await connections.syncTools(alice, 'notes')
    let isArmed = true
    // The answer of the server has come and says public; before it is written another process hears that it is private.
    const meanwhile = async (record: { readonly [field: string]: unknown }): Promise<void> => {
      if (!isArmed || record['cacheScope'] !== 'public') return
      isArmed = false
      server.behaviour.toolListScope = 'private'
      await connections.syncTools(alice, 'notes')
    }
    const storage: StorageDriver = {
      ...memory,
      async insert(collection, key, record) {
        await meanwhile(record)
        return memory.insert(collection, key, record)
      },
      async update(collection, key, guard, patch) {
        await meanwhile(patch)
        return memory.update(collection, key, guard, patch)
      }
    }
    const slow = await another({ storage })
    t.match(await slow.syncTools(bob, 'notes'), { shared: false })
    t.notOk(isArmed)
    t.match(await connections.tools(alice, 'notes'), { shared: false })
    await connections.disconnect(alice, 'notes')
    t.equal(await connections.tools(alice, 'notes'), null)
  })

t.test('feature 85: the operator has the last word', async t => {
  const shared = await sharingWorld(t)
  await shared.connections.syncTools(alice, 'notes')
  const { resource: url } = shared.server
  const apart = await shared.another({ servers: { notes: { url, tools: { partition: 'owner' } } } })
  t.equal(await apart.tools(bob, 'notes'), null, 'also what is there is not read')
  t.match(await apart.syncTools(bob, 'notes'), { shared: false })
  const reviewed = await shared.another({ servers: { notes: { url, tools: { approveChanges: true } } } })
  t.match(
    await reviewed.syncTools(alice, 'notes'),
    { shared: false },
    'who accepts a change accepts it for himself, so the list is his'
  )
  const forced = await sharingWorld(t, { partition: 'server' })
  forced.server.behaviour.toolListScope = 'private'
  t.match(await forced.connections.syncTools(alice, 'notes'), { shared: true })
  t.ok(await forced.connections.tools(bob, 'notes'))
})

t.test('feature 85: of one server and one address, and gone with everything of the server', async t => {
  const { connections, another, server, memory } = await sharingWorld(t)
  await connections.syncTools(alice, 'notes')
  const twin = await another({ servers: { twin: { url: server.resource } }, storage: memory })
  t.equal(await twin.tools(bob, 'twin'), null)
  await connections.wipeServer('notes')
  t.equal(await connections.tools(bob, 'notes'), null)
})

t.test('feature 20: nothing is left of an owner who goes while the tools are looked at', async t => {
  const memory = memoryStorage()
  let leave: (() => Promise<unknown>) | null = null
  const storage: StorageDriver = {
    ...memory,
    async insert(collection, ...rest) {
      const gone = leave
      if (collection.name === COLLECTIONS.tools.name) leave = null
      if (gone && leave === null) await gone()
      return memory.insert(collection, ...rest)
    }
  }
  const { connections, connect } = await createWorld(t, {
    app: { storage },
    definition: { tools: { syncOnConnect: false, partition: 'owner' } }
  })
  await connect(alice)
  leave = () => connections.deleteOwner(alice)
  await connections.syncTools(alice, 'notes')
  t.equal(leave, null, 'she went meanwhile')
  t.strictSame(await connections.list(alice), [])
  t.equal(await connections.tools(alice, 'notes'), null)
})
