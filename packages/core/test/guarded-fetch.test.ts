/** A `fetch` for streams and libraries, behind the same guard as every other fetch of a stranger's URL. */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { createGuardedFetch, type GuardedFetchSettings } from '../src/index.ts'

async function start(t: Test, handler: RequestListener, settings: GuardedFetchSettings = {}) {
  const seen: { url: string; method: string; authorization: string | undefined; cookie: string | undefined }[] = []
  const server = createServer((request, response) => {
    const { url = '', method = '', headers } = request
    seen.push({ url, method, authorization: headers.authorization, cookie: headers.cookie })
    handler(request, response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const fetch = createGuardedFetch({ addresses: 'public-or-loopback', ...settings })
  t.teardown(async () => {
    await fetch.close()
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, fetch, seen }
}

t.test('an event stream is handed on while it comes, and may be longer than the bound', async t => {
  let next = (): void => undefined
  const { url, fetch } = await start(
    t,
    (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: first\n\n')
      next = () => response.end(`data: ${'x'.repeat(20)}\n\n`.repeat(5))
    },
    { maxBytes: 64 }
  )
  const response = await fetch(url)
  t.ok(response instanceof Response)
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  t.equal(new TextDecoder().decode((await reader.read()).value), 'data: first\n\n')
  next()
  let rest = 0
  for (let part = await reader.read(); !part.done; part = await reader.read()) rest += part.value.length
  t.equal(rest, 5 * 28)
})

t.test('one event, or any other body, beyond the bound is an error; packed or not', async t => {
  const bodies: Record<string, RequestListener> = {
    '/event': (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end(`data: ${'x'.repeat(2000)}\n\n`)
    },
    '/plain': (_request, response) => void response.end('x'.repeat(2000)),
    '/packed': (_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' })
      response.end(gzipSync('x'.repeat(100_000)))
    }
  }
  const { url, fetch } = await start(t, (request, response) => bodies[request.url ?? '']?.(request, response), {
    maxBytes: 1024
  })
  for (const path of Object.keys(bodies)) {
    const response = await fetch(url + path)
    await t.rejects(response.text(), { code: 'FST_OAUTH_FETCH_REFUSED', reason: 'too_large' }, path)
  }
})

t.test('redirects stay at the origin and keep the method; credentials never travel', async t => {
  const other = await start(t, (_request, response) => void response.end('other'))
  const { url, fetch, seen } = await start(t, (request, response) => {
    if (request.url === '/here') return response.writeHead(308, { location: '/there' }).end()
    if (request.url === '/away') return response.writeHead(307, { location: other.url }).end()
    if (request.url === '/method') return response.writeHead(302, { location: '/there' }).end()
    if (request.url === '/loop') return response.writeHead(307, { location: '/loop' }).end()
    response.end('there')
  })
  const init = { method: 'POST', body: 'x', headers: { authorization: 'Bearer secret', cookie: 'a=b' } }
  t.equal(await (await fetch(`${url}/here`, init)).text(), 'there')
  t.match(seen.at(-1), { url: '/there', method: 'POST', authorization: 'Bearer secret', cookie: undefined })
  for (const path of ['/away', '/method', '/loop'])
    await t.rejects(fetch(url + path, init), { code: 'FST_OAUTH_FETCH_REFUSED', reason: 'redirect' }, path)
  t.equal(other.seen.length, 0)
})

t.test('CD-13: what is not public is not connected, by address or by name', async t => {
  const { url, seen } = await start(t, (_request, response) => void response.end())
  const fetch = createGuardedFetch({ lookup: async () => ['127.0.0.1'] })
  t.teardown(() => fetch.close())
  const { port } = new URL(url)
  for (const target of [`https://127.0.0.1:${port}/`, `https://[::ffff:7f00:1]:${port}/`, `https://name.test:${port}/`])
    await t.rejects(fetch(target), { code: 'FST_OAUTH_FETCH_REFUSED', reason: 'address' }, target)
  await t.rejects(fetch(url), { code: 'FST_OAUTH_FETCH_REFUSED', reason: 'scheme' })
  t.equal(seen.length, 0)
})

t.test('nobody there is an outage; a caller who gives up gets his reason', async t => {
  const { url, fetch } = await start(t, () => undefined)
  await t.rejects(fetch('http://127.0.0.1:1/'), { code: 'FST_OAUTH_UNAVAILABLE', reason: 'network' })
  const reason = new Error('enough')
  const aborted = fetch(url, { signal: AbortSignal.abort(reason) })
  t.equal(await aborted.catch((error: unknown) => error), reason)
})

t.test('a setting that would leave it unguarded is refused', async t => {
  for (const settings of [{ addresses: 'all' }, { maxBytes: 0 }, { lookup: 'dns' }])
    t.throws(() => createGuardedFetch(settings as GuardedFetchSettings), { code: 'FST_OAUTH_OPTION' })
})

t.test(
  'RFC 9110 15: an answer whose status HTTP does not have is no answer, and what it says of it is no matter',
  async t => {
    const { url, fetch } = await start(t, (request, response) => {
      response.socket?.end(`HTTP/1.1 ${decodeURIComponent(request.url?.slice(1) ?? '')}\r\ncontent-length: 2\r\n\r\n{}`)
    })
    for (const status of ['600 Odd', '999 Odd'])
      await t.rejects(fetch(`${url}/${encodeURIComponent(status)}`), {
        code: 'FST_OAUTH_UNAVAILABLE',
        reason: 'network'
      })
    for (const [line, text] of [
      ['200 fine', 'fine'],
      ['200 良い', '']
    ] as const) {
      const response = await fetch(`${url}/${encodeURIComponent(line)}`)
      t.match(response, { status: 200, statusText: text })
      t.equal(await response.text(), '{}')
    }
  }
)
