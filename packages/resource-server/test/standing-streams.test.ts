import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import fastifyAuth from '@fastify/auth'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { createApp, MCP_HEADERS, type TestApp } from './app.ts'

const LISTEN = { jsonrpc: '2.0', id: 1, method: 'subscriptions/listen', params: { notifications: {} } }
const CALL = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'slow' } }

interface Asked {
  readonly method: 'GET' | 'POST'
  readonly body?: unknown
  /** Content type of the answer. */
  readonly type: string
  readonly options: NonNullable<Parameters<typeof createApp>[1]>['options']
  /** What protects the route; by default its config. */
  readonly protection?: (app: FastifyInstance) => object
}

/** A request whose answer has begun, and goes on until the test ends it. */
async function beginAnswer(
  t: Parameters<typeof createApp>[0],
  { method, body, type, options, protection = () => ({ config: { mcpAuth: {} } }) }: Asked
): Promise<{ test: TestApp; response: IncomingMessage; ended: unknown[]; finish: () => void }> {
  let finish: () => void = () => undefined
  const test = await createApp(t, {
    ...(options ? { options } : {}),
    before: async app => void (await app.register(fastifyAuth)),
    routes: app =>
      void app.route({
        method,
        url: '/mcp',
        ...protection(app),
        handler: (_, reply) => {
          reply.hijack()
          reply.raw.writeHead(200, { 'content-type': type }).write(': hello\n\n')
          finish = () => void reply.raw.end(': bye\n\n')
        }
      })
  })
  const ended: unknown[] = []
  test.app.mcpAuth.on('stream.ended', event => ended.push(event))
  const url = await test.app.listen({ port: 0, host: '127.0.0.1' })
  const asked = request(`${url}/mcp`, {
    method,
    headers: { ...MCP_HEADERS, ...(await test.bearer({ expiresIn: 60 })) }
  })
  asked.end(body === undefined ? undefined : JSON.stringify(body))
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  await once(response, 'data')
  return { test, response, ended, finish: () => finish() }
}

const OPTIONS: [string, Asked['options']][] = [
  ['without rules for operations', {}],
  ['with them', { operations: { 'tools/call:delete_*': ['admin'] } }]
]
const EVENTS = 'text/event-stream'

for (const [which, options] of OPTIONS)
  for (const body of [LISTEN, [CALL, LISTEN]])
    t.test(`RS-4: what subscriptions/listen has opened ends with its token, ${which}`, async t => {
      const { test, response, ended } = await beginAnswer(t, { method: 'POST', body, type: EVENTS, options })
      test.clock.advance(60)
      const patience = setTimeout(() => response.destroy(), 5000)
      await once(response.resume(), 'close')
      clearTimeout(patience)
      t.equal(response.complete, true, 'in order, not cut off')
      t.equal(ended.length, 1)
    })

for (const phase of ['onRequest', 'preValidation', 'preHandler'])
  t.test(`RS-4: a stream ends with its token when the second of two hooks let its reader in, ${phase}`, async t => {
    const { test, response, ended } = await beginAnswer(t, {
      method: 'GET',
      type: EVENTS,
      options: {},
      protection: app => ({ [phase]: app.auth([app.requireScopes('admin'), app.authenticate]) })
    })
    test.clock.advance(60)
    const patience = setTimeout(() => response.destroy(), 5000)
    await once(response.resume(), 'close')
    clearTimeout(patience)
    t.equal(response.complete, true)
    t.equal(ended.length, 1)
  })

const LEFT_ALONE: [string, Omit<Asked, 'options'>][] = [
  ['the stream of another call', { method: 'POST', body: CALL, type: EVENTS }],
  ['a call that only mentions it', { method: 'POST', body: { ...CALL, params: LISTEN }, type: EVENTS }],
  ['an answer to subscriptions/listen that is no stream', { method: 'POST', body: LISTEN, type: 'application/json' }],
  ['a download by somebody who would have taken a stream', { method: 'GET', type: 'application/json' }]
]

for (const [what, asked] of LEFT_ALONE)
  t.test(`an answer may take longer than its token: ${what}`, async t => {
    const { test, response, ended, finish } = await beginAnswer(t, { ...asked, options: {} })
    test.clock.advance(60)
    // Two rounds of the timer that looks for what has to end.
    setTimeout(finish, 2200)
    t.equal((await response.setEncoding('utf8').toArray()).join(''), ': bye\n\n')
    t.strictSame(ended, [])
  })
