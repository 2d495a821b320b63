/** Several authorization servers in one process, on one storage: nothing of one is worth anything at another. */
import type { AuthorizationServer } from '@fastify-mcp-auth/core'
import { createOAuthClient, type OAuthClient, settableClock } from '@fastify-mcp-auth/testing'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import authorizationServer, { type AuthorizationServerOptions } from '../src/index.ts'
import { CALLBACK, consentPage, loginPage, ORIGIN, refusalOf, usersOf } from './fixture.ts'
import { type ObservableStorage, observableStorage } from './observable-storage.ts'

interface Issuer {
  readonly server: AuthorizationServer
  readonly resource: string
  client(credentials?: { clientId: string; clientSecret?: string | undefined }): OAuthClient
}

interface Place {
  readonly issuer: string
  readonly prefix?: string
  /** Only requests for this host. */
  readonly host?: string
}

/** An app with one login and an issuer at each place, all on one storage. */
async function severalIssuers(t: Test, places: readonly Place[]) {
  const app = Fastify()
  t.teardown(() => app.close())
  const storage = observableStorage()
  const clock = settableClock(1_800_000_000)
  await app.register(loginPage)
  const issuers: Issuer[] = []
  for (const place of places) {
    const resource = `${ORIGIN}/mcp`
    await app.register(async scope => {
      if (place.host !== undefined) onlyForHost(scope, place.host)
      await scope.register(authorizationServer, optionsOf({ ...place, resource, storage, clock }))
      await scope.register(consentPage)
      issuers.push({
        server: scope.authorizationServer,
        resource,
        client: credentials =>
          createOAuthClient({
            app,
            resource,
            issuer: place.issuer,
            redirectUri: CALLBACK,
            username: 'alice',
            password: 'pw',
            ...(credentials ? { clientId: credentials.clientId } : {}),
            ...(credentials?.clientSecret ? { clientSecret: credentials.clientSecret } : {})
          })
      })
    })
  }
  await app.ready()
  const [a, b] = issuers
  if (!a || !b) throw new Error('two issuers')
  return { app, storage, clock, a, b }
}

function onlyForHost(scope: FastifyInstance, host: string): void {
  scope.addHook('onRoute', route => {
    route.constraints = { ...route.constraints, host }
  })
}

function optionsOf({
  issuer,
  prefix = '/oauth',
  resource,
  storage,
  clock
}: Place & {
  resource: string
  storage: ObservableStorage
  clock: { now(): number }
}): AuthorizationServerOptions {
  return {
    issuer,
    prefix,
    storage,
    clock,
    users: usersOf({ gone: new Set(), signedInAt: new Map(), failure: null }, clock),
    // The same resource at both, so that nothing but the issuer tells them apart.
    resources: { [resource]: { name: 'Notes', scopes: { 'notes:read': 'Read your notes' } } },
    encryptionKeys: [Buffer.alloc(32, 'k1').toString('base64')],
    rateLimit: false
  }
}

const PATHS: Place[] = [
  { issuer: `${ORIGIN}/a`, prefix: '/a/oauth' },
  { issuer: `${ORIGIN}/b`, prefix: '/b/oauth' }
]

t.test('each issuer works by itself, with keys, metadata and grants of its own', async t => {
  const { app, a, b } = await severalIssuers(t, PATHS)
  const keys = new Set<string>()
  for (const { server, client, resource } of [a, b]) {
    const tokens = await client().connect()
    t.equal(await refusalOf(server.verifyAccessToken(tokens.access_token, resource)), 'accepted')
    t.equal((await server.grants.list('sub-alice')).grants.length, 1)
    const path = new URL(server.issuer).pathname
    const metadata = (await app.inject(`/.well-known/oauth-authorization-server${path}`)).json<Record<string, string>>()
    t.equal(metadata['issuer'], server.issuer)
    const jwks = await app.inject(new URL(metadata['jwks_uri'] ?? '').pathname)
    keys.add(jwks.json().keys[0].kid)
  }
  t.equal(keys.size, 2)
})

t.test('GEN-1: a client of one is unknown at the other', async t => {
  const { a, b } = await severalIssuers(t, PATHS)
  const client = a.client()
  const credentials = await client.credentials()
  const stranger = b.client(credentials)
  const page = await stranger.browser.open((await stranger.start()).url)
  t.equal(page.statusCode, 400)
  t.equal(page.leavesTo, null)
  t.equal((await stranger.refresh('x')).statusCode, 401)
})

t.test(
  'GEN-1: a code, a refresh token and an access token of one are nothing at the other, and stay good at home',
  async t => {
    const { a, b, storage } = await severalIssuers(t, PATHS)
    const home = a.client()
    const answer = await home.authorize()
    const stranger = b.client()
    await stranger.register()
    t.match((await stranger.redeem(answer)).json(), { error: 'invalid_grant' })
    const tokens = (await home.redeem(answer)).json<{ access_token: string; refresh_token: string }>()
    t.match((await stranger.refresh(tokens.refresh_token)).json(), { error: 'invalid_grant' })
    t.equal((await stranger.revoke(tokens.refresh_token)).statusCode, 200, 'as for any token that is unknown')
    t.equal((await stranger.revoke(tokens.access_token)).statusCode, 200)
    t.equal(await refusalOf(b.server.verifyAccessToken(tokens.access_token, b.resource)), 'not_acceptable')
    const [grant] = (await a.server.grants.list('sub-alice')).grants
    t.strictSame((await b.server.grants.list('sub-alice')).grants, [])
    t.equal(await b.server.grants.revoke(grant?.grantId ?? ''), false)
    t.match(await storage.counts(), { grants: 1 })
    t.equal((await home.refresh(tokens.refresh_token)).statusCode, 200)
  }
)

t.test('GEN-1: the same client_id at both is two clients', async t => {
  const { a, b, storage } = await severalIssuers(t, PATHS)
  const credentials = await a.client().credentials()
  // As if chance, or an import, had given the same name to a client of the other.
  const tokens = await a.client(credentials).connect()
  const copy = JSON.parse(await storage.dump()).filter(({ name }: { name: string }) => name === 'clients')
  t.equal(copy.length, 1)
  t.match((await b.client(credentials).refresh(tokens.refresh_token ?? '')).json(), { error: 'invalid_client' })
})

t.test('GEN-1: an interaction of one can be neither seen nor answered at the other', async t => {
  const { app, a } = await severalIssuers(t, PATHS)
  const client = a.client()
  const page = await client.login(await client.browser.open((await client.start()).url))
  const there = page.url.replace('/a/oauth/', '/b/oauth/')
  t.not(there, page.url)
  const seen = await client.browser.open(there)
  t.equal(seen.statusCode, 404)
  const decided = await app.inject({
    method: 'POST',
    url: new URL(there).pathname,
    headers: {
      cookie: client.browser.cookies.header(there),
      'content-type': 'application/x-www-form-urlencoded'
    },
    payload: 'decision=deny'
  })
  t.equal(decided.statusCode, 404)
  t.match((await client.decide(page)).leavesTo, /code=/)
})

t.test('GEN-1: each issuer of a host has a cookie of its own', async t => {
  const { a, b } = await severalIssuers(t, PATHS)
  const names = new Set<string>()
  for (const { client } of [a, b]) {
    const one = client()
    await one.browser.open((await one.start()).url)
    names.add(/mcp-browser[^=]*/.exec(one.browser.cookies.header(`${ORIGIN}/`))?.[0] ?? '')
  }
  t.equal(names.size, 2)
})

t.test('what happens at one is not told to listeners of the other', async t => {
  const { a, b } = await severalIssuers(t, PATHS)
  const heard: string[] = []
  b.server.on('grant.created', ({ issuer }) => heard.push(issuer))
  await a.client().connect()
  await b.client().connect()
  t.strictSame(heard, [`${ORIGIN}/b`])
})

t.test('expired records go for all issuers alike, and live ones of neither', async t => {
  const { a, b, clock, storage } = await severalIssuers(t, PATHS)
  for (const { client } of [a, b]) await client().connect()
  clock.advance(901)
  await a.server.cleanup()
  t.match(await storage.counts(), { interactions: 0, grants: 2, clients: 2 })
})

t.test('issuers on hosts of their own, with the same paths: the host of the request decides', async t => {
  const { app, a, b } = await severalIssuers(t, [
    { issuer: 'https://a.example', host: 'a.example' },
    { issuer: 'https://b.example', host: 'b.example' }
  ])
  for (const { server } of [a, b]) {
    const { host } = new URL(server.issuer)
    const metadata = await app.inject({ url: '/.well-known/oauth-authorization-server', headers: { host } })
    t.equal(metadata.json().issuer, server.issuer)
  }
  t.equal(
    (await app.inject({ url: '/.well-known/oauth-authorization-server', headers: { host: 'c.example' } })).statusCode,
    404
  )
})
