import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import t, { type Test } from 'tap'
import { matchesChallenge } from '../src/index.ts'
import {
  createFakeAuthorizationServer,
  createFakeMcpServer,
  type FakeMcpServer,
  fault,
  type McpServerBehaviour,
  type Visitor
} from '../src/servers.ts'

const ALICE: Visitor = { subject: 'alice', scopes: ['read'], token: 'good' }

async function arrange(t: Test, behaviour: Partial<McpServerBehaviour> = {}): Promise<FakeMcpServer> {
  const verify = (token: string): Visitor | null => (token === 'good' ? ALICE : null)
  const server = await createFakeMcpServer({
    behaviour: { authorizationServers: ['https://as.test'], ...behaviour },
    verify
  })
  t.teardown(() => server.close())
  return server
}

async function connect(t: Test, server: FakeMcpServer, { mode = 'auto', headers = {} as Record<string, string> } = {}) {
  const changes: unknown[] = []
  const client = new Client(
    { name: 'test', version: '1' },
    {
      versionNegotiation: { mode: mode as 'auto' | 'legacy' },
      listChanged: { tools: { autoRefresh: false, onChanged: (...args: unknown[]) => changes.push(args) } }
    }
  )
  const requestInit = { headers: { authorization: 'Bearer good', ...headers } }
  await client.connect(new StreamableHTTPClientTransport(new URL(server.resource), { requestInit }))
  t.teardown(() => client.close())
  return { client, changes }
}

for (const answers of ['json', 'sse'] as const)
  for (const mode of ['auto', 'legacy'] as const)
    t.test(`the official client of today works: ${answers}, ${mode}`, async t => {
      const server = await arrange(t, { answers, pageSize: 1 })
      const { client, changes } = await connect(t, server, { mode })
      t.equal(client.getNegotiatedProtocolVersion(), mode === 'auto' ? '2026-07-28' : '2025-11-25')
      const { tools } = await client.listTools()
      t.same(
        tools.map(({ name }) => name),
        ['whoami', 'echo'],
        'across pages'
      )
      t.match(await client.callTool({ name: 'whoami', arguments: {} }), { content: [{ type: 'text', text: 'alice' }] })
      t.match(server.calls, [{ tool: 'whoami', visitor: { subject: 'alice' } }])
      t.equal(server.sessions.size, mode === 'auto' ? 0 : 1)
      while (server.openStreams() === 0) await new Promise(resolve => setTimeout(resolve, 5))
      server.setTools([])
      while (changes.length === 0) await new Promise(resolve => setTimeout(resolve, 5))
      t.same((await client.listTools()).tools, [])
    })

t.test('a server of 2025 only: the client falls back', async t => {
  const server = await arrange(t, { revisions: ['2025-03-26', '2025-06-18'], sessions: false })
  const { client } = await connect(t, server)
  t.equal(client.getNegotiatedProtocolVersion(), '2025-06-18')
  t.equal((await client.listTools()).tools.length, 2)
})

t.test('the official client of version 1 works', async t => {
  const server = await arrange(t)
  const client = new ClientV1({ name: 'test', version: '1' })
  const requestInit = { headers: { authorization: 'Bearer good' } }
  await client.connect(new TransportV1(new URL(server.resource), { requestInit }) as Parameters<ClientV1['connect']>[0])
  t.equal((await client.listTools()).tools.length, 2)
  server.dropSessions()
  await t.rejects(client.listTools(), 'a session that is gone')
  await client.close()
})

t.test('RFC 9728 5.1: without a good token it says where its metadata is and which scope it wants', async t => {
  const server = await arrange(t, { challengeScope: 'read', metadataAt: ['root'] })
  const refused = await post(server, 'bad')
  t.equal(refused.status, 401)
  matchesChallenge(t, refused, {
    scheme: 'Bearer',
    error: 'invalid_token',
    scope: 'read',
    resource_metadata: `${server.url}/.well-known/oauth-protected-resource`
  })
  const metadata = await (await fetch(`${server.url}/.well-known/oauth-protected-resource`)).json()
  t.match(metadata, { resource: server.resource, authorization_servers: ['https://as.test'] })
  t.equal((await fetch(`${server.url}/.well-known/oauth-protected-resource/mcp`)).status, 404)
  server.behaviour.challengeNamesMetadata = false
  matchesChallenge(t, await post(server, 'bad'), { scheme: 'Bearer', resource_metadata: null })
  t.equal(server.calls.length, 0)
})

t.test('a tool may need more scopes than the token has, and every fresh token may be rejected', async t => {
  const server = await arrange(t)
  server.setTools([{ name: 'write', requiredScopes: ['read', 'write'], call: () => 'done' }])
  const refused = await post(server, 'good', { method: 'tools/call', params: { name: 'write' } })
  t.equal(refused.status, 403)
  matchesChallenge(t, refused, { scheme: 'Bearer', error: 'insufficient_scope', scope: 'read write' })
  server.behaviour.rejectsEveryToken = true
  t.equal((await post(server, 'good')).status, 401)
  t.equal(server.calls.length, 0)
})

t.test('methods may be public, and keys may stand in any header', async t => {
  const server = await arrange(t, { publicMethods: ['ping'], sessions: false })
  t.equal((await post(server, null)).status, 200)
  t.equal((await post(server, null, { method: 'tools/list' })).status, 401)
  server.behaviour.authentication = 'key'
  server.behaviour.keyHeader = { name: 'X-Api-Key', prefix: '' }
  server.behaviour.keys = new Map([['k1', 'bob']])
  const { client } = await connect(t, server, { headers: { 'x-api-key': 'k1' } })
  t.match(await client.callTool({ name: 'whoami', arguments: {} }), { content: [{ text: 'bob' }] })
  t.equal((await post(server, 'good', { method: 'tools/list' })).headers.get('www-authenticate'), null)
})

t.test('RFC 8707 2: a token of its authorization server is taken unless it is for another resource', async t => {
  const authorizationServer = await createFakeAuthorizationServer()
  const server = await createFakeMcpServer({ authorizationServer, behaviour: { sessions: false } })
  t.teardown(() => Promise.all([authorizationServer.close(), server.close()]))
  authorizationServer.addClient({ clientId: 'c', clientSecret: 's' })
  const tokenFor = async (resource: string): Promise<string> => {
    const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: 'c', client_secret: 's', resource })
    const answer = await (await fetch(`${authorizationServer.issuer}/token`, { method: 'POST', body })).json()
    return (answer as { access_token: string }).access_token
  }
  t.equal((await post(server, await tokenFor(server.resource))).status, 200)
  t.equal((await post(server, await tokenFor('https://other.example/mcp'))).status, 401)
})

t.test('it fails as it is told', async t => {
  const server = await arrange(t, { sessions: false })
  server.fail('mcp', fault.unavailable(3))
  const answer = await post(server, 'good')
  t.equal(answer.status, 503)
  t.equal(answer.headers.get('retry-after'), '3')
  t.equal((await post(server, 'good')).status, 200)
})

function post(server: FakeMcpServer, token: string | null, message: Record<string, unknown> = { method: 'ping' }) {
  return fetch(server.resource, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(token === null ? {} : { authorization: `Bearer ${token}` })
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...message })
  })
}
