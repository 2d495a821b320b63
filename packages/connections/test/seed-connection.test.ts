/** The kit's own way to connect, against the real package. */
import { createFakeMcpServer, seedConnection } from '@fastify-mcp-auth/testing/servers'
import t from 'tap'
import { alice, bob, createWorld } from './world.ts'

t.test('feature 97: seedConnection makes a connection that works, by signing in or by a key', async t => {
  const keyed = await createFakeMcpServer({
    verify: token => (token === 'key-of-bob' ? { token, subject: 'bob', scopes: [] } : null)
  })
  t.teardown(() => keyed.close())
  const { connections, whoami, server, another } = await createWorld(t)
  t.match(await seedConnection(connections, { owner: alice, server: 'notes' }), { status: 'active', kind: 'oauth' })
  t.equal(await whoami(), 'alice')
  const work = { owner: alice, server: 'notes', account: 'work', scopes: ['a'], walk: { username: 'alice-at-work' } }
  t.match(await seedConnection(connections, work), { account: 'work', grantedScopes: ['a'] })
  await t.rejects(seedConnection(connections, { owner: bob, server: 'notes', walk: { decision: 'deny' } }), {
    code: 'MCP_ACCESS_DENIED'
  })
  const app = await another({
    servers: { notes: { url: server.resource }, keyed: { url: keyed.resource, auth: 'bearer' } }
  })
  t.match(await seedConnection(app, { owner: bob, server: 'keyed', secret: 'key-of-bob' }), { kind: 'bearer' })
})
