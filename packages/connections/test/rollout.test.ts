/** While a new version is rolled out, processes know different keys and options. None of them may end what works in the others. */
import { randomBytes } from 'node:crypto'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import {
  createFakeAuthorizationServer,
  type FakeAuthorizationServer,
  fault,
  walkAuthorization
} from '@fastify-mcp-auth/testing/servers'
import { exportJWK, exportPKCS8, generateKeyPair } from 'jose'
import t, { type Test } from 'tap'
import { alice, BINDING, bob, createWorld, type World } from './world.ts'

type App = World['connections']

const [OLD_KEY, NEW_KEY] = [1, 2].map(() => randomBytes(32).toString('base64')) as [string, string]

/** `world.connections` is a process that was not restarted yet; `next` has the new first key. */
async function rollout(t: Test): Promise<{ world: World; next: App }> {
  const storage = memoryStorage()
  const world = await createWorld(t, { app: { storage, encryptionKeys: [OLD_KEY] } })
  const next = await world.another({ encryptionKeys: [NEW_KEY, OLD_KEY] })
  return { world, next }
}

const connectIn = async (app: App, owner = alice): Promise<void> => {
  const { url } = await app.start(owner, 'notes', { binding: BINDING })
  const params = await walkAuthorization(url, { username: owner.id })
  await app.complete({ params, binding: BINDING, owner })
}

const use = (app: App, owner = alice) => app.withClient(owner, 'notes', client => client.listTools())

const UNREAD = { code: 'MCP_NEEDS_REAUTH', reason: 'key_unavailable', retryable: true }

t.test('5.7 key_unavailable: a process without the new key ends nobody, whatever it is asked to do', async t => {
  const { world, next } = await rollout(t)
  const { connections: old, events, server } = world
  await connectIn(next)
  const calls = server.count('mcp')
  await t.rejects(use(old), UNREAD)
  await t.rejects(old.refresh(alice, 'notes'), UNREAD)
  t.equal(await old.tryClientFor(alice, 'notes'), null)
  t.equal(server.count('mcp'), calls, 'nothing was sent')
  for (const options of [{}, { deep: true }])
    t.match(await old.status(alice, 'notes', options), { status: 'needs_reauth', reason: 'key_unavailable' })
  t.match(await next.status(alice, 'notes'), { status: 'active', reason: null })
  world.clock.advance(3500)
  t.match(await old.refreshDue(), { refreshed: 0, failed: 0 })
  t.notOk(events.some(({ type }) => type === 'needs_reauth'))
  await use(next)
  const restarted = await world.another({ encryptionKeys: [NEW_KEY, OLD_KEY] })
  await use(restarted)
  t.match(await restarted.status(alice, 'notes'), { status: 'active' })
})

t.test('5.7 key_unavailable: processes of both kinds at once, over the end of the token', async t => {
  const { world, next } = await rollout(t)
  const [otherOld, otherNext] = await Promise.all([
    world.another({ encryptionKeys: [OLD_KEY] }),
    world.another({ encryptionKeys: [NEW_KEY, OLD_KEY] })
  ])
  await connectIn(next)
  for (let round = 0; round < 5; round++) {
    world.clock.advance(3700)
    const asked = [world.connections, next, otherOld, otherNext, world.connections, next]
    const outcomes = await Promise.allSettled(asked.map(app => use(app)))
    t.strictSame(
      outcomes.map(({ status }) => status),
      ['rejected', 'fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled']
    )
  }
  t.notOk(world.events.some(({ type }) => type === 'needs_reauth'))
  t.equal([...world.issuer.records.grants.values()].filter(({ endedBy }) => endedBy === null).length, 1)
})

t.test('5.7 key_unavailable: what a process cannot read takes no turns from what it can', async t => {
  const { world, next } = await rollout(t)
  await connectIn(next, alice)
  await connectIn(next, bob)
  await connectIn(world.connections, { type: 'user', id: 'carol' })
  world.clock.advance(3590)
  t.match(await world.connections.refreshDue({ limit: 1 }), { examined: 1, refreshed: 1, skipped: 2 })
})

t.test('5.7 key_unavailable: a callback that reaches the wrong process does not use up the attempt', async t => {
  const { world, next } = await rollout(t)
  const { url } = await next.start(alice, 'notes', { binding: BINDING })
  const answer = { params: await walkAuthorization(url), binding: BINDING, owner: alice }
  await t.rejects(world.connections.complete(answer), { code: 'MCP_FLOW_EXPIRED', reason: 'key_unavailable' })
  t.equal(world.issuer.count('token'), 0, 'and the code was not sent')
  t.equal((await next.complete(answer)).outcome, 'connected')
})

t.test('item 10: what is disconnected where it cannot be read is revoked where it can', async t => {
  const { world, next } = await rollout(t)
  const { connections: old, issuer } = world
  await connectIn(next)
  t.equal(await old.disconnect(alice, 'notes'), true)
  t.equal(issuer.count('revoke'), 0)
  world.clock.advance(3600)
  t.equal((await old.sweep()).revoked, 0)
  world.clock.advance(3600)
  t.equal((await next.sweep()).revoked, 1)
  t.ok([...issuer.records.grants.values()].every(({ endedBy }) => endedBy !== null))

  // What a process with the new key owes is left for those that know it, too.
  await connectIn(next, bob)
  issuer.fail('revoke', fault.unavailable(1))
  await next.disconnect(bob, 'notes')
  world.clock.advance(120)
  t.equal((await old.sweep()).revoked, 0)
  t.equal((await next.sweep()).revoked, 1)
})

t.test('feature 74: a server whose address changes with a new version stays connected in both', async t => {
  const { world } = await rollout(t)
  const moved = await createWorld(t)
  const after = await world.another({ servers: { notes: { url: moved.server.resource } } })
  await connectIn(after)
  await t.rejects(use(world.connections), { code: 'MCP_NEEDS_REAUTH', reason: 'server_changed' })
  t.match(await world.connections.status(alice, 'notes'), { status: 'needs_reauth', reason: 'server_changed' })
  await use(after)
  t.match(await after.status(alice, 'notes'), { status: 'active' })
})

t.test('REG-20: processes that know different clients by hand end nothing of each other', async t => {
  const { world } = await rollout(t)
  const { issuer, server } = world
  const withClient = (clientId: string) => {
    issuer.addClient({
      clientId,
      clientSecret: 'secret',
      metadata: { redirect_uris: [world.connections.urls.callback] }
    })
    const client = { issuer: issuer.issuer, clientId, clientSecret: 'secret' }
    return world.another({ servers: { notes: { url: server.resource, oauth: { client } } } })
  }
  const [before, after] = [await withClient('first'), await withClient('second')]
  await connectIn(after)
  await use(before)
  world.clock.advance(3700)
  await t.rejects(use(before), { code: 'MCP_NEEDS_REAUTH', reason: 'client_replaced' })
  t.match(await before.status(alice, 'notes'), { status: 'needs_reauth', reason: 'client_replaced' })
  await use(after)
  t.notOk(world.events.some(({ type }) => type === 'needs_reauth'))
})

t.test(
  'REG-20: a secret goes to no other issuer than its own, also where the client is called the same there',
  async t => {
    const world = await createWorld(t)
    const { issuer, server, connections } = world
    const next = await createFakeAuthorizationServer({ clock: world.clock })
    t.teardown(() => next.close())
    const metadata = { redirect_uris: [connections.urls.callback] }
    const clientId = 'acme'
    const at = (of: FakeAuthorizationServer, clientSecret: string) => {
      of.addClient({ clientId, clientSecret, metadata })
      const client = { issuer: of.issuer, clientId, clientSecret }
      return world.another({ servers: { notes: { url: server.resource, oauth: { client } } } })
    }
    const [before, after] = [await at(issuer, 'secret-of-old'), await at(next, 'secret-of-next')]
    await connectIn(before)
    // Both at once, as it is while one takes the place of the other.
    server.behaviour.authorizationServers = [issuer.issuer, next.issuer]
    world.clock.advance(3700)
    await t.rejects(use(after), { code: 'MCP_NEEDS_REAUTH', reason: 'client_replaced' })
    t.notMatch(JSON.stringify(issuer.requests), 'secret-of-next')
    t.notMatch(JSON.stringify(issuer.requests), Buffer.from('acme:secret-of-next').toString('base64'))
    await use(before)

    const [imported, row] = [{ type: 'user', id: 'imported' } as const, { accessToken: 'a', refreshToken: 'b' }]
    const client = { clientId, clientSecret: 'secret-of-old' }
    const owned = {
      ...row,
      owner: imported,
      server: 'notes',
      issuer: issuer.issuer,
      client,
      expiresAt: world.clock.now()
    }
    t.match(await after.importConnections([owned], each => each), { imported: 1 })
    await t.rejects(after.refresh(imported, 'notes'), { code: 'MCP_NEEDS_REAUTH', reason: 'invalid_grant' })
    t.notMatch(JSON.stringify(issuer.requests), Buffer.from('acme:secret-of-next').toString('base64'))
  }
)

t.test('REG-20: a secret or key that is replaced in the options is used to refresh and to revoke', async t => {
  const world = await createWorld(t)
  const { issuer, server, connections } = world
  const redirect_uris = [connections.urls.callback]
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256', kid: 'k' }] }
  const key = { pem: await exportPKCS8(privateKey), alg: 'ES256' as const, kid: 'k' }
  const steps = [
    { clientSecret: 'first' },
    { clientSecret: 'second' },
    { privateKey: key, metadata: { token_endpoint_auth_method: 'private_key_jwt', jwks } }
  ]
  for (const [at, { metadata, ...proof }] of steps.entries()) {
    issuer.addClient({ clientId: 'acme', ...proof, metadata: { redirect_uris, ...metadata } })
    const client = { issuer: issuer.issuer, clientId: 'acme', ...proof }
    const app = await world.another({ servers: { notes: { url: server.resource, oauth: { client } } } })
    if (at === 0) await connectIn(app)
    world.clock.advance(3700)
    t.match(await app.refresh(alice, 'notes'), { status: 'active' }, Object.keys(proof).join())
    if (at < steps.length - 1) continue
    t.equal(await app.disconnect(alice, 'notes'), true)
    t.match(world.events.at(-1), { type: 'disconnected', revoked: true })
    t.notOk([...issuer.records.accessTokens.keys()].some(token => issuer.verify(token)))
  }
})
