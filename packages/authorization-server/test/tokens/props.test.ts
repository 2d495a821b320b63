import { randomBytes } from 'node:crypto'
import { createKeyRing } from '@fastify-mcp-auth/core'
import t, { type Test } from 'tap'
import { buildServer, ORIGIN, openSignedIn, RESOURCE, RESOURCES, refusalOf } from '../fixture.ts'

const SECRET = 'upstream-token-of-alice'
const NOTES = RESOURCES[RESOURCE] as (typeof RESOURCES)[string]
const encryptionKeys = [randomBytes(32).toString('base64')]

/** The options of the fixture, with `users.props`. */
async function withProps(
  t: Test,
  { props, format = 'jwt' }: { props: (user: unknown, context: object) => unknown; format?: 'jwt' | 'opaque' }
) {
  const resources = { [RESOURCE]: { ...NOTES, accessToken: { format } } }
  const server = await buildServer(t, { options: { resources, encryptionKeys }, users: { props } })
  const client = server.client()
  const propsOf = async (token: string) =>
    (await server.app.authorizationServer.verifyAccessToken(token, RESOURCE)).props
  return { server, client, propsOf }
}

interface Tokens {
  access_token: string
  refresh_token: string
}

for (const format of ['jwt', 'opaque'] as const) {
  t.test(`props (${format}): a dump of the database with every key of the app decrypts nothing`, async t => {
    const { server, client, propsOf } = await withProps(t, { props: user => ({ token: SECRET, user }), format })
    const answer = await client.authorize()
    const dumps = [await server.storage.dump()]
    const tokens = (await client.redeem(answer)).json<Tokens>()
    dumps.push(await server.storage.dump())
    t.strictSame(await propsOf(tokens.access_token), { token: SECRET, user: 'alice' })
    await client.refresh(tokens.refresh_token)
    dumps.push(await server.storage.dump())
    const ring = createKeyRing(encryptionKeys)
    for (const dump of dumps) {
      t.notMatch(dump, SECRET)
      t.match(dump, '"props":"', 'they are there')
      for (const [, sealed = ''] of dump.matchAll(/"([\w-]{8}\.[\w-]{22}\.[\w-]+)"/g))
        for (const context of ['props', 'props key', 'access token', '']) t.equal(ring.unseal(sealed, context), null)
    }
    t.notMatch(server.log.join(), SECRET)
  })

  t.test(`props (${format}): they survive refreshes and the repeated response of the grace period`, async t => {
    const { client, propsOf } = await withProps(t, { props: () => ({ token: SECRET }), format })
    const first = (await client.connect()) as Tokens
    const second = (await client.refresh(first.refresh_token)).json<Tokens>()
    const retried = (await client.refresh(first.refresh_token)).json<Tokens>()
    t.strictSame(retried, second)
    t.strictSame(await propsOf(retried.access_token), { token: SECRET })
    let { refresh_token: refresh } = retried
    for (let i = 0; i < 5; i++) {
      const next = (await client.refresh(refresh)).json<Tokens>()
      t.strictSame(await propsOf(next.access_token), { token: SECRET })
      refresh = next.refresh_token
    }
    t.strictSame(await propsOf(first.access_token), { token: SECRET }, 'a token of before opens them until it expires')
  })
}

t.test('props: a revoked grant has none any more, and its tokens open nothing', async t => {
  const { server, client } = await withProps(t, { props: () => ({ token: SECRET }) })
  const tokens = (await client.connect()) as Tokens
  await client.revoke(tokens.refresh_token)
  const { verifyAccessToken } = server.app.authorizationServer
  t.equal(await refusalOf(verifyAccessToken(tokens.access_token, RESOURCE)), 'grant_revoked')
  t.match(await server.storage.dump(), '"props":null')
})

t.test('props: one person never gets those of another', async t => {
  const { server, propsOf } = await withProps(t, { props: user => ({ user }) })
  const [alice, bob] = [await server.client().connect(), await server.client({ username: 'bob' }).connect()]
  t.strictSame(await propsOf(alice.access_token), { user: 'alice' })
  t.strictSame(await propsOf(bob.access_token), { user: 'bob' })
})

t.test('props: the app is told what was allowed, and asked once for a grant', async t => {
  const asked: object[] = []
  const { client } = await withProps(t, {
    props: (user, context) => {
      asked.push({ user, ...context })
      return {}
    }
  })
  const tokens = (await client.connect({ scope: 'notes:read' })) as Tokens
  await client.refresh(tokens.refresh_token)
  const { clientId } = await client.credentials()
  t.strictSame(asked, [{ user: 'alice', clientId, resources: [RESOURCE], scopes: ['notes:read'], organization: null }])
})

t.test('props: a page that was answered or has expired asks nobody, however often it is loaded or sent', async t => {
  let asked = 0
  const redirectUri = 'https://web.example/cb'
  const server = await buildServer(t, {
    users: { props: () => ({ asked: ++asked }) },
    options: { clients: [{ client_id: 'web', client_name: 'Web', redirect_uris: [redirectUri] }] }
  })
  const client = server.client({ clientId: 'web', redirectUri })
  const [page, open] = [
    await openSignedIn(client, (await client.start()).url),
    await openSignedIn(client, (await client.start()).url)
  ]
  const { leavesTo } = await client.decide(page)
  t.equal(asked, 1)
  for (let i = 0; i < 3; i++) t.equal((await client.decide(page)).leavesTo, leavesTo)
  // What was allowed is remembered by now, so each of these could be answered in place of the person.
  for (let i = 0; i < 3; i++) t.equal((await client.browser.open(page.url)).leavesTo, leavesTo)
  t.equal(asked, 1, 'the page that was answered')
  server.clock.advance(901)
  for (let i = 0; i < 3; i++) t.equal((await client.browser.open(open.url)).statusCode, 410)
  t.equal((await client.decide(open)).statusCode, 410)
  t.equal(asked, 1, 'the page that has expired')
})

t.test('props: of requests at the same moment each asks, and the answer of one is kept', async t => {
  let asked = 0
  const { client, propsOf } = await withProps(t, { props: () => ({ asked: ++asked }) })
  const started = await client.start()
  const page = await openSignedIn(client, started.url)
  const answers = await Promise.all(Array.from({ length: 4 }, () => client.decide(page)))
  t.equal(new Set(answers.map(({ leavesTo }) => leavesTo)).size, 1)
  t.ok(asked <= 4, `${asked}`)
  const code = new URL(answers[0]?.leavesTo ?? '').searchParams.get('code')
  const tokens = (await client.redeem({ ...started, code, redirectUri: client.redirectUri })).json<Tokens>()
  const kept = (await propsOf(tokens.access_token)) as { asked: number }
  t.ok(kept.asked >= 1 && kept.asked <= asked)
})

t.test('props: none is nothing; what is no JSON or too long is a fault of the app, and nothing is issued', async t => {
  for (const nothing of [null, undefined]) {
    const { server, client, propsOf } = await withProps(t, { props: () => nothing })
    t.equal(await propsOf((await client.connect()).access_token), null)
    t.match(await server.storage.dump(), '"props":null')
  }
  for (const wrong of [() => 0, 'x'.repeat(16_384)]) {
    const { server, client } = await withProps(t, { props: () => wrong })
    await t.rejects(client.connect())
    t.match(await server.storage.counts(), { grants: 0 })
  }
})

t.test('props: when the app cannot say, it is an outage and the person may try again', async t => {
  let isDown = true
  const { server, client } = await withProps(t, {
    props: () => {
      if (isDown) throw new Error('database')
      return { token: SECRET }
    }
  })
  await t.rejects(client.connect(), /503|unavailable/)
  t.match(await server.storage.counts(), { grants: 0 })
  isDown = false
  t.ok((await client.connect()).access_token)
})

t.test('props: introspection does not hand them out, nor does any claim', async t => {
  const { server, client } = await withProps(t, { props: () => ({ token: SECRET }) })
  await client.register({ token_endpoint_auth_method: 'client_secret_post' })
  const tokens = (await client.connect()) as Tokens
  const { clientId, clientSecret = '' } = await client.credentials()
  const payload = new URLSearchParams({ token: tokens.access_token, client_id: clientId, client_secret: clientSecret })
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const response = await server.app.inject({
    method: 'POST',
    url: '/oauth/introspect',
    headers,
    payload: payload.toString()
  })
  t.match(response.json(), { active: true, aud: RESOURCE, iss: ORIGIN })
  t.notMatch(response.body, SECRET)
  t.notMatch(atob(tokens.access_token.split('.')[1]?.replaceAll('-', '+').replaceAll('_', '/') ?? ''), SECRET)
})

t.test('props: a token whose key was forgotten is refused, never served without its props', async t => {
  const { server, client } = await withProps(t, { props: () => ({ token: SECRET }) })
  const first = (await client.connect()) as Tokens
  let { refresh_token: refresh } = first
  for (let i = 0; i < 20; i++) refresh = (await client.refresh(refresh)).json<Tokens>().refresh_token
  const { verifyAccessToken } = server.app.authorizationServer
  t.equal(await refusalOf(verifyAccessToken(first.access_token, RESOURCE)), 'superseded')
})
