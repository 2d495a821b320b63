import { once } from 'node:events'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { McpServer as McpServerV1, ResourceTemplate } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { createMcpHandler, McpServer as McpServerV2 } from '@modelcontextprotocol/server'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { createApp, MCP_HEADERS, type TestApp, toolCall } from './app.ts'

const operations = {
  'tools/call:delete_notes': ['notes:admin'],
  'tools/call:add_note': ['notes:write'],
  'prompts/get:secret': ['notes:admin'],
  'resources/read:notes://private/*': ['notes:admin']
}
const config = { mcpAuth: { scopes: ['mcp'] } }

type Routes = (app: FastifyInstance) => void

const text = (value: string): { content: [{ type: 'text'; text: string }] } => ({
  content: [{ type: 'text', text: value }]
})

function register(server: McpServerV1 | McpServerV2): void {
  // The two SDKs take the same arguments here, and say so in different types.
  const mcp = server as McpServerV1
  for (const tool of ['delete_notes', 'add_note', 'list_notes']) mcp.registerTool(tool, {}, async () => text(tool))
  for (const prompt of ['secret', 'public'])
    mcp.registerPrompt(prompt, {}, async () => ({
      messages: [{ role: 'user', content: { type: 'text', text: prompt } }]
    }))
  const read = async (uri: URL): Promise<{ contents: { uri: string; text: string }[] }> => ({
    contents: [{ uri: uri.href, text: 'note' }]
  })
  mcp.registerResource('one', 'notes://private/1', {}, read)
  mcp.registerResource('two', 'notes://public/2', {}, read)
}

function v1(enableJsonResponse: boolean): Routes {
  return app =>
    void app.post('/mcp', { config }, async (request, reply) => {
      const server = new McpServerV1({ name: 'v1', version: '1.0.0' })
      register(server)
      for (const area of ['private', 'public'])
        server.registerResource(
          area,
          new ResourceTemplate(`notes://${area}/{id}/draft`, { list: undefined }),
          {},
          async uri => ({
            contents: [{ uri: uri.href, text: 'draft' }]
          })
        )
      const transport = new StreamableHTTPServerTransport({ enableJsonResponse })
      reply.hijack()
      await server.connect(transport as Parameters<typeof server.connect>[0])
      await transport.handleRequest(request.raw, reply.raw, request.body)
    })
}

function createV2(): ReturnType<typeof createMcpHandler> {
  return createMcpHandler(() => {
    const server = new McpServerV2({ name: 'v2', version: '1.0.0' })
    register(server)
    return server
  })
}

const v2Raw: Routes = app => {
  const node = toNodeHandler(createV2())
  app.post('/mcp', { config }, async (request, reply) => {
    reply.hijack()
    await node(request.raw as Parameters<typeof node>[0], reply.raw, request.body)
  })
}

const v2Reply: Routes = app => {
  const mcp = createV2()
  app.post('/mcp', { config }, async request => {
    const headers = Object.entries(request.headers).flatMap(([name, value]) =>
      name === 'content-length' ? [] : [[name, String(value)] as [string, string]]
    )
    const url = `http://127.0.0.1:3000${request.url}`
    return mcp.fetch(new Request(url, { method: 'POST', headers, body: JSON.stringify(request.body) }))
  })
}

const servers: Record<string, Routes> = {
  'SDK v1, JSON': v1(true),
  'SDK v1, event stream': v1(false),
  'SDK v2, raw': v2Raw,
  'SDK v2, through the reply': v2Reply
}

interface Answer {
  status: number
  body: string
  message: { result?: Record<string, { name: string; uri?: string }[]>; error?: { code: number; message: string } }
}

async function ask(test: TestApp, scopes: string[], payload: object, headers: object = {}): Promise<Answer> {
  const response = await test.app.inject({
    method: 'POST',
    url: '/mcp',
    headers: { ...MCP_HEADERS, ...(await test.bearer({ scopes })), ...headers },
    payload
  })
  const data = /^data: (.+)$/m.exec(response.body)?.[1] ?? response.body
  return { status: response.statusCode, body: response.body, message: data.startsWith('{') ? JSON.parse(data) : {} }
}

const request = (method: string, params: object = {}): object => ({ jsonrpc: '2.0', id: 1, method, params })

for (const [name, routes] of Object.entries(servers)) {
  const start = (t: Parameters<typeof createApp>[0], options: object = {}): Promise<TestApp> =>
    createApp(t, { routes, options: { operations, lists: 'allowed', ...options } })

  t.test(`RS-19: ${name}: lists show what the caller may use`, async t => {
    const test = await start(t)
    const names = async (scopes: string[], method: string, member: string): Promise<string[] | undefined> =>
      (await ask(test, ['mcp', ...scopes], request(method))).message.result?.[member]?.map(item => item.name)
    t.strictSame(await names([], 'tools/list', 'tools'), ['list_notes'])
    t.strictSame(await names(['notes:write'], 'tools/list', 'tools'), ['add_note', 'list_notes'])
    t.strictSame(await names(['notes:admin', 'notes:write'], 'tools/list', 'tools'), [
      'delete_notes',
      'add_note',
      'list_notes'
    ])
    t.strictSame(await names([], 'prompts/list', 'prompts'), ['public'])
    t.strictSame(await names([], 'resources/list', 'resources'), ['two'])
    t.strictSame(await names(['notes:admin'], 'resources/list', 'resources'), ['one', 'two'])
    if (name.includes('v1')) t.strictSame(await names([], 'resources/templates/list', 'resourceTemplates'), ['public'])
  })

  t.test(`RS-19: ${name}: what is hidden answers like what is not there`, async t => {
    const test = await start(t)
    const pairs: [object, object][] = [
      [toolCall('delete_notes'), toolCall('remove_notes')],
      [request('prompts/get', { name: 'secret' }), request('prompts/get', { name: 'sicret' })],
      [request('resources/read', { uri: 'notes://private/1' }), request('resources/read', { uri: 'notes://privata/1' })]
    ]
    for (const [hidden, unknown] of pairs) {
      const [a, b] = [await ask(test, ['mcp'], hidden), await ask(test, ['mcp'], unknown)]
      const normal = (answer: Answer): string =>
        answer.body
          .replaceAll('remove_notes', 'delete_notes')
          .replaceAll('sicret', 'secret')
          .replaceAll('privata', 'private')
      t.equal(a.status, b.status)
      t.equal(normal(a), normal(b))
      t.match(a.body, /delete_notes|secret|private/, 'and it does mention the name')
      t.notMatch(a.body, 'unknown-')
    }
    t.match((await ask(test, ['mcp', 'notes:admin'], toolCall('delete_notes'))).message, {
      result: { content: [{ text: 'delete_notes' }] }
    })
  })

  t.test(`RS-9, RS-19: ${name}: what can be obtained is listed, and calling it is a challenge`, async t => {
    const obtainable = (_principal: unknown, scopes: readonly string[]): boolean => !scopes.includes('notes:admin')
    const test = await start(t, { obtainable })
    const tools = (await ask(test, ['mcp'], request('tools/list'))).message.result?.['tools']
    t.strictSame(
      tools?.map(tool => tool.name),
      ['add_note', 'list_notes']
    )
    t.equal((await ask(test, ['mcp'], toolCall('add_note'))).status, 403)
    t.equal((await ask(test, ['mcp'], toolCall('delete_notes'))).status, 200, 'an answer of the server')
    t.equal((await ask(test, [], toolCall('delete_notes'))).status, (await ask(test, [], toolCall('no'))).status)
  })
}

t.test('TR-7: the header that mirrors a hidden name does not give it away', async t => {
  let seen: unknown
  const test = await createApp(t, {
    options: { operations, lists: 'allowed' },
    routes: app =>
      void app.post('/mcp', { config }, async request => {
        const { rawHeaders } = request.raw
        const at = rawHeaders.findIndex(name => name.toLowerCase() === 'mcp-name')
        seen = [request.body, request.headers['mcp-name'], rawHeaders[at + 1]]
        return { jsonrpc: '2.0', id: 1, error: { code: -32602, message: 'no such tool' } }
      })
  })
  await ask(test, ['mcp'], toolCall('delete_notes'), { 'mcp-method': 'tools/call', 'mcp-name': 'delete_notes' })
  const [body, header, raw] = seen as [{ params: { name: string } }, string, string]
  t.match(body.params.name, /^unknown-[0-9a-f]{32}$/)
  t.equal(header, body.params.name)
  t.equal(raw, body.params.name)
})

t.test('RS-19: a URI that is too long for any rule is not shown, and does not hide the rest', async t => {
  const resources = [{ uri: 'notes://public/1' }, { uri: `notes://public/${'x'.repeat(8192)}` }]
  const message = { jsonrpc: '2.0', id: 1, result: { resources } }
  const { app, bearer } = await createApp(t, {
    options: { operations, lists: 'allowed' },
    routes: app => {
      app.post('/json', { config }, async () => message)
      app.post('/stream', { config }, async (_, reply) =>
        reply.header('content-type', 'text/event-stream').send(`data: ${JSON.stringify(message)}\n\n`)
      )
    }
  })
  const headers = { ...MCP_HEADERS, ...(await bearer({ scopes: ['mcp'] })) }
  const payload = { jsonrpc: '2.0', id: 1, method: 'resources/list' }
  for (const url of ['/json', '/stream']) {
    const response = await app.inject({ method: 'POST', url, headers, payload })
    t.equal(response.statusCode, 200)
    t.strictSame(JSON.parse(response.body.replace(/^data: /, '')).result, { resources: [resources[0]] }, url)
  }
})

t.test('RS-20: a filtered list is private', async t => {
  const result = { tools: [{ name: 'list_notes' }], cacheScope: 'public', ttlMs: 1000 }
  const test = await createApp(t, {
    options: { operations, lists: 'allowed' },
    routes: app => void app.post('/mcp', { config }, async () => ({ jsonrpc: '2.0', id: 1, result }))
  })
  t.match((await ask(test, ['mcp'], request('tools/list'))).message, { result: { cacheScope: 'private', ttlMs: 1000 } })
})

t.test('RS-19: a batch with lists and hidden calls', async t => {
  const test = await createApp(t, {
    options: { operations, lists: 'allowed' },
    routes: app =>
      void app.post('/mcp', { config }, async request => {
        const [, call] = request.body as { params: { name: string } }[]
        return [
          {
            jsonrpc: '2.0',
            id: 1,
            result: { tools: [{ name: 'delete_notes' }, { name: 'list_notes' }, { nameless: true }] }
          },
          { jsonrpc: '2.0', id: 2, error: { code: -32602, message: `no tool "${call?.params.name}"` } }
        ]
      })
  })
  const { body } = await ask(test, ['mcp'], [request('tools/list'), toolCall('delete_notes', 2)])
  t.strictSame(JSON.parse(body), [
    { jsonrpc: '2.0', id: 1, result: { tools: [{ name: 'list_notes' }] } },
    { jsonrpc: '2.0', id: 2, error: { code: -32602, message: 'no tool "delete_notes"' } }
  ])
})

t.test('RS-19: strangers see what strangers may use, and no challenge tells them more', async t => {
  const test = await createApp(t, {
    options: {
      operations: { ...operations, 'tools/call:list_notes': [] },
      lists: 'allowed',
      anonymous: ['tools/list', 'tools/call:list*']
    },
    routes: v1(true)
  })
  const send = (payload: object): Promise<LightMyRequestResponse> =>
    test.app.inject({ method: 'POST', url: '/mcp', headers: MCP_HEADERS, payload })
  const tools = (await send(request('tools/list'))).json().result.tools as { name: string }[]
  t.strictSame(
    tools.map(tool => tool.name),
    ['list_notes']
  )
  const hidden = await send(toolCall('delete_notes'))
  t.equal(hidden.statusCode, 401)
  t.strictSame(hidden.headers['www-authenticate'], (await send(toolCall('remove_notes'))).headers['www-authenticate'])
})

t.test('RS-19: an answer that cannot be read is not let out', async t => {
  const list = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { tools: [{ name: 'delete_notes' }] } })
  const answers: Record<string, (reply: import('fastify').FastifyReply) => unknown> = {
    compressed: reply => reply.header('content-encoding', 'br').type('application/json').send(Buffer.from(list)),
    broken: reply => reply.type('application/json').send(`${list}}`),
    'other text': reply => reply.type('text/plain').send(`tools: ${list}`),
    'an error that quotes': reply => reply.code(502).type('text/html').send(`<p>${list}`)
  }
  for (const [name, answer] of Object.entries(answers)) {
    const test = await createApp(t, {
      options: { operations, lists: 'allowed' },
      routes: app => void app.post('/mcp', { config }, async (_, reply) => answer(reply))
    })
    const { status, body } = await ask(test, ['mcp'], request('tools/list'), { 'accept-encoding': 'br' })
    t.ok(status >= 500, name)
    t.notMatch(body, 'delete_notes', name)
  }
})

t.test('RS-19: a stream that is opened later repeats no list', async t => {
  const list = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    result: { tools: [{ name: 'delete_notes' }, { name: 'list_notes' }] }
  })
  const test = await createApp(t, {
    options: { operations, lists: 'allowed' },
    routes: app =>
      void app.get('/mcp', { config }, (_request, reply) => {
        reply.hijack()
        reply.raw.writeHead(200, { 'content-type': 'text/event-stream' })
        reply.raw.write(`id: 1\nevent: message\ndata: ${list.slice(0, 60)}`)
        reply.raw.write(`${list.slice(60)}\n\n`)
        reply.raw.end()
      })
  })
  const response = await test.app.inject({
    url: '/mcp',
    headers: { ...(await test.bearer({ scopes: ['mcp'] })), 'last-event-id': '0' }
  })
  t.match(response.body, /^id: 1\nevent: message\ndata: .*list_notes/)
  t.notMatch(response.body, 'delete_notes')
})

t.test('RS-19: other answers to GET pass as they are, but no stream passes unread', async t => {
  const list = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { tools: [{ name: 'delete_notes' }] } })
  const test = await createApp(t, {
    options: { operations, lists: 'allowed' },
    routes: app => {
      app.get('/file', { config }, async (_, reply) => reply.type('image/png').send(Buffer.from([1, 2, 255])))
      app.get('/mcp', { config }, async (_, reply) =>
        reply.type('text/event-stream').header('content-encoding', 'gzip').send(`data: ${list}\n\n`)
      )
    }
  })
  const headers = await test.bearer({ scopes: ['mcp'] })
  const file = await test.app.inject({ url: '/file', headers })
  t.strictSame([...file.rawPayload], [1, 2, 255])
  t.equal(file.headers['content-length'], '3')
  const stream = await test.app.inject({ url: '/mcp', headers })
  t.equal(stream.statusCode, 500)
  t.notMatch(stream.body, 'delete_notes')
})

t.test('RS-19: what the route asks of every call counts for what is listed', async t => {
  const test = await createApp(t, {
    options: { operations, lists: 'allowed', anonymous: ['tools/list'] },
    routes: v1(true)
  })
  const names = async (scopes: string[]): Promise<string[] | undefined> =>
    (await ask(test, scopes, request('tools/list'))).message.result?.['tools']?.map(tool => tool.name)
  t.strictSame(await names(['notes:write']), [])
  t.strictSame(await names(['notes:write', 'mcp']), ['add_note', 'list_notes'])
})

t.test('CVE-2026-25536, RS-19: 100 callers at once, each sees its own list and its own refusals', async t => {
  // Nobody is answered before everybody has been let in: answers that went one after the other could not be mixed up.
  let begin = (): void => undefined
  const everybody = new Promise<void>(resolve => {
    begin = resolve
  })
  let arrived = 0
  const test = await createApp(t, {
    options: { operations, lists: 'allowed' },
    routes: app => {
      app.addHook('preHandler', () => {
        if (++arrived === 200) begin()
        return everybody
      })
      return v1(false)(app)
    }
  })
  const callers = Array.from({ length: 100 }, (_, index) =>
    index % 3 === 0 ? ['notes:admin'] : index % 3 === 1 ? ['notes:write'] : []
  )
  const seen = await Promise.all(
    callers.map(async scopes => {
      const [list, call] = await Promise.all([
        ask(test, ['mcp', ...scopes], request('tools/list')),
        ask(test, ['mcp', ...scopes], toolCall('delete_notes'))
      ])
      const names = list.message.result?.['tools']?.map(tool => tool.name)
      return [names, call.body.includes('not found'), call.body.includes('unknown-')]
    })
  )
  const expected = callers.map(([scope]) => {
    if (scope === 'notes:admin') return [['delete_notes', 'list_notes'], false, false]
    return [scope === 'notes:write' ? ['add_note', 'list_notes'] : ['list_notes'], true, false]
  })
  t.strictSame(seen, expected)
})

t.test('lists: all leaves every answer as it is', async t => {
  const test = await createApp(t, { options: { operations }, routes: v1(true) })
  t.equal((await ask(test, ['mcp'], request('tools/list'))).message.result?.['tools']?.length, 3)
  t.equal((await ask(test, ['mcp'], toolCall('delete_notes'))).status, 403)
})

t.test('over a real connection, event streams arrive while they are written', async t => {
  let finish: () => void = () => undefined
  const test = await createApp(t, {
    options: { operations, lists: 'allowed' },
    routes: app =>
      void app.get('/mcp', { config }, async (_request, reply) => {
        reply.hijack()
        reply.raw.writeHead(200, ['content-type', 'text/event-stream', 'x-a', '1'])
        reply.raw.flushHeaders()
        reply.raw.write('data: {"jsonrpc":"2.0","method":"x"}\n\n')
        finish = () => void reply.raw.end()
      })
  })
  const url = await test.app.listen({ port: 0, host: '127.0.0.1' })
  const { get } = await import('node:http')
  const outgoing = get(`${url}/mcp`, {
    headers: { ...(await test.bearer({ scopes: ['mcp'] })), accept: 'text/event-stream' }
  })
  const [response] = (await once(outgoing, 'response')) as [import('node:http').IncomingMessage]
  t.equal(response.headers['x-a'], '1')
  const [chunk] = await once(response, 'data')
  t.equal(String(chunk), 'data: {"jsonrpc":"2.0","method":"x"}\n\n')
  finish()
  await once(response, 'end')
})
