import { createServer as createPlainServer } from 'node:http'
import { createServer } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import t, { type Test } from 'tap'
import { createGuardedFetch } from '../src/guarded-fetch.ts'
import { createSafeFetch, type SafeFetch } from '../src/safe-fetch.ts'

// Made for this test: self-signed, for issuer.example only, trusted by nobody else.
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgFHVT5t1CZ0QF9iwB
5Zy7P4BBBbOsjzLgAhvFbenVubqhRANCAARTjIp5lKlJPS4AVYMNZiRuNNezB2U3
fDtRNW6+grnJEVvkTC0cwjqR8sPUu5aqhv95h5zws5xbRU/j1DcaYWD4
-----END PRIVATE KEY-----`
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBkTCCATagAwIBAgIUftgPYH9I3micMN+xq9e+q9+P1ecwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjEwNzMyMDdaGA8yMTI2MTAyODA3MzIw
N1owDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFOM
inmUqUk9LgBVgw1mJG4017MHZTd8O1E1br6CuckRW+RMLRzCOpHyw9S7lqqG/3mH
nPCznFtFT+PUNxphYPijbjBsMB0GA1UdDgQWBBRQCdiGIEeJiBeJAVrguyeF/2YQ
OjAfBgNVHSMEGDAWgBRQCdiGIEeJiBeJAVrguyeF/2YQOjAPBgNVHRMBAf8EBTAD
AQH/MBkGA1UdEQQSMBCCDmlzc3Vlci5leGFtcGxlMAoGCCqGSM49BAMCA0kAMEYC
IQCJKyv6wkG7wvRhXmxRgaLqY9eOkadDG6fKo7/xgqIvsQIhALm1kvfoMHzWN8LO
UuJUJ3gbVmRn0Nhrxz+TcOlB4oDg
-----END CERTIFICATE-----`

async function listen(t: Test): Promise<{ port: number; fetch: SafeFetch; served: () => number }> {
  let served = 0
  const server = createServer({ key: KEY, cert: CERTIFICATE }, (_request, response) => {
    served++
    response.end('over TLS')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const fetch = createSafeFetch({ addresses: 'public-or-loopback', lookup: async () => ['127.0.0.1'] })
  return { port: (server.address() as AddressInfo).port, fetch, served: () => served }
}

t.test('REG-10: an untrusted certificate is an outage, and nothing is sent', async t => {
  const { port, fetch, served } = await listen(t)
  await t.rejects(fetch(`https://issuer.example:${port}/`), { name: 'UnavailableError', reason: 'network' })
  t.equal(served(), 0)
})

t.test('RFC 9110 4.3.4: the certificate is checked for the name, although the address is pinned', async t => {
  const trusted = getCACertificates('default')
  setDefaultCACertificates([...trusted, CERTIFICATE])
  t.teardown(() => setDefaultCACertificates(trusted))
  const { port, fetch, served } = await listen(t)
  t.equal((await fetch(`https://issuer.example:${port}/`)).body.toString(), 'over TLS')
  await t.rejects(fetch(`https://other.example:${port}/`), { name: 'UnavailableError', reason: 'network' })
  await t.rejects(fetch(`https://127.0.0.1:${port}/`), { name: 'UnavailableError', reason: 'network' })
  t.equal(served(), 1)
})

/** A forward proxy that says what it was asked for. */
async function listenProxy(t: Test, refuses = false) {
  const asked: { authority: string; authorization: string | undefined }[] = []
  const proxy = createPlainServer((_request, response) => response.writeHead(405).end())
  proxy.on('connect', (request, client, head) => {
    asked.push({ authority: request.url ?? '', authorization: request.headers['proxy-authorization'] })
    if (refuses) return client.end('HTTP/1.1 403 Forbidden\r\n\r\n')
    const { hostname, port } = new URL(`http://${request.url}`)
    const server = connect(Number(port || 80), hostname, () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      server.write(head)
      server.pipe(client).pipe(server)
    })
    for (const socket of [server, client]) socket.on('error', () => [server, client].map(each => each.destroy()))
  })
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
  t.teardown(() => proxy.close())
  const { port } = proxy.address() as AddressInfo
  return { url: `http://user:p%40ss@127.0.0.1:${port}`, asked }
}

t.test(
  'RFC 9110 9.3.6: a proxy is asked for the address that was checked, and sees nothing of what is said',
  async t => {
    const trusted = getCACertificates('default')
    setDefaultCACertificates([...trusted, CERTIFICATE])
    t.teardown(() => setDefaultCACertificates(trusted))
    const { port, served } = await listen(t)
    const proxy = await listenProxy(t)
    const settings = { addresses: 'public-or-loopback', lookup: async () => ['127.0.0.1'], proxy: proxy.url } as const
    const safe = createSafeFetch(settings)
    t.equal((await safe(`https://issuer.example:${port}/`)).body.toString(), 'over TLS')
    const guarded = createGuardedFetch(settings)
    t.teardown(() => guarded.close())
    t.equal(await (await guarded(`https://issuer.example:${port}/`)).text(), 'over TLS')
    const authorization = `Basic ${Buffer.from('user:p@ss').toString('base64')}`
    t.strictSame(proxy.asked, [
      { authority: `127.0.0.1:${port}`, authorization },
      { authority: `127.0.0.1:${port}`, authorization }
    ])
    await t.rejects(safe(`https://other.example:${port}/`), { name: 'UnavailableError', reason: 'network' })
    t.equal(served(), 2)
  }
)

t.test('RFC 9728 7.7: through a proxy, too, no private address is reached, by number or by name', async t => {
  const proxy = await listenProxy(t)
  for (const [url, address] of [
    ['https://127.0.0.1/', ''],
    ['https://[::ffff:10.0.0.1]/', ''],
    ['https://169.254.169.254/', ''],
    ['https://rebound.example/', '10.0.0.1']
  ] as const) {
    const fetch = createSafeFetch({ lookup: async () => [address], proxy: proxy.url })
    await t.rejects(fetch(url), { name: 'FetchRefusedError', reason: 'address' }, url)
  }
  t.strictSame(proxy.asked, [])
})

t.test('a proxy that refuses or is away is an outage, and one that is none stops the start', async t => {
  const proxy = await listenProxy(t, true)
  const lookup = async () => ['93.184.216.34']
  const refused = createSafeFetch({ lookup, proxy: proxy.url })
  await t.rejects(refused('https://issuer.example/'), { name: 'UnavailableError', reason: 'network' })
  const away = createSafeFetch({ lookup, proxy: 'http://127.0.0.1:1' })
  await t.rejects(away('https://issuer.example/'), { name: 'UnavailableError', reason: 'network' })
  for (const wrong of ['socks5://127.0.0.1', 'proxy:3128', 'http://proxy/path', ''])
    t.throws(() => createSafeFetch({ proxy: wrong }), { message: /option "proxy"/ }, wrong)
})
