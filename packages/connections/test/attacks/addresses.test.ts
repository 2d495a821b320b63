/** 5.7 and feature "safe fetch on every hop": which addresses are dialled, and which never. Nothing here reaches a network. */

import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import t, { type Test } from 'tap'
import { createConnections, type McpConnectionError } from '../../src/index.ts'
import { alice, BINDING, createWorld } from '../world.ts'

type Lookup = NonNullable<NonNullable<Parameters<typeof createConnections>[0]['network']>['lookup']>

/** Anybody who knocks here was dialled although nobody may be. */
async function trap(t: Test): Promise<{ port: number; knocks: () => number }> {
  let knocks = 0
  const server = createServer(socket => {
    knocks++
    socket.destroy()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return { port: (server.address() as AddressInfo).port, knocks: () => knocks }
}

async function startAt(t: Test, url: string, lookup?: Lookup): Promise<McpConnectionError> {
  const connections = await createConnections({
    baseUrl: 'http://127.0.0.1:3000',
    client: { name: 'Test' },
    servers: { target: { url } },
    limits: false,
    network: lookup ? { lookup } : {}
  })
  t.teardown(() => connections.close())
  try {
    await connections.start(alice, 'target', { binding: BINDING })
  } catch (error) {
    return error as McpConnectionError
  }
  throw new Error('the flow was started')
}

t.test('5.7 DNS rebinding: one private address among public ones is enough', async t => {
  const { port, knocks } = await trap(t)
  for (const addresses of [
    ['127.0.0.1'],
    ['8.8.8.8', '127.0.0.1'],
    ['8.8.8.8', '10.0.0.1'],
    ['::1'],
    ['::ffff:127.0.0.1'],
    ['169.254.169.254']
  ]) {
    const error = await startAt(t, `https://rebind.example:${port}/mcp`, async () => addresses)
    t.match(error, { code: 'MCP_URL_BLOCKED', reason: 'address' }, addresses.join())
  }
  t.equal(knocks(), 0, 'nobody was dialled')
})

t.test('5.7 DNS rebinding (public then private): each connection is judged by its own answer', async t => {
  const { port, knocks } = await trap(t)
  // The first answer is a public address that nobody has.
  const answers = [['2001:4860:4860::dead:beef'], ['127.0.0.1'], ['10.0.0.1']]
  let asked = 0
  const connections = await createConnections({
    baseUrl: 'http://127.0.0.1:3000',
    client: { name: 'Test' },
    servers: { target: { url: `https://rebind.example:${port}/mcp` } },
    limits: false,
    network: { lookup: async () => answers[Math.min(asked++, answers.length - 1)] ?? [] }
  })
  t.teardown(() => connections.close())
  const start = () => connections.start(alice, 'target', { binding: BINDING })
  await t.rejects(start(), { code: 'MCP_SERVER_UNAVAILABLE' }, 'the public one is dialled, and is not there')
  await t.rejects(start(), { code: 'MCP_URL_BLOCKED', reason: 'address' })
  await t.rejects(start(), { code: 'MCP_URL_BLOCKED', reason: 'address' })
  t.equal(asked, 3, 'nothing was remembered from the time before')
  t.equal(knocks(), 0)
})

t.test('5.7 addresses in every spelling: refused before anything is sent', async t => {
  const { port, knocks } = await trap(t)
  const hosts = [
    '127.0.0.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '127.1',
    '0.0.0.0',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[64:ff9b::7f00:1]',
    '[fd00::1]',
    '[fe80::1]',
    '169.254.169.254',
    '10.0.0.1',
    '192.168.1.1',
    '100.64.0.1',
    'localhost',
    'localhost.'
  ]
  for (const host of hosts) {
    const url = `https://${host}:${port}/mcp`
    try {
      const error = await startAt(t, url)
      // Some resolvers know no such name, which is as good.
      t.match(error.code, host === 'localhost.' ? /BLOCKED|UNAVAILABLE/ : /MCP_URL_BLOCKED/, host)
    } catch (error) {
      // Loopback in the options is refused at the start already.
      t.match(error, { code: 'FST_OAUTH_OPTION' }, host)
    }
  }
  t.equal(knocks(), 0)
})

t.test('5.7 a server on loopback may name loopback, but no private network and no other scheme', async t => {
  for (const evil of ['http://169.254.169.254', 'http://10.0.0.1', 'http://192.168.0.1', 'http://[fd00::1]']) {
    const { connections, server, issuer } = await createWorld(t)
    server.behaviour.authorizationServers = [evil]
    await t.rejects(connections.start(alice, 'notes', { binding: BINDING }), { code: 'MCP_URL_BLOCKED' }, evil)
    t.equal(issuer.requests.length, 0)
  }
})

t.test('5.7 hosts that the operator forbade are not reached, wherever they are named', async t => {
  const { server, another } = await createWorld(t)
  const { port, knocks } = await trap(t)
  const start = async (network: object): Promise<unknown> => {
    const app = await another({ network: { allowLoopback: true, lookup: async () => ['127.0.0.1'], ...network } })
    return app.start(alice, 'notes', { binding: BINDING }).catch((error: unknown) => error)
  }
  server.behaviour.authorizationServers = [`http://localhost:${port}`]
  t.match(await start({ deniedHosts: ['as.example', 'localhost'] }), { code: 'MCP_URL_BLOCKED' })
  t.match(await start({ allowedHosts: ['127.0.0.1'] }), { code: 'MCP_URL_BLOCKED' })
  t.equal(knocks(), 0)
  t.match(await start({}), { code: 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE' })
  t.ok(knocks() > 0, 'who is not forbidden is asked')
})

t.test(
  '5.7 hosts that the operator forbade are the same in every spelling, and a rule that is no host stops the boot',
  async t => {
    const { another } = await createWorld(t)
    const network = { deniedHosts: ['Evil.example', '*.BÜCHER.example', 'dotted.example.', '[::0001]'] }
    const app = await another({
      network,
      servers: {
        dot: { url: 'https://evil.example./mcp' },
        case: { url: 'https://EVIL.example/mcp' },
        idn: { url: 'https://shop.xn--bcher-kva.example/mcp' },
        rule: { url: 'https://dotted.example/mcp' },
        other: { url: 'https://notevil.example/mcp' }
      }
    })
    for (const id of ['dot', 'case', 'idn', 'rule']) t.equal((await app.status(alice, id)).status, 'blocked', id)
    t.equal((await app.status(alice, 'other')).status, 'not_connected')
    for (const rule of [
      'https://evil.example',
      'evil.example:443',
      'evil.example/path',
      '*',
      '*.',
      'a.*.example',
      '::1',
      'a b'
    ])
      for (const option of ['deniedHosts', 'allowedHosts'])
        await t.rejects(another({ network: { [option]: [rule] }, servers: {} }), { code: 'FST_OAUTH_OPTION' }, rule)
  }
)
