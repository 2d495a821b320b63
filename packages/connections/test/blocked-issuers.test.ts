/** An authorization server that an administrator wants nothing to do with any more. */
import { walkAuthorization } from '@fastify-mcp-auth/testing/servers'
import t from 'tap'
import { alice, BINDING, bob, createWorld } from './world.ts'

t.test('item 26: a blocked issuer gets nobody and nothing, in any process, and nothing is lost', async t => {
  const world = await createWorld(t)
  const { connections, issuer, server, clock, whoami } = world
  await world.connect()
  const other = await world.another()
  await other.withClient(alice, 'notes', client => client.listTools())
  await connections.blockIssuer(issuer.issuer)
  t.strictSame(await connections.blockedIssuers(), [issuer.issuer])
  const [asked, called] = [issuer.requests.length, server.count('mcp')]
  const blocked = { code: 'MCP_URL_BLOCKED', reason: 'issuer_blocked' }
  await t.rejects(whoami(), blocked)
  await t.rejects(connections.refresh(alice, 'notes'), blocked)
  t.match(await connections.status(alice, 'notes'), { status: 'blocked', action: 'contact_operator' })
  clock.advance(11)
  await t.rejects(
    other.withClient(alice, 'notes', client => client.listTools()),
    blocked,
    'another process, some seconds later'
  )
  clock.advance(3600)
  t.match(await other.refreshDue(), { refreshed: 0 })
  t.equal(server.count('mcp'), called)
  await t.rejects(connections.start(bob, 'notes', { binding: BINDING }), blocked)
  t.match((await connections.diagnose('notes')).problems, [/blocked by an administrator/])
  t.equal(issuer.requests.length, asked, 'nothing was asked of it')
  t.notOk(world.events.some(({ type }) => type === 'needs_reauth'))
  await connections.unblockIssuer(issuer.issuer)
  t.equal(await whoami(), 'alice')
  await t.rejects(connections.blockIssuer('no url'), { code: 'MCP_INVALID_INPUT' })
})

t.test('item 26: blocked while a person is there, it gets neither code nor proof of who we are', async t => {
  const { connections, issuer } = await createWorld(t)
  const { url } = await connections.start(alice, 'notes', { binding: BINDING, errorTo: '/failed' })
  const params = await walkAuthorization(url, { username: 'alice' })
  await connections.blockIssuer(issuer.issuer)
  const complete = () => connections.complete({ params, binding: BINDING, owner: alice })
  await t.rejects(complete(), { code: 'MCP_URL_BLOCKED', reason: 'issuer_blocked', errorTo: '/failed' })
  t.equal(issuer.count('token'), 0)
  t.not((await connections.status(alice, 'notes')).status, 'active')
  await connections.unblockIssuer(issuer.issuer)
  t.match(await complete(), { outcome: 'connected' }, 'nothing was used up')
})

t.test('item 26: a slash too many blocks all the same, and allows again', async t => {
  const { connections, issuer } = await createWorld(t)
  await connections.blockIssuer(`${issuer.issuer}/`)
  await t.rejects(connections.start(bob, 'notes', { binding: BINDING }), {
    code: 'MCP_URL_BLOCKED',
    reason: 'issuer_blocked'
  })
  await connections.unblockIssuer(issuer.issuer)
  await connections.blockIssuer('https://as.example/realms/acme/')
  await connections.unblockIssuer('https://as.example/realms/acme')
  t.strictSame(await connections.blockedIssuers(), [])
  t.ok(await connections.start(bob, 'notes', { binding: BINDING }))
})

t.test('item 26: two administrators at once', async t => {
  const { connections, another } = await createWorld(t)
  const other = await another()
  const names = Array.from({ length: 6 }, (_, at) => `https://as-${at}.example`)
  await Promise.all(names.map((name, at) => (at % 2 ? connections : other).blockIssuer(name)))
  t.strictSame([...(await (await another()).blockedIssuers())].toSorted(), names)
})
