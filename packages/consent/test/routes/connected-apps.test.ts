/** What a person has connected: page, forms and JSON, against the real authorization server. */
import { UnavailableError } from '@fastify-mcp-auth/core'
import { createOAuthClient, type OAuthClient, type Page } from '@fastify-mcp-auth/testing'
import t, { type Test } from 'tap'
import { buildApp, fakeServer, threeConnectedApps } from '../fake-server.ts'
import { type AcmeNotes, type AcmeNotesOptions, createAcmeNotes } from '../flows/acme-notes.ts'

const CALLBACK = 'http://127.0.0.1:49152/callback'
const PATH = '/connected-apps'
const clients = ['assistant', 'helper'].map(id => ({
  client_id: id,
  client_name: `The ${id}`,
  redirect_uris: [CALLBACK]
}))

const acmeNotes = (t: Test, more: AcmeNotesOptions = {}): Promise<AcmeNotes> =>
  createAcmeNotes(t, { options: { clients }, consent: { connectedApps: PATH }, ...more })

function clientOf({ app, origin, resource }: AcmeNotes, clientId = 'assistant', username = 'alice'): OAuthClient {
  return createOAuthClient({ app, resource, issuer: origin, clientId, redirectUri: CALLBACK, username, password: 'pw' })
}

/** Opens the page in the browser of a client that has connected, and so is signed in. */
const open = ({ origin }: AcmeNotes, client: OAuthClient): Promise<Page> => client.browser.open(`${origin}${PATH}`)

const proofOf = (page: Page): string => page.forms[0]?.fields.find(({ name }) => name === 'account')?.value ?? ''
const headingOf = (page: Page): string => /<h1>(.*?)<\/h1>/.exec(page.body)?.[1] ?? ''
const liveOf = async ({ server }: AcmeNotes, name = 'alice'): Promise<string[]> =>
  (await server.grants.list(`sub-${name}`)).grants.map(({ clientId }) => clientId)

t.test('the page lists each app with what it may do, for whom, since when and until when', async t => {
  const acme = await acmeNotes(t)
  acme.teams.set('alice', [{ id: 'acme', name: 'Acme <Inc.>' }])
  const client = clientOf(acme)
  await client.connect({ scope: 'mcp:tools notes:read' })
  acme.clock.advance(3 * 86_400)
  const page = await open(acme, client)
  const text = page.body.replace(/<[^>]*>/g, '').replace(/\s+/g, ' ')
  t.equal(page.statusCode, 200)
  t.equal(headingOf(page), 'Connected apps')
  t.match(text, /The assistant.*verified 127\.0\.0\.1:3000.*Uses ?Acme Notes.*Acting for ?Acme &lt;Inc\.&gt;/)
  t.match(text, /See who you are ?Read your notes/)
  t.match(text, /Connected \w+ \d+, \d{4} · last active 3 days ago/)
  t.match(text, /Access ends \w+ \d+, \d{4} at the latest/)
  t.match(text, /Signed in as ?alice@acme\.example/)
  t.notMatch(text, 'Disconnect all', 'there is only one')
})

t.test('RFC 7591 2.2: apps and places have the names that they have in the language of the reader', async t => {
  const acme = await acmeNotes(t, {
    options: {
      clients,
      resources: {
        'http://127.0.0.1:3000/mcp': {
          name: { en: 'Acme Notes', de: 'Acme Notizen' },
          scopes: { 'mcp:tools': { en: 'See who you are', de: 'Sehen, wer Sie sind' } }
        }
      }
    }
  })
  const registered = await acme.app.inject({
    method: 'POST',
    url: '/oauth/register',
    payload: {
      client_name: 'Helper',
      'client_name#de': 'Helferlein \u202e<b>',
      'client_name#ja': 'ヘルパー',
      redirect_uris: [CALLBACK],
      token_endpoint_auth_method: 'none'
    }
  })
  const client = clientOf(acme, registered.json().client_id)
  await client.connect()
  const cookie = client.browser.cookies.header(acme.origin)
  const open = (lang: string, accept: string) =>
    acme.app.inject({ url: PATH, headers: { cookie, 'accept-language': lang, accept } })
  const page = await open('de', 'text/html')
  t.match(page.body, '„<bdi>Helferlein &lt;b&gt;</bdi>“', 'and it is as harmless as the other one')
  t.match(page.body, '<dd><bdi>Acme Notizen</bdi></dd>')
  t.match(page.body, 'Sehen, wer Sie sind')
  for (const [lang, name, place] of [
    ['de-AT', 'Helferlein <b>', 'Acme Notizen'],
    ['ja', 'ヘルパー', 'Acme Notes'],
    ['fr', 'Helper', 'Acme Notes']
  ] as const) {
    const [app] = (await open(lang, 'application/json')).json().apps
    t.match(app, { client: { name, shortName: name }, resources: [{ name: place }] })
    t.ok(JSON.stringify(app.named).includes(JSON.stringify({ value: name })))
  }
})

t.test('EM-13: who asks too often has to wait, on the page and as JSON, and the log and events know', async t => {
  const acme = await acmeNotes(t, {
    options: { clients, rateLimit: { authorize: 3 } },
    consent: { connectedApps: PATH, signedOut: '/signed-out' }
  })
  const asked: unknown[] = []
  acme.server.on('request.limited', event => asked.push(event))
  const statuses: number[] = []
  for (const method of ['GET', 'POST', 'GET', 'POST', 'GET'] as const)
    statuses.push((await acme.app.inject({ method, url: PATH })).statusCode)
  t.strictSame(statuses.slice(3), [429, 429], 'the form and the page are counted together')
  const page = await acme.app.inject(PATH)
  t.match(page.body, 'That was too often')
  t.match(page.headers['retry-after'], /^\d+$/)
  t.equal(page.headers['x-frame-options'], 'DENY')
  const json = await acme.app.inject({ url: PATH, headers: { accept: 'application/json' } })
  t.equal(json.statusCode, 429)
  t.match(json.json(), { error: 'rate_limited' })
  t.match(json.headers['retry-after'], /^\d+$/)
  t.equal((await acme.app.inject({ url: PATH, remoteAddress: '192.0.2.9' })).statusCode, 303, 'others are not affected')
  t.equal((await acme.app.inject('/signed-out')).statusCode, 200, 'and each page is counted alone')
  t.match(asked[0], { endpoint: 'page connected-apps' })
})

t.test('PX-3: the page cannot be framed, kept, or lead anywhere', async t => {
  const acme = await acmeNotes(t)
  const client = clientOf(acme)
  await client.connect()
  const { headers } = await open(acme, client)
  t.equal(headers['x-frame-options'], 'DENY')
  t.equal(headers['cache-control'], 'no-store')
  t.match(headers['content-security-policy'], /frame-ancestors 'none'.*form-action 'self'$/)
  t.notMatch(headers['content-security-policy'], 'script-src')
})

t.test('who is not signed in is sent to the login of the app, and comes back', async t => {
  const acme = await acmeNotes(t)
  const { statusCode, headers, body } = await acme.app.inject(PATH)
  t.equal(statusCode, 303)
  t.equal(headers.location, '/login?returnTo=%2Fconnected-apps&prompt=')
  t.equal(body, '')
  const client = clientOf(acme)
  const login = await open(acme, client)
  const page = await client.login(login)
  t.equal(new URL(page.url).pathname, PATH)
  t.match(page.body, 'No app can use')
  t.equal(page.forms.length, 0)
})

t.test('one is disconnected: its tokens die at once, the others live', async t => {
  const acme = await acmeNotes(t)
  const [assistant, helper] = [clientOf(acme), clientOf(acme, 'helper')]
  const first = await assistant.connect({ scope: 'mcp:tools' })
  const second = await helper.connect({ scope: 'mcp:tools' })
  const page = await open(acme, assistant)
  const [grant] = (await acme.server.grants.list('sub-alice')).grants.filter(({ clientId }) => clientId === 'assistant')
  const after = await assistant.browser.submit(page, { button: { name: 'revoke', value: grant?.grantId ?? '' } })
  t.equal(new URL(after.url).search, '?done=one')
  t.match(after.body, 'The app is disconnected.')
  t.notMatch(after.body, 'The assistant')
  t.strictSame(await liveOf(acme), ['helper'])
  await t.rejects(acme.server.verifyAccessToken(first.access_token, acme.resource), { name: 'OAuthError' })
  t.equal((await assistant.refresh(first.refresh_token ?? '')).statusCode, 400)
  t.ok(await acme.server.verifyAccessToken(second.access_token, acme.resource))
  const again = await assistant.browser.submit(page, { button: { name: 'revoke', value: grant?.grantId ?? '' } })
  t.equal(again.statusCode, 200, 'a second click on the same button is no mistake')
})

t.test('all are disconnected at once', async t => {
  const acme = await acmeNotes(t)
  const assistant = clientOf(acme)
  const tokens = [await assistant.connect(), await clientOf(acme, 'helper').connect()]
  const bob = await clientOf(acme, 'helper', 'bob').connect()
  const page = await open(acme, assistant)
  t.match(page.body, 'Disconnect all apps')
  const after = await assistant.browser.submit(page, { button: { name: 'revoke', value: 'all' } })
  t.match(after.body, 'All apps are disconnected.')
  t.strictSame(await liveOf(acme), [])
  for (const { access_token } of tokens)
    await t.rejects(acme.server.verifyAccessToken(access_token, acme.resource), { name: 'OAuthError' })
  t.ok(await acme.server.verifyAccessToken(bob.access_token, acme.resource), 'nothing of somebody else')
})

t.test('nobody disconnects what is not theirs, although ids are no secrets', async t => {
  const acme = await acmeNotes(t)
  const alice = clientOf(acme)
  await alice.connect()
  const mallory = clientOf(acme, 'helper', 'mallory')
  await mallory.connect()
  const [grant] = (await acme.server.grants.list('sub-alice')).grants
  const page = await open(acme, mallory)
  await mallory.browser.submit(page, { button: { name: 'revoke', value: grant?.grantId ?? '' } })
  t.strictSame(await liveOf(acme), ['assistant'])
})

t.test('CSRF: a form counts only with its proof, in its browser, for its account, from its origin', async t => {
  const acme = await acmeNotes(t)
  const [desk, phone] = [clientOf(acme), clientOf(acme)]
  await desk.connect()
  await phone.connect()
  const bob = clientOf(acme, 'helper', 'bob')
  await bob.connect()
  const [here, there, his] = [await open(acme, desk), await open(acme, phone), await open(acme, bob)]
  t.not(proofOf(here), proofOf(there))
  const cookie = desk.browser.cookies.header(here.url)
  const form = 'application/x-www-form-urlencoded'
  const send = (account: string, headers: object = {}, content = form) =>
    acme.app.inject({
      method: 'POST',
      url: PATH,
      headers: { cookie, 'content-type': content, ...headers },
      payload: content === form ? `account=${account}&revoke=all` : JSON.stringify({ account, revoke: 'all' })
    })
  for (const [what, account] of [
    ['no proof', ''],
    ['a guessed one', 'A'.repeat(43)],
    ['that of another browser of the same person', proofOf(there)],
    ['that of another person', proofOf(his)]
  ] as const) {
    const page = await send(account)
    t.equal(page.statusCode, 409, what)
    t.match(page.body, 'Nothing was changed')
    const json = await send(account, {}, 'application/json')
    t.equal(json.statusCode, 409, `${what}, as JSON`)
    t.equal(json.json().error, 'account_changed')
  }
  for (const headers of [
    { origin: 'https://evil.example' },
    { origin: 'http://127.0.0.1:4000' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'null', 'sec-fetch-site': 'cross-site' }
  ]) {
    t.equal((await send(proofOf(here), headers)).statusCode, 403, JSON.stringify(headers))
    t.equal((await send(proofOf(here), headers, 'application/json')).statusCode, 403)
  }
  t.equal(
    (await send(proofOf(here), {}, 'text/plain')).statusCode,
    415,
    'what a form of another site could pass off as JSON'
  )
  t.equal((await liveOf(acme)).length, 2, 'and nothing was revoked')
  t.equal((await send(proofOf(here), { origin: acme.origin })).statusCode, 303)
  t.strictSame(await liveOf(acme), [])
})

t.test('CSRF: without the cookie that the page set its proof is worth nothing', async t => {
  const acme = await acmeNotes(t)
  const alice = clientOf(acme)
  await alice.connect()
  const page = await open(acme, alice)
  const session = /session=[^;]+/.exec(alice.browser.cookies.header(page.url))?.[0] ?? ''
  const { statusCode } = await acme.app.inject({
    method: 'POST',
    url: PATH,
    headers: { cookie: session, 'content-type': 'application/x-www-form-urlencoded' },
    payload: `account=${proofOf(page)}&revoke=all`
  })
  t.equal(statusCode, 409)
  t.equal((await liveOf(acme)).length, 1)
})

t.test(
  'PX-4: the cookie is bound to the host and hidden from scripts; a page that is open twice works twice',
  async t => {
    const app = await buildApp({ fake: fakeServer(), options: { connectedApps: PATH } })
    const { headers } = await app.inject(PATH)
    t.match(headers['set-cookie'], /^__Host-mcp-pages=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Secure$/)
    const cookie = String(headers['set-cookie']).split(';')[0] ?? ''
    t.equal((await app.inject({ url: PATH, headers: { cookie } })).headers['set-cookie'], undefined)
    await app.close()
  }
)

t.test('as JSON: the same model, and the same two fields to disconnect', async t => {
  const acme = await acmeNotes(t)
  const alice = clientOf(acme)
  await alice.connect({ scope: 'mcp:tools notes:read' })
  const cookie = alice.browser.cookies.header(acme.origin)
  const accept = { accept: 'application/json' }
  const answer = await acme.app.inject({ url: PATH, headers: { ...accept, cookie } })
  t.match(answer.headers['content-type'], 'application/json')
  t.equal(answer.headers['cache-control'], 'no-store')
  t.equal(answer.headers['cross-origin-resource-policy'], 'same-origin')
  t.equal(answer.headers['access-control-allow-origin'], undefined)
  const model = answer.json()
  t.match(model, {
    version: 1,
    page: 'connected-apps',
    account: { displayName: 'alice@acme.example' },
    apps: [
      {
        client: { name: 'The assistant' },
        resources: [{ resource: acme.resource, name: 'Acme Notes' }],
        scopes: [{ scope: 'mcp:tools' }, { scope: 'notes:read', description: 'Read your notes' }],
        connected: { at: Number },
        lastActive: { at: Number }
      }
    ]
  })
  const both = `${cookie}; ${String(answer.headers['set-cookie']).split(';')[0]}`
  const revoked = await acme.app.inject({
    method: 'POST',
    url: PATH,
    headers: { ...accept, cookie: both, origin: acme.origin },
    payload: { account: model.account.proof, revoke: model.apps[0].grantId }
  })
  t.strictSame(revoked.json(), { revoked: 1 })
  t.strictSame(await liveOf(acme), [])
  const nobody = await acme.app.inject({ url: PATH, headers: accept })
  t.equal(nobody.statusCode, 401)
  t.match(nobody.json(), { error: 'login_required', loginUrl: /^\/login\?/ })
})

t.test('what is no form of ours is a page with a reference, and changes nothing', async t => {
  const acme = await acmeNotes(t)
  const alice = clientOf(acme)
  await alice.connect()
  const page = await open(acme, alice)
  const cookie = alice.browser.cookies.header(page.url)
  for (const revoke of [
    '',
    'revoke=',
    'revoke=a&revoke=b',
    'revoke=%00',
    `revoke=${'a'.repeat(65)}`,
    `revoke=${'a'.repeat(5000)}`
  ]) {
    const { statusCode, body } = await acme.app.inject({
      method: 'POST',
      url: PATH,
      headers: { cookie, 'content-type': 'application/x-www-form-urlencoded' },
      payload: `account=${proofOf(page)}&${revoke}`
    })
    t.ok(statusCode === 400 || statusCode === 413, `${statusCode} for ${revoke.slice(0, 20)}`)
    const reference = /<code>(.*?)<\/code>/.exec(body)?.[1]
    t.ok(
      acme.log.some(({ reqId, reason }) => reqId === reference && reason === 'invalid_request'),
      'it is in the log'
    )
  }
  t.equal((await liveOf(acme)).length, 1)
})

t.test('a long list comes in pages, each app on one of them; what was revoked does not hide the rest', async t => {
  const acme = await acmeNotes(t)
  const alice = clientOf(acme)
  for (let i = 0; i < 60; i++) await alice.connect({ scope: 'mcp:tools' })
  const { grants } = await acme.server.grants.list('sub-alice')
  for (const { grantId } of grants.slice(0, 5)) await acme.server.grants.revoke(grantId, 'sub-alice')
  const seen = new Set<string>()
  let next: string | null = PATH
  let pages = 0
  while (next !== null) {
    const { body } = await alice.browser.open(`${acme.origin}${next}`)
    for (const [, grantId = ''] of body.matchAll(/name="revoke" value="([\w-]{22})"/g)) seen.add(grantId)
    t.match(body, 'Disconnect all apps')
    const [, query] = /href="(\?after=[^"]+)"/.exec(body) ?? []
    next = query === undefined ? null : `${PATH}${query}`
    pages++
  }
  t.equal(seen.size, 55)
  t.equal(pages, 2)
  for (const after of ['%00', 'x'.repeat(600), '%E2%82%AC'])
    t.equal((await alice.browser.open(`${acme.origin}${PATH}?after=${after}`)).statusCode, 200)
})

t.test('there is no such page unless it is wanted, and a path that cannot be one stops the boot', async t => {
  const app = await buildApp()
  t.equal((await app.inject(PATH)).statusCode, 404)
  await app.close()
  for (const connectedApps of ['', 'connected-apps', '//evil.example', '/a/../b', '/a/:id', '/a b', '/a/*'])
    await t.rejects(buildApp({ options: { connectedApps } }), { code: 'FST_OAUTH_OPTION', message: /"connectedApps"/ })
})

t.test('the page is under the prefix of its scope, and so is the way back from the login', async t => {
  const fake = fakeServer(undefined, '/api/oauth')
  fake.person = null
  const app = await buildApp({ fake, prefix: '/api', options: { connectedApps: PATH } })
  const { headers } = await app.inject(`/api${PATH}`)
  t.equal(headers.location, '/login?returnTo=%2Fapi%2Fconnected-apps')
  fake.person = { subject: 'sub-alice', displayName: 'alice' }
  fake.connected = threeConnectedApps()
  t.match(
    (await app.inject(`/api${PATH}`)).body,
    '<form method="post" class',
    'which goes to its own address, wherever that is'
  )
  await app.close()
})

t.test('what is down is said to be down, on the page and as JSON, and the log knows why', async t => {
  const fake = fakeServer()
  const lines: string[] = []
  const stream = { write: (line: string): unknown => lines.push(line) }
  const app = await buildApp({ fake, options: { connectedApps: PATH }, fastify: { logger: { level: 'info', stream } } })
  for (const [error, statusCode] of [
    [new UnavailableError('storage at 10.0.0.7 is gone', { retryAfter: 7 }), 503],
    [new Error('secret detail'), 500]
  ] as const) {
    fake.connected = error
    const page = await app.inject(PATH)
    t.equal(page.statusCode, statusCode)
    t.notMatch(page.body, /10\.0\.0\.7|secret detail/)
    const json = await app.inject({ url: PATH, headers: { accept: 'application/json' } })
    t.equal(json.statusCode, statusCode)
    t.strictSame(Object.keys(json.json()), ['error', 'reference'])
    t.ok(lines.some(line => JSON.parse(line).reqId === json.json().reference && line.includes('the page')))
    if (statusCode === 503) t.equal(page.headers['retry-after'], '7')
  }
  await app.close()
})
