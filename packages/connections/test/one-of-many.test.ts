/** What one authorization server does, or one record that is broken, is no matter of everybody else. */
import { randomBytes } from 'node:crypto'
import { mock } from 'node:test'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import { fault } from '@fastify-mcp-auth/testing/servers'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import mcpConnections, { COLLECTIONS, type Connections, type Owner } from '../src/index.ts'
import { alice, BINDING, bob, createWorld, type World } from './world.ts'

const DOCUMENTS = {
  client_id_metadata_document_supported: true,
  token_endpoint_auth_methods_supported: ['private_key_jwt']
} as const

/** One that takes our metadata document, and whatever we sign. */
async function trusting(t: Test): Promise<World> {
  const world = await createWorld(t)
  world.issuer.behaviour.metadata = DOCUMENTS
  const answer = { access_token: 'access', refresh_token: 'refresh', token_type: 'Bearer', expires_in: 3600 }
  world.issuer.fail('token', fault.json(200, answer), { times: Number.POSITIVE_INFINITY })
  world.issuer.fail('revoke', fault.json(200, {}), { times: Number.POSITIVE_INFINITY })
  return world
}

/** The hostile one takes no signature of ours from now on. */
function turn({ issuer }: World): void {
  issuer.behaviour.metadata = { ...DOCUMENTS, token_endpoint_auth_signing_alg_values_supported: ['EdDSA'] }
}

async function connectTo(app: Connections, { issuer }: World, server: string, owner: Owner = alice): Promise<void> {
  const { url } = await app.start(owner, server, { binding: BINDING })
  const params = { state: new URL(url).searchParams.get('state') ?? '', code: 'code', iss: issuer.issuer }
  await app.complete({ params, binding: BINDING, owner })
}

async function twoServers(t: Test) {
  const [hostile, honest] = [await trusting(t), await trusting(t)]
  const storage = memoryStorage()
  const app = await hostile.another({
    baseUrl: 'https://app.example',
    storage,
    servers: {
      hostile: { url: hostile.server.resource, tools: { syncOnConnect: false } },
      honest: { url: honest.server.resource, tools: { syncOnConnect: false } }
    }
  })
  return { hostile, honest, app, storage, clock: hostile.clock }
}

t.test(
  'RFC 8414 2: an authorization server that takes no algorithm of ours any more stops the refreshes of nobody else',
  async t => {
    const { hostile, honest, app, clock } = await twoServers(t)
    const people = Array.from({ length: 4 }, (_, at) => ({ type: 'user', id: `user-${at}` }) as const)
    for (const person of people) {
      await connectTo(app, hostile, 'hostile', person)
      await connectTo(app, honest, 'honest', person)
    }
    turn(hostile)
    const before = [hostile.issuer.count('token'), honest.issuer.count('token')]
    clock.advance(3650)
    t.match(await app.refreshDue(), { refreshed: 4, failed: 4 })
    const after = [hostile.issuer.count('token'), honest.issuer.count('token')]
    t.strictSame(after, [before[0], (before[1] ?? 0) + 4], 'and is sent nothing')
    const reason = 'no_common_algorithm'
    await t.rejects(app.refresh(alice, 'hostile'), { code: 'MCP_NOT_CONNECTED' })
    const passing = { code: 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE', reason, retryable: true }
    await t.rejects(app.refresh(people[0] ?? null, 'hostile'), passing)
    hostile.issuer.behaviour.metadata = DOCUMENTS
    clock.advance(86_400)
    t.match(await app.refresh(people[0] ?? null, 'hostile'), { status: 'active' }, 'nothing was lost')
  }
)

t.test('RFC 8414 2: our document is no way to register where none of its keys is taken', async t => {
  const { hostile, app } = await twoServers(t)
  t.match(await app.prepare('hostile'), { registration: 'metadata_document' })
  turn(hostile)
  hostile.clock.advance(86_400)
  t.match(await app.prepare('hostile'), { registration: 'dynamic' })
})

t.test('item 10: what cannot be told to such a one is owed, and keeps nobody and nothing from going', async t => {
  const { hostile, honest, app, clock } = await twoServers(t)
  for (const account of ['default', 'second'])
    for (const [world, server] of [
      [hostile, 'hostile'],
      [honest, 'honest']
    ] as const) {
      const { url } = await app.start(alice, server, { binding: BINDING, account })
      const params = { state: new URL(url).searchParams.get('state') ?? '', code: 'code', iss: world.issuer.issuer }
      await app.complete({ params, binding: BINDING, owner: alice })
    }
  await app.start(bob, 'honest', { binding: BINDING })
  turn(hostile)
  clock.advance(90_000)
  t.equal(await app.deleteOwner(alice), 4)
  t.strictSame(await app.exportOwner(alice), [])
  t.equal(honest.issuer.count('revoke'), 4)
  t.equal(hostile.issuer.count('revoke'), 0)
  clock.advance(61)
  t.match(await app.sweep(), { revoked: 0, removed: 1 }, 'an attempt of somebody else')
  hostile.issuer.behaviour.metadata = DOCUMENTS
  clock.advance(90_000)
  t.match(await app.sweep(), { revoked: 2 })
})

/** Fails with one record, in a way that nobody thought of. */
function spoiled() {
  const inner = memoryStorage()
  const broken = new Set<string>()
  const fails = (key: string): void => {
    if (broken.has(key)) throw new TypeError('this record is broken')
  }
  const storage: typeof inner = {
    ...inner,
    async get(collection, key) {
      fails(key)
      return inner.get(collection, key)
    },
    async remove(collection, key) {
      fails(key)
      return inner.remove(collection, key)
    }
  }
  return { storage, inner, broken }
}

t.test('item 20: one connection that goes wrong is logged, and the others are refreshed', async t => {
  const { storage, broken } = spoiled()
  const errors: unknown[] = []
  const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined }
  const log = { ...silent, error: (entry: unknown) => errors.push(entry) }
  const world = await createWorld(t, { app: { storage, log } })
  for (const owner of [alice, bob]) await world.connect(owner)
  const { id } = await world.connections.status(alice, 'notes')
  broken.add(id ?? '')
  world.clock.advance(3700)
  t.match(await world.connections.refreshDue(), { refreshed: 1, failed: 1 })
  t.match(errors, [{ server: 'notes', connection: id }])
})

t.test('item 10: one connection that cannot be forgotten is told at the end, when the others are', async t => {
  const { storage, broken } = spoiled()
  const world = await createWorld(t, { app: { storage } })
  for (const account of ['a', 'b', 'c']) await world.connect(alice, account)
  const [first] = await world.connections.exportOwner(alice)
  broken.add(first?.id ?? '')
  await t.rejects(world.connections.deleteOwner(alice), { message: 'this record is broken' })
  t.match(await world.connections.exportOwner(alice), [{ id: first?.id }])
  broken.clear()
  t.equal(await world.connections.deleteOwner(alice), 1, 'called again, it does what was left')
})

t.test('item 10: one revocation that cannot be settled keeps the others from nothing', async t => {
  const { storage, inner, broken } = spoiled()
  const world = await createWorld(t, { app: { storage } })
  for (const owner of [alice, bob]) await world.connect(owner)
  world.issuer.fail('revoke', fault.unavailable(), { times: Number.POSITIVE_INFINITY })
  for (const owner of [alice, bob]) await world.connections.disconnect(owner, 'notes')
  world.issuer.heal('revoke')
  const { records } = await inner.list(COLLECTIONS.outbox, 'queue', 'revocation')
  broken.add(records[0]?.key ?? '')
  world.clock.advance(61)
  t.match(await world.connections.sweep(), { revoked: 1 })
})

t.test('item 20: the timer sweeps also when nothing could be refreshed', async t => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  const inner = memoryStorage()
  const swept: string[] = []
  const storage: typeof inner = {
    ...inner,
    async list(collection, ...where) {
      if (where[0] === 'dueBucket') throw new TypeError('the index is broken')
      if (where[0] === 'queue') swept.push(collection.name)
      return inner.list(collection, ...where)
    }
  }
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(mcpConnections, {
    baseUrl: 'http://127.0.0.1:3000',
    client: { name: 'Test' },
    storage,
    encryptionKeys: [randomBytes(32).toString('base64')],
    owner: () => null,
    background: { every: 60 }
  })
  await app.ready()
  mock.timers.tick(60_000)
  for (let turn = 0; turn < 50 && swept.length === 0; turn++) await new Promise(resolve => setImmediate(resolve))
  t.strictSame(swept, ['connection_outbox'])
})
