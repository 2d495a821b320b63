/** Two databases for one server: each record in the right one, and each of them has to be there. */
import { randomBytes } from 'node:crypto'
import authorizationServer from '@fastify-mcp-auth/authorization-server'
import { type Capabilities, type StorageDriver, UnavailableError } from '@fastify-mcp-auth/core'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { buildServer, ORIGIN, RESOURCES } from './fixture.ts'
import { observableStorage } from './observable-storage.ts'

const users = {
  current: async () => null,
  loginUrl: () => '/login',
  subject: () => 'x',
  find: async () => null,
  displayName: () => 'x'
}

async function split(t: Test) {
  const [lasting, shortLived] = [observableStorage(), observableStorage()]
  const server = await buildServer(t, { options: { storage: { default: lasting, shortLived } } })
  const present = async (storage: typeof lasting): Promise<string[]> =>
    Object.entries(await storage.counts())
      .flatMap(([name, count]) => (count > 0 ? [name] : []))
      .toSorted()
  return { server, lasting, shortLived, present }
}

const bootWith = (storage: unknown, issuer = 'https://auth.example.com'): Promise<unknown> => {
  const app = Fastify()
  const encryptionKeys = [randomBytes(32).toString('base64')]
  const options = { issuer, storage, users, resources: RESOURCES, encryptionKeys, rateLimit: false as const }
  return Promise.resolve(app.register(authorizationServer, options as never)).then(
    () => 'booted',
    error => error
  )
}

const able = (capabilities: Partial<Capabilities>): StorageDriver => ({
  ...memoryStorage(),
  capabilities: { durable: true, atomic: true, shared: true, ...capabilities }
})

t.test('what lives for minutes is in one database, what has to last in the other, and none in both', async t => {
  const { server, lasting, shortLived, present } = await split(t)
  const client = server.client()
  const tokens = await client.connect()
  t.equal((await client.refresh(tokens.refresh_token ?? '')).statusCode, 200)
  await client.browser.open((await client.start()).url)
  t.strictSame(await present(shortLived), ['interactions'])
  t.strictSame(await present(lasting), ['clients', 'consents', 'grants'])
  t.match(await server.app.authorizationServer.stats(), { grants: { count: 1 } })
})

t.test('RFC 6749 5.2: each outage is a 503 for what needs that database, and for nothing else', async t => {
  const { server, lasting, shortLived } = await split(t)
  const client = server.client()
  const tokens = await client.connect()
  const answer = await client.authorize()
  const heard: string[] = []
  server.app.authorizationServer.on('storage.failed', ({ collection }) => heard.push(`failed ${collection}`))
  server.app.authorizationServer.on('storage.recovered', ({ collection }) => heard.push(`recovered ${collection}`))

  shortLived.goDown()
  t.equal((await client.redeem(answer)).statusCode, 200, 'a code needs no interaction')
  t.equal((await client.refresh(tokens.refresh_token ?? '')).statusCode, 200)
  t.equal((await server.app.authorizationServer.health()).storage, false)
  t.strictSame(heard, ['failed interactions'], 'told once, whatever the other database answers')
  shortLived.comeBack()
  t.equal((await server.app.authorizationServer.health()).storage, true)
  t.strictSame(heard, ['failed interactions', 'recovered interactions'])

  lasting.goDown()
  const refused = await client.refresh(tokens.refresh_token ?? '')
  matchesOAuthError(t, refused, 'temporarily_unavailable')
  t.equal(refused.statusCode, 503)
  lasting.comeBack()
})

t.test('clean-up empties both databases', async t => {
  const { server, shortLived, present } = await split(t)
  const client = server.client()
  await client.browser.open((await client.start()).url)
  t.strictSame(await present(shortLived), ['interactions'])
  server.clock.advance(86_400)
  await server.app.authorizationServer.cleanup()
  t.strictSame(await present(shortLived), [])
})

t.test('a split that cannot work stops the boot and is named', async t => {
  const wrong: [string, unknown, string, RegExp][] = [
    ['one missing', { default: able({}) }, 'FST_OAUTH_OPTION', /"storage" must .*default, shortLived/],
    ['one without verbs', { default: able({}), shortLived: {} }, 'FST_OAUTH_OPTION', /"storage"/],
    ['one too many', { default: able({}), shortLived: able({}), more: able({}) }, 'FST_OAUTH_OPTION', /"storage"/],
    ['default not atomic', { default: able({ atomic: false }), shortLived: able({}) }, 'FST_OAUTH_STORAGE', /atomic/],
    [
      'short-lived not atomic',
      { default: able({}), shortLived: able({ atomic: false }) },
      'FST_OAUTH_STORAGE',
      /atomic/
    ],
    [
      'short-lived not shared',
      { default: able({}), shortLived: able({ shared: false }) },
      'FST_OAUTH_STORAGE',
      /shared/
    ]
  ]
  for (const [what, storage, code, message] of wrong) t.match(await bootWith(storage), { code, message }, what)
})

t.test('a database that does not answer at the start stops the boot, also one whose driver has no open', async t => {
  const dead = (): Promise<never> => Promise.reject(new UnavailableError('not there'))
  const opens = { ...able({}), open: dead }
  const { open: _, ...without } = { ...able({}), open: undefined, get: dead }
  for (const broken of [opens, without])
    for (const storage of [
      { default: broken, shortLived: able({}) },
      { default: able({}), shortLived: broken }
    ])
      t.match(await bootWith(storage, ORIGIN), { code: 'FST_OAUTH_UNAVAILABLE' })
})
