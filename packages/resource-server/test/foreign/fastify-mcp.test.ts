/** `fastify-mcp` as it is published, behind `protect`: it knows nothing of authorization. */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import type { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { Sessions, streamableHttp } from 'fastify-mcp'
import t from 'tap'
import type { ResourceServerOptions } from '../../src/index.ts'
import { createApp, MCP_HEADERS, METADATA_URL, type TestApp, toolCall } from '../app.ts'
import { CLIENTS } from './mcp-clients.ts'

const options: Partial<ResourceServerOptions> = {
  protect: ['/mcp'],
  operations: { 'tools/*': ['mcp:tools'], 'tools/call:delete_*': ['notes:admin'] }
}

interface Running {
  test: TestApp
  url: URL
  /** Tools that were run, by subject. */
  ran: string[]
}

async function start(
  t: Parameters<typeof createApp>[0],
  { stateful, ...more }: { stateful: boolean } & Partial<ResourceServerOptions>
): Promise<Running> {
  const ran: string[] = []
  const createServer = () => {
    const mcp = new McpServer({ name: 'notes', version: '1.0.0' })
    for (const tool of ['whoami', 'delete_notes'])
      mcp.registerTool(tool, {}, async ({ authInfo, sessionId }) => {
        ran.push(`${tool} ${authInfo?.extra?.['sub']}`)
        const seen = { sub: authInfo?.extra?.['sub'], scopes: authInfo?.scopes, session: sessionId !== undefined }
        return { content: [{ type: 'text', text: JSON.stringify(seen) }] }
      })
    return mcp.server
  }
  const test = await createApp(t, {
    options: { ...options, ...more },
    routes: async app => {
      const sessions = new Sessions<StreamableHTTPServerTransport>()
      const settings = stateful ? { stateful, sessions } : { stateful }
      await app.register(streamableHttp, { ...settings, mcpEndpoint: '/mcp', createServer })
    }
  })
  return { test, ran, url: new URL('/mcp', await test.app.listen({ port: 0, host: '127.0.0.1' })) }
}

for (const stateful of [false, true])
  for (const [name, connect] of Object.entries(CLIENTS)) {
    const what = `fastify-mcp, ${stateful ? 'stateful' : 'stateless'}, client ${name}`

    t.test(`RS-1, RS-4: ${what}: strangers are told where to go, and the tool sees who calls`, async t => {
      const { test, url, ran } = await start(t, { stateful })
      await t.rejects(connect(url, {}))
      await t.rejects(connect(url, { authorization: 'Bearer made-up' }))
      const client = await connect(url, await test.bearer({ subject: 'bob', scopes: ['mcp:tools'] }))
      t.teardown(() => client.close())
      t.strictSame(await client.tools(), ['whoami', 'delete_notes'])
      t.strictSame(JSON.parse(await client.call('whoami')), { sub: 'bob', scopes: ['mcp:tools'], session: stateful })
      t.strictSame(ran, ['whoami bob'])
    })

    t.test(`RS-9: ${what}: a tool that needs more is not run`, async t => {
      const { test, url, ran } = await start(t, { stateful })
      const client = await connect(url, await test.bearer({ scopes: ['mcp:tools'] }))
      t.teardown(() => client.close())
      await t.rejects(client.call('delete_notes'))
      t.strictSame(ran, [])
      const admin = await connect(url, await test.bearer({ subject: 'root', scopes: ['mcp:tools', 'notes:admin'] }))
      t.teardown(() => admin.close())
      t.match(await admin.call('delete_notes'), 'root')
    })

    t.test(`lists: ${what}: what a caller may not use is not there for him`, async t => {
      const { test, url, ran } = await start(t, { stateful, lists: 'allowed' })
      const client = await connect(url, await test.bearer({ scopes: ['mcp:tools'] }))
      t.teardown(() => client.close())
      t.strictSame(await client.tools(), ['whoami'])
      t.match(await client.call('delete_notes').catch(String), /not found/)
      t.match(await client.call('whoami'), 'alice')
      t.strictSame(ran, ['whoami alice'])
    })
  }

t.test('RFC 9728 5.1: fastify-mcp: the challenge is on every method, before its own 405 and 400', async t => {
  const { url } = await start(t, { stateful: false })
  for (const method of ['POST', 'GET', 'DELETE']) {
    const body = method === 'POST' ? { body: JSON.stringify(toolCall('whoami')) } : {}
    const response = await fetch(url, { method, headers: method === 'POST' ? MCP_HEADERS : {}, ...body })
    t.equal(response.status, 401, method)
    t.match(response.headers.get('www-authenticate'), METADATA_URL)
    await response.body?.cancel()
  }
})

t.test(
  'CVE-2026-33946: fastify-mcp, which finds sessions by ID alone: nobody uses the session of somebody else',
  async t => {
    const { test, url, ran } = await start(t, { stateful: true })
    const refused: string[] = []
    test.app.mcpAuth.on('session.refused', event => refused.push(String(event.caller?.subject)))
    const alice = await CLIENTS.v1(url, await test.bearer({ subject: 'alice', scopes: ['mcp:tools'] }))
    t.teardown(() => alice.close())
    const session = { 'mcp-session-id': alice.sessionId ?? '' }
    for (const method of ['POST', 'GET', 'DELETE']) {
      const response = await fetch(url, {
        method,
        headers: {
          ...(await test.bearer({ subject: 'mallory', scopes: ['mcp:tools'] })),
          ...session,
          ...(method === 'POST' ? MCP_HEADERS : { accept: 'text/event-stream' })
        },
        ...(method === 'POST' ? { body: JSON.stringify(toolCall('whoami')) } : {})
      })
      t.equal(response.status, 404, method)
      await response.body?.cancel()
    }
    t.strictSame(refused, ['mallory', 'mallory', 'mallory'])
    t.match(await alice.call('whoami'), 'alice')
    const later = await test.bearer({ subject: 'alice', scopes: ['mcp:tools'], claims: { jti: 'another' } })
    const body = JSON.stringify(toolCall('whoami'))
    const refreshed = await fetch(url, { method: 'POST', headers: { ...later, ...session, ...MCP_HEADERS }, body })
    t.match(await refreshed.text(), 'alice', 'a new token of the same person')
    t.strictSame(ran, ['whoami alice', 'whoami alice'])
  }
)
