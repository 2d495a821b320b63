import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { UnavailableError } from '@fastify-mcp-auth/core'
import t from 'tap'
import {
  EVENTS_CHANNEL,
  type McpAuthEvent,
  type McpAuthEventType,
  type Verifier,
  type VerifierEvent
} from '../src/index.ts'
import { createApp, RESOURCE, type TestApp, toolCall } from './app.ts'

const TYPES: McpAuthEventType[] = [
  'token.accepted',
  'token.rejected',
  'token.missing',
  'token.undecided',
  'scope.denied',
  'request.refused',
  'operation.hidden'
]

function record(test: TestApp): McpAuthEvent[] {
  const events: McpAuthEvent[] = []
  for (const type of TYPES) test.app.mcpAuth.on(type, event => events.push(event))
  return events
}

t.test('audit: each outcome is one event, with who and why and without the token', async t => {
  const test = await createApp(t, {
    options: { operations: { 'tools/call:x': ['x'] }, lists: 'allowed', obtainable: () => true }
  })
  const events = record(test)
  const post = (headers: object, payload: object = toolCall('y')): Promise<unknown> =>
    test.app.inject({ method: 'POST', url: '/mcp', headers: headers as Record<string, string>, payload })
  const good = await test.bearer({ scopes: ['mcp:tools'], subject: 'bob', clientId: 'cli' })
  const types = (): string[] => events.splice(0).map(event => event.type)
  await post(good)
  t.match(events[0], {
    type: 'token.accepted',
    resource: RESOURCE,
    at: test.clock.now(),
    requestId: /^req-/,
    caller: { subject: 'bob', clientId: 'cli', issuer: 'https://issuer.test' }
  })
  t.strictSame(types(), ['token.accepted'])
  await post({})
  t.strictSame(types(), ['token.missing'])
  await post({ authorization: `${good.authorization}x` })
  t.match(events[0], { error: 'invalid_token', reason: 'signature', caller: null })
  t.strictSame(types(), ['token.rejected'])
  await post(good, toolCall('x'))
  t.match(events[1], { type: 'scope.denied', scopes: ['mcp:tools', 'x'], caller: { subject: 'bob' } })
  t.strictSame(types(), ['token.accepted', 'scope.denied'])
  await post({ ...good, host: 'evil.test' })
  t.match(events[0], { reason: 'host' })
  t.strictSame(types(), ['request.refused'])
  await post(good, [])
  t.match(events[1], { type: 'request.refused', reason: 'not_json_rpc' })
})

t.test('audit: a call of something hidden', async t => {
  const test = await createApp(t, { options: { operations: { 'tools/call:x': ['x'] }, lists: 'allowed' } })
  const events = record(test)
  await test.app.inject({
    method: 'POST',
    url: '/mcp',
    headers: await test.bearer({ scopes: ['mcp:tools'] }),
    payload: toolCall('x')
  })
  t.match(events[1], { type: 'operation.hidden', operations: [{ method: 'tools/call', name: 'x' }] })
})

t.test('audit: the log and the channel have the same events, and no token is in any', async t => {
  const lines: string[] = []
  const test = await createApp(t, {
    fastify: { logger: { level: 'debug', stream: { write: (line: string) => void lines.push(line) } } }
  })
  const published: unknown[] = []
  const listener = (message: unknown): void => void published.push(message)
  subscribe(EVENTS_CHANNEL, listener)
  t.teardown(() => unsubscribe(EVENTS_CHANNEL, listener))
  const good = await test.bearer({ scopes: [] })
  const bad = `${good.authorization}x`
  for (const authorization of [good.authorization, bad])
    await test.app.inject({ url: '/mcp', headers: { authorization } })
  const types = ['token.accepted', 'scope.denied', 'token.rejected']
  const ofRequests = (event: McpAuthEvent): boolean => 'requestId' in event
  t.strictSame(
    (published as McpAuthEvent[]).filter(ofRequests).map(event => event.type),
    types
  )
  const logged = lines.map(line => JSON.parse(line)).filter(({ event }) => event && ofRequests(event))
  t.strictSame(
    logged.map(({ event }) => event.type),
    types
  )
  t.strictSame(
    logged.map(({ level }) => level),
    [20, 30, 30]
  )
  const signature = good.authorization.split('.')[2] ?? 'none'
  t.notMatch(lines.join(''), signature)
  t.notMatch(JSON.stringify(published), signature)
})

t.test('a listener that fails changes nothing, and one that left hears nothing', async t => {
  const test = await createApp(t)
  let heard = 0
  const leave = test.app.mcpAuth.on('token.accepted', () => heard++)
  test.app.mcpAuth.on('token.accepted', () => {
    throw new Error('listener')
  })
  const ask = async (): Promise<number> =>
    (await test.app.inject({ url: '/mcp', headers: await test.bearer({ scopes: ['mcp:tools'] }) })).statusCode
  t.equal(await ask(), 200)
  leave()
  t.equal(await ask(), 200)
  t.equal(heard, 1)
})

t.test('what happens to the keys is told, too, and readiness goes by it', async t => {
  let tell: (event: VerifierEvent) => void = () => undefined
  let health: ReturnType<NonNullable<Verifier['health']>> = []
  const { app } = await createApp(t, {
    options: {
      verify: {
        issuers: ['https://issuer.test'],
        verify: () => Promise.reject(new UnavailableError('down')),
        observe: listener => {
          tell = listener
        },
        health: () => health
      }
    }
  })
  const seen: McpAuthEvent[] = []
  app.mcpAuth.on('jwks.failed', event => seen.push(event))
  tell({ type: 'jwks.failed', issuer: 'https://issuer.test', error: new UnavailableError('down') })
  t.match(seen, [{ type: 'jwks.failed', resource: RESOURCE, issuer: 'https://issuer.test' }])
  const state = { dependency: 'jwks', issuer: 'https://issuer.test' } as const
  for (const [entry, ok] of [
    [{ ...state, state: 'unknown', age: null }, true],
    [{ ...state, state: 'up', age: 5 }, true],
    [{ ...state, state: 'down', age: 500 }, true],
    [{ ...state, state: 'down', age: null }, false]
  ] as const) {
    health = [entry]
    t.strictSame(app.mcpAuth.health(), { ok, dependencies: [entry] })
  }
  let undecided = 0
  app.mcpAuth.on('token.undecided', () => undecided++)
  t.equal((await app.inject({ url: '/mcp', headers: { authorization: 'Bearer x' } })).statusCode, 503)
  t.equal(undecided, 1)
})

async function openStream(
  t: Parameters<typeof createApp>[0],
  { accept, ...options }: { lists: 'all' | 'allowed'; accept: string | undefined }
): Promise<{ test: TestApp; response: IncomingMessage; ended: McpAuthEvent[]; write: () => void }> {
  let write: () => void = () => undefined
  const test = await createApp(t, {
    options,
    routes: app =>
      void app.get('/mcp', { config: { mcpAuth: {} } }, async (_, reply) => {
        reply.hijack()
        reply.raw.writeHead(200, { 'Content-Type': 'text/event-stream' })
        reply.raw.write(': hello\n\n')
        write = () => void reply.raw.write(': more\n\n')
      })
  })
  const ended: McpAuthEvent[] = []
  test.app.mcpAuth.on('stream.ended', event => ended.push(event))
  const url = await test.app.listen({ port: 0, host: '127.0.0.1' })
  const headers = { ...(await test.bearer({ expiresIn: 60 })), ...(accept ? { accept } : {}) }
  const [response] = (await once(get(`${url}/mcp`, { headers }), 'response')) as [IncomingMessage]
  await once(response, 'data')
  return { test, response, ended, write: () => write() }
}

for (const [lists, accept] of [
  ['all', 'Text/Event-Stream'],
  ['allowed', 'text/event-stream'],
  ['all', '*/*'],
  ['allowed', undefined]
] as const)
  t.test(`RS-4: a stream ends when the token of its reader does (lists: ${lists}, accept: ${accept})`, async t => {
    const { test, response, ended, write } = await openStream(t, { lists, accept })
    const text: string[] = []
    response.on('data', chunk => text.push(String(chunk)))
    test.clock.advance(59)
    write()
    await once(response, 'data')
    t.equal(ended.length, 0)
    test.clock.advance(1)
    await once(response, 'end')
    write()
    t.equal(response.complete, true, 'in order, not cut off')
    t.strictSame(text, [': more\n\n'])
    t.match(ended, [{ type: 'stream.ended', caller: { subject: 'alice' } }])
  })
