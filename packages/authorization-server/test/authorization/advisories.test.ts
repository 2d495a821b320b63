/** What went wrong at others between an authorization request and its answer, as tests that it cannot go wrong here. */
import * as openid from 'openid-client'
import t from 'tap'
import { buildServer, CALLBACK, ORIGIN, type TestServer } from '../fixture.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

/** Somebody starts a request with their own client and browser, and stops before the decision. */
async function pendingRequest(server: TestServer) {
  const client = server.client({ username: 'mallory' })
  const page = await client.login(await client.browser.open((await client.start()).url))
  const account = page.forms[0]?.fields.find(({ name }) => name === 'account')?.value ?? ''
  return { client, page, path: new URL(page.url).pathname, account }
}

/** What the browser of another person has: their session, and a cookie of requests of their own. */
async function victimOf(server: TestServer): Promise<string> {
  const own = server.client({ username: 'bob' })
  const page = await own.login(await own.browser.open((await own.start()).url))
  return own.browser.cookies.header(page.url) ?? ''
}

t.test(
  'CVE-2026-27124, GHSA-rww4-4w9c-7733: a request that another browser began cannot be allowed, whoever is signed in',
  async t => {
    const server = await buildServer(t)
    const { client, path, page } = await pendingRequest(server)
    const cookie = await victimOf(server)
    t.match(cookie, /session=bob.*mcp-browser=|mcp-browser=.*session=bob/)
    for (const headers of [{ cookie }, { cookie: 'session=bob' }]) {
      const shown = await server.app.inject({ url: path, headers })
      t.equal(shown.statusCode, 403, 'also where the login leads back to it')
      t.notMatch(shown.body, 'Test client')
      for (const decision of ['allow', 'deny']) {
        const payload = `decision=${decision}&scope=notes%3Aread&account=x`
        const decided = await server.app.inject({
          method: 'POST',
          url: path,
          headers: { ...FORM, ...headers },
          payload
        })
        t.equal(decided.statusCode, 403)
        t.equal(decided.headers.location, undefined)
      }
    }
    t.match(await server.storage.counts(), { grants: 0 })
    t.match((await client.decide(page)).leavesTo, /code=/, 'whoever began it still can')
  }
)

t.test(
  'CVE-2026-27124, GHSA-rww4-4w9c-7733: nor with the cookie of the other browser, for an account that did not see the page',
  async t => {
    const server = await buildServer(t)
    const { client, path, page, account } = await pendingRequest(server)
    const planted = (client.browser.cookies.header(page.url) ?? '').replace('session=mallory', 'session=bob')
    t.match(planted, 'session=bob')
    const payload = `decision=allow&scope=notes%3Aread&account=${account}`
    const headers = { ...FORM, cookie: planted }
    const decided = await server.app.inject({ method: 'POST', url: path, headers, payload })
    t.equal(decided.statusCode, 409)
    t.match(decided.body, 'account_changed')
    t.match(await server.storage.counts(), { grants: 0 })
  }
)

t.test('fastmcp 3519: an approval that another site sends for the person counts for nothing', async t => {
  const server = await buildServer(t)
  const { client, path, page, account } = await pendingRequest(server)
  const cookie = client.browser.cookies.header(page.url) ?? ''
  const post = (headers: object, payload: string) =>
    server.app.inject({ method: 'POST', url: path, headers: { ...FORM, cookie, ...headers }, payload })
  const full = `decision=allow&scope=notes%3Aread&account=${account}`
  for (const headers of [
    { origin: 'https://evil.example' },
    { origin: `${ORIGIN}.evil.example` },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' }
  ])
    t.equal((await post(headers, full)).statusCode, 403, JSON.stringify(headers))
  for (const guess of ['', '&account=', '&account=sub-mallory', `&account=${account.slice(0, -1)}`])
    t.equal((await post({}, `decision=allow&scope=notes%3Aread${guess}`)).statusCode, 409, 'without the proof')
  t.equal(
    (await server.app.inject({ url: `${path}?${full}`, headers: { cookie } })).statusCode,
    200,
    'a link decides nothing'
  )
  t.match(await server.storage.counts(), { grants: 0 })
})

t.test('GHSA-rww4-4w9c-7733: a browser secret is made here, never taken over from a request', async t => {
  const server = await buildServer(t)
  const { url } = await server.client().start()
  const open = async (cookie: string) => {
    const { headers } = await server.app.inject({ url: url.slice(ORIGIN.length), headers: { cookie } })
    return String(headers['set-cookie'])
  }
  for (const cookie of ['', 'mcp-browser=', 'mcp-browser=short', `mcp-browser=${'a'.repeat(44)}`, 'mcp-browser=a b'])
    t.match(await open(cookie), /^mcp-browser=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/, cookie)
  t.not(await open(''), await open(''))
})

t.test('RFC 9207 4: mixed up, a client learns from iss that the code is not for the server it thinks of', async t => {
  const server = await buildServer(t, {
    options: { clients: [{ client_id: 'web', client_name: 'Web', redirect_uris: [CALLBACK] }] }
  })
  const metadata = (await server.app.inject('/.well-known/oauth-authorization-server')).json<openid.ServerMetadata>()
  const sent: string[] = []
  const configured = (changes: Partial<openid.ServerMetadata>) => {
    const config = new openid.Configuration({ ...metadata, ...changes }, 'web', undefined, openid.None())
    openid.allowInsecureRequests(config)
    config[openid.customFetch] = async url => {
      sent.push(url)
      return new Response('{}', { status: 500 })
    }
    return config
  }
  // It says that the sign-in is at our endpoint, so that the person sees pages that they know, and takes the code itself.
  const evil = configured({ issuer: 'https://evil.example', token_endpoint: 'https://evil.example/token' })
  const pkceCodeVerifier = openid.randomPKCECodeVerifier()
  const complaint = async (answer: URL): Promise<string> => {
    const error = await openid.authorizationCodeGrant(evil, answer, { pkceCodeVerifier }).catch(error => error)
    return String(error.cause?.message)
  }
  for (const decision of ['allow', 'deny'] as const) {
    const url = openid.buildAuthorizationUrl(evil, {
      redirect_uri: CALLBACK,
      code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256'
    })
    const person = server.client()
    const page = await person.login(await person.browser.open(url.href))
    const answer = new URL((await person.decide(page, { decision })).leavesTo ?? '')
    t.equal(answer.searchParams.get('iss'), ORIGIN)
    t.match(await complaint(answer), /iss/, decision)
    t.strictSame(sent, [], 'the code goes nowhere')
    answer.searchParams.delete('iss')
    t.match(await complaint(answer), /iss/, 'nor when it is taken away')
    t.strictSame(sent, [])
  }
})
