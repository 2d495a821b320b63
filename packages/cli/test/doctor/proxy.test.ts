/** An app behind a proxy that ends TLS, on this computer: what the doctor says of each way in which the two do not get on. */
import { once } from 'node:events'
import { type IncomingHttpHeaders, type IncomingMessage, request as send } from 'node:http'
import { createServer as createProxy, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import mcpConnections from '@fastify-mcp-auth/connections'
import { createSafeFetch } from '@fastify-mcp-auth/core'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import Fastify, { type FastifyServerOptions } from 'fastify'
import t, { type Test } from 'tap'
import { connectionFindings } from '../../src/doctor/connections.ts'

// Made for this test: self-signed, for app.example only, trusted by nobody else.
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgE6VXM+KeHLcLov6P
yxTcFJpBbZSrPCvPQ7tCBlGzs+ahRANCAARlJdrH5a+XmYRYkfuN3Z88fG/ygjB4
RZZFxKu3lgQnU79/vWYIrUzYJcfY/lySBEBzvDWAS2aMMCOvepVtupSF
-----END PRIVATE KEY-----`
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBjTCCATOgAwIBAgIUftLGreHgmVudyq0+zuXjlAp4ez4wCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjgwMTMxMjhaGA8yMTI2MTEwNDAxMzEy
OFowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABGUl
2sflr5eZhFiR+43dnzx8b/KCMHhFlkXEq7eWBCdTv3+9ZgitTNglx9j+XJIEQHO8
NYBLZowwI696lW26lIWjazBpMB0GA1UdDgQWBBSNYQWKO+I6Vjo7eA2pXcJTRS58
KTAfBgNVHSMEGDAWgBSNYQWKO+I6Vjo7eA2pXcJTRS58KTAPBgNVHRMBAf8EBTAD
AQH/MBYGA1UdEQQPMA2CC2FwcC5leGFtcGxlMAoGCCqGSM49BAMCA0gAMEUCIQCB
jfG75GIeEk4zQle4jUL3PCD02RMwS//KPJrUg2fKhgIgTYkvpTdmE+pWTyOL0snU
N1ZAM0vET1R558KVoMyXvDw=
-----END CERTIFICATE-----`

setDefaultCACertificates([...getCACertificates('default'), CERTIFICATE])

const fetch = createSafeFetch({ addresses: 'any', lookup: async () => ['127.0.0.1'] })
const now = (): number => Math.floor(Date.now() / 1000)
const KEYS = ['first', 'second'].map(name => Buffer.alloc(32, name).toString('base64'))

interface Deployment {
  readonly trustProxy?: FastifyServerOptions['trustProxy']
  /** What the proxy makes of the headers of a request, */
  readonly forward?: (headers: IncomingHttpHeaders, peer: string) => IncomingHttpHeaders
  /** and of the cookie of an answer. */
  readonly cookie?: (cookie: string) => string | null
  /** Of the app that runs, when it is not that of the doctor. */
  readonly key?: string
}

type Forward = NonNullable<Deployment['forward']>

const replaces: Forward = (headers, peer) => ({ ...headers, 'x-forwarded-for': peer, 'x-forwarded-proto': 'https' })

const adds: Forward = (headers, peer) => ({
  ...replaces(headers, peer),
  'x-forwarded-for': [headers['x-forwarded-for'], peer].filter(Boolean).join(', ')
})

/** @returns the two that boot with the same settings: the app that runs, and that of the doctor */
async function deploy(t: Test, deployment: Deployment) {
  const { trustProxy = false, forward = replaces, cookie = kept => kept, key = KEYS[0] as string } = deployment
  const proxy = createProxy({ key: KEY, cert: CERTIFICATE })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.teardown(() => proxy.close().closeAllConnections())
  const baseUrl = `https://app.example:${(proxy.address() as AddressInfo).port}`
  const storage = memoryStorage()
  const build = async (encryptionKey: string) => {
    const app = Fastify({ trustProxy })
    t.teardown(() => app.close())
    await app.register(mcpConnections, {
      baseUrl,
      client: { name: 'Acme' },
      storage,
      encryptionKeys: [encryptionKey],
      owner: () => null
    })
    return app
  }
  const running = await build(key)
  lead(proxy, await running.listen({ port: 0, host: '127.0.0.1' }), { forward, cookie })
  return { running, doctor: await build(KEYS[0] as string), baseUrl }
}

function lead(proxy: Server, inside: string, { forward, cookie }: Required<Pick<Deployment, 'forward' | 'cookie'>>) {
  proxy.on('request', async (request, response) => {
    const headers = forward(request.headers, request.socket.remoteAddress ?? '')
    const outgoing = send(inside, { path: request.url, headers, setHost: false }).end()
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
    const cookies = answer.headers['set-cookie']?.map(cookie).filter(kept => kept !== null)
    response.writeHead(answer.statusCode ?? 502, { ...answer.headers, 'set-cookie': cookies ?? [] })
    answer.pipe(response)
  })
}

async function examine(t: Test, deployment: Deployment) {
  const { doctor } = await deploy(t, deployment)
  const findings = await connectionFindings({ connections: doctor.mcpConnections, fetch, now })
  return findings.filter(({ state }) => state === 'bad').map(({ check, seen, mend }) => `${check}: ${seen} -> ${mend}`)
}

t.test('feature 12: a proxy that the app believes, and nobody else, is well', async t => {
  t.strictSame(await examine(t, { trustProxy: '127.0.0.1' }), [])
  t.strictSame(await examine(t, { trustProxy: '127.0.0.1', forward: adds }), [], 'one that adds to what it was told')
})

const wrong: [string, Deployment, RegExp][] = [
  [
    'trustProxy that is missing',
    {},
    /^proxy: the app takes https for http; everybody has the address of the proxy.* -> let the proxy send X-Forwarded-Proto; tell Fastify whom to believe, by "trustProxy" with the addresses of the proxy$/
  ],
  [
    'a proxy that does not say how it was asked',
    { trustProxy: '127.0.0.1', forward: (headers, peer) => ({ ...headers, 'x-forwarded-for': peer }) },
    /^proxy: the app takes https for http -> let the proxy send X-Forwarded-Proto; /
  ],
  [
    'an app that believes everybody, behind a proxy that adds',
    { trustProxy: true, forward: adds },
    /^proxy: the app believes any address that somebody writes into X-Forwarded-For.* -> .*instead of true/
  ],
  [
    'a proxy that lets the header through',
    { trustProxy: '127.0.0.1', forward: headers => ({ ...headers, 'x-forwarded-proto': 'https' }) },
    /^proxy: the app believes any address/
  ],
  [
    'a proxy that hands on its own idea of the host',
    { trustProxy: '127.0.0.1', forward: (headers, peer) => ({ ...replaces(headers, peer), host: 'inside:8080' }) },
    /^proxy: the app hears of the host "inside:8080", and people of app\.example:\d+ -> .*X-Forwarded-Host/
  ],
  [
    'a proxy that takes the cookie away',
    { trustProxy: '127.0.0.1', cookie: () => null },
    /^proxy: its cookie does not arrive -> /
  ],
  [
    'a proxy that gives the cookie another path',
    { trustProxy: '127.0.0.1', cookie: cookie => cookie.replace('Path=/', 'Path=/app') },
    /^proxy: its cookie is rewritten on the way/
  ],
  [
    'a proxy that gives the cookie a domain',
    { trustProxy: '127.0.0.1', cookie: cookie => `${cookie}; Domain=app.example` },
    /^proxy: its cookie is rewritten on the way/
  ],
  [
    'a proxy that takes Secure off',
    { trustProxy: '127.0.0.1', cookie: cookie => cookie.replace('; Secure', '') },
    /^proxy: its cookie is rewritten on the way/
  ],
  [
    'an app with other encryption keys',
    { trustProxy: '127.0.0.1', key: KEYS[1] as string },
    /^proxy: .*\/mirror answered 404 .* -> .*"encryptionKeys"/
  ]
]

for (const [what, deployment, words] of wrong)
  t.test(`feature 12: finds ${what}, and only that`, async t => {
    const found = await examine(t, deployment)
    t.equal(found.length, 1, found.join('\n'))
    t.match(found[0], words)
  })

t.test('feature 12: strangers are told nothing of how the app sees them', async t => {
  const { running, doctor } = await deploy(t, { trustProxy: '127.0.0.1' })
  const { url, headers } = doctor.mcpConnections.mirror.request()
  const ask = (given: Record<string, string>) => running.inject({ url: new URL(url).pathname, headers: given })
  t.equal((await ask(headers)).statusCode, 200)
  for (const given of [{}, { 'x-mcp-connections-pass': 'x' }]) {
    const refused = await ask(given)
    t.equal(refused.statusCode, 404)
    t.equal(refused.headers['set-cookie'], undefined)
    t.notMatch(refused.body, 'address')
  }
  const { doctor: elsewhere } = await deploy(t, { trustProxy: '127.0.0.1' })
  t.equal(
    (await ask({ ...elsewhere.mcpConnections.mirror.request().headers })).statusCode,
    404,
    'of another deployment'
  )
})
