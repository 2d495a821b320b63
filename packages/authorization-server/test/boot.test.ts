import t from 'tap'
import { buildServer, CALLBACK, RESOURCE, recordsOf } from './fixture.ts'

t.test('a listener that throws or rejects costs no client its token and does not end the process', async t => {
  const server = await buildServer(t)
  const { on } = server.app.authorizationServer
  const heard: string[] = []
  on('token.issued', () => {
    throw new Error('sync')
  })
  on('token.issued', async () => {
    await new Promise(setImmediate)
    throw new Error('async')
  })
  on('token.issued', ({ grantType, subject }) => heard.push(`${grantType} ${subject}`))
  const client = server.client()
  const tokens = await client.connect()
  t.equal((await client.refresh(tokens.refresh_token ?? '')).statusCode, 200)
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  t.strictSame(heard, ['authorization_code sub-alice', 'refresh_token sub-alice'])
  const failures = server.log.filter(line => line.includes('a listener failed'))
  t.equal(failures.length, 4)
  t.match(failures.join(), /"event":"token.issued"/)
})

t.test('a listener cannot change what others hear', async t => {
  const server = await buildServer(t)
  const { on } = server.app.authorizationServer
  on('grant.created', details => {
    ;(details as { subject: string }).subject = 'mallory'
  })
  const heard: string[] = []
  on('grant.created', ({ subject }) => heard.push(subject))
  await server.client().connect()
  t.strictSame(heard, ['sub-alice'])
})

t.test('events tell the way of a client, in order', async t => {
  const server = await buildServer(t)
  const heard: string[] = []
  const { on } = server.app.authorizationServer
  on('client.registered', ({ clientName }) => heard.push(`registered ${clientName}`))
  on('grant.created', ({ scopes }) => heard.push(`created ${scopes}`))
  on('token.issued', ({ grantType }) => heard.push(`issued ${grantType}`))
  on('grant.revoked', ({ reason }) => heard.push(`revoked ${reason}`))
  on('authorization.denied', ({ subject }) => heard.push(`denied ${subject}`))
  const client = server.client()
  const tokens = await client.connect({ scope: 'notes:read' })
  await client.revoke(tokens.refresh_token ?? '')
  await client.authorize({ decision: 'deny' })
  t.strictSame(heard, [
    'registered Test client',
    'created notes:read',
    'issued authorization_code',
    'revoked client',
    'denied sub-alice'
  ])
})

t.test('grants are listed newest first, and revoked one by one', async t => {
  const server = await buildServer(t)
  const { grants } = server.app.authorizationServer
  const client = server.client()
  for (const scope of ['notes:read', 'notes:write']) {
    server.clock.advance(10)
    await client.connect({ scope })
  }
  await server.client({ username: 'bob' }).connect()
  await client.authorize()
  const [newest, oldest, ...others] = (await grants.list('sub-alice')).grants
  t.strictSame(others, [], "neither a code that was not redeemed nor somebody else's grant")
  t.match([newest?.scopes, oldest?.scopes], [['notes:write'], ['notes:read']])
  t.equal('codeDigest' in (newest ?? {}), false, 'a summary has nothing secret')
  t.equal(await grants.revoke(newest?.grantId ?? ''), true)
  t.equal(await grants.revoke(newest?.grantId ?? ''), false)
  t.equal(await grants.revoke('unknown'), false)
  t.strictSame(
    (await grants.list('sub-alice')).grants.map(({ grantId }) => grantId),
    [oldest?.grantId]
  )
})

t.test('cleanup removes what expired, and only that', async t => {
  const server = await buildServer(t)
  const { cleanup } = server.app.authorizationServer
  const client = server.client()
  const tokens = await client.connect()
  await client.authorize()
  t.match(await server.storage.counts(), { clients: 1, interactions: 2, grants: 2 })
  t.equal(await cleanup(), 0)
  server.clock.advance(901)
  t.equal(await cleanup(), 3, 'two interactions and a code that nobody redeemed')
  t.match(await server.storage.counts(), { clients: 1, interactions: 0, grants: 1 })
  t.equal((await client.refresh(tokens.refresh_token ?? '')).statusCode, 200)
  server.clock.advance(30 * 86_400 + 1)
  t.equal(await cleanup(), 1)
  t.match(await server.storage.counts(), { clients: 1, grants: 0 })
})

t.test('a registration that led to no consent is forgotten after a week, a client in use is not', async t => {
  const server = await buildServer(t)
  const { cleanup } = server.app.authorizationServer
  await server.client().register()
  const used = server.client()
  await used.connect()
  server.clock.advance(7 * 86_400 + 1)
  await cleanup()
  t.match(await server.storage.counts(), { clients: 2 }, 'its name stays a day longer')
  server.clock.advance(86_400)
  await cleanup()
  t.match(await server.storage.counts(), { clients: 1 })
  t.equal((await used.authorize()).error, null)
})

t.test("a person revokes grants of their own, and nobody else's", async t => {
  const server = await buildServer(t)
  const { grants } = server.app.authorizationServer
  await server.client().connect()
  const [grant] = (await grants.list('sub-alice')).grants
  t.equal(await grants.revoke(grant?.grantId ?? '', 'sub-bob'), false)
  t.equal((await grants.list('sub-alice')).grants.length, 1)
  t.equal(await grants.revoke(grant?.grantId ?? '', 'sub-alice'), true)
})

t.test('cleanup works in batches until nothing is left', async t => {
  const server = await buildServer(t)
  const { interactions } = recordsOf(server)
  const record = {
    clientId: 'x',
    client: {
      name: 'x',
      names: {},
      verifiedHost: null,
      clientUri: null,
      logoUri: null,
      policyUri: null,
      tosUri: null,
      refreshable: true
    },
    redirectUri: CALLBACK,
    state: null,
    nonce: null,
    device: null,
    sector: 'x',
    resources: [RESOURCE],
    scopes: ['notes:read'],
    codeChallenge: 'x',
    prompts: [],
    signedInSince: null,
    hintedSub: null,
    hints: { loginHint: null, uiLocales: [], acrValues: [], display: null },
    browserDigest: 'x',
    expiresAt: server.clock.now() + 900,
    answeredAt: null,
    staleSignIns: 0,
    outcome: null
  }
  await Promise.all(Array.from({ length: 1001 }, (_, i) => interactions.insert(String(i), record)))
  t.match(await server.storage.counts(), { interactions: 1001 })
  server.clock.advance(901)
  t.equal(await server.app.authorizationServer.cleanup(), 1001)
})
