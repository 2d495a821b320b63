/** Forged, borrowed, guessed and repeated decisions, against the real authorization server and our pages. */
import { createOAuthClient, type OAuthClient, type Page } from '@fastify-mcp-auth/testing'
import t, { type Test } from 'tap'
import { type AcmeNotes, createAcmeNotes } from '../flows/acme-notes.ts'

const CALLBACK = 'http://127.0.0.1:49152/callback'
const clients = [
  { client_id: 'assistant', client_name: 'Assistant', redirect_uris: [CALLBACK] },
  { client_id: 'other', client_name: 'Other', redirect_uris: [CALLBACK] }
]

const acmeNotes = (t: Test): Promise<AcmeNotes> => createAcmeNotes(t, { options: { clients } })

/** A client with a browser of its own. */
function clientOf({ app, origin, resource }: AcmeNotes, clientId = 'assistant', username = 'alice'): OAuthClient {
  return createOAuthClient({ app, resource, issuer: origin, clientId, redirectUri: CALLBACK, username, password: 'pw' })
}

/** The consent page, in front of a person who is signed in. */
async function openPage(client: OAuthClient): Promise<{ page: Page; codeVerifier: string }> {
  const { url, codeVerifier } = await client.start({ scope: 'mcp:tools notes:read' })
  const page = await client.browser.open(url)
  return { page: page.forms[0]?.buttons.length === 1 ? await client.login(page) : page, codeVerifier }
}

/** Sends the decision of a page by hand. */
function post(
  { app }: AcmeNotes,
  page: Page,
  { cookie, headers = {}, fields = {} }: { cookie: string; headers?: object; fields?: object }
) {
  const account = page.forms[0]?.fields.find(({ name }) => name === 'account')?.value ?? ''
  return app.inject({
    method: 'POST',
    url: new URL(page.url).pathname,
    headers: { 'content-type': 'application/x-www-form-urlencoded', cookie, ...headers },
    payload: new URLSearchParams({ account, decision: 'allow', ...fields }).toString()
  })
}

async function nothingGranted(t: Test, { server }: AcmeNotes): Promise<void> {
  for (const who of ['alice', 'bob', 'mallory'])
    t.strictSame((await server.grants.list(`sub-${who}`)).grants, [], `nothing for ${who}`)
}

t.test('CSRF: the decision of a page counts only when its own origin sends it', async t => {
  const acme = await acmeNotes(t)
  const alice = clientOf(acme)
  const { page } = await openPage(alice)
  const cookie = alice.browser.cookies.header(page.url)
  const foreign = [
    { origin: 'https://evil.example' },
    { origin: 'http://127.0.0.1:4000' },
    { origin: 'http://localhost:3000' },
    { origin: 'https://127.0.0.1:3000' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'null', 'sec-fetch-site': 'cross-site' }
  ]
  for (const headers of foreign) {
    const { statusCode, headers: answer } = await post(acme, page, { cookie, headers })
    t.equal(statusCode, 403, JSON.stringify(headers))
    t.equal(answer.location, undefined)
  }
  await nothingGranted(t, acme)
  t.equal((await post(acme, page, { cookie, headers: { origin: acme.origin } })).statusCode, 303, 'the real one works')
})

t.test('CSRF: a page that the same person opened in another browser is worth nothing in this one', async t => {
  const acme = await acmeNotes(t)
  const [desk, phone] = [clientOf(acme), clientOf(acme)]
  const { page } = await openPage(desk)
  await openPage(phone)
  const { statusCode, body, headers } = await post(acme, page, { cookie: phone.browser.cookies.header(page.url) })
  t.equal(statusCode, 403)
  t.equal(headers.location, undefined)
  t.match(body, 'This request began in another browser')
  t.notMatch(body, 'Assistant', 'not even who asks is told')
  await nothingGranted(t, acme)
})

t.test('CSRF: a login as the attacker in the browser of the victim gives the victim nothing to allow', async t => {
  const acme = await acmeNotes(t)
  const mallory = clientOf(acme, 'assistant', 'mallory')
  const { page } = await openPage(mallory)
  const alice = clientOf(acme)
  const { page: hers } = await openPage(alice)
  const proof = page.forms[0]?.fields.find(({ name }) => name === 'account')?.value ?? ''
  const { statusCode } = await post(acme, hers, {
    cookie: alice.browser.cookies.header(hers.url),
    fields: { account: proof }
  })
  t.equal(statusCode, 409)
  await nothingGranted(t, acme)
})

t.test('handle guessing: what was never issued is unknown, whatever it looks like', async t => {
  const acme = await acmeNotes(t)
  const alice = clientOf(acme)
  const { page } = await openPage(alice)
  const cookie = alice.browser.cookies.header(page.url)
  const handle = new URL(page.url).pathname.split('/').at(-1) ?? ''
  t.match(handle, /^[A-Za-z0-9_-]{43}$/, '256 bits')
  const guesses = [handle.slice(0, -1), `${handle}A`, handle.toLowerCase(), 'A'.repeat(43), '%00', '..%2f..', '*', '_']
  for (const guess of guesses) {
    for (const method of ['GET', 'POST'] as const) {
      const { statusCode, headers, body } = await acme.app.inject({
        method,
        url: `/oauth/interaction/${guess}`,
        headers: { cookie, 'content-type': 'application/x-www-form-urlencoded' },
        ...(method === 'POST' ? { payload: 'decision=allow' } : {})
      })
      t.equal(statusCode, 404, `${method} ${guess}`)
      t.equal(headers.location, undefined)
      t.notMatch(body, 'Assistant')
    }
  }
  await nothingGranted(t, acme)
})

t.test('handle reuse: one answer for each; another decision afterwards changes nothing', async t => {
  const acme = await acmeNotes(t)
  const alice = clientOf(acme)
  const { page, codeVerifier } = await openPage(alice)
  const cookie = alice.browser.cookies.header(page.url)
  const denied = await post(acme, page, { cookie, fields: { decision: 'deny' } })
  t.match(denied.headers.location, 'error=access_denied')
  const { statusCode, headers, body } = await post(acme, page, { cookie })
  t.equal(statusCode, 409)
  t.equal(headers.location, undefined)
  t.match(body, 'You have already answered')
  await nothingGranted(t, acme)

  const second = await openPage(alice)
  const allowed = await post(acme, second.page, { cookie })
  const code = new URL(String(allowed.headers.location)).searchParams.get('code')
  const redeemed = await alice.redeem({ code, codeVerifier: second.codeVerifier, redirectUri: CALLBACK })
  t.equal(redeemed.statusCode, 200)
  t.equal((await post(acme, second.page, { cookie })).statusCode, 409, 'also the same decision, once its code was used')
  t.equal((await acme.server.grants.list('sub-alice')).grants.length, 1)
  t.not(codeVerifier, second.codeVerifier)
})

t.test('a look at a page by HEAD, or at its logo, answers no question for the person', async t => {
  const redirectUri = 'https://web.example/callback'
  const told: string[] = []
  const acme = await createAcmeNotes(t, {
    options: {
      clients: [
        {
          client_id: 'web',
          client_name: 'Web',
          redirect_uris: [redirectUri],
          logo_uri: 'https://web.example/logo.png'
        }
      ],
      rateLimit: { authorize: 10 },
      onEvent: ({ type }) => void told.push(type)
    },
    consent: {
      json: true,
      fetch: async () => ({ status: 200, headers: {}, body: Buffer.from('\x89PNG\r\n\x1a\n', 'latin1') })
    }
  })
  const { app, origin, resource } = acme
  const client = createOAuthClient({
    app,
    resource,
    issuer: origin,
    clientId: 'web',
    redirectUri,
    username: 'alice',
    password: 'pw'
  })
  const [undecided, allowed] = [await openPage(client), await openPage(client)]
  t.match((await client.decide(allowed.page)).leavesTo, /code=/, 'remembered from now on')
  const url = new URL(undecided.page.url).pathname
  const cookie = client.browser.cookies.header(undecided.page.url)
  told.length = 0
  t.equal((await app.inject({ method: 'HEAD', url, headers: { cookie } })).statusCode, 404)
  t.equal((await app.inject({ method: 'HEAD', url: `${url}/model`, headers: { cookie } })).statusCode, 404)
  for (let i = 0; i < 50; i++) t.equal((await app.inject({ url: `${url}/logo`, headers: { cookie } })).statusCode, 200)
  t.strictSame(told, [])
  const denied = await post(acme, undecided.page, { cookie, headers: { origin }, fields: { decision: 'deny' } })
  t.match(denied.headers.location, /error=access_denied/)
})

t.test('confused deputy: a yes to one client buys nothing for another', async t => {
  const acme = await acmeNotes(t)
  const [assistant, other] = [clientOf(acme), clientOf(acme, 'other')]
  const { page, codeVerifier } = await openPage(assistant)
  const bent = { client_id: 'other', redirect_uri: 'https://evil.example/callback', scope: 'notes:read' }
  const cookie = assistant.browser.cookies.header(page.url)
  const { headers } = await post(acme, page, { cookie, fields: bent })
  const answer = new URL(String(headers.location))
  t.equal(`${answer.origin}${answer.pathname}`, CALLBACK, 'what was asked is not in the form')
  const code = answer.searchParams.get('code')
  const stolen = await other.redeem({ code, codeVerifier, redirectUri: CALLBACK })
  t.equal(stolen.statusCode, 400)
  t.equal(stolen.json()['error'], 'invalid_grant')
  const { page: asked } = await openPage(other)
  t.match(asked.body, /Other/, 'and the other client has to ask for itself')
  t.equal(asked.leavesTo, null)
})

t.test('PX-1: a client that registers under the name of one that was allowed is asked about anew', async t => {
  const acme = await acmeNotes(t)
  const alice = clientOf(acme)
  await alice.connect({ scope: 'mcp:tools' })
  const impostor = createOAuthClient({
    app: acme.app,
    resource: acme.resource,
    issuer: acme.origin,
    redirectUri: CALLBACK
  })
  await impostor.register({ client_name: 'Assistant' })
  const { url } = await impostor.start({ scope: 'mcp:tools' })
  const page = await alice.browser.open(url)
  t.equal(page.leavesTo, null, 'no answer without a question')
  t.match(page.body, 'not verified')
  t.equal((await acme.server.grants.list('sub-alice')).grants.length, 1)
})

t.test('click-through: ten decisions at the same moment are one, with one code', async t => {
  const acme = await acmeNotes(t)
  const alice = clientOf(acme)
  const { page, codeVerifier } = await openPage(alice)
  const cookie = alice.browser.cookies.header(page.url)
  const answers = await Promise.all(Array.from({ length: 10 }, () => post(acme, page, { cookie })))
  const codes = answers.map(({ headers }) => new URL(String(headers.location)).searchParams.get('code'))
  t.equal(new Set(codes).size, 1)
  const redeemed = await alice.redeem({ code: codes[0] ?? null, codeVerifier, redirectUri: CALLBACK })
  t.equal(redeemed.statusCode, 200)
  t.equal((await acme.server.grants.list('sub-alice')).grants.length, 1)
})

t.test('click-through: a yes and a no at the same moment: one of them counts, and the other hears so', async t => {
  const acme = await acmeNotes(t)
  const alice = clientOf(acme)
  const { page } = await openPage(alice)
  const cookie = alice.browser.cookies.header(page.url)
  const answers = await Promise.all(
    ['allow', 'deny', 'allow', 'deny'].map(decision => post(acme, page, { cookie, fields: { decision } }))
  )
  const kinds = answers.map(({ statusCode, headers }) =>
    statusCode === 303 ? (String(headers.location).includes('error=') ? 'no' : 'yes') : 'refused'
  )
  t.equal(kinds.filter(kind => kind === 'refused').length, 2)
  t.equal(new Set(kinds.filter(kind => kind !== 'refused')).size, 1)
})
