import { randomBytes } from 'node:crypto'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import authorizationServer, { type AuthorizationServerOptions } from '../src/index.ts'
import { readOptions } from '../src/read-options.ts'
import { ORIGIN, RESOURCE, RESOURCES } from './fixture.ts'

const users = { current: () => null, loginUrl: () => '/login', subject: String, find: () => null, displayName: String }
const good: AuthorizationServerOptions = { issuer: ORIGIN, storage: memoryStorage(), users, resources: RESOURCES }
const durable = { ...memoryStorage(), capabilities: { durable: true, atomic: true, shared: true } }
const shared = { ...memoryStorage(), capabilities: { durable: false, atomic: true, shared: true } }
const careless = { ...memoryStorage(), capabilities: { durable: false, atomic: false, shared: false } }
const client = { client_id: 'x', client_name: 'X', redirect_uris: ['https://x.example/cb'] }
const scoped = (scopes: object, more: object = {}): object => ({
  resources: { [RESOURCE]: { name: 'x', scopes, ...more } }
})

/** What stops an app that registers the plugin with these options. */
async function bootError(t: Test, options: AuthorizationServerOptions): Promise<Error & { code?: string }> {
  const app = Fastify()
  t.teardown(() => app.close())
  try {
    await app.register(authorizationServer, options)
    await app.ready()
  } catch (error) {
    if (error instanceof Error) return error
  }
  return new Error('the app booted')
}

const WRONG: [string, object, string][] = [
  ['no issuer', { issuer: undefined }, '"issuer" is missing'],
  ['an issuer that is no URL', { issuer: 'auth.example' }, '"issuer"'],
  ['GEN-5: an http issuer that is not loopback', { issuer: 'http://auth.example' }, '"issuer"'],
  ['an issuer with a slash at its end', { issuer: `${ORIGIN}/` }, '"issuer"'],
  ['an issuer with a query', { issuer: `${ORIGIN}?x` }, '"issuer"'],
  ['an issuer with a fragment', { issuer: `${ORIGIN}#x` }, '"issuer"'],
  ['an issuer with a path that a router would read', { issuer: 'https://auth.example/:tenant' }, '"issuer"'],
  ['aliases beside an issuer with a path', { issuer: `${ORIGIN}/one`, rootAliases: true }, '"rootAliases"'],
  ['an issuer with a wildcard', { issuer: 'https://auth.example/*' }, '"issuer"'],
  [
    'a client with a secret and keys',
    { clients: [{ ...client, client_secret_digest: 'x'.repeat(43), jwks_uri: 'https://x.example/jwks' }] },
    '"clients"'
  ],
  ['a client with a private key', { clients: [{ ...client, jwks: { keys: [{ kty: 'oct', k: 'x' }] } }] }, '"clients"'],
  ['a client with keys on plain http', { clients: [{ ...client, jwks_uri: 'http://x.example/jwks' }] }, '"clients"'],
  [
    'a client with six digests',
    { clients: [{ ...client, client_secret_digest: Array(6).fill('x'.repeat(43)) }] },
    '"clients'
  ],
  ['a registration that is only switched on', { dynamicRegistration: true }, '"dynamicRegistration'],
  ['registrations that last for minutes', { dynamicRegistration: { unusedTtl: 60 } }, '"dynamicRegistration'],
  [
    'a rule for documents that is no function',
    { clientIdMetadataDocuments: { allowHost: [] } },
    '"clientIdMetadataDocuments'
  ],
  ['a source of clients that finds none', { clientSource: { register: () => null } }, '"clientSource"'],
  ['no storage', { storage: undefined }, '"storage" is missing'],
  ['a storage without verbs', { storage: {} }, '"storage"'],
  ['no users', { users: undefined }, '"users" is missing'],
  ['users without find', { users: { ...users, find: undefined } }, '"users"'],
  ['no resources', { resources: undefined }, '"resources" is missing'],
  ['an empty set of resources', { resources: {} }, '"resources"'],
  ['a resource that is no URL', { resources: { notes: { name: 'x', scopes: { a: 'A' } } } }, '"resources"'],
  ['an http resource', { resources: { 'http://api.example/mcp': { name: 'x', scopes: { a: 'A' } } } }, '"resources"'],
  [
    'a resource with a fragment',
    { resources: { 'https://api.example/#x': { name: 'x', scopes: { a: 'A' } } } },
    '"resources"'
  ],
  [
    'a resource in two spellings',
    {
      resources: {
        'https://a.example': { name: 'x', scopes: { a: 'A' } },
        'https://A.example/': { name: 'y', scopes: { a: 'A' } }
      }
    },
    '"resources"'
  ],
  [
    'two default resources',
    {
      resources: {
        'https://a.example': { name: 'x', scopes: { a: 'A' }, default: true },
        'https://b.example': { name: 'y', scopes: { a: 'A' }, default: true }
      }
    },
    '"resources"'
  ],
  ['a resource without name', { resources: { [RESOURCE]: { scopes: { a: 'A' } } } }, '.name"'],
  ['a resource without scopes', scoped({}), '.defaultScopes"'],
  ['an empty default', scoped({ a: 'A' }, { defaultScopes: [] }), '.defaultScopes"'],
  ['only destructive scopes and no default', scoped({ a: { description: 'A', destructive: true } }), '.defaultScopes"'],
  ['a default that is no scope', scoped({ a: 'A' }, { defaultScopes: ['b'] }), '.defaultScopes"'],
  ['a default that every object has', scoped({ a: 'A' }, { defaultScopes: ['toString'] }), '.defaultScopes"'],
  ['a scope with a blank', scoped({ 'a b': 'A' }), '.scopes"'],
  ['a scope that implies an unknown one', scoped({ a: { description: 'A', implies: ['b'] } }), '.scopes"'],
  ['offline_access as a scope', scoped({ a: 'A', offline_access: 'B' }), '.scopes"'],
  ['a misspelt member of a scope', scoped({ a: { description: 'A', optional: true } }), 'optional'],
  ['a misspelt option', { isuer: ORIGIN }, '"isuer"'],
  ['a prefix without slash', { prefix: 'oauth' }, '"prefix"'],
  ['a prefix with a parameter', { prefix: '/:tenant' }, '"prefix"'],
  ['a prefix with a slash at its end', { prefix: '/oauth/' }, '"prefix"'],
  [
    'a client without redirect_uris',
    { clients: [{ ...client, redirect_uris: [] }] },
    '"clients" "x" has no redirect_uris'
  ],
  [
    'a client with an http redirect URI',
    { clients: [{ ...client, redirect_uris: ['http://x.example/cb'] }] },
    '"clients"'
  ],
  [
    'a client with a secret instead of its digest',
    { clients: [{ ...client, client_secret_digest: 's3cret' }] },
    'client_secret_digest"'
  ],
  ['a client twice', { clients: [client, client] }, '"clients"'],
  [
    'a private-use URI that nobody may have',
    { clients: [{ ...client, redirect_uris: ['javascript:x'] }], privateUseRedirectUris: ['javascript:x'] },
    '"clients"'
  ],
  ['an access token of a second', { accessTokenTtl: 1 }, '"accessTokenTtl"'],
  ['an access token of half seconds', { accessTokenTtl: 60.5 }, '"accessTokenTtl"'],
  ['a refresh token that ends before the access token', { refreshTokenTtl: 60 }, '"refreshTokenTtl"'],
  ['a refresh token that outlives its grant', { refreshTokenTtl: 100, grantTtl: 99 }, '"refreshTokenTtl"'],
  ['a grace of an hour', { refreshGrace: 3600 }, '"refreshGrace"'],
  ['a code of an hour', { codeTtl: 3600 }, '"codeTtl"'],
  ['a limit of none', { rateLimit: { token: 0 } }, 'rateLimit'],
  ['a limit of an endpoint that is none', { rateLimit: { login: 5 } }, 'rateLimit'],
  ['a shared storage without encryption keys', { storage: shared }, '"encryptionKeys"'],
  ['a durable storage without encryption keys', { storage: durable }, '"encryptionKeys"'],
  ['an encryption key that is too short', { encryptionKeys: ['c2hvcnQ='] }, '"encryptionKeys"'],
  ['an encryption key of zeros', { encryptionKeys: [Buffer.alloc(32).toString('base64')] }, '"encryptionKeys"'],
  ['no encryption key at all', { encryptionKeys: [] }, '"encryptionKeys"']
]
for (const [what, options, message] of WRONG)
  t.test(`${what} stops the boot, and the message names the option`, async t => {
    const error = await bootError(t, { ...good, ...options } as AuthorizationServerOptions)
    t.equal(error.code, 'FST_OAUTH_OPTION')
    t.match(error.message, message)
    t.equal(error.message.includes('s3cret'), false)
  })

t.test('plane 213: a storage that is not atomic stops the boot, except on loopback', async t => {
  const options = { ...good, storage: careless }
  t.match(await bootError(t, { ...options, issuer: 'https://auth.example' }), {
    code: 'FST_OAUTH_STORAGE',
    message: /"storage"/
  })
  t.equal(readOptions(options).issuer, ORIGIN)
})

t.test('plane 213: a storage that forgets is said out loud', async t => {
  for (const [storage, warns] of [
    [memoryStorage(), true],
    [durable, false]
  ] as const) {
    const lines: string[] = []
    const app = Fastify({ logger: { stream: { write: line => void lines.push(line) } } })
    t.teardown(() => app.close())
    await app.register(authorizationServer, { ...good, storage, encryptionKeys: [randomBytes(32).toString('base64')] })
    t.equal(
      lines.some(line => line.includes('"level":40') && line.includes('not durable')),
      warns
    )
  }
})

t.test('a server that nobody draws a consent page for does not start', async t => {
  t.match(await bootError(t, good), { code: 'FST_OAUTH_MISSING_PLUGIN', message: /consent/ })
})

t.test('a page of the app, told by interactionUrl, is where people are sent', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(authorizationServer, {
    ...good,
    storage: memoryStorage(),
    clients: [client],
    interactionUrl: handle => `/spa/consent/${handle}`
  })
  await app.ready()
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: 'x',
    code_challenge: 'a'.repeat(43),
    code_challenge_method: 'S256'
  })
  const response = await app.inject({ url: `/oauth/authorize?${query}` })
  t.equal(response.statusCode, 303)
  t.equal(response.headers.location, '/login')
})

t.test('under a prefix of the host the well-known paths would be wrong, so it stops the boot', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.register(async scope => scope.register(authorizationServer, good), { prefix: '/api' })
  await t.rejects(async () => void (await app.ready()), { code: 'FST_OAUTH_OPTION', message: /"prefix"/ })
})

t.test('two authorization servers in one scope are refused, and so are two who draw the pages', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(authorizationServer, { ...good, storage: memoryStorage() })
  app.authorizationServer.present({ error: async () => ({ html: '', headers: {} }) })
  t.throws(() => app.authorizationServer.present({ error: async () => ({ html: '', headers: {} }) }), {
    code: 'FST_OAUTH_OPTION'
  })
  const again = { ...good, storage: memoryStorage() }
  await t.rejects(async () => void (await app.register(authorizationServer, again)), {
    code: 'FST_OAUTH_OPTION',
    message: /a scope of its own/
  })
})

t.test('defaults', async t => {
  t.match(readOptions(good), {
    prefix: '/oauth',
    clients: [],
    dynamicRegistration: { initialAccessTokens: false, unusedTtl: 604_800, idleTtl: 7_776_000 },
    clientIdMetadataDocuments: {},
    fetchesPerHost: 120,
    accessTokenTtl: 900,
    refreshTokenTtl: 2_592_000,
    grantTtl: 7_776_000,
    refreshGrace: 60,
    codeTtl: 60,
    interactionTtl: 900,
    rateLimit: { authorize: 500, register: 200, token: 500 }
  })
  t.match(readOptions({ ...good, rateLimit: { token: 1 } }), { rateLimit: { authorize: 500, register: 200, token: 1 } })
})
