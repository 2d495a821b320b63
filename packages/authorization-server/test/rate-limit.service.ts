/** Needs Redis: `TEST_REDIS_URL`, or 127.0.0.1:6379. */
import { createServer, connect as dial, type Socket } from 'node:net'
import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { buildServer, ORIGIN } from './fixture.ts'

const url = new URL(process.env['TEST_REDIS_URL'] ?? 'redis://127.0.0.1:6379')

/** Servers of one issuer that nobody else uses, and what is left of them in Redis. */
async function server(t: Test, redis: Redis, issuer: string) {
  const events: string[] = []
  const { app, clock } = await buildServer(t, {
    options: { issuer, rateLimit: { token: 3, redis }, onEvent: ({ type }) => events.push(type) }
  })
  const ask = (remoteAddress = '192.0.2.1') => app.inject({ method: 'POST', url: '/oauth/token', remoteAddress })
  return { ask, clock, events }
}

function connect(t: Test, port = Number(url.port || 6379)): Redis {
  const redis = new Redis({ host: url.hostname, port })
  redis.on('error', () => undefined)
  t.teardown(() => redis.disconnect())
  return redis
}

const issuerOf = (name: string): string => `${ORIGIN}/${name}-${process.pid}-${Date.now()}`

await t.test('processes on one Redis count together, and issuers each alone', async t => {
  const issuer = issuerOf('together')
  const [one, two, other] = await Promise.all([
    server(t, connect(t), issuer),
    server(t, connect(t), issuer),
    server(t, connect(t), issuerOf('other'))
  ])
  for (const { ask } of [one, two, one]) t.equal((await ask()).statusCode, 400)
  for (const { ask } of [one, two]) {
    const response = await ask()
    matchesOAuthError(t, response, 'temporarily_unavailable', 429)
    t.ok(Number(response.headers['retry-after']) >= 1)
  }
  t.equal((await other.ask()).statusCode, 400)
  t.equal((await two.ask('192.0.2.2')).statusCode, 400)
})

await t.test(
  'a Redis that does not answer is told of once; meanwhile each process counts alone, and then together again',
  async t => {
    const gate = await openGate(t)
    const issuer = issuerOf('outage')
    const { ask, clock, events } = await server(t, connect(t, gate.port), issuer)
    t.equal((await ask()).statusCode, 400)
    gate.shut()
    for (let i = 0; i < 3; i++)
      t.equal((await ask()).statusCode, 400, 'an outage of the limits is no outage of the server')
    t.equal((await ask()).statusCode, 429, 'nor an open door')
    t.equal(events.filter(type => type === 'limits.failed').length, 1)
    gate.open()
    clock.advance(6)
    await reached(async () => {
      await ask('192.0.2.9')
      clock.advance(6)
      return events.includes('limits.recovered')
    })
    t.equal((await ask()).statusCode, 400, 'the second that Redis has seen')
  }
)

/** A way to Redis that can be shut, so that bytes go in and nothing comes out. */
async function openGate(t: Test): Promise<{ port: number; shut(): void; open(): void }> {
  const sockets = new Set<Socket>()
  let isOpen = true
  const gate = createServer(socket => {
    const upstream = dial(Number(url.port || 6379), url.hostname)
    for (const end of [socket, upstream]) {
      sockets.add(end)
      end.on('error', () => undefined)
      end.on('close', () => sockets.delete(end))
    }
    socket.on('data', chunk => isOpen && upstream.write(chunk))
    upstream.on('data', chunk => isOpen && socket.write(chunk))
  })
  await new Promise<void>(done => gate.listen(0, '127.0.0.1', done))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    gate.close()
  })
  return {
    port: (gate.address() as { port: number }).port,
    shut() {
      isOpen = false
    },
    open() {
      isOpen = true
      for (const socket of sockets) socket.destroy()
    }
  }
}

async function reached(isReached: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if (await isReached()) return
    await new Promise(done => setTimeout(done, 50))
  }
  throw new Error('not reached')
}
