/** Three lines are enough: the MCP endpoint asks for tokens of the issuer, everything else stays as it was. */
import { jwt } from '@fastify-mcp-auth/resource-server'
import { createTestIssuer, matchesChallenge, type TestIssuer } from '@fastify-mcp-auth/testing'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { buildApp } from '../app.ts'

const resource = 'http://127.0.0.1:3000/mcp'

async function setUp(t: Test): Promise<{ app: FastifyInstance; issuer: TestIssuer }> {
  const issuer = await createTestIssuer()
  const { url, close } = await issuer.listen()
  t.teardown(close)
  const app = await buildApp({ resource, verify: jwt({ issuer: url }) })
  t.teardown(() => app.close())
  return { app, issuer }
}

function listTools(app: FastifyInstance, token?: string) {
  return app.inject({
    method: 'POST',
    url: '/mcp',
    headers: {
      host: '127.0.0.1:3000',
      accept: 'application/json, text/event-stream',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` })
    },
    payload: { jsonrpc: '2.0', id: 1, method: 'tools/list' }
  })
}

t.test('PRM-2: without a token, says where to get one', async t => {
  const { app, issuer } = await setUp(t)
  const refused = await listTools(app)
  t.equal(refused.statusCode, 401)
  const metadataUrl = 'http://127.0.0.1:3000/.well-known/oauth-protected-resource/mcp'
  matchesChallenge(t, refused, { scheme: 'Bearer', error: null, scope: 'mcp:tools', resource_metadata: metadataUrl })
  const metadata = await app.inject(new URL(metadataUrl).pathname)
  t.match(metadata.json(), { resource, authorization_servers: [issuer.issuer] })
})

t.test('RS-4: takes good tokens of the issuer, and none that are wrong', async t => {
  const { app, issuer } = await setUp(t)
  const options = { resource, scopes: ['mcp:tools'] }
  const answer = await listTools(app, await issuer.mint(options))
  t.equal(answer.statusCode, 200)
  t.match(answer.body, 'forecast')
  for (const wrong of await issuer.wrong(options)) {
    const refused = await listTools(app, wrong.token)
    t.equal(refused.statusCode, 401, wrong.name)
    t.notMatch(refused.body, 'forecast')
  }
  t.equal((await listTools(app, await issuer.mint({ resource, scopes: ['other'] }))).statusCode, 403)
})

t.test('the rest of the app asks nobody for a token', async t => {
  const { app } = await setUp(t)
  t.equal((await app.inject('/')).statusCode, 200)
})

t.test('client 2.4 with a token calls the tool', async t => {
  const { app, issuer } = await setUp(t)
  const address = await app.listen({ port: 0, host: '127.0.0.1' })
  const token = await issuer.mint({ resource, scopes: ['mcp:tools'], subject: 'carol' })
  const client = new Client({ name: 'test', version: '1.0.0' })
  t.teardown(() => client.close())
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`${address}/mcp`), { authProvider: { token: async () => token } })
  )
  t.match(await client.callTool({ name: 'forecast', arguments: {} }), { content: [{ text: 'Sunny, carol.' }] })
})
