import t, { type Test } from 'tap'
import { buildServer, ORIGIN, RESOURCE, RESOURCES, refusalOf } from '../fixture.ts'

const OTHER = `${ORIGIN}/other`
const NOTES = RESOURCES[RESOURCE] as (typeof RESOURCES)[string]
const OPAQUE = { [RESOURCE]: { ...NOTES, default: true, accessToken: { format: 'opaque' } }, [OTHER]: NOTES } as const

async function issued(t: Test, more = {}) {
  const server = await buildServer(t, { options: { resources: OPAQUE, ...more } })
  const client = server.client()
  const tokens = await client.connect()
  const verify = (token: string, resource = RESOURCE) =>
    refusalOf(server.app.authorizationServer.verifyAccessToken(token, resource))
  return { server, client, tokens, token: tokens.access_token, verify }
}

t.test('RFC 6749 1.4: an opaque token says nothing, and is worth what a JWT would be', async t => {
  const { server, token, tokens } = await issued(t)
  t.match(token, /^at\.[\w-]{22}\.[\w-]{43}$/)
  t.equal(tokens.expires_in, 900)
  const now = server.clock.now()
  const { claims, subject } = await server.app.authorizationServer.verifyAccessToken(token, RESOURCE)
  t.equal(subject, 'sub-alice')
  t.strictSame(
    { ...claims, client_id: '', grant_id: '', jti: '' },
    {
      iss: ORIGIN,
      sub: 'sub-alice',
      aud: RESOURCE,
      scope: 'notes:read notes:write',
      auth_time: now,
      iat: now,
      exp: now + 900,
      name: 'alice',
      client_id: '',
      grant_id: '',
      jti: ''
    }
  )
})

t.test('GEN-6: neither the token nor what it says can be read from the storage', async t => {
  const { server, token } = await issued(t)
  const dump = await server.storage.dump()
  const grant = JSON.parse(dump).find(({ name }: { name: string }) => name === 'grants').record
  t.notMatch(dump, token)
  t.notMatch(dump, token.split('.')[2] ?? '')
  t.notMatch(JSON.stringify(grant), '"name"', 'claims of the app are encrypted under the token')
  t.notMatch(server.log.join(), token)
})

t.test('RS-4: whatever is not exactly a live token is refused', async t => {
  const { server, token, verify, tokens } = await issued(t)
  const [, grantId, secret = ''] = token.split('.')
  const refresh = tokens.refresh_token ?? ''
  const bad = [
    `at.${grantId}.${'a'.repeat(43)}`,
    `at.${'a'.repeat(22)}.${secret}`,
    `at.${grantId}.${secret}=`,
    `${grantId}.${secret}`,
    `AT.${grantId}.${secret}`,
    ` ${token}`,
    `${token}\n`,
    `at.${grantId}.${refresh.split('.')[2]}`,
    refresh
  ]
  for (const candidate of bad) t.not(await verify(candidate), 'accepted', candidate)
  for (const resource of [OTHER, `${RESOURCE}/`, ORIGIN, '']) t.equal(await verify(token, resource), 'audience')
  server.clock.advance(899)
  t.equal(await verify(token), 'accepted')
  server.clock.advance(1)
  t.equal(await verify(token), 'expired')
})

t.test('RFC 7009 2.1: a revoked opaque token is refused at once, and takes its grant along', async t => {
  const { server, client, token, tokens, verify } = await issued(t)
  const [, grantId] = token.split('.')
  t.equal((await client.revoke(`at.${grantId}.${'a'.repeat(43)}`)).statusCode, 200)
  t.equal(await verify(token), 'accepted', 'an invented token with the right grant revokes nothing')
  t.equal((await client.revoke(token)).statusCode, 200)
  t.equal(await verify(token), 'grant_revoked')
  t.equal((await client.refresh(tokens.refresh_token ?? '')).statusCode, 400)
  t.match(JSON.parse(await server.storage.dump()).find(({ name }: { name: string }) => name === 'grants').record, {
    accessTokens: null
  })
})

t.test('RFC 7009 2.1: another client cannot revoke it', async t => {
  const { server, token, verify } = await issued(t)
  const stranger = server.client({ username: 'bob' })
  t.match((await stranger.revoke(token)).json(), { error: 'invalid_grant' })
  t.equal(await verify(token), 'accepted')
})

t.test('RFC 6749 6: tokens of earlier refreshes stay good until they expire; the oldest of many go first', async t => {
  const { client, tokens, token, verify } = await issued(t)
  let refresh = tokens.refresh_token ?? ''
  const all = [token]
  for (let i = 0; i < 20; i++) {
    const next = (await client.refresh(refresh)).json<{ access_token: string; refresh_token: string }>()
    all.push(next.access_token)
    refresh = next.refresh_token
  }
  t.equal(await verify(all[0] ?? ''), 'unknown_token')
  for (const one of all.slice(1)) t.equal(await verify(one), 'accepted')
})

t.test('TK-2: a retry in the grace period gets the same opaque token, and it works', async t => {
  const { client, tokens, verify } = await issued(t)
  const [one, two] = [
    await client.refresh(tokens.refresh_token ?? ''),
    await client.refresh(tokens.refresh_token ?? '')
  ]
  t.equal(one.body, two.body)
  t.equal(await verify(one.json<{ access_token: string }>().access_token), 'accepted')
})

t.test('RFC 8707 2.2: each resource of a grant gets tokens of its own format', async t => {
  const server = await buildServer(t, { options: { resources: OPAQUE } })
  const client = server.client()
  const answer = await client.authorize({ parameters: { resource: [RESOURCE, OTHER] as never } })
  const opaque = (await client.redeem(answer)).json<{ access_token: string; refresh_token: string }>()
  t.match(opaque.access_token, /^at\./)
  const jwt = (await client.refresh(opaque.refresh_token, { resource: OTHER })).json<{ access_token: string }>()
  t.match(jwt.access_token, /^ey/)
  const { verifyAccessToken } = server.app.authorizationServer
  t.equal((await verifyAccessToken(jwt.access_token, OTHER)).claims.aud, OTHER)
  t.equal((await verifyAccessToken(opaque.access_token, RESOURCE)).claims.aud, RESOURCE)
})

t.test('per resource: lifetime, algorithm and which of the claims', async t => {
  const accessToken = { lifetime: 120, algorithm: 'EdDSA' as const, claims: ['team'] }
  const server = await buildServer(t, { options: { resources: { [RESOURCE]: { ...NOTES, accessToken } } } })
  const tokens = await server.client().connect()
  t.equal(tokens.expires_in, 120)
  t.match(JSON.parse(atob(tokens.access_token.split('.')[0] ?? '')), { alg: 'EdDSA', typ: 'at+jwt' })
  const { claims } = await server.app.authorizationServer.verifyAccessToken(tokens.access_token, RESOURCE)
  t.equal('name' in claims, false)
})

t.test('RFC 8725 3.1: HS256 tokens are good here, and nobody else can make or check one', async t => {
  const resources = { [RESOURCE]: { ...NOTES, accessToken: { algorithm: 'HS256' } } } as const
  const server = await buildServer(t, { options: { resources } })
  const { access_token: token } = await server.client().connect()
  t.equal(await refusalOf(server.app.authorizationServer.verifyAccessToken(token, RESOURCE)), 'accepted')
  const set = (await server.app.inject('/.well-known/jwks.json')).json()
  t.strictSame(
    set.keys.map(({ alg }: { alg: string }) => alg),
    ['ES256'],
    'for introspection answers'
  )
  const [head = '', body] = token.split('.')
  const header = JSON.parse(atob(head))
  const es256 = Buffer.from(JSON.stringify({ ...header, kid: set.keys[0].kid })).toString('base64url')
  const { createHmac } = await import('node:crypto')
  const mac = createHmac('sha256', JSON.stringify(set.keys[0])).update(`${es256}.${body}`).digest('base64url')
  t.not(
    await refusalOf(server.app.authorizationServer.verifyAccessToken(`${es256}.${body}.${mac}`, RESOURCE)),
    'accepted'
  )
})

t.test('per resource: what cannot work stops the boot and is named', async t => {
  const wrong: [object, RegExp][] = [
    [{ format: 'paseto' }, /accessToken/],
    [{ algorithm: 'none' }, /accessToken/],
    [{ lifetime: 1 }, /accessToken/],
    [{ lifetime: 86_401 }, /accessToken/],
    [{ ttl: 60 }, /accessToken/],
    [{ algorithm: 'HS256', format: 'opaque' }, /accessToken.algorithm/]
  ]
  for (const [accessToken, message] of wrong) {
    const resources = { [RESOURCE]: { ...NOTES, accessToken } }
    await t.rejects(
      buildServer(t, { options: { resources } }),
      { code: 'FST_OAUTH_OPTION', message },
      JSON.stringify(accessToken)
    )
  }
  const remote = { 'https://elsewhere.example/mcp': { ...NOTES, accessToken: { algorithm: 'HS256' } } } as const
  await t.rejects(buildServer(t, { options: { resources: remote } }), {
    message: /HS256 is for a resource server in the same process/
  })
  const long = { [RESOURCE]: { ...NOTES, accessToken: { lifetime: 7200 } } }
  await t.rejects(buildServer(t, { options: { resources: long, refreshTokenTtl: 3600 } }), { message: /lifetime/ })
})

t.test('introspection of an opaque token, and local(), cost one read of the storage and no write', async t => {
  const { server, token } = await issued(t)
  const verbs: string[] = []
  for (const verb of ['get', 'insert', 'update', 'list', 'remove', 'removeWhere'] as const) {
    const original = server.storage[verb] as (...call: unknown[]) => Promise<never>
    Object.assign(server.storage, {
      [verb]: (...call: unknown[]) => {
        verbs.push(verb)
        return original(...call)
      }
    })
  }
  await server.app.authorizationServer.verifyAccessToken(token, RESOURCE)
  t.strictSame(verbs, ['get'])
})
