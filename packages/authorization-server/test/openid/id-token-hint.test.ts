/** `id_token_hint`: a client wants an answer for one person, and for nobody else. */
import type { Bends, OAuthClient } from '@fastify-mcp-auth/testing'
import t, { type Test } from 'tap'
import type { AuthorizationServerOptions } from '../../src/index.ts'
import { buildServer, modelOf, ORIGIN, type TestServer } from '../fixture.ts'

const CALLBACK = 'https://web.example/callback'
const OTHER_CALLBACK = 'https://other.example/callback'
const CLIENTS = [
  { client_id: 'web', client_name: 'Web', redirect_uris: [CALLBACK] },
  { client_id: 'other', client_name: 'Other', redirect_uris: [OTHER_CALLBACK] }
]
const SCOPE = 'openid notes:read'

async function build(t: Test, options: Partial<AuthorizationServerOptions> = {}) {
  const server = await buildServer(t, { options: { openid: {}, clients: CLIENTS, ...options } })
  const client = (username = 'alice') => server.client({ clientId: 'web', redirectUri: CALLBACK, username })
  return { server, client }
}

/** An ID token of the client's person, who stays signed in, and whose consent is remembered. */
async function idTokenOf(client: OAuthClient): Promise<string> {
  const tokens = await client.connect({ scope: SCOPE })
  return String((tokens as { id_token?: string }).id_token)
}

const signIn = ({ browser }: OAuthClient, user: string): void =>
  browser.cookies.store(`${ORIGIN}/`, [`session=${user}; Path=/`])

async function ask(server: TestServer, client: OAuthClient, parameters: Bends, cookie: string) {
  const { url } = await client.start({ scope: SCOPE, parameters })
  const { headers } = await server.app.inject({ url: url.slice(ORIGIN.length), headers: { cookie } })
  return Object.fromEntries(new URL(String(headers.location), ORIGIN).searchParams)
}

const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())

t.test('OpenID Connect Core 3.1.2.2: a hint that is no ID token of this client is refused', async t => {
  const { server, client } = await build(t)
  const alice = client()
  const own = await idTokenOf(alice)
  const { access_token: accessToken } = await alice.connect({ scope: SCOPE })
  const other = server.client({ clientId: 'other', redirectUri: OTHER_CALLBACK })
  const [header, claims] = own.split('.')
  const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')
  for (const [what, hint] of Object.entries({
    'a word': 'x',
    'one without signature': `${none}.${claims}.`,
    'one with another signature': `${header}.${claims}.${'A'.repeat(342)}`,
    'an access token': accessToken,
    'one of another client': await idTokenOf(other)
  }))
    for (const prompt of ['none', 'consent']) {
      const before = await server.storage.counts()
      const answer = await ask(server, alice, { id_token_hint: hint, prompt }, 'session=alice')
      t.match(answer, { error: 'invalid_request', error_description: /id_token_hint/ }, what)
      t.strictSame(await server.storage.counts(), before)
    }
  const pushed = await server.app.inject({
    method: 'POST',
    url: '/oauth/par',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: `${new URL((await alice.start({ scope: SCOPE, parameters: { id_token_hint: 'x' } })).url).searchParams}`
  })
  t.equal(pushed.statusCode, 400)
  t.match(pushed.json(), { error: 'invalid_request' }, 'told where it is pushed')
})

for (const [what, options] of Object.entries({
  'one sub for everybody': {},
  'pairwise subjects': { pairwiseSubjects: { salt: 'x'.repeat(32) } }
}))
  t.test(`OpenID Connect Core 3.1.2.1: prompt=none answers for nobody else than the hint says (${what})`, async t => {
    const { server, client } = await build(t, options)
    const [alice, bob] = [client(), client('bob')]
    const hint = await idTokenOf(alice)
    await idTokenOf(bob)
    const before = await server.storage.counts()
    const asked = { prompt: 'none', id_token_hint: hint }
    t.match(await ask(server, alice, asked, 'session=bob'), { error: 'login_required' })
    t.match(await ask(server, alice, asked, ''), { error: 'login_required' })
    t.strictSame(await server.storage.counts(), before)
    t.match(await ask(server, alice, { prompt: 'none' }, 'session=bob'), { code: /./ }, 'without it for who is there')
    t.match(await ask(server, alice, asked, 'session=alice'), { code: /./ })
  })

t.test('OpenID Connect Core 3.1.2.2: somebody else has to sign in, and cannot decide', async t => {
  const { server, client } = await build(t, { rememberedConsent: 'never' })
  const id_token_hint = await idTokenOf(client())
  const person = client()
  signIn(person, 'bob')
  const { grants } = await server.storage.counts()
  const login = await person.browser.open((await person.start({ scope: SCOPE, parameters: { id_token_hint } })).url)
  const target = new URL(login.url)
  t.equal(target.pathname, '/login')
  t.equal(target.searchParams.get('prompt'), 'login')
  const page = new URL(target.searchParams.get('returnTo') ?? '', ORIGIN).href
  t.equal(new URL((await person.browser.open(page)).url).pathname, '/login', 'going around the login does not help')

  const asked = await person.login(login)
  t.match(modelOf(asked), { status: 'consent', account: { displayName: 'alice' } })
  signIn(person, 'bob')
  const undone = await person.decide(asked)
  t.equal(new URL(undone.url).pathname, '/login', 'nor does switching before the decision')
  t.equal((await server.storage.counts())['grants'], grants)
  t.match((await person.decide(await person.login(undone))).leavesTo, /code=/)
})

t.test('OpenID Connect Core 3.1.2.1: a remembered consent of somebody else settles nothing', async t => {
  const { server, client } = await build(t)
  const hint = await idTokenOf(client())
  const bob = client('bob')
  await idTokenOf(bob)
  const { url } = await bob.start({ scope: SCOPE, parameters: { id_token_hint: hint } })
  const { grants } = await server.storage.counts()
  const login = await bob.browser.open(url)
  t.equal(new URL(login.url).pathname, '/login')
  t.equal(new URL((await bob.login(login)).url).pathname, '/login', 'also after signing in as oneself once more')
  t.equal((await server.storage.counts())['grants'], grants)
})

t.test('OpenID Connect Core 3.1.2.1: a hint may have expired, and its key may be retired', async t => {
  const { server, client } = await build(t, { keyRotationInterval: 0 })
  const alice = client()
  const hint = await idTokenOf(alice)
  await server.app.authorizationServer.keys.rotate()
  server.clock.advance(3600 + 86_400 + 61)
  const asked = { prompt: 'none', id_token_hint: hint }
  const { code } = await ask(server, alice, asked, 'session=alice')
  t.ok(code)
  t.equal(claimsOf(hint).sub, 'sub-alice')
  t.match(await ask(server, alice, asked, 'session=bob'), { error: 'login_required' })
})

t.test('RFC 6749 3.1: without OpenID Connect the parameter means nothing', async t => {
  const server = await buildServer(t, { options: { clients: CLIENTS } })
  const client = server.client({ clientId: 'web', redirectUri: CALLBACK })
  await client.connect({ scope: 'notes:read' })
  const { url } = await client.start({ scope: 'notes:read', parameters: { id_token_hint: 'x' } })
  const { headers } = await server.app.inject({
    url: url.slice(ORIGIN.length),
    headers: { cookie: 'session=alice' }
  })
  t.match(headers.location, /code=/)
})

t.test('an ID token in a query does not get into the log', async t => {
  const { server, client } = await build(t)
  const alice = client()
  const hint = await idTokenOf(alice)
  await ask(server, alice, { id_token_hint: hint }, 'session=alice')
  await server.app.inject(`/oauth/authorize?client_id=web&id%5Ftoken_hint=${hint}`)
  t.notMatch(server.log.join(), hint)
  t.match(server.log.join(), /"url":"\/oauth\/authorize\?[^"]*client_id=web/, 'the rest of it does')
})
