import { once } from 'node:events'
import { connect, createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance, FastifyReply, RawServerDefault } from 'fastify'
import t from 'tap'
import type { ResourceServerOptions } from '../src/index.ts'
import { createApp } from './app.ts'

const ORIGIN = 'http://127.0.0.1:3000'

const WRITERS: Record<string, (raw: FastifyReply['raw']) => void> = {
  'writeHead and end': raw => raw.writeHead(200, { 'x-own': 'handler' }).end('x'),
  'writeHead with a list': raw => raw.writeHead(200, ['x-own', 'handler']).end('x'),
  'end alone': raw => void raw.setHeader('x-own', 'handler').end('x'),
  write: raw => {
    raw.setHeader('x-own', 'handler')
    raw.write('x')
    raw.end()
  },
  flushHeaders: raw => {
    raw.setHeader('x-own', 'handler')
    raw.flushHeaders()
    raw.end('x')
  }
}

const pathOf = (name: string): string => `/${name.replaceAll(' ', '-')}`

function addRoutes(app: FastifyInstance): void {
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers({ 'x-hook': 'hook', 'x-own': 'hook', 'content-type': 'text/of-the-hook' })
  })
  for (const [name, write] of Object.entries(WRITERS))
    app.get(pathOf(name), { config: { mcpAuth: {} } }, (_request, reply) => {
      reply.hijack()
      write(reply.raw)
    })
  app.get('/sent', { config: { mcpAuth: {} } }, async () => 'x')
}

for (const name of Object.keys(WRITERS))
  t.test(`headers of hooks are on what a handler writes itself (${name}), but its own stand`, async t => {
    const { app, bearer } = await createApp(t, { routes: addRoutes })
    const headers = { ...(await bearer()), origin: ORIGIN }
    const response = await app.inject({ url: pathOf(name), headers })
    t.equal(response.body, 'x')
    t.match(response.headers, { 'x-hook': 'hook', vary: 'Origin', 'access-control-allow-origin': ORIGIN })
    t.equal(response.headers['x-own'], 'handler')
    t.notOk(response.headers['content-type'], 'what describes another body is not lent')
  })

t.test('a response that Fastify sends has every header once', async t => {
  const { app, bearer } = await createApp(t, { routes: addRoutes })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const response = await fetch(`http://127.0.0.1:${port}/sent`, { headers: await bearer() })
  const expected = { 'x-hook': 'hook', vary: 'Origin', 'content-type': 'text/of-the-hook' }
  for (const [name, value] of Object.entries(expected)) t.equal(response.headers.get(name), value, name)
  t.equal(await response.text(), 'x')
})

/** An app over HTTP/2 without TLS, and one request to it. */
async function requestByHttp2(
  t: Parameters<typeof createApp>[0],
  write: (raw: FastifyReply['raw'] & { stream: ServerHttp2Stream }) => void,
  options: Partial<ResourceServerOptions> = {}
) {
  const test = await createApp(t, {
    options,
    fastify: {
      serverFactory: (handler: Parameters<Http2Server['on']>[1]) =>
        createServer(handler as never) as unknown as RawServerDefault
    } as object,
    routes: app => {
      app.get('/mcp', { config: { mcpAuth: {} } }, (_request, reply) => {
        reply.hijack()
        write(reply.raw as Parameters<typeof write>[0])
      })
    }
  })
  await test.app.listen({ host: '127.0.0.1', port: 0 })
  const session = connect(`http://127.0.0.1:${(test.app.server.address() as AddressInfo).port}`)
  t.teardown(async () => session.destroy())
  const stream = session.request({ ':path': '/mcp', ...(await test.bearer({ expiresIn: 60 })), origin: ORIGIN })
  stream.end()
  const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders]
  return { ...test, stream: stream.setEncoding('utf8'), headers }
}

t.test('HTTP/2: a response without a body that a handler writes itself has them, too', async t => {
  const { headers, stream } = await requestByHttp2(t, raw => {
    raw.statusCode = 204
    raw.end()
  })
  stream.resume()
  t.match(headers, { ':status': 204, vary: 'Origin', 'access-control-allow-origin': ORIGIN })
})

const STREAM = { 'content-type': 'text/event-stream' }
const STREAMS: Record<string, Parameters<typeof requestByHttp2>[1]> = {
  writeHead: raw => void raw.writeHead(200, STREAM).write('data: 1\n\n'),
  write: raw => {
    raw.setHeader('content-type', STREAM['content-type'])
    raw.write('data: 1\n\n')
  },
  'respond on the stream': ({ stream }) => {
    stream.respond({ ':status': 200, ...STREAM })
    stream.write('data: 1\n\n')
  }
}

for (const [name, write] of Object.entries(STREAMS))
  t.test(`RS-4: over HTTP/2, too, a stream ends with its token, whatever was accepted (${name})`, async t => {
    const { app, clock, headers, stream } = await requestByHttp2(t, write)
    let ended = 0
    app.mcpAuth.on('stream.ended', () => ended++)
    t.match(headers, STREAM)
    t.equal(String(await once(stream, 'data')), 'data: 1\n\n')
    clock.advance(60)
    await once(stream, 'end')
    t.equal(ended, 1)
  })

t.test('HTTP/2: what is no event stream is left alone when the token expires', async t => {
  const { app, clock, stream } = await requestByHttp2(t, ({ stream }) => {
    stream.respond({ ':status': 200, 'content-type': 'text/plain' })
    stream.write('1')
    setTimeout(() => stream.end('2'), 1500)
  })
  app.mcpAuth.on('stream.ended', () => t.fail('no event stream'))
  clock.advance(60)
  t.equal((await stream.toArray()).join(''), '12')
})

const LIST = 'data: {"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"hidden"},{"name":"shown"}]}}\n\n'

for (const [name, write] of Object.entries({
  'through the response': (raw: FastifyReply['raw']) => void raw.writeHead(200, STREAM).end(LIST),
  'on the stream below, where nobody reads it': ({ stream }: { stream: ServerHttp2Stream }) => {
    stream.respond({ ':status': 200, ...STREAM })
    stream.end(LIST)
  }
}))
  t.test(`RS-19: over HTTP/2 no list is let out that was not filtered: ${name}`, async t => {
    const options = { lists: 'allowed' as const, operations: { 'tools/call:hidden': ['admin'] } }
    const { headers, stream } = await requestByHttp2(t, write, options)
    const body = (await stream.toArray()).join('')
    t.notMatch(body, 'hidden')
    const status = Number(headers[':status'])
    if (status === 200) t.match(body, 'shown')
    else t.match({ status, body }, { status: 500, body: '"code":-32603' })
  })
