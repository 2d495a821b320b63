/** What a person allowed before: when it stands in for the page, when it does not, and how it makes a step-up shorter. */
import { type SafeFetch, UnavailableError } from '@fastify-mcp-auth/core'
import { matchesOAuthError, type OAuthClient } from '@fastify-mcp-auth/testing'
import t, { type Test } from 'tap'
import {
  type BuildOptions,
  buildServer,
  CALLBACK,
  modelOf,
  ORIGIN,
  openSignedIn,
  RESOURCE,
  type TestServer
} from '../fixture.ts'

const WEB = 'https://app.example/cb'
const DOCUMENT = 'https://client.example/oauth/client.json'
const clients = [
  { client_id: 'web', client_name: 'Web', redirect_uris: [WEB, 'https://other.example/cb'] },
  { client_id: 'cli', client_name: 'CLI', redirect_uris: ['http://127.0.0.1/callback'] },
  { client_id: 'app', client_name: 'App', redirect_uris: ['cursor://anysphere.cursor-mcp/oauth/callback'] }
]
const document = { client_id: DOCUMENT, client_name: 'Doc', redirect_uris: [WEB], token_endpoint_auth_method: 'none' }
const fetch: SafeFetch = async () => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(JSON.stringify(document))
})
const options = { clients, fetch }

async function remembered(t: Test, build: BuildOptions = {}, clientId = 'web', redirectUri = WEB) {
  const server = await buildServer(t, { ...build, options: { ...options, ...build.options } })
  const client = server.client({ clientId, redirectUri })
  await client.connect({ scope: 'notes:read notes:write' })
  return { server, client }
}

/** Whether the person would see a page. */
async function isAsked(client: OAuthClient, scope: string, parameters = {}): Promise<boolean> {
  const page = await openSignedIn(client, (await client.start({ scope, parameters })).url)
  return page.leavesTo === null
}

/** The answer to prompt=none. */
async function silently(
  { app }: TestServer,
  client: OAuthClient,
  scope: string,
  parameters = {},
  cookie = 'session=alice'
) {
  const { url } = await client.start({ scope, parameters: { prompt: 'none', ...parameters } })
  const response = await app.inject({ url: url.slice(ORIGIN.length), headers: { cookie } })
  return Object.fromEntries(new URL(String(response.headers.location)).searchParams)
}

const NOT_WITHOUT_A_PAGE: [string, string, string][] = [
  ['GHSA-6x8h-498w-gv8c: a client with a metadata document', DOCUMENT, WEB],
  ['REG-11: a client on the person’s computer', 'cli', CALLBACK],
  ['PX-1: a client behind a private-use scheme', 'app', 'cursor://anysphere.cursor-mcp/oauth/callback']
]
for (const [what, clientId, redirectUri] of NOT_WITHOUT_A_PAGE)
  t.test(`${what} is asked for each time, unless the app says otherwise`, async t => {
    const { server, client } = await remembered(t, {}, clientId, redirectUri)
    t.equal(await isAsked(client, 'notes:read'), true)
    t.match(await silently(server, client, 'notes:read'), { error: 'consent_required', iss: ORIGIN })
    t.equal((await server.storage.counts())['grants'], 1)
    const trusting = await remembered(t, { options: { rememberedConsent: 'all-clients' } }, clientId, redirectUri)
    t.equal(await isAsked(trusting.client, 'notes:read'), false)
  })

t.test('GHSA-c2jp-c369-7pvx: what was allowed to one client is nothing to another, nor to another person', async t => {
  const { server, client } = await remembered(t, {
    options: { clients: [...clients, { client_id: 'evil', client_name: 'Web', redirect_uris: [WEB] }] }
  })
  const evil = server.client({ clientId: 'evil', redirectUri: WEB })
  t.equal(await isAsked(evil, 'notes:read'), true)
  t.match(await silently(server, evil, 'notes:read'), { error: 'consent_required' })
  t.match(await silently(server, client, 'notes:read', {}, 'session=bob'), { error: 'consent_required' })
  t.match(await silently(server, client, 'notes:read', {}, ''), { error: 'login_required' })
  t.equal((await server.storage.counts())['grants'], 1)
})

t.test('PX-5: nor where the answer would go to another host, or for another resource', async t => {
  const OTHER = `${ORIGIN}/other`
  const scopes = { 'notes:read': 'Read', 'notes:write': 'Write' }
  const resources = { [RESOURCE]: { name: 'Notes', scopes }, [OTHER]: { name: 'Other', scopes } }
  const { server, client } = await remembered(t, { options: { resources } })
  const elsewhere = server.client({ clientId: 'web', redirectUri: 'https://other.example/cb' })
  t.match(await silently(server, elsewhere, 'notes:read'), { error: 'consent_required' })
  for (const resource of [OTHER, [RESOURCE, OTHER]])
    t.match(await silently(server, client, 'notes:read', { resource }), { error: 'consent_required' })
  t.match(await silently(server, client, 'notes:read', { resource: RESOURCE }), { code: /./ })
})

t.test('nor for a scope that was not allowed, an old sign-in, or a client that wants the page', async t => {
  const { server, client } = await remembered(t)
  t.match(await silently(server, client, 'notes:admin'), { error: 'consent_required' })
  t.match(await silently(server, client, 'notes:read notes:admin'), { error: 'consent_required' })
  server.clock.advance(100)
  t.match(await silently(server, client, 'notes:read', { max_age: '99' }), { error: 'login_required' })
  t.match(await silently(server, client, 'notes:read', { max_age: '100' }), { code: /./ })
  t.equal(await isAsked(client, 'notes:read', { prompt: 'consent' }), true)
  t.equal(await isAsked(client, 'notes:read', { prompt: 'select_account' }), true)
  const never = await remembered(t, { options: { rememberedConsent: 'never' } })
  t.equal(await isAsked(never.client, 'notes:read'), true)
})

t.test(
  'a remembered consent gives a grant of its own, with no more than was asked and no longer than was allowed',
  async t => {
    const { server, client } = await remembered(t)
    const before = server.clock.now()
    server.clock.advance(86_400)
    const events: string[] = []
    for (const type of ['authorization.requested', 'authorization.approved', 'grant.created'] as const)
      server.app.authorizationServer.on(type, event => void events.push(event.type))
    const tokens = await client.connect({ scope: 'notes:read' })
    t.equal(tokens.scope, 'notes:read')
    const grants = (await server.app.authorizationServer.grants.list('sub-alice')).grants
    t.strictSame(
      grants.map(({ endsAt }) => endsAt),
      [before + 90 * 86_400, before + 90 * 86_400]
    )
    t.same(events, ['grant.created', 'authorization.approved'])
    server.clock.advance(89 * 86_400)
    t.equal(await isAsked(client, 'notes:read'), true, 'a consent does not live for ever')
  }
)

t.test('TK-1, RFC 6749 5.1: a code that comes just before a consent ends buys nothing after it', async t => {
  const options = { grantTtl: 60, refreshTokenTtl: 60, accessTokenTtl: 30, codeTtl: 60 }
  const { server, client } = await remembered(t, { options })
  server.clock.advance(58)
  const [soon, late] = [await client.authorize(), await client.authorize()]
  server.clock.advance(1)
  t.match((await client.redeem(soon)).json(), { expires_in: 1 })
  server.clock.advance(1)
  matchesOAuthError(t, await client.redeem(late), 'invalid_grant')
})

t.test('after the sign-in a remembered consent needs no page; twice loaded it gives one grant', async t => {
  const { server } = await remembered(t)
  const client = server.client({ clientId: 'web', redirectUri: WEB })
  const login = await client.browser.open((await client.start({ scope: 'notes:read' })).url)
  const handle = new URL(login.url).searchParams.get('returnTo') ?? ''
  const answered = await client.login(login)
  t.match(answered.leavesTo, /code=/)
  t.equal((await client.browser.open(`${ORIGIN}${handle}`)).leavesTo, answered.leavesTo)
  t.equal((await server.storage.counts())['grants'], 2)
  const stranger = await server.app.inject({ url: handle, headers: { cookie: 'session=alice' } })
  t.equal(stranger.statusCode, 403, 'another browser gets nothing')
})

t.test('uploads 890: whoever takes access back is asked the next time', async t => {
  for (const how of ['person', 'client', 'replay'] as const) {
    const { server, client } = await remembered(t)
    const [grant] = (await server.app.authorizationServer.grants.list('sub-alice')).grants
    if (how === 'person') await server.app.authorizationServer.grants.revoke(grant?.grantId ?? '', 'sub-alice')
    else {
      const tokens = await client.connect({ scope: 'notes:read' })
      if (how === 'client') await client.revoke(tokens.refresh_token ?? '')
      else {
        const next = await client.refresh(tokens.refresh_token ?? '')
        await client.refresh(String(next.json()['refresh_token']))
        t.equal((await client.refresh(tokens.refresh_token ?? '')).json()['error'], 'invalid_grant')
      }
    }
    t.equal(await isAsked(client, 'notes:read'), true, how)
    t.equal((await server.storage.counts())['consents'] ?? 0, 0)
  }
})

t.test('a consent that is taken back while it stands in for the page takes the new grant along', async t => {
  const { server, client } = await remembered(t)
  server.storage.beforeNextInsert('grants', async () => {
    const [grant] = (await server.app.authorizationServer.grants.list('sub-alice')).grants
    await server.app.authorizationServer.grants.revoke(grant?.grantId ?? '')
  })
  t.match(await silently(server, client, 'notes:read'), { error: 'consent_required' })
  t.strictSame((await server.app.authorizationServer.grants.list('sub-alice')).grants, [])
})

t.test('claude-code 28258, MCP 2349: a step-up shows what is new, and grants the union', async t => {
  const server = await buildServer(t)
  const client = server.client()
  await client.connect({ scope: 'notes:read' })
  const page = await openSignedIn(client, (await client.start({ scope: 'notes:write' })).url)
  t.match(modelOf(page), {
    stepUp: true,
    scopes: [
      { scope: 'notes:write', granted: false, preselected: true },
      { scope: 'notes:read', granted: true, preselected: true }
    ]
  })
  t.equal((await client.connect({ scope: 'notes:write' })).scope, 'notes:write notes:read')
  t.equal((await client.connect({ scope: 'notes:read' })).scope, 'notes:read', 'without a step-up nothing is added')
})

t.test('a step-up does not bring back by itself what cannot be undone, nor what the person takes away', async t => {
  const server = await buildServer(t)
  const client = server.client()
  await client.connect({ scope: 'notes:admin', scopes: ['notes:admin'] })
  const first = await openSignedIn(client, (await client.start({ scope: 'notes:read' })).url)
  t.equal(modelOf(first).stepUp, false, 'it implies the other: nothing new')
  const other = server.client()
  await other.connect({ scope: 'notes:read notes:write', scopes: ['notes:read'] })
  const page = await openSignedIn(other, (await other.start({ scope: 'notes:write' })).url)
  await other.decide(page, { scopes: ['notes:write'] })
  t.match(modelOf(await openSignedIn(other, (await other.start({ scope: 'notes:read' })).url)), {
    scopes: [
      { scope: 'notes:read', granted: false },
      { scope: 'notes:write', granted: true }
    ]
  })
})

t.test('uploads 890: an outage while access is taken back leaves no consent that would give it anew', async t => {
  const { server, client } = await remembered(t)
  const [grant] = (await server.app.authorizationServer.grants.list('sub-alice')).grants
  const { update } = server.storage
  server.storage.update = async () => {
    throw new UnavailableError('lost its connection')
  }
  await t.rejects(server.app.authorizationServer.grants.revoke(grant?.grantId ?? ''), /connection/)
  server.storage.update = update
  t.equal(await isAsked(client, 'notes:read'), true)
  t.equal(await server.app.authorizationServer.grants.revoke(grant?.grantId ?? ''), true, 'and it can be said again')
})
