/** What is kept with a list of tools: how it was spoken, and for how long it is good. */
import t from 'tap'
import { seenTools } from '../src/seen-tools.ts'
import { alice, createWorld } from './world.ts'

const DAY = 86_400

t.test('feature 25: a snapshot says the revision, and when to look again as the server says', async t => {
  const { connections, connect, server, clock } = await createWorld(t)
  server.behaviour.revisions = ['2026-07-28']
  server.behaviour.toolListTtl = 90_500
  await connect()
  const seen = await connections.syncTools(alice, 'notes')
  t.match(seen, { protocolRevision: '2026-07-28', syncedAt: clock.now(), dueAt: clock.now() + 90 })
  clock.advance(30)
  t.match(await connections.tools(alice, 'notes'), { protocolRevision: '2026-07-28', dueAt: seen.dueAt })
  server.behaviour.toolListTtl = 0
  t.match(await connections.syncTools(alice, 'notes'), { syncedAt: clock.now(), dueAt: clock.now() })
  server.behaviour.toolListTtl = 1e15
  t.match(await connections.syncTools(alice, 'notes'), { dueAt: clock.now() + 7 * DAY }, 'never is no answer')
})

t.test('feature 25: a server of the revisions before says nothing, and is due after a day', async t => {
  const { connections, connect, server, clock } = await createWorld(t)
  server.behaviour.revisions = ['2025-11-25']
  await connect()
  const seen = await connections.syncTools(alice, 'notes')
  t.match(seen, { protocolRevision: '2025-11-25', dueAt: clock.now() + DAY })
})

t.test('feature 25: the first use of a reviewed server keeps the same', async t => {
  const { connections, connect, server, clock } = await createWorld(t, {
    definition: { tools: { approveChanges: true } }
  })
  server.behaviour.revisions = ['2026-07-28']
  server.behaviour.toolListTtl = 60_000
  await connect()
  await connections.withClient(alice, 'notes', client => client.listTools())
  t.match(await connections.tools(alice, 'notes'), { protocolRevision: '2026-07-28', dueAt: clock.now() + 60 })
})

t.test('feature 25: a time to live that is none is not believed', async t => {
  const client = { getNegotiatedProtocolVersion: () => undefined }
  for (const ttlMs of [undefined, null, -1, Number.NaN, '60000', {}])
    t.strictSame(
      seenTools(client, { tools: [], ttlMs }),
      { tools: [], protocolRevision: null, ttl: DAY, isPublic: false },
      String(ttlMs)
    )
  t.equal(seenTools(client, { tools: [], ttlMs: Number.POSITIVE_INFINITY }).ttl, 7 * DAY)
})

t.test('feature 85: public is what every page says, in a revision that has the word', async t => {
  const isPublic = (revision: string | undefined, ...scopes: unknown[]) =>
    seenTools({ getNegotiatedProtocolVersion: () => revision }, { tools: [] }, scopes).isPublic
  t.equal(isPublic('2026-07-28', 'public', 'public'), true)
  for (const scopes of [[], [undefined], ['private'], ['public', undefined], ['public', 'private'], ['PUBLIC'], [true]])
    t.equal(isPublic('2026-07-28', ...scopes), false, JSON.stringify(scopes))
  for (const revision of [undefined, '2025-11-25', '2025-03-26']) t.equal(isPublic(revision, 'public'), false)
})
