/** Sign-out that a client asks for. */
import type { AuthorizationServerEvent } from '@fastify-mcp-auth/core'
import type { OAuthClient, Page } from '@fastify-mcp-auth/testing'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { SignJWT } from 'jose'
import t, { type Test } from 'tap'
import { type BuildOptions, buildServer, CALLBACK, ORIGIN, openSignedIn, shownBy, type TestServer } from '../fixture.ts'

const AFTER = 'https://web.example/bye?x=1'
const WEB = {
  client_id: 'web',
  client_name: 'Web',
  redirect_uris: [CALLBACK],
  post_logout_redirect_uris: [AFTER, 'http://127.0.0.1:1234/bye']
}
const END = `${ORIGIN}/oauth/end_session`

interface Signing {
  readonly server: TestServer
  readonly events: AuthorizationServerEvent[]
  /** Accounts that were signed out. */
  readonly ended: string[]
}

async function build(t: Test, { options, users, ...more }: BuildOptions = {}): Promise<Signing> {
  const events: AuthorizationServerEvent[] = []
  const ended: string[] = []
  const server = await buildServer(t, {
    options: {
      openid: {},
      clients: [WEB, { ...WEB, client_id: 'other', client_name: 'Other', post_logout_redirect_uris: [] }],
      onEvent: event => void (event.type === 'session.ended' && events.push(event)),
      ...options
    },
    users: {
      signOut(request: FastifyRequest, reply: FastifyReply) {
        ended.push(/session=([^;]+)/.exec(request.headers.cookie ?? '')?.[1] ?? '')
        reply.header('set-cookie', 'session=; Max-Age=0; Path=/')
      },
      ...users
    },
    ...more
  })
  return { server, events, ended }
}

/** An ID token of the person, who stays signed in. */
async function idTokenOf(client: OAuthClient): Promise<string> {
  const tokens = await client.connect({ scope: 'openid notes:read' })
  return String((tokens as { id_token?: string }).id_token)
}

const url = (parameters: Record<string, string>): string => `${END}?${new URLSearchParams(parameters)}`

const isSignedIn = ({ browser }: OAuthClient): boolean => /session=\w/.test(browser.cookies.header(ORIGIN))

/** Where the question was answered, or there was none. */
const where = (page: Page): string => page.leavesTo ?? new URL(page.url).pathname

t.test('RP-Initiated Logout 2: without users.signOut or without openid it does not exist', async t => {
  for (const build of [{ options: { openid: {} } }, { users: { signOut: () => undefined } }]) {
    const server = await buildServer(t, build)
    t.equal(server.app.authorizationServer.signOuts, null)
    t.equal((await server.app.inject('/oauth/end_session')).statusCode, 404)
    const metadata = (await server.app.inject('/.well-known/oauth-authorization-server')).json()
    t.notOk('end_session_endpoint' in metadata)
  }
  const { server } = await build(t)
  for (const path of ['oauth-authorization-server', 'openid-configuration'])
    t.equal((await server.app.inject(`/.well-known/${path}`)).json().end_session_endpoint, END)
})

t.test('RP-Initiated Logout 6: a link alone signs nobody out, whatever it claims', async t => {
  const { server, ended } = await build(t)
  const mallory = server.client({ clientId: 'web', username: 'mallory' })
  const foreign = await idTokenOf(mallory)
  const alice = server.client({ clientId: 'web' })
  const own = await idTokenOf(alice)
  const tokens = await alice.connect({ scope: 'openid notes:read' })
  const [header, claims] = own.split('.')
  const forged = await new SignJWT({ iss: ORIGIN, sub: 'sub-alice', aud: 'web', iat: 1, exp: 2e9 })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT', kid: 'x' })
    .sign(new TextEncoder().encode('a secret of nobody, which is long enough'))
  const none = `${Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')}.${claims}.`
  for (const [what, parameters] of Object.entries({
    nothing: {},
    'only a client': { client_id: 'web' },
    'a client that is not there': { client_id: 'nobody' },
    'an ID token of somebody else': { id_token_hint: foreign },
    'a forged one': { id_token_hint: forged },
    'one without signature': { id_token_hint: none },
    'one with another signature': { id_token_hint: `${header}.${claims}.${'A'.repeat(342)}` },
    'an access token': { id_token_hint: tokens.access_token },
    'a word': { id_token_hint: 'x' }
  })) {
    const page = await alice.browser.open(url(parameters as Record<string, string>))
    t.match(shownBy(page), { status: 'sign_out', account: { displayName: 'alice' } }, what)
    t.ok(isSignedIn(alice), what)
  }
  t.strictSame(ended, [])
})

t.test('RP-Initiated Logout 2: an ID token of the very person signs out at once; grants stay', async t => {
  const { server, events, ended } = await build(t)
  const alice = server.client({ clientId: 'web' })
  const id_token_hint = await idTokenOf(alice)
  const end = await alice.browser.open(url({ id_token_hint, post_logout_redirect_uri: AFTER, state: 'a b&c' }))
  t.equal(end.leavesTo, `${AFTER}&state=a+b%26c`)
  t.notOk(isSignedIn(alice))
  t.strictSame(ended, ['alice'])
  t.match(events, [{ type: 'session.ended', subject: 'sub-alice', clientId: 'web', requestId: /^req-/ }])
  t.equal((await server.app.authorizationServer.grants.list('sub-alice')).grants.length, 1)
  const again = await alice.browser.open(url({ id_token_hint, post_logout_redirect_uri: AFTER }))
  t.equal(again.leavesTo, AFTER, 'there was nobody to sign out')
  t.equal(ended.length, 1)
})

t.test(
  'RP-Initiated Logout 2: the age of the ID token does not matter, nor that of its key, unless that was stolen',
  async t => {
    const { server, ended } = await build(t, { options: { keyRotationInterval: 0 } })
    const { keys } = server.app.authorizationServer
    const alice = server.client({ clientId: 'web' })
    const old = await idTokenOf(alice)
    await keys.rotate()
    server.clock.advance(3600 + 86_400 + 61)
    t.ok(
      (await keys.list()).every(({ state }) => state !== 'previous'),
      'retired'
    )
    await openSignedIn(alice, (await alice.start()).url)
    await alice.browser.open(url({ id_token_hint: old }))
    t.strictSame(ended, ['alice'])
    const stolen = await idTokenOf(alice)
    await keys.rotate({ immediately: true })
    server.clock.advance(61)
    for (const id_token_hint of [stolen, old])
      t.match(shownBy(await alice.browser.open(url({ id_token_hint }))), { status: 'sign_out' })
    t.equal(ended.length, 1)
  }
)

t.test(
  'RP-Initiated Logout 3: the browser goes to a registered address, character by character, or nowhere',
  async t => {
    const { server, ended } = await build(t)
    const alice = server.client({ clientId: 'web' })
    const id_token_hint = await idTokenOf(alice)
    for (const uri of [
      'https://evil.example/bye',
      AFTER.replace('?x=1', ''),
      `${AFTER}&y`,
      AFTER.toUpperCase(),
      'http://127.0.0.1:9999/bye',
      'javascript:alert(1)',
      '//evil.example',
      '/login',
      CALLBACK
    ])
      for (const who of [
        { id_token_hint },
        { client_id: 'web' },
        { client_id: 'other' },
        { client_id: 'nobody' },
        {}
      ]) {
        const page = await alice.browser.open(url({ ...who, post_logout_redirect_uri: uri } as Record<string, string>))
        t.equal(page.statusCode, 400, `${uri} ${Object.keys(who)}`)
        t.equal(page.leavesTo, null)
      }
    const two = await alice.browser.open(url({ id_token_hint, client_id: 'other' }))
    t.equal(two.statusCode, 400, 'two clients')
    const long = await alice.browser.open(
      url({ client_id: 'web', post_logout_redirect_uri: AFTER, state: 'x'.repeat(2049) })
    )
    t.equal(long.statusCode, 400)
    const twice = await alice.browser.open(`${END}?client_id=web&client_id=web`)
    t.equal(twice.statusCode, 400)
    t.strictSame(ended, [])
  }
)

t.test('RP-Initiated Logout 2: who is asked may leave or stay', async t => {
  const { server, events, ended } = await build(t)
  const alice = server.client({ clientId: 'web' })
  await idTokenOf(alice)
  const link = url({ client_id: 'web', post_logout_redirect_uri: AFTER, state: 's' })
  const asked = await alice.browser.open(link)
  t.match(shownBy(asked), {
    client: { clientId: 'web', name: 'Web' },
    redirectHost: 'web.example',
    formAction: "'self' https://web.example"
  })
  const stayed = await alice.browser.submit(asked, { button: { name: 'decision', value: 'stay' } })
  t.equal(where(stayed), '/')
  t.ok(isSignedIn(alice))
  const left = await alice.browser.submit(asked, { button: { name: 'decision', value: 'sign_out' } })
  t.equal(left.leavesTo, `${AFTER}&state=s`)
  t.notOk(isSignedIn(alice))
  t.match(events, [{ clientId: 'web', subject: 'sub-alice' }])
  const again = await alice.browser.submit(asked, { button: { name: 'decision', value: 'sign_out' } })
  t.equal(again.leavesTo, `${AFTER}&state=s`, 'a double click ends there too')
  t.strictSame(ended, ['alice'])
})

t.test('without an address the browser goes to the page where a sign-out ends', async t => {
  const error = async () => ({ html: '', headers: {} })
  for (const [signedOutUrl, wanted] of [
    ['/signed-out', '/signed-out'],
    [undefined, '/']
  ] as const) {
    const { server } = await build(t, {
      plainErrors: true,
      after: app => app.authorizationServer.present({ error, signedOutUrl })
    })
    const alice = server.client({ clientId: 'web' })
    const end = await alice.browser.open(url({ id_token_hint: await idTokenOf(alice) }))
    t.equal(where(end), wanted)
  }
})

t.test('a forged, borrowed, old or altered answer signs nobody out', async t => {
  const { server, ended } = await build(t)
  const alice = server.client({ clientId: 'web' })
  await idTokenOf(alice)
  const asked = shownBy(await alice.browser.open(url({ client_id: 'web', post_logout_redirect_uri: AFTER })))
  const { request, proof } = { request: String(asked['request']), proof: String(asked['proof']) }
  const cookie = alice.browser.cookies.header(`${ORIGIN}/oauth/end_session/confirm`)
  const bob = server.client({ clientId: 'web', username: 'bob' })
  await idTokenOf(bob)
  const ofBob = shownBy(await bob.browser.open(url({})))
  const answer = (form: Record<string, string>, headers: Record<string, string> = {}) =>
    server.app.inject({
      method: 'POST',
      url: '/oauth/end_session/confirm',
      headers: { 'content-type': 'application/x-www-form-urlencoded', cookie, ...headers },
      payload: new URLSearchParams({ decision: 'sign_out', request, proof, ...form }).toString()
    })
  t.equal((await answer({}, { origin: 'https://evil.example' })).statusCode, 403)
  t.equal((await answer({}, { 'sec-fetch-site': 'cross-site' })).statusCode, 403)
  t.equal((await answer({ proof: '' })).statusCode, 409)
  t.equal((await answer({ proof: String(ofBob['proof']) })).statusCode, 409)
  t.equal((await answer({ request: String(ofBob['request']) })).statusCode, 403)
  t.equal((await answer({ request: `${request.slice(0, -2)}AA` })).statusCode, 403)
  t.equal((await answer({}, { cookie: cookie.replace('alice', 'bob') })).statusCode, 409, 'somebody else by now')
  t.equal((await answer({}, { cookie: 'session=alice' })).statusCode, 403, 'another browser')
  t.equal((await answer({ decision: 'x' })).statusCode, 400)
  const other = await bob.browser.open(`${ORIGIN}/oauth/end_session/confirm?${new URLSearchParams({ request })}`)
  t.equal(other.statusCode, 403)
  t.notMatch(other.body, /alice/)
  server.clock.advance(900)
  t.equal((await answer({})).statusCode, 410)
  t.strictSame(ended, [])
})

t.test('RP-Initiated Logout 2: a form is as good as a link, and brings the session along', async t => {
  const { server, ended } = await build(t)
  const alice = server.client({ clientId: 'web' })
  const form = { id_token_hint: await idTokenOf(alice), post_logout_redirect_uri: AFTER, state: 's', evil: 'x' }
  const response = await server.app.inject({
    method: 'POST',
    url: '/oauth/end_session',
    // As a browser sends it from another site: without the session.
    headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://web.example' },
    payload: new URLSearchParams(form).toString()
  })
  t.equal(response.statusCode, 303)
  const location = String(response.headers.location)
  t.match(location, /^\/oauth\/end_session\?id_token_hint=/)
  t.notMatch(location, /evil/)
  t.equal((await alice.browser.open(`${ORIGIN}${location}`)).leavesTo, `${AFTER}&state=s`)
  t.strictSame(ended, ['alice'])
})

t.test(
  'OpenID Connect Core 8.1: with pairwise subjects the hint names the person as its client knows them',
  async t => {
    const { server, ended } = await build(t, { options: { pairwiseSubjects: { salt: 's'.repeat(32) } } })
    const mallory = server.client({ clientId: 'web', username: 'mallory' })
    const foreign = await idTokenOf(mallory)
    const alice = server.client({ clientId: 'web' })
    const id_token_hint = await idTokenOf(alice)
    t.match(shownBy(await alice.browser.open(url({ id_token_hint: foreign }))), { status: 'sign_out' })
    await alice.browser.open(url({ id_token_hint }))
    t.strictSame(ended, ['alice'])
  }
)

t.test('an app whose own sign-out fails is an outage: nobody is told that they are out', async t => {
  const { server, events } = await build(t, {
    users: {
      signOut() {
        throw new Error('the session store is down')
      }
    }
  })
  const alice = server.client({ clientId: 'web' })
  const page = await alice.browser.open(url({ id_token_hint: await idTokenOf(alice), post_logout_redirect_uri: AFTER }))
  t.equal(page.statusCode, 503)
  t.equal(page.leavesTo, null)
  t.strictSame(events, [])
})

t.test(
  'RP-Initiated Logout 3.1: addresses are registered like redirect URIs, and echoed where they are used',
  async t => {
    const payload = {
      client_name: 'App',
      redirect_uris: [CALLBACK],
      post_logout_redirect_uris: [AFTER, 'javascript:alert(1)', 'http://evil.example/', AFTER]
    }
    const { server } = await build(t)
    const registered = (await server.app.inject({ method: 'POST', url: '/oauth/register', payload })).json()
    t.strictSame(registered.post_logout_redirect_uris, [AFTER])
    const alice = server.client({ clientId: 'web' })
    await idTokenOf(alice)
    const page = await alice.browser.open(url({ client_id: registered.client_id, post_logout_redirect_uri: AFTER }))
    t.match(shownBy(page), { client: { name: 'App' }, redirectHost: 'web.example' })
    const without = await buildServer(t)
    const echoed = (await without.app.inject({ method: 'POST', url: '/oauth/register', payload })).json()
    t.notOk('post_logout_redirect_uris' in echoed)
    const wrong = { ...WEB, post_logout_redirect_uris: ['http://evil.example/'] }
    await t.rejects(build(t, { options: { clients: [wrong] } }), { message: /not acceptable: http:\/\/evil\.example/ })
  }
)

t.test('GEN-6: no ID token is in the log', async t => {
  const { server } = await build(t)
  const alice = server.client({ clientId: 'web' })
  const id_token_hint = await idTokenOf(alice)
  await alice.browser.open(url({ id_token_hint: `${id_token_hint.slice(0, -3)}xyz` }))
  await alice.browser.open(url({ id_token_hint }))
  const signature = id_token_hint.split('.')[2]?.slice(0, 40) ?? ''
  t.ok(server.log.some(line => line.includes('"url":"/oauth/end_session"')))
  t.notOk(server.log.some(line => line.includes(signature)))
})

t.test(
  'RP-Initiated Logout 3: without a place to go on to it ends where the app begins, also below a path',
  async t => {
    for (const [path, home] of [
      ['', '/'],
      ['/app', '/app']
    ]) {
      const { server } = await build(t, { options: { issuer: `${ORIGIN}${path}` } })
      const { signOuts } = server.app.authorizationServer
      const endpoint = String(signOuts?.path).replace('/confirm', '')
      const { statusCode, headers } = await server.app.inject(endpoint)
      t.match({ statusCode, location: headers.location }, { statusCode: 303, location: new RegExp(`^${home}$`) })
    }
  }
)
