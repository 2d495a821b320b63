import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import t from 'tap'
import { createApp, MCP_HEADERS, type TestApp } from './app.ts'

/** How hosts leave the body to whatever stands behind them. */
const PARSERS: Record<string, (app: FastifyInstance) => void> = {
  'a stream': app => app.addContentTypeParser('*', (_request, payload, done) => done(null, payload)),
  'a buffer': app => app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body)),
  text: app => app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body)),
  'nothing at all': app => app.addContentTypeParser('*', (_request, _payload, done) => done(null))
}

async function read({ body, raw }: FastifyRequest): Promise<{ method?: string }> {
  if (typeof body === 'string' || Buffer.isBuffer(body)) return JSON.parse(String(body))
  return JSON.parse(await text(raw))
}

/** A server that reads the body itself, gives a session, repeats it in every answer, and streams what is listened to. */
async function start(t: Parameters<typeof createApp>[0], parser: (app: FastifyInstance) => void): Promise<TestApp> {
  return createApp(t, {
    routes: app => {
      app.removeAllContentTypeParsers()
      parser(app)
      app.post('/mcp', { config: { mcpAuth: {} } }, async (request, reply) => {
        const { method } = await read(request)
        if (method === 'subscriptions/listen') {
          reply.hijack()
          reply.raw.writeHead(200, { 'content-type': 'text/event-stream' }).write(': hello\n\n')
          return
        }
        reply.header('mcp-session-id', method === 'initialize' ? 'the-session' : request.headers['mcp-session-id'])
        return { method }
      })
    }
  })
}

const message = (method: string): string => JSON.stringify({ jsonrpc: '2.0', id: 1, method })

for (const [what, parser] of Object.entries(PARSERS)) {
  t.test(`RS-17: a session belongs to its maker where the body that made it is ${what}`, async t => {
    const { app, bearer } = await start(t, parser)
    const bound: unknown[] = []
    app.mcpAuth.on('session.bound', event => bound.push(event))
    const ask = async (subject: string, method: string, session: object = {}) => {
      const headers = { ...MCP_HEADERS, ...(await bearer({ subject })), ...session }
      return app.inject({ method: 'POST', url: '/mcp', headers, payload: message(method) })
    }
    const session = { 'mcp-session-id': 'the-session' }
    t.equal((await ask('alice', 'tools/list', session)).statusCode, 404, 'nobody has made it')
    t.equal((await ask('alice', 'initialize')).headers['mcp-session-id'], 'the-session')
    t.equal((await ask('alice', 'tools/list', session)).json().method, 'tools/list')
    t.equal((await ask('bob', 'tools/list', session)).statusCode, 404)
    t.equal((await ask('bob', 'initialize')).statusCode, 500, 'a session of somebody else is told to nobody')
    t.equal(bound.length, 1)
  })

  t.test(`RS-4: an event stream ends with its token where the body that asked for it is ${what}`, async t => {
    const { app, bearer, clock } = await start(t, parser)
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    const headers = { ...MCP_HEADERS, ...(await bearer({ expiresIn: 60 })) }
    const asked = request(`${url}/mcp`, { method: 'POST', headers }).end(message('subscriptions/listen'))
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    await once(response, 'data')
    clock.advance(60)
    const patience = setTimeout(() => response.destroy(), 5000)
    await once(response.resume(), 'close')
    clearTimeout(patience)
    t.equal(response.complete, true, 'in order, not cut off')
  })
}

t.test('a POST without a body is one of nothing', async t => {
  const { app, bearer } = await createApp(t, {
    routes: app =>
      void app.post('/mcp', { config: { mcpAuth: {} } }, async (_request, reply) =>
        reply.header('mcp-session-id', 'of-another-kind').send({})
      )
  })
  app.mcpAuth.on('session.bound', () => t.fail('no session was made'))
  for (const length of [{}, { 'content-length': '0' }])
    t.equal(
      (await app.inject({ method: 'POST', url: '/mcp', headers: { ...(await bearer()), ...length } })).statusCode,
      200
    )
})
