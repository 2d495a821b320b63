import type { OAuthClient, Page } from '@fastify-mcp-auth/testing'
import t, { type Test } from 'tap'
import { type BuildOptions, buildServer, CALLBACK, ORIGIN, openSignedIn, type TestServer } from '../fixture.ts'

/** Alice is signed in and looks at the consent page. */
async function asked(t: Test, build: BuildOptions = {}, scope?: string) {
  const server = await buildServer(t, build)
  const client = server.client()
  const started = await client.start(scope === undefined ? {} : { scope })
  const page = await openSignedIn(client, started.url)
  return { server, client, started, page }
}

/** Sends the form of a page by hand. */
function post(
  server: TestServer,
  page: Page,
  { fields = {}, headers = {} }: { fields?: object; headers?: object } = {}
) {
  const form = page.forms[0]
  const account = form?.fields.find(({ name }) => name === 'account')?.value ?? ''
  return server.app.inject({
    method: 'POST',
    url: new URL(form?.action ?? '').pathname,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    payload: new URLSearchParams({ decision: 'allow', account, scope: 'notes:read', ...fields }).toString()
  })
}

const cookieOf = (client: OAuthClient): string => client.browser.cookies.header(`${ORIGIN}/oauth/`)

async function nothingGranted(t: Test, server: TestServer): Promise<void> {
  t.equal((await server.storage.counts())['grants'], 0, 'nothing was granted')
}

t.test('AZ-14: allowing sends a code, the state and iss to the client', async t => {
  const { server, client, started, page } = await asked(t)
  const answered = await client.decide(page)
  t.equal(answered.statusCode, 303)
  t.equal(answered.headers['cache-control'], 'no-store')
  const { origin, pathname, searchParams } = new URL(answered.leavesTo ?? '')
  t.equal(origin + pathname, CALLBACK)
  t.strictSame([...searchParams.keys()].sort(), ['code', 'iss', 'state'])
  t.equal(searchParams.get('state'), started.state)
  t.equal(searchParams.get('iss'), ORIGIN)
  t.equal((await server.storage.counts())['grants'], 1)
})

t.test('AZ-14: denying tells access_denied with state and iss, and grants nothing', async t => {
  const { server, client, started, page } = await asked(t)
  const answered = await client.decide(page, { decision: 'deny' })
  const { searchParams } = new URL(answered.leavesTo ?? '')
  t.match(Object.fromEntries(searchParams), { error: 'access_denied', state: started.state, iss: ORIGIN })
  t.equal(searchParams.has('code'), false)
  await nothingGranted(t, server)
})

t.test('AZ-24: a person may leave scopes out; the rest is granted and told', async t => {
  const { client, page, started } = await asked(t, {}, 'notes:read notes:write')
  const answered = await client.decide(page, { scopes: ['notes:read'] })
  const code = new URL(answered.leavesTo ?? '').searchParams.get('code')
  const answer = { ...started, code, error: null, parameters: new URLSearchParams() }
  t.equal((await client.redeem(answer)).json()['scope'], 'notes:read')
})

t.test('AZ-24: nobody adds scopes that were not asked for, and none at all is a refusal', async t => {
  const { server, client, page } = await asked(t, {}, 'notes:read')
  const headers = { cookie: cookieOf(client) }
  const response = await post(server, page, { headers, fields: { scope: 'notes:admin' } })
  t.match(response.headers.location, /error=access_denied/)
  await nothingGranted(t, server)
})

t.test('SEP-2207: offline_access is granted and told, but is nothing to decide about', async t => {
  const { server, client, page } = await asked(t, {}, 'notes:read offline_access claudeai')
  t.notMatch(
    page.forms[0]?.fields.map(({ value }) => value),
    ['offline_access']
  )
  const headers = { cookie: cookieOf(client) }
  t.match(
    (await post(server, page, { headers, fields: { scope: 'offline_access' } })).headers.location,
    /access_denied/
  )
  await nothingGranted(t, server)
  const tokens = await client.connect({ scope: 'notes:read offline_access claudeai' })
  t.equal(tokens.scope, 'notes:read offline_access')
})

for (const [what, bend, status, reason] of [
  ['without its cookie', async () => ({ cookie: 'session=alice' }), 403, 'interaction_other_browser'],
  [
    'with the cookie of another browser',
    async (server: TestServer) => {
      const other = server.client()
      await openSignedIn(other, (await other.start()).url)
      return { cookie: cookieOf(other) }
    },
    403,
    'interaction_other_browser'
  ],
  [
    'with a malformed cookie',
    async () => ({ cookie: 'session=alice; mcp-browser=x' }),
    403,
    'interaction_other_browser'
  ]
] as const)
  t.test(
    `GHSA-rww4-4w9c-7733, CVE-2026-27124, PX-3: the decision ${what} is refused on a page that names nobody`,
    async t => {
      const { server, page } = await asked(t)
      const response = await post(server, page, { headers: await bend(server) })
      t.equal(response.statusCode, status)
      t.equal(response.headers.location, undefined)
      t.match(response.body, `"reason":"${reason}"`)
      t.match(response.body, '"clientName":null')
      await nothingGranted(t, server)
      const seen = await server.app.inject({ url: new URL(page.url).pathname, headers: { cookie: 'session=alice' } })
      t.equal(seen.statusCode, 403, 'nor is the page shown')
    }
  )

for (const headers of [
  { origin: 'https://evil.example' },
  { origin: 'http://127.0.0.1:3001' },
  { origin: 'https://127.0.0.1:3000' },
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'same-site' },
  { 'sec-fetch-site': 'none' },
  { origin: 'null', 'sec-fetch-site': 'cross-site' }
])
  t.test(`PrefectHQ/fastmcp#3519, PX-3: a forged form with ${JSON.stringify(headers)} is refused`, async t => {
    const { server, client, page } = await asked(t)
    const response = await post(server, page, { headers: { cookie: cookieOf(client), ...headers } })
    t.equal(response.statusCode, 403)
    t.equal(response.headers.location, undefined)
    await nothingGranted(t, server)
    const own = { cookie: cookieOf(client), origin: ORIGIN, 'sec-fetch-site': 'same-origin' }
    t.match((await post(server, page, { headers: own })).headers.location, /code=/, 'the real form still works')
  })

t.test('an interaction is answered once: a double click gets the same answer, the other decision none', async t => {
  const { server, client, page } = await asked(t)
  const first = await client.decide(page)
  t.equal((await client.decide(page)).leavesTo, first.leavesTo)
  const other = await client.decide(page, { decision: 'deny' })
  t.equal(other.statusCode, 409)
  t.match(other.body, '"reason":"interaction_answered"')
  t.equal((await client.browser.open(page.url)).statusCode, 409)
  t.equal((await server.storage.counts())['grants'], 1)
})

t.test('another choice, or the choice of another account, is another decision', async t => {
  const { server, client, page } = await asked(t, {}, 'notes:read notes:write')
  await client.decide(page, { scopes: ['notes:read', 'notes:write'] })
  t.equal((await client.decide(page, { scopes: ['notes:read'] })).statusCode, 409)
  t.equal((await client.decide(page, { scopes: ['notes:read', 'notes:write'] })).statusCode, 303)
  t.equal((await server.storage.counts())['grants'], 1)
})

t.test('an outage after the decision loses nothing: the same decision again stores the grant', async t => {
  const { server, client, started, page } = await asked(t)
  server.storage.failNextInsert('grants')
  t.equal((await client.decide(page)).statusCode, 503)
  await nothingGranted(t, server)
  const code = new URL((await client.decide(page)).leavesTo ?? '').searchParams.get('code')
  const answer = { ...started, code, error: null, parameters: new URLSearchParams() }
  t.equal((await client.redeem(answer)).statusCode, 200)
})

t.test('a denial is repeated, too, and stays one', async t => {
  const { server, client, page } = await asked(t)
  const first = await client.decide(page, { decision: 'deny' })
  t.match(first.leavesTo, /error=access_denied/)
  t.equal((await client.decide(page, { decision: 'deny' })).leavesTo, first.leavesTo)
  t.equal((await client.decide(page)).statusCode, 409)
  await nothingGranted(t, server)
})

t.test('a code that was used, revoked or has expired does not travel again', async t => {
  for (const spoil of ['redeem', 'revoke', 'wait'] as const) {
    const { server, client, page, started } = await asked(t)
    const code = new URL((await client.decide(page)).leavesTo ?? '').searchParams.get('code') ?? ''
    if (spoil === 'redeem') {
      const answer = { ...started, code, error: null, parameters: new URLSearchParams() }
      t.equal((await client.redeem(answer)).statusCode, 200)
    }
    if (spoil === 'revoke') await server.app.authorizationServer.grants.revoke(code.split('.')[0] ?? '')
    if (spoil === 'wait') server.clock.advance(60)
    const again = await client.decide(page)
    t.equal(again.statusCode, 409, spoil)
    t.equal(again.headers['location'], undefined)
  }
})

t.test('the same decision is worth nothing without the cookie and the account of the first', async t => {
  const { server, client, page } = await asked(t)
  await client.decide(page)
  const stranger = await post(server, page, { headers: { cookie: 'session=alice' } })
  t.equal(stranger.statusCode, 403)
  const cookie = cookieOf(client).replace('session=alice', 'session=bob')
  const bob = await post(server, page, { headers: { cookie } })
  t.equal(bob.statusCode, 409)
  t.equal(bob.headers.location, undefined)
})

t.test('of twenty parallel decisions one counts, and only its kind is answered', async t => {
  const { server, client, page } = await asked(t)
  const headers = { cookie: cookieOf(client) }
  const decisions = Array.from({ length: 20 }, (_, i) => ({ decision: i % 4 === 3 ? 'deny' : 'allow' }))
  const responses = await Promise.all(decisions.map(fields => post(server, page, { headers, fields })))
  const answers = responses.filter(({ statusCode }) => statusCode === 303).map(({ headers }) => headers.location)
  t.equal(new Set(answers).size, 1)
  t.equal(responses.filter(({ statusCode }) => statusCode === 409).length, 20 - answers.length)
  t.equal((await server.storage.counts())['grants'], /[?&]code=/.test(String(answers[0])) ? 1 : 0)
})

t.test('unraid 14: a page that is loaded twice works from either copy', async t => {
  const { client, page } = await asked(t)
  const copy = await client.browser.open(page.url)
  t.same(copy.forms, page.forms)
  t.match((await client.decide(page)).leavesTo, /code=/)
})

t.test('two tabs of one browser do not lock each other out', async t => {
  const { server, client, page } = await asked(t)
  const second = await openSignedIn(client, (await client.start()).url)
  t.match((await client.decide(page)).leavesTo, /code=/)
  t.match((await client.decide(second)).leavesTo, /code=/)
  t.equal((await server.storage.counts())['grants'], 2)
})

t.test('a person has 15 minutes', async t => {
  const { server, client, page } = await asked(t)
  server.clock.advance(900)
  const late = await client.decide(page)
  t.equal(late.statusCode, 410)
  t.match(late.body, '"reason":"interaction_expired"')
  t.equal((await client.browser.open(page.url)).statusCode, 410)
  await nothingGranted(t, server)
})

t.test('GHSA-cq3f-vc6p-68fh, CVE-2026-45337: the decision counts only for the account that saw the page', async t => {
  const { server, client, page } = await asked(t)
  client.browser.cookies.store(`${ORIGIN}/`, ['session=bob; Path=/'])
  const response = await client.decide(page)
  t.equal(response.statusCode, 409)
  t.match(response.body, '"reason":"account_changed"')
  await nothingGranted(t, server)
  t.match(
    (await client.decide(await client.browser.open(page.url))).leavesTo,
    /code=/,
    'bob may look and decide himself'
  )
  t.equal((await server.app.authorizationServer.grants.list('sub-alice')).grants.length, 0)
})

t.test('the proof of another interaction, or none, is not accepted', async t => {
  const { server, client, page } = await asked(t)
  const other = await openSignedIn(client, (await client.start()).url)
  const foreign = other.forms[0]?.fields.find(({ name }) => name === 'account')?.value ?? ''
  for (const account of [foreign, '', 'x']) {
    const response = await post(server, page, { headers: { cookie: cookieOf(client) }, fields: { account } })
    t.equal(response.statusCode, 409)
  }
  await nothingGranted(t, server)
})

t.test('lsfusion 1690: a session that ended meanwhile leads to the login and back, and then it works', async t => {
  const { server, client, page } = await asked(t)
  client.browser.cookies.store(`${ORIGIN}/`, ['session=; Path=/; Max-Age=0'])
  const login = await client.decide(page)
  t.equal(new URL(login.url).pathname, '/login')
  await nothingGranted(t, server)
  t.match((await client.decide(await client.login(login))).leavesTo, /code=/)
})

t.test('a person whose session ended can still say no', async t => {
  const { server, client, page } = await asked(t)
  client.browser.cookies.store(`${ORIGIN}/`, ['session=; Path=/; Max-Age=0'])
  t.match((await client.decide(page, { decision: 'deny' })).leavesTo, /error=access_denied/)
  await nothingGranted(t, server)
})

for (const handle of ['a'.repeat(43), 'x', '%00', '..', 'a'.repeat(100)])
  t.test(`a handle that was never issued (${handle.slice(0, 9)}) is a page`, async t => {
    const { server, client } = await asked(t)
    const response = await server.app.inject({
      method: 'POST',
      url: `/oauth/interaction/${handle}`,
      headers: { cookie: cookieOf(client), 'content-type': 'application/x-www-form-urlencoded' },
      payload: 'decision=allow&account=x'
    })
    t.equal(response.statusCode, 404)
    await nothingGranted(t, server)
  })

for (const fields of [{ decision: '' }, { decision: 'maybe' }])
  t.test(`a form with ${JSON.stringify(fields)} is a page, and the real one still works`, async t => {
    const { server, client, page } = await asked(t)
    const response = await post(server, page, { headers: { cookie: cookieOf(client) }, fields })
    t.equal(response.statusCode, 400)
    t.equal(response.headers.location, undefined)
    t.match((await client.decide(page)).leavesTo, /code=/)
  })

t.test('a handle that Fastify finds too long, and whatever is no handle, is a page', async t => {
  const server = await buildServer(t)
  for (const handle of ['x'.repeat(101), 'x'.repeat(5000), 'a/b'])
    for (const headers of [{}, { 'sec-fetch-site': 'cross-site' }]) {
      const { statusCode, body } = await server.app.inject({
        method: 'POST',
        url: `/oauth/interaction/${handle}`,
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        payload: 'decision=allow'
      })
      t.equal(statusCode, 404)
      t.match(body, 'interaction_unknown')
      t.match(body, 'error page')
    }
})

t.test('a body that is no form, or too large, is a page', async t => {
  const { server, client, page } = await asked(t)
  const url = new URL(page.url).pathname
  const cookie = cookieOf(client)
  const send = (type: string, payload: string) =>
    server.app.inject({ method: 'POST', url, headers: { cookie, 'content-type': type }, payload })
  t.equal((await send('application/json', '{"decision":"allow"}')).statusCode, 415)
  t.equal((await send('application/x-www-form-urlencoded', `decision=allow&x=${'a'.repeat(70_000)}`)).statusCode, 413)
  await nothingGranted(t, server)
})
