import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { isUnavailableError } from '../src/errors.ts'
import { createSafeFetch, jsonBody, type SafeFetchSettings } from '../src/safe-fetch.ts'

async function listen(
  t: Test,
  answer: RequestListener
): Promise<{ url: string; port: number; requests: IncomingMessage[]; connections: () => number }> {
  const requests: IncomingMessage[] = []
  let connections = 0
  const server = createServer((request, response) => {
    requests.push(request)
    answer(request, response)
  })
  server.on('connection', () => connections++)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, port, requests, connections: () => connections }
}

const local = (settings: SafeFetchSettings = {}): ReturnType<typeof createSafeFetch> =>
  createSafeFetch({ addresses: 'public-or-loopback', ...settings })

t.test('safe fetch: an answer of any status comes back with its headers and its body', async t => {
  const server = await listen(t, (request, response) => {
    response.writeHead(request.url === '/found?x=1' ? 200 : 404, [
      ['Content-Type', 'application/json'],
      ['X-Many', 'a'],
      ['X-Many', 'b']
    ])
    response.end(request.url === '/found?x=1' ? '{"a":1}' : '{"error":"no"}')
  })
  const fetch = local()
  const found = await fetch(`${server.url}/found?x=1#fragment`)
  t.equal(found.status, 200)
  t.equal(found.headers['x-many'], 'a, b')
  t.equal(found.headers['constructor'], undefined)
  t.strictSame(jsonBody(found), { a: 1 })
  t.match(await fetch(`${server.url}/missing`), { status: 404 })
  t.match(server.requests[0]?.headers, { 'accept-encoding': 'identity', 'user-agent': 'fastify-mcp-auth' })
  t.equal(server.requests[0]?.headers.cookie, undefined)
})

t.test('safe fetch: POST sends the body and the headers of the caller', async t => {
  const server = await listen(t, (request, response) => request.pipe(response))
  const answer = await local()(server.url, { method: 'POST', headers: { Authorization: 'Basic eA==' }, body: 'a=b' })
  t.equal(answer.body.toString(), 'a=b')
  t.match(server.requests[0], { method: 'POST', headers: { authorization: 'Basic eA==', 'content-length': '3' } })
})

t.test('safe fetch: headers that would redirect, reframe or carry a session are a mistake of the caller', async t => {
  const server = await listen(t, (_request, response) => response.end())
  const fetch = local()
  for (const name of [
    'Host',
    'cookie',
    'Connection',
    'transfer-encoding',
    'content-length',
    'Proxy-Authorization',
    'a b',
    'x\r\ny'
  ])
    await t.rejects(fetch(server.url, { headers: { [name]: 'x' } }), TypeError, name)
  const error = await fetch(server.url, { headers: { authorization: 'secret\r\nX: y' } }).catch(
    (error: unknown) => error
  )
  t.type(error, TypeError)
  t.notMatch(String(error), 'secret')
  t.equal(server.connections(), 0)
})

t.test('REG-10: redirects are refused, not followed', async t => {
  const target = await listen(t, (_request, response) => response.end('secret'))
  const server = await listen(t, (request, response) => {
    response.writeHead(Number(request.url?.slice(1)), { location: target.url }).end('moved')
  })
  for (const status of [300, 301, 302, 303, 307, 308])
    await t.rejects(
      local()(`${server.url}/${status}`),
      { name: 'FetchRefusedError', reason: 'redirect' },
      String(status)
    )
  t.equal(target.connections(), 0)
  t.match(await local()(`${server.url}/304`), { status: 304 })
})

t.test('REG-10: a body larger than the cap is refused while it arrives', async t => {
  const server = await listen(t, (_request, response) => {
    // Never ends: only counting while reading gets out of here.
    const write = (): void => {
      while (response.write(Buffer.alloc(16_384)));
    }
    response.on('drain', write)
    write()
  })
  await t.rejects(local()(server.url), { name: 'FetchRefusedError', reason: 'too_large' })
})

t.test('REG-10: the cap is exact, and a declared length is believed only when it is bad', async t => {
  const server = await listen(t, (request, response) => {
    const [, size, declared] = request.url?.split('/') ?? []
    if (declared) response.setHeader('content-length', declared)
    response.flushHeaders()
    response.write(Buffer.alloc(Number(size)))
    if (declared) setImmediate(() => response.socket?.end())
    else response.end()
  })
  const fetch = local({ maxBytes: 100 })
  t.equal((await fetch(`${server.url}/100`)).body.length, 100)
  await t.rejects(fetch(`${server.url}/101`), { name: 'FetchRefusedError', reason: 'too_large' })
  await t.rejects(
    fetch(`${server.url}/1/101`),
    { name: 'FetchRefusedError', reason: 'too_large' },
    'declared too large'
  )
  await t.rejects(
    fetch(`${server.url}/10/50`),
    { name: 'UnavailableError', reason: 'network' },
    'declared more than was sent'
  )
})

t.test('REG-10: compressed bodies are unpacked up to the cap', async t => {
  const coders = { gzip: gzipSync, 'x-gzip': gzipSync, deflate: deflateSync, br: brotliCompressSync }
  const server = await listen(t, (request, response) => {
    const [, coding, size] = request.url?.split('/') ?? []
    response.setHeader('content-encoding', coding ?? '')
    response.end(coders[coding as keyof typeof coders](Buffer.alloc(Number(size), 'a')))
  })
  const fetch = local({ maxBytes: 1000 })
  for (const coding of Object.keys(coders)) {
    t.equal((await fetch(`${server.url}/${coding}/1000`)).body.toString(), 'a'.repeat(1000), coding)
    await t.rejects(fetch(`${server.url}/${coding}/1001`), { name: 'FetchRefusedError', reason: 'too_large' }, coding)
    await t.rejects(
      fetch(`${server.url}/${coding}/500000`),
      { name: 'FetchRefusedError', reason: 'too_large' },
      `${coding} bomb`
    )
  }
})

t.test('REG-10: codings that are unknown, layered or broken are refused', async t => {
  const server = await listen(t, (request, response) => {
    response.setHeader('content-encoding', decodeURIComponent(request.url?.slice(1) ?? ''))
    response.end(gzipSync(gzipSync('{}')))
  })
  for (const coding of ['zstd', 'compress', 'gzip, gzip', 'identity, gzip', 'constructor', 'br', 'deflate'])
    await t.rejects(
      local()(`${server.url}/${encodeURIComponent(coding)}`),
      { name: 'FetchRefusedError', reason: 'encoding' },
      coding
    )
})

t.test('REG-10: the time cap covers silence, slow headers and a slow body', async t => {
  const server = await listen(t, (request, response) => {
    if (request.url === '/body') response.write('a')
    if (request.url === '/drip') {
      // Every byte arrives in time for an idle timer; only a cap on the whole ends it.
      const timer = setInterval(() => response.write('a'), 20)
      response.on('close', () => clearInterval(timer))
    }
  })
  const fetch = local({ timeoutMs: 150 })
  for (const path of ['/silence', '/body', '/drip']) {
    const error = await fetch(`${server.url}${path}`).catch((error: unknown) => error)
    t.match(error, { name: 'UnavailableError', reason: 'timeout' }, path)
    t.ok(isUnavailableError(error), 'and is an outage')
  }
})

t.test('REG-10: the time cap covers the resolver', async t => {
  const fetch = createSafeFetch({ timeoutMs: 50, lookup: () => new Promise(() => undefined) })
  await t.rejects(fetch('https://slow.example/'), { name: 'UnavailableError', reason: 'timeout' })
})

t.test('REG-10: the time cap covers waiting for a free socket', async t => {
  const server = await listen(t, () => undefined)
  const fetch = local({ timeoutMs: 150 })
  const results = await Promise.allSettled(Array.from({ length: 40 }, () => fetch(server.url)))
  t.ok(results.every(result => result.status === 'rejected' && result.reason.reason === 'timeout'))
})

t.test('REG-10: one host gets a bounded number of sockets', async t => {
  const waiting: (() => void)[] = []
  const server = await listen(t, (_request, response) => {
    waiting.push(() => response.end())
    if (server.requests.length >= 16) for (const answer of waiting.splice(0)) answer()
  })
  const fetch = local()
  await Promise.all(Array.from({ length: 40 }, () => fetch(server.url)))
  t.equal(server.requests.length, 40)
  t.equal(server.connections(), 16)
})

t.test('safe fetch: an outage is an UnavailableError', async t => {
  const server = await listen(t, (_request, response) => response.socket?.destroy())
  t.match(await local()(server.url).catch((error: unknown) => error), {
    name: 'UnavailableError',
    reason: 'network',
    statusCode: 503
  })
  const unknown = createSafeFetch({ lookup: () => Promise.reject(new Error('ENOTFOUND')) })
  t.match(await unknown('https://unknown.example/').catch((error: unknown) => error), {
    reason: 'lookup',
    statusCode: 503
  })
  const empty = createSafeFetch({ lookup: async () => [] })
  await t.rejects(empty('https://empty.example/'), { name: 'UnavailableError', reason: 'lookup' })
})

t.test('safe fetch: a failed fetch does not spoil the next one', async t => {
  let broken = true
  const server = await listen(t, (_request, response) => (broken ? response.socket?.destroy() : response.end('fine')))
  const fetch = local()
  await t.rejects(fetch(server.url), { name: 'UnavailableError', reason: 'network' })
  broken = false
  t.equal((await fetch(server.url)).body.toString(), 'fine')
})

t.test('safe fetch: settings that would leave it unguarded stop it from being made', async t => {
  const wrong: [string, object][] = [
    ['addresses', { addresses: 'all' }],
    ['addresses', { addresses: null }],
    ['maxBytes', { maxBytes: 0 }],
    ['maxBytes', { maxBytes: Number.POSITIVE_INFINITY }],
    ['maxBytes', { maxBytes: Number.NaN }],
    ['timeoutMs', { timeoutMs: -1 }],
    ['timeoutMs', { timeoutMs: '5000' }],
    ['lookup', { lookup: 'dns' }]
  ]
  for (const [option, settings] of wrong)
    t.throws(() => createSafeFetch(settings), { code: 'FST_OAUTH_OPTION', message: new RegExp(`"${option}"`) }, option)
})

t.test('jsonBody: JSON in UTF-8, or undefined', async t => {
  const body = (bytes: string | number[]): unknown =>
    jsonBody({ status: 200, headers: {}, body: Buffer.from(bytes as string) })
  t.strictSame(body('{"a":[1]}'), { a: [1] })
  for (const bad of ['', '<html>', '{', [0x22, 0xff, 0x22]]) t.equal(body(bad), undefined)
})
