import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import resourceServer, { type Verifier } from '../src/index.ts'
import { createApp, METADATA_URL, RESOURCE } from './app.ts'

const ROOT = '/.well-known/oauth-protected-resource'

const verify: Verifier = {
  issuers: ['https://issuer.test'],
  verify: () => {
    throw new Error('not asked here')
  }
}

async function start(t: { teardown(done: () => unknown): void }, resources: string[]): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(() => app.close())
  for (const [index, resource] of resources.entries())
    app.register(async scope => void (await scope.register(resourceServer, { resource, verify })), {
      prefix: `/${index}`
    })
  await app.ready()
  return app
}

t.test(
  'PRM-1, PRM-2, PRM-4, PRM-6, RFC 9728 3.3: the document is at the inserted path and names exactly the resource',
  async t => {
    const { app, issuer } = await createApp(t, {
      options: { scopes: { 'mcp:tools': 'Use tools' }, resourceName: 'Notes' },
      routes: () => undefined
    })
    const response = await app.inject(new URL(METADATA_URL).pathname)
    t.equal(response.statusCode, 200)
    t.match(response.headers['content-type'], /^application\/json/)
    t.equal(response.headers['cache-control'], 'public, max-age=3600')
    t.equal(response.headers['access-control-allow-origin'], '*')
    t.strictSame(response.json(), {
      resource: RESOURCE,
      authorization_servers: [issuer.issuer],
      scopes_supported: ['mcp:tools'],
      bearer_methods_supported: ['header'],
      resource_name: 'Notes'
    })
    t.strictSame(app.mcpAuth.metadata, response.json())
    t.equal(app.mcpAuth.metadataUrl, METADATA_URL)
    t.equal(app.mcpAuth.resource, RESOURCE)
  }
)

t.test('RFC 9728 3.1: a slash at the end of the path stays, and is left out for clients that do', async t => {
  for (const routerOptions of [{}, { ignoreTrailingSlash: true }]) {
    const app = Fastify({ routerOptions })
    t.teardown(() => app.close())
    const resource = 'https://api.example.com/mcp/'
    await app.register(resourceServer, { resource, verify })
    t.equal(app.mcpAuth.metadataUrl, `https://api.example.com${ROOT}/mcp/`)
    for (const url of [`${ROOT}/mcp/`, `${ROOT}/mcp`, ROOT])
      t.equal((await app.inject(url)).json().resource, resource, url)
  }
  for (const both of [
    ['https://api.example.com/mcp/', 'https://api.example.com/mcp'],
    ['https://api.example.com/mcp', 'https://api.example.com/mcp/']
  ])
    await t.rejects(start(t, both), { message: /option "resource": another resource/ }, 'one place, two documents')
})

t.test('PRM-3: a resource whose metadata no router would find stops the boot, every other one is found', async t => {
  for (const path of ['/a%2Fb', '/a%2fb', '/a%3Ab', '/a%3fb', '/a%2a', '/a%'])
    await t.rejects(start(t, [`https://api.example.com${path}`]), { message: /option "resource" must not have/ }, path)
  for (const path of ['/a%25b', '/a%252Fb', '/a%20b/(x)', '/a:b;c=d,@$&+', '/%C3%BC/', '/a/:b', '/a%7eb/', '//mcp']) {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(resourceServer, { resource: `https://api.example.com${path}`, verify })
    t.equal((await app.inject(new URL(app.mcpAuth.metadataUrl).pathname)).statusCode, 200, path)
  }
})

t.test('PRM-3, PRM-5: a single resource is also found at the root', async t => {
  const app = await start(t, ['https://api.example.com/mcp'])
  t.equal((await app.inject(ROOT)).json().resource, 'https://api.example.com/mcp')
})

t.test('PRM-5, PRM-6: with several resources the root has none of them, and each has its own', async t => {
  const app = await start(t, ['https://api.example.com/a', 'https://api.example.com/b'])
  t.equal((await app.inject(ROOT)).statusCode, 404)
  t.equal((await app.inject(`${ROOT}/a`)).json().resource, 'https://api.example.com/a')
  t.equal((await app.inject(`${ROOT}/b`)).json().resource, 'https://api.example.com/b')
})

t.test('PRM-5: a resource without path owns the root, in whatever order they come', async t => {
  for (const resources of [
    ['https://api.example.com', 'https://api.example.com/b'],
    ['https://api.example.com/b', 'https://api.example.com/']
  ]) {
    const app = await start(t, resources)
    t.equal((await app.inject(ROOT)).json().resource, 'https://api.example.com')
    t.equal((await app.inject(`${ROOT}/b`)).json().resource, 'https://api.example.com/b')
  }
})

t.test('PRM-6: two resources with one place stop the boot', async t => {
  await t.rejects(start(t, ['https://a.example.com/mcp', 'https://b.example.com/mcp']), {
    code: 'FST_OAUTH_OPTION',
    message: /option "resource".*\/mcp/
  })
})

t.test('PRM-6: case of scheme and host, default port and the lone slash are canonical', async t => {
  for (const [written, canonical] of [
    ['HTTPS://API.Example.com:443/', 'https://api.example.com'],
    ['https://api.example.com/MCP/', 'https://api.example.com/MCP/']
  ] as const) {
    const app = await start(t, [written])
    t.equal((await app.inject(ROOT)).json().resource, canonical)
  }
})

t.test('PRM-4: a path with a colon or an encoded character has its place too', async t => {
  for (const path of ['/a:b/mcp', '/caf%C3%A9', '/a%20b']) {
    const app = await start(t, [`https://api.example.com${path}`, 'https://api.example.com/other'])
    t.equal((await app.inject(`${ROOT}${path}`)).json().resource, `https://api.example.com${path}`)
  }
})

t.test('PRM-7: offline_access is never advertised', async t => {
  const scopes = { 'mcp:tools': 'Use tools', offline_access: 'Stay signed in' }
  for (const options of [{ scopes }, { scopes, advertisedScopes: ['offline_access', 'mcp:tools'] }]) {
    const { app } = await createApp(t, {
      options,
      routes: app => void app.get('/x', { config: { mcpAuth: {} } }, async () => 1)
    })
    t.strictSame((await app.inject(ROOT)).json().scopes_supported, ['mcp:tools'])
    t.match((await app.inject('/x')).headers['www-authenticate'], 'scope="mcp:tools"')
  }
})

t.test('PRM-8: what is advertised may be less than what there is', async t => {
  const options = { scopes: { a: 'A', b: 'B' }, advertisedScopes: ['a'] }
  const { app } = await createApp(t, { options, routes: () => undefined })
  t.strictSame((await app.inject(ROOT)).json().scopes_supported, ['a'])
})

t.test('PRM-9: the metadata needs no token, even where everything does', async t => {
  const { app } = await createApp(t, { options: { protect: ['/'] } })
  for (const url of [ROOT, `${ROOT}/mcp`]) {
    t.equal((await app.inject(url)).statusCode, 200)
    const head = await app.inject({ method: 'HEAD', url })
    t.equal(head.statusCode, 200)
    t.equal(head.body, '')
  }
  t.equal((await app.inject('/mcp')).statusCode, 401)
})

t.test('PRM-9: any host and any origin may read it', async t => {
  const { app } = await createApp(t)
  const headers = { host: 'evil.test', origin: 'https://evil.test' }
  const response = await app.inject({ url: `${ROOT}/mcp`, headers })
  t.equal(response.statusCode, 200)
  t.equal(response.headers['access-control-allow-origin'], '*')
})

t.test('RFC 9728 3: browsers may ask for it with the headers of an MCP client', async t => {
  const { app } = await createApp(t)
  const response = await app.inject({
    method: 'OPTIONS',
    url: `${ROOT}/mcp`,
    headers: {
      origin: 'https://inspector.test',
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'mcp-protocol-version'
    }
  })
  t.equal(response.statusCode, 204)
  t.match(String(response.headers['access-control-allow-headers']).toLowerCase(), 'mcp-protocol-version')
  t.match(response.headers['access-control-allow-methods'], 'GET')
})

t.test('nothing of a request gets into the document', async t => {
  const { app } = await createApp(t, { fastify: { trustProxy: true } })
  const headers = { host: 'evil.test', 'x-forwarded-host': 'evil.test', 'x-forwarded-proto': 'https' }
  t.equal((await app.inject({ url: ROOT, headers })).json().resource, RESOURCE)
  t.notMatch((await app.inject({ url: '/mcp', headers })).headers['www-authenticate'] ?? '', 'evil')
})

t.test('a verifier without issuers leaves authorization_servers out instead of inventing one', async t => {
  const { app } = await createApp(t, { options: { verify: { ...verify, issuers: [] } } })
  t.notOk('authorization_servers' in (await app.inject(ROOT)).json())
})
