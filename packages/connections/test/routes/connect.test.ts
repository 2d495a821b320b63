/** From the button to the working connection, and everything that must not pass in between. */
import { randomBytes } from 'node:crypto'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import { walkAuthorization } from '@fastify-mcp-auth/testing/servers'
import t from 'tap'
import { BASE, buildWorld, PREFIX, personOf } from '../app.ts'

const callback = async (url: string, walk = {}): Promise<string> =>
  `callback?${(await walkAuthorization(url, walk)).toString()}`

t.test('features 35, 36: connect, consent there, come back; the connection belongs to who began it', async t => {
  const { app, mcp } = await buildWorld(t)
  const alice = personOf(app, 'alice')
  const start = await alice.post('connect/notes', { returnTo: '/settings?tab=1' })
  t.equal(start.statusCode, 303)
  t.match(alice.cookies.get('mcp-connections') ?? '', /^[\w-]{43}$/)
  const back = await alice.get(await callback(start.headers.location as string, { username: 'alice-there' }))
  t.equal(back.statusCode, 303)
  t.equal(back.headers.location, '/settings?tab=1')
  t.equal(back.headers['cache-control'], 'no-store')
  t.equal(back.headers['referrer-policy'], 'no-referrer')
  await app.mcpConnections.withClient({ type: 'user', id: 'alice' }, 'notes', client =>
    client.callTool({ name: 'whoami', arguments: {} })
  )
  t.equal(mcp.calls.at(-1)?.visitor.subject, 'alice-there')
  t.equal((await app.mcpConnections.status({ type: 'user', id: 'bob' }, 'notes')).status, 'not_connected')
})

t.test('feature 48: a front end that swallows redirects is given the URL as JSON, or a page that leads on', async t => {
  const { app } = await buildWorld(t, { redirectMode: 'page' })
  const json = await personOf(app, 'alice', 'application/json').post('connect/notes')
  t.equal(json.statusCode, 200)
  t.match(json.json(), { url: /^http:/, flowId: String, expiresAt: Number, addedScopes: [] })
  const page = await personOf(app, 'alice').post('connect/notes')
  t.equal(page.statusCode, 200)
  t.match(page.headers['refresh'], /^0; url=http:\/\/127\.0\.0\.1/)
  t.match(page.headers['content-security-policy'], /default-src 'none'/)
  t.notMatch(page.body, /<script/)
})

t.test(
  '5.7: the callback in a foreign browser, of a foreign owner, or signed out changes nothing and burns nothing',
  async t => {
    const { app, authorizationServer } = await buildWorld(t)
    const alice = personOf(app, 'alice')
    const url = (await alice.post('connect/notes')).headers.location as string
    const answer = await callback(url)
    const codesUsed = () => authorizationServer.requests.filter(({ endpoint }) => endpoint === 'token').length

    const foreign = await personOf(app, 'alice').get(answer)
    t.equal(foreign.statusCode, 403, 'another browser of the same person')
    const cookie = `mcp-connections=${alice.cookies.get('mcp-connections')}`
    const bob = await personOf(app, 'bob').get(answer, { cookie })
    t.equal(bob.statusCode, 403, 'another person in the same browser')
    const nobody = await personOf(app, null).get(answer, { cookie })
    t.equal(nobody.statusCode, 403, 'nobody')
    t.equal(codesUsed(), 0)
    for (const { body } of [foreign, bob, nobody])
      t.notMatch(body, new URLSearchParams(answer.split('?')[1]).get('code'))

    t.equal((await alice.get(answer)).statusCode, 303, 'the flow is still there for its owner')
    t.equal(codesUsed(), 1)
    const again = await alice.get(answer)
    t.equal(again.statusCode, 303, 'back button: done before, nothing changes')
    t.equal(codesUsed(), 1)
  }
)

t.test('5.7: an error of the authorization server becomes a page of our own words', async t => {
  const { app } = await buildWorld(t)
  const alice = personOf(app, 'alice')
  const url = new URL((await alice.post('connect/notes')).headers.location as string)
  const query = new URLSearchParams({
    state: url.searchParams.get('state') ?? '',
    iss: new URL(url.origin).origin,
    error: 'access_denied',
    error_description: '<script>alert(1)</script> call 555-1234'
  })
  const page = await alice.get(`callback?${query}`)
  t.equal(page.statusCode, 403)
  t.match(page.body, 'You said no')
  t.notMatch(page.body, /alert|555/)
})

t.test('feature 46: errorTo is told a stable code and nothing else', async t => {
  const { app } = await buildWorld(t)
  const alice = personOf(app, 'alice')
  const url = (await alice.post('connect/notes', { errorTo: '/settings?tab=1' })).headers.location as string
  const back = await alice.get(await callback(url, { decision: 'deny' }))
  t.equal(back.statusCode, 303)
  t.equal(back.headers.location, '/settings?tab=1&mcp_error=MCP_ACCESS_DENIED')
})

t.test('5.7: returnTo leads nowhere else', async t => {
  const { app, authorizationServer } = await buildWorld(t)
  for (const returnTo of [
    'https://evil.example',
    '//evil.example',
    '/\\evil.example',
    '\\/evil.example',
    '/%2fevil.example',
    '/%5Cevil.example',
    '/a\r\nlocation: https://evil.example',
    '/\t/evil.example',
    'javascript:alert(1)',
    'settings',
    `${BASE}/settings`
  ]) {
    for (const url of ['connect/notes', 'credentials/keyed']) {
      const answer = await personOf(app, 'alice').post(url, { returnTo, secret: 'key-of-alice' })
      t.equal(answer.statusCode, 400, `${url} ${returnTo}`)
      t.equal(answer.headers.location, undefined)
    }
  }
  t.equal(authorizationServer.requests.length, 0)
  t.equal((await app.mcpConnections.status({ type: 'user', id: 'alice' }, 'keyed')).status, 'not_connected')
})

t.test('CSRF: what changes something comes from a page of our own', async t => {
  const { app, authorizationServer } = await buildWorld(t)
  const alice = personOf(app, 'alice')
  for (const headers of [
    { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    { origin: 'null' },
    { origin: '', 'sec-fetch-site': 'same-site' },
    { origin: `${BASE}.evil.example` }
  ]) {
    t.equal((await alice.post('connect/notes', {}, headers)).statusCode, 403, JSON.stringify(headers))
    t.equal((await alice.post('credentials/keyed', { secret: 'key-of-mallory' }, headers)).statusCode, 403)
  }
  const plain = await app.inject({
    method: 'POST',
    url: `${PREFIX}/credentials/keyed`,
    headers: { 'x-user': 'alice', 'content-type': 'text/plain' },
    payload: 'secret=key-of-mallory'
  })
  t.equal(plain.statusCode, 403, 'no browser, and no JSON')
  const json = await app.inject({
    method: 'POST',
    url: `${PREFIX}/credentials/keyed`,
    headers: { 'x-user': 'alice', 'content-type': 'application/json' },
    payload: { secret: 'key-of-alice' }
  })
  t.equal(json.statusCode, 200, 'a program that sends JSON')
  t.equal(authorizationServer.requests.length, 0)
  t.equal(alice.cookies.size, 0)
})

t.test('following a link begins nothing: it shows what would happen', async t => {
  const { app, authorizationServer } = await buildWorld(t)
  const page = await personOf(app, 'alice').get('connect/notes?returnTo=/jobs/7')
  t.equal(page.statusCode, 200)
  t.match(page.body, /<form method="post" action="\/mcp\/connections\/connect\/notes"/)
  t.match(page.body, 'value="/jobs/7"')
  t.equal(authorizationServer.requests.length, 0)
})

t.test('features 60, 89: a key is stored, works, and is never shown again', async t => {
  const { app, keyed, log } = await buildWorld(t)
  const alice = personOf(app, 'alice')
  const form = await alice.get('connect/keyed')
  t.match(form.body, /<input id="secret" name="secret" type="password"/)
  t.equal((await alice.post('credentials/keyed', { secret: 'key-of-alice' })).statusCode, 303)
  await app.mcpConnections.withClient({ type: 'user', id: 'alice' }, 'keyed', client =>
    client.callTool({ name: 'whoami', arguments: {} })
  )
  t.equal(keyed.calls.at(-1)?.visitor.subject, 'alice')
  for (const url of ['', 'connect/keyed', 'badge/keyed', 'api'])
    t.notMatch((await alice.get(url)).body, 'key-of-alice', url)
  t.notMatch(log.join(''), 'key-of-alice')
})

t.test(
  'feature 59: an agent goes along through page, form and callback, and only its own person may act for it',
  async t => {
    const { app, mcp, keyed, authorizationServer } = await buildWorld(t, {})
    t.ok(authorizationServer)
    t.ok(mcp)
    const alice = personOf(app, 'alice')
    const page = await alice.get('connect/agents?agent=alice-bot')
    t.match(page.body, '<input type="hidden" name="agent" value="alice-bot">')
    t.equal((await alice.post('credentials/agents', { secret: 'key-of-bot', agent: 'alice-bot' })).statusCode, 303)
    t.equal((await alice.post('credentials/agents', { secret: 'key-of-bot', agent: 'bob-bot' })).statusCode, 401)
    await app.mcpConnections.withClient({ type: 'user', id: 'alice', agent: 'alice-bot' }, 'agents', client =>
      client.callTool({ name: 'whoami', arguments: {} })
    )
    t.equal(keyed.calls.at(-1)?.visitor.subject, 'bot')
  }
)

t.test('whoever is not signed in is led to the login, or told so', async t => {
  const { app } = await buildWorld(t, { loginUrl: ({ returnTo }) => `/login?to=${encodeURIComponent(returnTo)}` })
  const page = await personOf(app, null).get('connect/notes')
  t.equal(page.statusCode, 303)
  t.equal(page.headers.location, `/login?to=${encodeURIComponent(`${PREFIX}/connect/notes`)}`)
  const json = await personOf(app, null, 'application/json').get('')
  t.equal(json.statusCode, 401)
  t.match(json.json(), { error: 'MCP_SIGN_IN_REQUIRED' })
})

t.test('5.7: no code, state, link or token is in the log of the app, whatever its level', async t => {
  const { app, log, authorizationServer } = await buildWorld(t)
  const alice = personOf(app, 'alice')
  const url = (await alice.post('connect/notes')).headers.location as string
  const answer = await callback(url)
  t.equal((await alice.get(answer)).statusCode, 303)
  t.equal((await alice.get(answer.replace('state=', 'state=x'))).statusCode, 410)
  await app.mcpConnections.refresh({ type: 'user', id: 'alice' }, 'notes')
  const link = await app.mcpConnections.createConnectLink({ type: 'user', id: 'alice' }, 'notes')
  const path = new URL(link.url).pathname
  t.equal((await alice.get(path)).statusCode, 200)
  t.match(log.join(''), `"url":"${PREFIX}/callback"`, 'that it was called is there')
  const params = new URLSearchParams(answer.slice('callback?'.length))
  const { accessTokens, refreshTokens } = authorizationServer.records
  const inAddresses = [params.get('code'), params.get('state'), path.split('/').at(-1)]
  for (const secret of [...inAddresses, ...accessTokens.keys(), ...refreshTokens.keys()]) {
    t.ok(secret)
    t.notOk(log.join('').includes(secret ?? ''))
  }
})

t.test('feature 77: where to mend the connection of an agent is a page of that agent', async t => {
  const { app, keyed } = await buildWorld(t)
  const { mcpConnections } = app
  const owner = { type: 'user', id: 'alice', agent: 'alice-bot' } as const
  const failure = await mcpConnections
    .withClient(owner, 'agents', client => client.listTools(), { account: 'work' })
    .catch((error: unknown) => error)
  t.match(failure, {
    code: 'MCP_NOT_CONNECTED',
    actionUrl: `${BASE}${PREFIX}/connect/agents?account=work&agent=alice-bot`
  })
  const alice = personOf(app, 'alice')
  const page = await alice.get((failure as { actionUrl: string }).actionUrl.slice(BASE.length))
  t.equal(page.statusCode, 200)
  t.match(page.body, '<input type="hidden" name="agent" value="alice-bot">')
  const fields = { secret: 'key-of-bot', agent: 'alice-bot', account: 'work' }
  t.equal((await alice.post('credentials/agents', fields)).statusCode, 303)
  await mcpConnections.withClient(owner, 'agents', client => client.callTool({ name: 'whoami' }), { account: 'work' })
  t.equal(keyed.calls.at(-1)?.visitor.subject, 'bot')
  t.equal(
    (await personOf(app, 'bob').get(`${PREFIX}/connect/agents?agent=alice-bot`)).statusCode,
    401,
    'of its own person only'
  )
})

t.test('feature 93: keys, too, are pasted five times a minute, and the sixth is told in words', async t => {
  const { app, keyed } = await buildWorld(t, { clock: { now: () => 1_800_000_000 } })
  const alice = personOf(app, 'alice')
  for (let time = 0; time < 5; time++)
    t.equal((await alice.post('credentials/keyed', { secret: `key-of-${time}` })).statusCode, 303)
  const sixth = await alice.post('credentials/keyed', { secret: 'key-of-mallory' })
  t.equal(sixth.statusCode, 429)
  t.match(sixth.headers['retry-after'], /^\d+$/)
  t.match(sixth.body, 'Too many attempts')
  const owner = { type: 'user', id: 'alice' } as const
  await app.mcpConnections.withClient(owner, 'keyed', client => client.callTool({ name: 'whoami' }))
  t.equal(keyed.calls.at(-1)?.visitor.subject, '4', 'what was there stays')
  t.equal((await personOf(app, 'bob').post('credentials/keyed', { secret: 'key-of-bob' })).statusCode, 303)
  for (let time = 0; time < 9; time++) await app.mcpConnections.setCredential(owner, 'keyed', { secret: 'key-of-job' })
})

t.test(
  '5.7 foreign browser: the cookie is for this host alone, unseen by scripts, and no other one counts',
  async t => {
    const https = 'https://app.example'
    const storage = { storage: memoryStorage(), encryptionKeys: [randomBytes(32).toString('base64')] }
    for (const [baseUrl, cookie] of [
      [BASE, /^mcp-connections=([\w-]{43}); Path=\/; HttpOnly; SameSite=Lax$/],
      [https, /^__Host-mcp-connections=([\w-]{43}); Path=\/; HttpOnly; SameSite=Lax; Secure$/]
    ] as const) {
      const { app } = await buildWorld(t, { ...storage, baseUrl, client: { name: 'Acme', keys: 'none' } })
      const alice = personOf(app, 'alice')
      const begun = await alice.post('connect/notes', {}, { origin: baseUrl })
      const [, secret = ''] = cookie.exec(String(begun.headers['set-cookie'])) ?? []
      t.ok(secret, String(begun.headers['set-cookie']))
      const next = await alice.post('connect/notes', {}, { origin: baseUrl })
      t.equal(next.headers['set-cookie'], undefined, 'a browser keeps the one that it has')
      const answer = await callback(begun.headers.location as string)
      const name = baseUrl === https ? '__Host-mcp-connections' : 'mcp-connections'
      const other = baseUrl === https ? 'mcp-connections' : '__Host-mcp-connections'
      // A neighbour below the same domain can set the one without the prefix.
      for (const sent of [
        `${other}=${secret}`,
        `${name}=`,
        `${name}=${secret}x`,
        `x${name}=${secret}`,
        `${name}=${'a'.repeat(43)}`
      ])
        t.equal((await personOf(app, 'alice').get(answer, { cookie: sent })).statusCode, 403, sent)
      t.equal((await alice.get(answer)).statusCode, 303)
    }
  }
)
