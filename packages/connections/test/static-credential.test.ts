/** Keys that a person pasted: each reaches the server that it is for, as the owner that it is of, and nobody else. */
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import t, { type Test } from 'tap'
import { createConnections, isMcpConnectionError } from '../src/index.ts'
import { listenKeyed } from './mcp-server.ts'

const alice = { type: 'user', id: 'alice' } as const
const bob = { type: 'user', id: 'bob' } as const

async function start(t: Test, options: { storage?: ReturnType<typeof memoryStorage> } = {}) {
  const bearer = await listenKeyed()
  const header = await listenKeyed('x-api-key')
  const connections = await createConnections({
    baseUrl: 'http://127.0.0.1:3000',
    client: { name: 'Test' },
    network: { allowLoopback: true },
    servers: {
      bearer: { url: bearer.url, auth: 'bearer' },
      header: { url: header.url, auth: 'header', header: { name: 'X-Api-Key' }, tools: { deny: ['delete_*'] } },
      agents: { url: bearer.url, auth: 'bearer', mode: 'per-agent' },
      shared: { url: bearer.url, auth: 'bearer', mode: 'shared' }
    },
    ...options
  })
  t.teardown(async () => {
    await connections.close()
    await bearer.close()
    await header.close()
  })
  return { connections, bearer, header }
}

const textOf = (result: unknown): unknown => (result as { content: { text: string }[] }).content[0]?.text

t.test('item 2: a bearer key and an API key reach their servers, each as its owner', async t => {
  const { connections, bearer, header } = await start(t)
  bearer.keys.set('key-of-alice', 'alice').set('key-of-bob', 'bob')
  header.keys.set('api-key', 'alice')
  await connections.setCredential(alice, 'bearer', { secret: 'key-of-alice' })
  await connections.setCredential(bob, 'bearer', { secret: 'key-of-bob' })
  await connections.setCredential(alice, 'header', { secret: 'api-key' })
  const ask = (owner: typeof alice | typeof bob) =>
    connections.withClient(owner, 'bearer', client => client.callTool({ name: 'whoami' }))
  t.strictSame((await Promise.all([ask(alice), ask(bob), ask(alice)])).map(textOf), [
    'whoami alice',
    'whoami bob',
    'whoami alice'
  ])
  t.equal(textOf(await connections.withClient(alice, 'header', c => c.callTool({ name: 'whoami' }))), 'whoami alice')
  t.notOk(header.seen.some(headers => 'authorization' in headers))
})

t.test('item 1: without an owner of the right kind nothing is looked up', async t => {
  const { connections, bearer } = await start(t)
  bearer.keys.set('key', 'alice')
  await connections.setCredential(alice, 'bearer', { secret: 'key' })
  for (const owner of [null, { type: 'agent', id: 'alice' }, { type: 'user', id: '' }] as const)
    await t.rejects(
      connections.withClient(owner, 'bearer', c => c.listTools()),
      { code: 'MCP_OWNER_REQUIRED' }
    )
  for (const owner of [bob, { ...alice, tenant: 'acme' }] as const)
    await t.rejects(
      connections.withClient(owner, 'bearer', c => c.listTools()),
      { code: 'MCP_NOT_CONNECTED' }
    )
  await t.rejects(
    connections.withClient(alice, 'agents', c => c.listTools()),
    { code: 'MCP_OWNER_REQUIRED' }
  )
  t.equal(await connections.tryClientFor(bob, 'bearer'), null)
  t.equal(bearer.seen.length, 0)
})

t.test('item 1: agents and tenants share what they are meant to share', async t => {
  const { connections, bearer } = await start(t)
  bearer.keys.set('agent-key', 'robot').set('acme-key', 'acme')
  await connections.setCredential({ type: 'agent', id: 'robot' }, 'agents', { secret: 'agent-key' })
  const viaUser = await connections.withClient({ ...alice, agent: 'robot' }, 'agents', c =>
    c.callTool({ name: 'whoami' })
  )
  t.equal(textOf(viaUser), 'whoami robot')
  await connections.setCredential({ ...alice, tenant: 'acme' }, 'shared', { secret: 'acme-key' })
  const shared = await connections.withClient({ ...bob, tenant: 'acme' }, 'shared', c => c.callTool({ name: 'whoami' }))
  t.equal(textOf(shared), 'whoami acme')
  await t.rejects(
    connections.withClient(bob, 'shared', c => c.listTools()),
    { code: 'MCP_NOT_CONNECTED' }
  )
})

t.test('item 34: a record that was copied to another owner does not decrypt, and a dump shows no secret', async t => {
  const inner = memoryStorage()
  const written: string[] = []
  const storage = {
    ...inner,
    insert: async (...args: Parameters<typeof inner.insert>) => {
      written.push(JSON.stringify(args[2]))
      return inner.insert(...args)
    },
    update: async (...args: Parameters<typeof inner.update>) => {
      written.push(JSON.stringify(args[3]))
      return inner.update(...args)
    }
  }
  const { connections, bearer } = await start(t, { storage })
  bearer.keys.set('very-secret-key', 'alice').set('other-key', 'bob')
  const mine = await connections.setCredential(alice, 'bearer', { secret: 'very-secret-key' })
  const other = await connections.setCredential(bob, 'bearer', { secret: 'other-key' })
  t.notMatch(written.join(), 'very-secret-key')
  const { COLLECTIONS } = await import('../src/index.ts')
  const record = await inner.get(COLLECTIONS.connections, mine.id ?? '')
  await inner.update(COLLECTIONS.connections, other.id ?? '', {}, { sealed: record?.['sealed'] })
  await t.rejects(
    connections.withClient(bob, 'bearer', c => c.callTool({ name: 'whoami' })),
    {
      code: 'MCP_NEEDS_REAUTH',
      reason: 'key_unavailable'
    }
  )
  t.equal((await connections.status(bob, 'bearer')).status, 'needs_reauth')
  t.equal(bearer.seen.length, 0, 'nothing was sent')
})

t.test('feature 60: a refused key is marked, not tried again', async t => {
  const { connections, bearer } = await start(t)
  await connections.setCredential(alice, 'bearer', { secret: 'revoked' })
  const error = await connections.withClient(alice, 'bearer', c => c.listTools()).catch((caught: unknown) => caught)
  t.ok(isMcpConnectionError(error, 'MCP_CREDENTIAL_REJECTED'))
  const sent = bearer.seen.length
  await t.rejects(
    connections.withClient(alice, 'bearer', c => c.listTools()),
    { code: 'MCP_CREDENTIAL_REJECTED' }
  )
  t.equal(bearer.seen.length, sent)
  t.match(await connections.status(alice, 'bearer'), { status: 'rejected', action: 'replace_key' })
  bearer.keys.set('good', 'alice')
  await connections.setCredential(alice, 'bearer', { secret: 'good' })
  t.equal((await connections.status(alice, 'bearer')).status, 'active')
})

t.test('5.7 header injection: a key that would end its header is refused, and nothing is stored', async t => {
  const { connections } = await start(t)
  for (const secret of ['', '  ', 'a\r\nX-Evil: 1', 'a\u0000b', 'ключ', 'x'.repeat(9000)])
    await t.rejects(connections.setCredential(alice, 'bearer', { secret }), { code: 'MCP_INVALID_INPUT' })
  t.strictSame(await connections.list(alice), [])
})

t.test('item 12: the fetch of an owner reaches its server and no other origin', async t => {
  const { connections, bearer, header } = await start(t)
  bearer.keys.set('key', 'alice')
  await connections.setCredential(alice, 'bearer', { secret: 'key' })
  const fetch = connections.fetchFor(alice, 'bearer')
  await t.rejects(fetch(header.url), { code: 'MCP_URL_BLOCKED', reason: 'foreign_origin' })
  t.equal(header.seen.length, 0)
  const init = { method: 'POST', headers: { authorization: 'Bearer of-somebody-else' }, body: '{}' }
  t.not((await fetch(bearer.url, init)).status, 401)
  t.equal(bearer.seen.at(-1)?.['authorization'], 'Bearer key')
})

t.test('feature 90: a tool that is denied is neither listed nor called', async t => {
  const { connections, header } = await start(t)
  header.keys.set('api-key', 'alice')
  await connections.setCredential(alice, 'header', { secret: 'api-key' })
  await connections.withClient(alice, 'header', async client => {
    t.strictSame(
      (await client.listTools()).tools.map(({ name }) => name),
      ['whoami']
    )
    const sent = header.seen.length
    await t.rejects(client.callTool({ name: 'delete_everything' }), { code: 'MCP_NOT_ALLOWED' })
    t.equal(header.seen.length, sent)
  })
})
