import { connect, createServer, type Http2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance, FastifyReply, RawServerDefault } from 'fastify'
import t from 'tap'
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

t.test('HTTP/2: a response without a body that a handler writes itself has them, too', async t => {
  const { app, bearer } = await createApp(t, {
    fastify: {
      serverFactory: (handler: Parameters<Http2Server['on']>[1]) =>
        createServer(handler as never) as unknown as RawServerDefault
    } as object,
    routes: app => {
      app.get('/mcp', { config: { mcpAuth: {} } }, (_request, reply) => {
        reply.hijack()
        reply.raw.statusCode = 204
        reply.raw.end()
      })
    }
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const session = connect(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)
  t.teardown(() => session.close())
  const stream = session.request({ ':path': '/mcp', ...(await bearer()), origin: ORIGIN })
  const headers = await new Promise<Record<string, unknown>>((resolve, reject) => {
    stream.once('response', resolve).once('error', reject).resume().end()
  })
  t.match(headers, { ':status': 204, vary: 'Origin', 'access-control-allow-origin': ORIGIN })
})
