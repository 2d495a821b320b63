/** Finding the authorization server of a server, in every place where it may be told, and nowhere else. */
import { systemClock } from '@fastify-mcp-auth/core'
import { createFakeMcpServer, fault } from '@fastify-mcp-auth/testing/servers'
import t from 'tap'
import type { Context } from '../src/context.ts'
import { discover } from '../src/discovery.ts'
import { createConnections } from '../src/index.ts'
import type { Route } from '../src/network.ts'
import { alice, BINDING, createWorld } from './world.ts'

t.test('CD-2, CD-4, CD-5, CD-6: every place of both documents, with and without a path', async t => {
  for (const path of ['', '/tenant'])
    for (const metadataAt of [
      ['oauth-authorization-server'],
      ['openid-configuration'],
      ...(path === '' ? [] : [['openid-configuration-appended']])
    ] as const)
      for (const place of ['path', 'root', 'elsewhere'] as const) {
        const world = await createWorld(t, {
          issuer: { path, behaviour: { metadataAt: metadataAt as never } },
          server: { behaviour: { metadataAt: [place], challengeNamesMetadata: place === 'elsewhere' } }
        })
        await world.connect()
        t.equal(await world.whoami(), 'alice', `${metadataAt} ${path} ${place}`)
      }
})

t.test('CD-3: metadata of another resource ends it, and nobody is asked any further', async t => {
  const { connections, server, issuer } = await createWorld(t)
  for (const resource of ['https://other.example/mcp', `${server.resource}x`, 'no url']) {
    server.behaviour.metadata = { resource }
    await t.rejects(
      connections.start(alice, 'notes', { binding: BINDING }),
      { code: 'MCP_RESOURCE_MISMATCH' },
      resource
    )
  }
  t.equal(issuer.requests.length, 0)
})

t.test('CD-7: metadata of another issuer ends it', async t => {
  const { connections, issuer } = await createWorld(t)
  issuer.behaviour.metadata = { issuer: 'https://evil.example' }
  await t.rejects(connections.start(alice, 'notes', { binding: BINDING }), { code: 'MCP_ISSUER_MISMATCH' })
  t.equal(issuer.count('register'), 0)
})

t.test('CD-8: of several authorization servers the one of the options, else the first', async t => {
  const first = await createWorld(t)
  const second = await createWorld(t)
  const { server } = first
  server.behaviour.authorizationServers = [second.issuer.issuer, first.issuer.issuer]
  const { url } = await first.connections.start(alice, 'notes', { binding: BINDING })
  t.ok(url.startsWith(second.issuer.issuer))
  const chosen = await first.another({
    servers: { notes: { url: server.resource, oauth: { issuer: first.issuer.issuer } } }
  })
  t.ok((await chosen.start(alice, 'notes', { binding: BINDING })).url.startsWith(first.issuer.issuer))
  const gone = await first.another({
    servers: { notes: { url: server.resource, oauth: { issuer: 'https://gone.example' } } }
  })
  await t.rejects(gone.start(alice, 'notes', { binding: BINDING }), { code: 'MCP_ISSUER_MISMATCH' })
})

t.test(
  'item 3: a page with status 200, 401 and 403 are passed over; an outage is never taken for an old server',
  async t => {
    const { connections, server, issuer, connect, clock } = await createWorld(t)
    server.behaviour.challengeNamesMetadata = false
    server.behaviour.metadataAt = ['root']
    for (const what of [fault.html(200), fault.html(401), fault.html(403), fault.redirect('https://evil.example/')]) {
      server.fail('metadata', what)
      t.equal((await connect()).connection.status, 'active')
    }
    server.fail('metadata', fault.unavailable(), { times: 10 })
    await t.rejects(connections.start(alice, 'notes', { binding: BINDING }), { code: 'MCP_SERVER_UNAVAILABLE' })
    server.heal()
    clock.advance(3600)
    issuer.fail('metadata', fault.unavailable(), { times: 10 })
    await t.rejects(connections.start(alice, 'notes', { binding: BINDING }), {
      code: 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE'
    })
  }
)

t.test(
  'AZ-5: resource: always, as it calls itself; omitted or fixed by the options; left out at the refresh of those who refuse it',
  async t => {
    const { connections, server } = await createWorld(t)
    const asked = async (resource?: string) => {
      const world = await createWorld(t, resource === undefined ? {} : { definition: { oauth: { resource } } })
      await world.connect()
      world.clock.advance(3700)
      await world.whoami()
      return world.issuer.requests
        .filter(({ endpoint, method }) => endpoint === 'token' || (endpoint === 'authorize' && method === 'GET'))
        .map(({ endpoint, url, body }) => (endpoint === 'token' ? new URLSearchParams(body) : url.searchParams))
        .filter(params => params.has('grant_type') || params.has('response_type'))
        .map(params => params.get('resource'))
    }
    t.ok((await asked()).every(value => value?.endsWith('/mcp')))
    t.ok((await asked('omit')).every(value => value === null))
    t.match(await connections.diagnose('notes'), { resource: server.resource })
    const entra = await createWorld(t)
    await entra.connect()
    entra.issuer.behaviour.resource = 'refused-as-entra'
    entra.clock.advance(3700)
    t.equal(await entra.whoami(), 'alice')
  }
)

t.test(
  'AZ-20, TK-5: scopes of the challenge, else of the metadata, else none; offline_access where it is known',
  async t => {
    const scopeOf = async (options: Parameters<typeof createWorld>[1]) => {
      const { connections } = await createWorld(t, options)
      const { url } = await connections.start(alice, 'notes', { binding: BINDING })
      const { searchParams } = new URL(url)
      return [searchParams.get('scope'), searchParams.get('prompt')]
    }
    const listed = { scopesSupported: ['a', 'b'] }
    t.strictSame(await scopeOf({}), [null, null])
    t.strictSame(await scopeOf({ server: { behaviour: listed } }), ['a b', null])
    t.strictSame(await scopeOf({ server: { behaviour: { ...listed, challengeScope: 'c' } } }), ['c', null])
    t.strictSame(await scopeOf({ server: { behaviour: listed }, definition: { oauth: { scopes: ['a'] } } }), [
      'a',
      null
    ])
    const offline = { behaviour: { scopesSupported: ['offline_access'] } }
    t.strictSame(await scopeOf({ issuer: offline, server: { behaviour: listed } }), ['a b offline_access', 'consent'])
    const role = { scopes: (owner: { id: string } | null) => (owner?.id === 'alice' ? ['admin'] : []) }
    t.strictSame(await scopeOf({ definition: { oauth: role } }), ['admin', null])
  }
)

t.test('2025-03-26: a server that says nothing is its own authorization server, unless the options say no', async t => {
  const { connections, server } = await createWorld(t, {
    server: { behaviour: { metadataAt: [], challengeNamesMetadata: false } }
  })
  const { url } = await connections.start(alice, 'notes', { binding: BINDING }).catch((error: { code: string }) => ({
    url: error.code
  }))
  t.equal(url, 'MCP_REGISTRATION_FAILED', 'it has no /register, and that is what was asked')
  t.match((await connections.probe(server.resource)).problems, [
    'there is no metadata: endpoints of 2025-03-26 are assumed'
  ])
  const off = await createWorld(t, {
    server: { behaviour: { metadataAt: [], challengeNamesMetadata: false } },
    definition: { oauth: { legacy: 'off' } }
  })
  await t.rejects(off.connections.start(alice, 'notes', { binding: BINDING }), { code: 'MCP_DISCOVERY_FAILED' })
})

t.test('CD-12, CD-13: what a public server names is not fetched from this computer', async t => {
  const inside = await createFakeMcpServer()
  t.teardown(() => inside.close())
  const connections = await createConnections({
    baseUrl: 'http://127.0.0.1:3000',
    client: { name: 'Test' },
    network: { lookup: async () => ['127.0.0.1'] },
    limits: false,
    servers: { rebound: { url: `https://public.example:${new URL(inside.url).port}/mcp` } }
  })
  t.teardown(() => connections.close())
  const start = connections.start(alice, 'rebound', { binding: BINDING })
  await t.rejects(start, { code: 'MCP_URL_BLOCKED', reason: 'address' })
  for (const url of [
    inside.resource,
    'https://169.254.169.254/mcp',
    'https://[::ffff:7f00:1]/mcp',
    'http://example.com/mcp',
    'ftp://x'
  ])
    t.match(await connections.probe(url), { auth: 'unknown', steps: [] }, url)
  t.equal(inside.requests.length, 0)
})

t.test('CD-14: an authorization endpoint that a browser would run is refused', async t => {
  const { connections, issuer } = await createWorld(t)
  for (const endpoint of [
    'javascript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'http://example.com/authorize'
  ]) {
    issuer.behaviour.metadata = { authorization_endpoint: endpoint }
    await t.rejects(connections.start(alice, 'notes', { binding: BINDING }), { code: 'MCP_DISCOVERY_FAILED' }, endpoint)
  }
})

t.test('5.7 a server on a host that the options forbid is blocked, and is not asked anything', async t => {
  const world = await createWorld(t)
  const denied = await world.another({ network: { allowLoopback: true, deniedHosts: ['127.0.0.1'] } })
  t.match(await denied.status(alice, 'notes'), { status: 'blocked' })
  await t.rejects(denied.start(alice, 'notes', { binding: BINDING }), { code: 'MCP_URL_BLOCKED' })
  const before = world.server.requests.length
  await t.rejects(
    denied.withClient(alice, 'notes', c => c.listTools()),
    { code: 'MCP_URL_BLOCKED' }
  )
  t.equal(world.server.requests.length, before)
})

const AUTHORIZATION_SERVER = {
  issuer: 'https://as.example',
  authorization_endpoint: 'https://as.example/authorize',
  token_endpoint: 'https://as.example/token',
  response_types_supported: ['code']
}

/** What is found out about a public server that publishes these documents, and says nothing in its challenge. */
function look(url: string, documents: Record<string, object>): Promise<unknown> {
  const definition = { url, auth: 'oauth', mode: 'per-user', transport: 'http' } as const
  const server = { id: 'notes', definition, source: 'options', disabled: false } as const
  const route: Route = {
    addresses: 'public',
    mcp: async () => new Response(null, { status: 401 }),
    oauth: async url => ({
      status: url in documents ? 200 : 404,
      headers: {},
      body: Buffer.from(JSON.stringify(documents[url] ?? {}))
    })
  }
  const context: Pick<Context, 'network' | 'blockedIssuers' | 'clock'> = {
    network: { routeTo: () => route, isForbidden: () => false, close: async () => undefined },
    blockedIssuers: { list: async () => [], has: () => false } as unknown as Context['blockedIssuers'],
    clock: systemClock
  }
  return discover(context as Context, { server, definition })
}

t.test('RFC 9728 3.1: a slash at the end of a URL is kept, and left out for servers that do', async t => {
  const url = 'https://mcp.example/mcp/'
  for (const place of ['/mcp/', '/mcp', ''])
    t.match(
      await look(url, {
        [`https://mcp.example/.well-known/oauth-protected-resource${place}`]: {
          resource: url,
          authorization_servers: ['https://as.example']
        },
        'https://as.example/.well-known/oauth-authorization-server': AUTHORIZATION_SERVER
      }),
      { issuer: 'https://as.example' },
      place
    )
})

t.test('CD-12, CD-14: a public server names no endpoint on this computer, for a browser or for us', async t => {
  const resource = 'https://mcp.example/mcp'
  const name = (endpoints: object): Promise<unknown> =>
    look(resource, {
      'https://mcp.example/.well-known/oauth-protected-resource/mcp': {
        resource,
        authorization_servers: ['https://as.example']
      },
      'https://as.example/.well-known/oauth-authorization-server': { ...AUTHORIZATION_SERVER, ...endpoints }
    })
  t.match(await name({}), { issuer: 'https://as.example' })
  for (const endpoint of ['authorization_endpoint', 'token_endpoint', 'registration_endpoint'])
    for (const host of ['127.0.0.1:8443', 'localhost', '[::1]', '127.1'])
      await t.rejects(name({ [endpoint]: `https://${host}/x` }), { code: 'MCP_URL_BLOCKED' }, `${endpoint} ${host}`)
})
