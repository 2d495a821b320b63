import { connect, type Socket } from 'node:net'
import { isOAuthError, OAuthError, UnavailableError } from '@fastify-mcp-auth/core'
import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { replyWithOAuthError } from '../src/error-handler.ts'
import { buildServer } from './fixture.ts'

/** The answer to whatever is thrown, and the log. */
async function thrown(t: Test, error: unknown) {
  const log: string[] = []
  const app = Fastify({ logger: { level: 'trace', stream: { write: line => void log.push(line) } } })
  t.teardown(() => app.close())
  app.setErrorHandler((caught, request, reply) => replyWithOAuthError(caught, { request, reply }))
  app.get('/', async () => {
    throw error
  })
  return { response: await app.inject('/'), log: log.join('') }
}

for (const [what, error, code, status, logged] of [
  ['a wire error', new OAuthError('invalid_grant', 'no'), 'invalid_grant', 400, 30],
  [
    'a wire error with a status',
    new OAuthError('temporarily_unavailable', 'no', { status: 429 }),
    'temporarily_unavailable',
    429,
    30
  ],
  ['an outage', new UnavailableError('database'), 'temporarily_unavailable', 503, 50],
  ['a fault', new TypeError('x is not a function'), 'server_error', 500, 50],
  ['a fault that claims to be a success', Object.assign(new Error('x'), { statusCode: 200 }), 'server_error', 500, 50],
  ['a fault with a strange status', Object.assign(new Error('x'), { statusCode: '400' }), 'server_error', 500, 50],
  ['a string', 'text', 'server_error', 500, 50],
  ['null', null, 'server_error', 500, 50],
  ['undefined', undefined, 'server_error', 500, 50]
] as const)
  t.test(`RFC 6749 5.2: ${what} is ${code} with ${status}`, async t => {
    const { response, log } = await thrown(t, error)
    matchesOAuthError(t, response, code, status)
    t.equal(response.headers['cache-control'], 'no-store')
    t.match(log, `"level":${logged}`)
    if (!isOAuthError(error) && error instanceof Error) t.notMatch(response.body, error.message)
  })

t.test('a client that hangs up in the middle of a request costs nothing and is no fault', async t => {
  const server = await buildServer(t)
  const address = new URL(await server.app.listen({ port: 0, host: '127.0.0.1' }))
  const accepted = new Promise<Socket>(resolve => server.app.server.once('connection', resolve))
  const received = new Promise(resolve => server.app.server.once('request', resolve))
  const socket = connect(Number(address.port), address.hostname)
  socket.write('POST /oauth/token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n')
  socket.write('content-length: 100\r\n\r\ngrant_type=')
  const connection = await accepted
  await received
  const closed = new Promise(resolve => connection.once('close', resolve))
  socket.destroy()
  await closed
  t.equal((await fetch(new URL('/.well-known/jwks.json', address))).status, 200, 'the next one is served')
  t.match(server.log.join(), '"url":"/oauth/token"')
  t.notMatch(server.log.join(), '"level":50')
})
