import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import t, { type Test } from 'tap'
import { createSafeFetch } from '../src/safe-fetch.ts'

/** A listener on every local address that nobody is allowed to reach. */
async function forbidden(t: Test): Promise<{ port: number; connections: () => number }> {
  let connections = 0
  const server = createServer((_request, response) => response.end('secret'))
  server.on('connection', () => connections++)
  await new Promise<void>(resolve => server.listen(0, resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, connections: () => connections }
}

const LOCAL_HOSTS = [
  'localhost',
  'localhost.',
  'LOCALHOST',
  '127.0.0.1',
  '127.0.0.1.',
  '127.1',
  '127.0.1',
  '127.255.255.254',
  '2130706433',
  '0x7f000001',
  '0x7f.1',
  '0X7F.0x0.0x0.0x1',
  '0177.0.0.1',
  '017700000001',
  '%31%32%37.0.0.1',
  '\uff11\uff12\uff17.0.0.1',
  '127\u30020\u30020\u30021',
  '0',
  '0.0.0.0',
  '[::]',
  '[::1]',
  '[0:0:0:0:0:0:0:1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '[2002:7f00:1::]'
]

t.test('CD-13: in public mode no spelling of this computer is connected to', async t => {
  const trap = await forbidden(t)
  // For the names among them; what is an address is never looked up.
  const fetch = createSafeFetch({ lookup: async () => ['127.0.0.1', '::1'] })
  for (const host of LOCAL_HOSTS)
    await t.rejects(fetch(`https://${host}:${trap.port}/`), { name: 'FetchRefusedError', reason: 'address' }, host)
  t.equal(trap.connections(), 0)
})

t.test('CD-13: loopback mode opens loopback and nothing else', async t => {
  const trap = await forbidden(t)
  const fetch = createSafeFetch({ addresses: 'public-or-loopback' })
  for (const host of ['127.0.0.1', '2130706433', 'localhost'])
    t.equal((await fetch(`http://${host}:${trap.port}/`)).body.toString(), 'secret', host)
  const before = trap.connections()
  for (const host of ['0.0.0.0', '[::]', '10.0.0.1', '192.168.0.1', '169.254.169.254', '[fe80::1]', '[fd00:ec2::254]'])
    await t.rejects(fetch(`https://${host}:${trap.port}/`), { name: 'FetchRefusedError', reason: 'address' }, host)
  t.equal(trap.connections(), before)
})

t.test('CD-13: every address of a name is checked, and one bad one spoils it', async t => {
  const trap = await forbidden(t)
  for (const addresses of [
    ['127.0.0.1'],
    ['8.8.8.8', '127.0.0.1'],
    ['127.0.0.1', '8.8.8.8'],
    ['2606:4700::1111', '::1'],
    ['::ffff:127.0.0.1'],
    ['::ffff:7f00:1'],
    ['fe80::1%lo'],
    ['169.254.169.254'],
    ['127.1'],
    ['']
  ]) {
    const fetch = createSafeFetch({ lookup: async () => addresses })
    await t.rejects(
      fetch(`https://rebind.example:${trap.port}/`),
      { name: 'FetchRefusedError', reason: 'address' },
      addresses.join()
    )
  }
  t.equal(trap.connections(), 0)
})

t.test('CD-13: the address that was checked is the one that gets connected', async t => {
  const trap = await forbidden(t)
  // The first answer is acceptable, every later one is not: a second resolution would show as a refusal.
  const answers = [['127.0.0.1'], ['10.0.0.1'], ['10.0.0.1']]
  let asked = 0
  const lookup = async (): Promise<string[]> => answers[asked++] ?? []
  const fetch = createSafeFetch({ addresses: 'public-or-loopback', lookup })
  t.equal((await fetch(`http://localhost:${trap.port}/`)).status, 200)
  t.equal(asked, 1)
})

t.test('CD-13: a name that turns private between two fetches is refused at the second', async t => {
  const server = createServer((_request, response) => response.setHeader('connection', 'close').end('first'))
  let connections = 0
  server.on('connection', () => connections++)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const answers = [['127.0.0.1'], ['127.0.0.1', '192.168.1.1']]
  const fetch = createSafeFetch({ addresses: 'public-or-loopback', lookup: async () => answers.shift() ?? [] })
  t.equal((await fetch(`http://localhost:${port}/`)).body.toString(), 'first')
  await t.rejects(fetch(`http://localhost:${port}/`), { name: 'FetchRefusedError', reason: 'address' })
  t.equal(connections, 1)
})

t.test('CD-13: a socket that ended up somewhere else is closed before anything is sent', async t => {
  let requests = 0
  const server = createServer((_request, response) => {
    requests++
    response.end('secret')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  // No resolver and no literal leads astray by now; only the operating system could, so that is what is played here.
  let reached: string | undefined
  const elsewhere = (message: unknown): void => {
    const { socket } = message as { socket: Socket }
    Object.defineProperty(socket, 'remoteAddress', { get: () => reached })
  }
  subscribe('net.client.socket', elsewhere)
  t.teardown(() => unsubscribe('net.client.socket', elsewhere))
  const fetch = createSafeFetch({ addresses: 'public-or-loopback' })
  const { port } = server.address() as AddressInfo
  for (reached of ['10.0.0.1', undefined])
    await t.rejects(fetch(`http://127.0.0.1:${port}/`), { name: 'FetchRefusedError', reason: 'address' })
  t.equal(requests, 0)
})

t.test('CD-13: https only, plain http just for loopback hosts where that is allowed', async t => {
  const trap = await forbidden(t)
  const lookup = async (): Promise<string[]> => ['127.0.0.1']
  const strict = createSafeFetch({ lookup })
  const development = createSafeFetch({ addresses: 'public-or-loopback', lookup })
  for (const url of [
    'http://localhost',
    'http://127.0.0.1',
    'http://example.com',
    'ftp://example.com',
    'ws://localhost'
  ])
    await t.rejects(strict(`${url}:${trap.port}/`), { name: 'FetchRefusedError', reason: 'scheme' }, url)
  for (const url of [
    'http://example.com',
    'http://localhost.example.com',
    'http://127.0.0.2',
    'http://[::ffff:7f00:1]'
  ])
    await t.rejects(development(`${url}:${trap.port}/`), { name: 'FetchRefusedError', reason: 'scheme' }, url)
  for (const url of ['file:///etc/passwd', 'data:text/plain,x', 'javascript:1', 'blob:https://a/b', 'about:blank'])
    await t.rejects(createSafeFetch({ addresses: 'any' })(url), { name: 'FetchRefusedError', reason: 'scheme' }, url)
  for (const url of ['', '/x', '//example.com', 'example.com', 'https://', 'https://a:99999/'])
    await t.rejects(strict(url), { name: 'FetchRefusedError', reason: 'url' }, url)
  t.equal(trap.connections(), 0)
})

t.test('CD-13: an operator may choose any address', async t => {
  const trap = await forbidden(t)
  const fetch = createSafeFetch({ addresses: 'any', lookup: async () => ['127.0.0.1'] })
  t.equal((await fetch(`http://issuer.internal:${trap.port}/`)).status, 200)
})

t.test('REG-10: user information is refused and no message repeats it, nor a query', async t => {
  const trap = await forbidden(t)
  const fetch = createSafeFetch({ lookup: () => Promise.reject(new Error('down')) })
  for (const url of ['https://user:hunter2@example.com/', 'https://user@example.com/', 'https://:hunter2@example.com/'])
    await t.rejects(
      fetch(url),
      { name: 'FetchRefusedError', reason: 'credentials', message: /^((?!user:|user@|hunter2).)*$/ },
      url
    )
  await t.rejects(fetch('https://example.com/path?token=hunter2'), { message: /^((?!hunter2).)*$/ })
  await t.rejects(fetch(`https://127.0.0.1:${trap.port}/?token=hunter2`), { message: /^((?!hunter2).)*$/ })
  await t.rejects(fetch('ftp://user:hunter2@example.com/'), { message: /^((?!hunter2).)*$/ })
  t.equal(trap.connections(), 0)
})

t.test('REG-10: proxies of the environment are ignored', async t => {
  const proxy = await forbidden(t)
  const target = await forbidden(t)
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy', 'ALL_PROXY', 'NODE_USE_ENV_PROXY']
  const before = names.map(name => [name, process.env[name]] as const)
  t.teardown(() => {
    for (const [name, value] of before)
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
  })
  for (const name of names) process.env[name] = name === 'NODE_USE_ENV_PROXY' ? '1' : `http://127.0.0.1:${proxy.port}`
  const fetch = createSafeFetch({ addresses: 'any' })
  t.equal((await fetch(`http://127.0.0.1:${target.port}/`)).status, 200)
  t.equal(target.connections(), 1)
  t.equal(proxy.connections(), 0)
})
