import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import t from 'tap'
import type { McpAuthEvent, ResourceServerOptions } from '../src/index.ts'
import { createApp, MCP_HEADERS, type TestApp } from './app.ts'

const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'c', version: '1' } }
}
const list = { jsonrpc: '2.0', id: 2, method: 'tools/list' }

/** A stateful server of the SDK: one transport for each session, found by its ID and nothing else. */
function stateful(app: FastifyInstance, options: object = { config: { mcpAuth: {} } }): void {
  const transports = new Map<string, StreamableHTTPServerTransport>()
  app.route({
    method: ['GET', 'POST', 'DELETE'],
    url: '/mcp',
    ...options,
    handler: async (request, reply) => {
      reply.hijack()
      const known = transports.get(String(request.headers['mcp-session-id']))
      const transport =
        known ??
        new StreamableHTTPServerTransport({
          enableJsonResponse: true,
          sessionIdGenerator: () => crypto.randomUUID(),
          onsessioninitialized: id => void transports.set(id, transport)
        })
      if (!known) {
        const server = new McpServer({ name: 'v1', version: '1.0.0' })
        server.registerTool('x', {}, async () => ({ content: [] }))
        await server.connect(transport as Parameters<typeof server.connect>[0])
      }
      await transport.handleRequest(request.raw, reply.raw, request.body)
    }
  })
}

interface Person {
  subject?: string
  clientId?: string
}

async function start(
  t: Parameters<typeof createApp>[0],
  options: Partial<ResourceServerOptions> = {},
  routes: (app: FastifyInstance) => void = app => stateful(app)
): Promise<{
  test: TestApp
  events: McpAuthEvent[]
  open(person: Person | null): Promise<string>
  use(id: string, person: Person | null, method?: 'GET' | 'POST' | 'DELETE'): Promise<LightMyRequestResponse>
}> {
  const test = await createApp(t, { routes, options })
  const events: McpAuthEvent[] = []
  for (const type of ['session.bound', 'session.refused'] as const)
    test.app.mcpAuth.on(type, event => events.push(event))
  const headersOf = async (person: Person | null): Promise<Record<string, string>> => ({
    ...MCP_HEADERS,
    ...(person ? await test.bearer(person) : {})
  })
  return {
    test,
    events,
    async open(person) {
      const headers = await headersOf(person)
      const response = await test.app.inject({ method: 'POST', url: '/mcp', headers, payload: initialize })
      if (response.statusCode !== 200) throw new Error(response.body)
      return String(response.headers['mcp-session-id'])
    },
    async use(id, person, method = 'POST') {
      const { 'content-type': type = '', ...rest } = await headersOf(person)
      const headers = { ...rest, 'mcp-session-id': id, ...(method === 'POST' ? { 'content-type': type } : {}) }
      return test.app.inject({ method, url: '/mcp', headers, ...(method === 'POST' ? { payload: list } : {}) })
    }
  }
}

t.test(
  'CVE-2026-33946, CVE-2025-6515, GHSA-f6c5-f2ph-7x7p, RS-17, RS-18: a session works for whom it was made, and a 404 is all that others get',
  async t => {
    const { open, use, events } = await start(t)
    const id = await open({ subject: 'alice' })
    t.equal((await use(id, { subject: 'alice' })).statusCode, 200)
    const strangers: Person[] = [{ subject: 'bob' }, { subject: 'alice', clientId: 'other' }]
    for (const person of strangers)
      for (const method of ['POST', 'GET', 'DELETE'] as const) {
        const response = await use(id, person, method)
        t.equal(response.statusCode, 404, method)
        const unknown = await use('no-such-session', person, method)
        t.equal(unknown.statusCode, 404)
        t.equal(response.body, unknown.body, 'the same as for a session that there is not')
      }
    t.equal((await use(id, { subject: 'alice' })).statusCode, 200, 'and it is still there')
    t.equal(events.filter(event => event.type === 'session.bound').length, 1)
    t.match(events.at(-1), { type: 'session.refused', caller: { subject: 'alice', clientId: 'other' } })
    t.notMatch(JSON.stringify(events), id)
  }
)

t.test('RS-18: the same person with another token keeps the session', async t => {
  const { open, use, test } = await start(t)
  const id = await open({ subject: 'alice' })
  test.clock.advance(200)
  t.equal((await use(id, { subject: 'alice' })).statusCode, 200)
})

t.test('RS-17: another issuer with the same subject and client is somebody else', async t => {
  const storage = memoryStorage()
  const principal = (issuer: string): Partial<ResourceServerOptions> => ({
    sessionStorage: storage,
    verify: {
      issuers: [issuer],
      verify: () => ({
        subject: 'alice',
        clientId: 'c',
        scopes: [],
        issuer,
        audience: ['http://127.0.0.1:3000/mcp'],
        expiresAt: null,
        organization: null,
        claims: {}
      })
    }
  })
  const a = await start(t, principal('https://a.test'))
  const b = await start(t, principal('https://b.test'))
  const id = await a.open({})
  t.equal((await a.use(id, {})).statusCode, 200)
  t.equal((await b.use(id, {})).statusCode, 404)
})

t.test('RS-18: the storage has neither session IDs nor names of people', async t => {
  const storage = memoryStorage()
  const stored: unknown[] = []
  const insert: typeof storage.insert = (...args) => {
    stored.push(args)
    return storage.insert(...args)
  }
  const { open } = await start(t, { sessionStorage: { ...storage, insert } })
  const id = await open({ subject: 'alice' })
  t.equal(stored.length, 1)
  for (const secret of [id, 'alice', 'test-client']) t.notMatch(JSON.stringify(stored), secret)
})

t.test('a session that ends, or that nobody uses, is nobody’s', async t => {
  const { open, use, test, events } = await start(t, { sessionTtl: 100 })
  const ended = await open({})
  t.equal((await use(ended, {}, 'DELETE')).statusCode, 200)
  t.equal((await use(ended, {})).statusCode, 404)
  t.equal(events.at(-1)?.type, 'session.refused', 'forgotten here, not only by the server')
  const idle = await open({})
  test.clock.advance(60)
  t.equal((await use(idle, {})).statusCode, 200)
  test.clock.advance(60)
  t.equal((await use(idle, {})).statusCode, 200, 'use keeps it')
  test.clock.advance(100)
  t.equal((await use(idle, {})).statusCode, 404)
})

t.test('a session of a stranger belongs to the first who signs in', async t => {
  const { open, use } = await start(t, { anonymous: ['initialize', 'tools/list'] })
  const id = await open(null)
  t.equal((await use(id, null)).statusCode, 200)
  t.equal((await use(id, { subject: 'alice' })).statusCode, 200)
  t.equal((await use(id, { subject: 'bob' })).statusCode, 404)
  t.equal((await use(id, null)).statusCode, 404)
  const contested = await open(null)
  const statuses = await Promise.all(
    ['a', 'b', 'c'].map(async subject => (await use(contested, { subject })).statusCode)
  )
  t.strictSame(statuses.toSorted(), [200, 404, 404])
})

t.test('a session of a stranger is not taken from who has it by somebody who looked before', async t => {
  const storage = memoryStorage()
  let stale = false
  const get: typeof storage.get = async (...args) => {
    const record = await storage.get(...args)
    const shown = record && stale ? { ...record, owner: '' } : record
    stale = false
    return shown
  }
  const { open, use } = await start(t, { anonymous: ['initialize'], sessionStorage: { ...storage, get } })
  const id = await open(null)
  t.equal((await use(id, { subject: 'alice' })).statusCode, 200)
  stale = true
  t.equal((await use(id, { subject: 'bob' })).statusCode, 404)
  t.equal((await use(id, { subject: 'alice' })).statusCode, 200)
})

t.test('a server that gives two callers one ID is stopped before the second hears of it', async t => {
  const test = await createApp(t, {
    routes: app =>
      void app.post('/mcp', { config: { mcpAuth: {} } }, async (_, reply) =>
        reply.header('mcp-session-id', 'fixed').send({ secret: 1 })
      )
  })
  const open = async (subject: string): Promise<LightMyRequestResponse> =>
    test.app.inject({ method: 'POST', url: '/mcp', headers: await test.bearer({ subject }), payload: initialize })
  t.equal((await open('alice')).headers['mcp-session-id'], 'fixed')
  const second = await open('bob')
  t.equal(second.statusCode, 500)
  t.notOk(second.headers['mcp-session-id'])
  t.notMatch(second.body, 'secret')
})

t.test('sessionBinding: false leaves sessions to the server', async t => {
  const { open, use } = await start(t, { sessionBinding: false })
  const id = await open({ subject: 'alice' })
  t.equal((await use(id, { subject: 'bob' })).statusCode, 200)
})

for (const phase of ['onRequest', 'preValidation', 'preHandler'])
  t.test(`RS-17: app.authenticate as ${phase} of a route binds sessions, too`, async t => {
    const { open, use, events } = await start(t, {}, app => stateful(app, { [phase]: app.authenticate }))
    const id = await open({ subject: 'alice' })
    t.equal(events.filter(event => event.type === 'session.bound').length, 1)
    t.equal((await use(id, { subject: 'alice' })).statusCode, 200)
    t.equal((await use(id, { subject: 'bob' })).statusCode, 404)
    t.equal((await use(id, { subject: 'alice' }, 'DELETE')).statusCode, 200)
    t.equal((await use(id, { subject: 'alice' })).statusCode, 404)
    t.equal(events.at(-1)?.type, 'session.refused')
  })
