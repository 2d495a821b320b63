/** prompt, max_age and the hints: what a client may say about the sign-in, and what comes of it. */
import type { Bends, OAuthClient } from '@fastify-mcp-auth/testing'
import t from 'tap'
import { buildServer, modelOf, ORIGIN, openSignedIn, type TestServer } from '../fixture.ts'

const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
const leaves = (location: unknown) => Object.fromEntries(new URL(String(location), ORIGIN).searchParams)

/** Opens the request once, as alice or as nobody. @returns where the browser is sent */
async function ask(server: TestServer, client: OAuthClient, parameters: Bends, cookie = 'session=alice') {
  const { url } = await client.start({ parameters })
  const { statusCode, headers } = await server.app.inject({ url: url.slice(ORIGIN.length), headers: { cookie } })
  return { statusCode, location: String(headers.location), cookies: headers['set-cookie'] }
}

t.test('OpenID Connect Core 3.1.2.1: prompt=none asks nobody anything', async t => {
  const server = await buildServer(t)
  const client = server.client()
  for (const [cookie, error] of [
    ['', 'login_required'],
    ['session=alice', 'consent_required']
  ] as const) {
    const { statusCode, location, cookies } = await ask(server, client, { prompt: 'none' }, cookie)
    t.equal(statusCode, 303)
    t.match(location, client.redirectUri)
    t.match(leaves(location), { error, iss: ORIGIN, state: /./ })
    t.equal(cookies, undefined)
  }
  t.match(await server.storage.counts(), { interactions: 0, grants: 0 })
})

for (const prompt of ['none login', 'none none consent', 'create', 'LOGIN', 'login create'])
  t.test(`OpenID Connect Core 3.1.2.1: prompt "${prompt}" is refused`, async t => {
    const server = await buildServer(t)
    const { location } = await ask(server, server.client(), { prompt })
    t.match(leaves(location), { error: 'invalid_request', error_description: /prompt/ })
    t.match(await server.storage.counts(), { interactions: 0 })
  })

for (const max_age of ['-1', '1.5', 'x', ' 1', '1'.repeat(11)])
  t.test(`OpenID Connect Core 3.1.2.1: max_age "${max_age}" is refused`, async t => {
    const server = await buildServer(t)
    t.match(leaves((await ask(server, server.client(), { max_age })).location), { error: 'invalid_request' })
    t.match(await server.storage.counts(), { interactions: 0 })
  })

for (const parameters of [{ prompt: 'login' }, { max_age: '0' }, { max_age: '30', prompt: 'consent' }])
  t.test(`OpenID Connect Core 3.1.2.1: with ${JSON.stringify(parameters)} an old session is worth nothing`, async t => {
    const server = await buildServer(t)
    const client = server.client()
    server.accounts.signedInAt.set('alice', server.clock.now() - 31)
    client.browser.cookies.store(`${ORIGIN}/`, ['session=alice; Path=/'])
    const { url } = await client.start({ parameters })
    const login = await client.browser.open(url)
    t.equal(new URL(login.url).pathname, '/login')
    const page = new URL(new URL(login.url).searchParams.get('returnTo') ?? '', ORIGIN).href
    t.equal(new URL((await client.browser.open(page)).url).pathname, '/login', 'nor does going around the login help')
    const asked = await client.login(login)
    t.match(modelOf(asked).status, 'consent')
    server.accounts.signedInAt.set('alice', server.clock.now() - 31)
    const undone = await client.decide(asked)
    t.equal(new URL(undone.url).pathname, '/login', 'nor an old session that came back before the decision')
    t.match(await server.storage.counts(), { grants: 0 })
    t.match((await client.decide(await client.login(undone))).leavesTo, /code=/)
  })

t.test('OpenID Connect Core 2: a fresh enough session is enough, and auth_time tells when it began', async t => {
  const server = await buildServer(t)
  const client = server.client()
  const since = server.clock.now() - 29
  server.accounts.signedInAt.set('alice', since)
  client.browser.cookies.store(`${ORIGIN}/`, ['session=alice; Path=/'])
  const { url } = await client.start({ parameters: { max_age: '30' } })
  t.match(new URL((await client.browser.open(url)).url).pathname, '/oauth/interaction/')
  const { access_token: token } = await client.connect({ parameters: { max_age: '30' } })
  t.equal(claimsOf(token).auth_time, since)
})

t.test('RFC 9470 4: how a person signed in is told in acr and amr', async t => {
  const users = {
    current: () => ({ user: 'alice', authTime: 5, acr: 'urn:example:gold', methods: ['pwd', 'otp'] }),
    loginUrl: () => '/login',
    subject: (user: unknown) => `sub-${user}`,
    find: () => 'alice',
    claims: () => ({ acr: 'forged', amr: ['forged'] }),
    displayName: String
  }
  const server = await buildServer(t, { options: { users } })
  const { access_token: token } = await server.client().connect()
  t.match(claimsOf(token), { acr: 'urn:example:gold', amr: ['pwd', 'otp'], auth_time: 5 })
})

t.test('OpenID Connect Core 3.1.2.1: select_account and login go to the login also for who is signed in', async t => {
  const server = await buildServer(t)
  for (const [prompt, told] of [
    ['select_account', 'select_account'],
    ['login', 'login'],
    ['login select_account', 'select_account'],
    ['consent', undefined]
  ] as const) {
    const { location } = await ask(server, server.client(), { prompt })
    t.equal(new URL(location, ORIGIN).pathname === '/login', told !== undefined, prompt)
    t.equal(leaves(location)['prompt'], told)
  }
})

t.test('OpenID Connect Core 3.1.2.1: hints reach the login and the page, within bounds', async t => {
  const server = await buildServer(t)
  const client = server.client()
  const parameters = {
    login_hint: 'bob@example',
    ui_locales: 'de-CH fr "><script>',
    acr_values: 'gold silver',
    display: 'popup'
  }
  const { url } = await client.start({ parameters })
  const login = await client.browser.open(url)
  t.match(leaves(login.url), {
    loginHint: 'bob@example',
    uiLocales: 'de-CH,fr',
    acrValues: 'gold,silver',
    display: 'popup'
  })
  const model = modelOf(await client.login(login))
  t.match(model, { uiLocales: ['de-CH', 'fr'], display: 'popup' })
  t.match(leaves(model.account.switchUrl), { prompt: 'login', uiLocales: 'de-CH,fr' })
  t.notMatch(model.account.switchUrl, 'bob', 'whoever wants to be somebody else is not told who to be')

  const many = Array.from({ length: 50 }, () => 'de').join(' ')
  const { location } = await ask(
    server,
    client,
    { login_hint: 'x'.repeat(321), ui_locales: many, display: 'cinema' },
    ''
  )
  t.strictSame(Object.keys(leaves(location)).sort(), ['returnTo', 'uiLocales'])
  t.equal(leaves(location)['uiLocales']?.split(',').length, 10)
  t.match(modelOf(await openSignedIn(server.client(), (await server.client().start()).url)), {
    uiLocales: [],
    display: null
  })
})

t.test(
  'OpenID Connect Core 3.1.2.6: a login that ignores prompt=login does not send the browser in a circle',
  async t => {
    const server = await buildServer(t, {
      // The login of an app that finds somebody signed in and is done.
      users: { loginUrl: ({ returnTo }) => returnTo }
    })
    const client = server.client()
    server.accounts.signedInAt.set('alice', server.clock.now() - 31)
    const refused: unknown[] = []
    server.app.authorizationServer.on('authorization.refused', ({ reason }) => void refused.push(reason))
    const { url, state } = await client.start({ parameters: { prompt: 'login' } })
    const headers = { cookie: 'session=alice' }
    const first = await server.app.inject({ url: url.slice(ORIGIN.length), headers })
    const cookie = `session=alice; ${String(first.headers['set-cookie']).split(';')[0]}`
    let location = String(first.headers.location)
    let rounds = 0
    for (; location.startsWith('/') && rounds < 20; rounds++)
      location = String((await server.app.inject({ url: location, headers: { cookie } })).headers.location)
    t.equal(rounds, 6)
    t.match(leaves(location), { error: 'login_required', error_description: /renewed/, state, iss: ORIGIN })
    t.strictSame(refused, ['sign_in_not_renewed'])
    t.match(server.log.join(), /users\.loginUrl leads to a page that does not sign in anew/)
    t.match(await server.storage.counts(), { grants: 0 })
  }
)

t.test('somebody who is slow to sign in anew, and looks at the page before, is let in', async t => {
  const server = await buildServer(t)
  const client = server.client()
  const login = await client.browser.open((await client.start({ parameters: { prompt: 'login' } })).url)
  const page = new URL(new URL(login.url).searchParams.get('returnTo') ?? '', ORIGIN).href
  for (let i = 0; i < 10; i++)
    t.equal(new URL((await client.browser.open(page)).url).pathname, '/login', 'nobody is signed in')
  t.match((await client.decide(await client.login(login))).leavesTo, /code=/)
})
