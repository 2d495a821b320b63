/** What a balancer must not do: ask twice what somebody may have heard, or believe what a client says about its address. */
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createBalancer } from '../balancer.ts'

async function listening(t: Test, server: ReturnType<typeof createServer>): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close().closeAllConnections())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const app = (t: Test, answer: RequestListener): Promise<string> => listening(t, createServer(answer))
const balancer = (t: Test, targets: string[]): Promise<string> =>
  listening(
    t,
    createBalancer(() => targets)
  )

/** Nobody listens here. */
const GONE = 'http://127.0.0.1:1'

t.test('a process that is gone: the request, its body too, goes to another one', async t => {
  const target = await app(t, (request, response) => request.pipe(response))
  const origin = await balancer(t, [GONE, target])
  for (let time = 0; time < 20; time++) {
    const response = await fetch(origin, { method: 'POST', body: 'hello' })
    t.equal(await response.text(), 'hello')
  }
})

t.test('a process that dies with the request: 502, and nobody is asked a second time', async t => {
  let asked = 0
  const dying: RequestListener = request => {
    asked++
    request.resume().on('end', () => request.socket.destroy())
  }
  const origin = await balancer(t, [await app(t, dying), await app(t, dying)])
  t.equal((await fetch(origin, { method: 'POST', body: 'once' })).status, 502)
  t.equal(asked, 1)
})

t.test('an answer that is cut in the middle is not passed off as whole', async t => {
  const origin = await balancer(t, [
    await app(t, (_, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('half')
      setTimeout(() => response.destroy(), 20)
    })
  ])
  await t.rejects(fetch(origin).then(response => response.text()))
})

t.test('a client hears how long we keep its connection, not how long a process keeps ours', async t => {
  const impatient = createServer((_, response) => response.end())
  impatient.keepAliveTimeout = 3000
  const origin = await balancer(t, [await listening(t, impatient)])
  const { headers } = await fetch(origin)
  t.equal(headers.get('keep-alive'), 'timeout=72')
  t.equal(headers.get('connection'), 'keep-alive')
})

t.test('nobody left: 503 with Retry-After', async t => {
  for (const targets of [[], [GONE]]) {
    const response = await fetch(await balancer(t, targets))
    t.equal(response.status, 503)
    t.equal(response.headers.get('retry-after'), '1')
  }
})

t.test('the app learns the address that the balancer saw, behind whatever a client claims', async t => {
  const target = await app(t, ({ headers }, response) => void response.end(headers['x-forwarded-for']))
  const origin = await balancer(t, [target])
  const response = await fetch(origin, { headers: { 'x-forwarded-for': '203.0.113.9' } })
  t.match(await response.text(), /^203\.0\.113\.9, (::ffff:)?127\.0\.0\.1$/)
})

t.test('every process gets some of the requests', async t => {
  const seen = new Set<string>()
  const targets = await Promise.all(['a', 'b'].map(name => app(t, (_, response) => void response.end(name))))
  const origin = await balancer(t, targets)
  for (let time = 0; time < 60; time++) seen.add(await (await fetch(origin)).text())
  t.strictSame([...seen].toSorted(), ['a', 'b'])
})
