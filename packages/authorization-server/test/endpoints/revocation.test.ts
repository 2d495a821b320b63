import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import t, { type Test } from 'tap'
import { buildServer, RESOURCE, refusalOf } from '../fixture.ts'

async function connected(t: Test) {
  const server = await buildServer(t)
  const client = server.client()
  const { access_token: accessToken, refresh_token: refreshToken = '' } = await client.connect()
  const verify = () => server.app.authorizationServer.verifyAccessToken(accessToken, RESOURCE)
  const live = async () => (await server.app.authorizationServer.grants.list('sub-alice')).grants.length
  return { server, client, accessToken, refreshToken, verify, live }
}

for (const kind of ['accessToken', 'refreshToken'] as const)
  for (const hint of [null, 'access_token', 'refresh_token', 'something_else'])
    t.test(`RFC 7009 2.1: the ${kind} with hint ${hint} ends the grant with all its tokens`, async t => {
      const { client, verify, live, ...tokens } = await connected(t)
      await verify()
      const response = await client.revoke(tokens[kind], { token_type_hint: hint })
      t.equal(response.statusCode, 200)
      t.equal(response.body, '')
      t.equal(response.headers['cache-control'], 'no-store')
      t.equal(await refusalOf(verify()), 'grant_revoked')
      matchesOAuthError(t, await client.refresh(tokens.refreshToken), 'invalid_grant')
      t.equal(await live(), 0)
    })

t.test(
  'RFC 7009 2.2: a token that is unknown, expired or revoked before is answered with 200, and nothing changes',
  async t => {
    const { server, client, accessToken, refreshToken, live } = await connected(t)
    const before = await server.storage.dump()
    for (const token of [
      'unknown',
      'a.b.c',
      `${refreshToken}x`,
      `${accessToken.slice(0, -4)}AAAA`,
      'x'.repeat(8000),
      'x'.repeat(9000),
      'a\0b'
    ])
      t.equal((await client.revoke(token)).statusCode, 200)
    t.equal(await server.storage.dump(), before)
    await client.revoke(refreshToken)
    t.equal((await client.revoke(refreshToken)).statusCode, 200)
    t.equal(await live(), 0)
  }
)

t.test('RFC 7009 2.1: a refresh token that was replaced still ends its grant', async t => {
  const { client, refreshToken, live } = await connected(t)
  t.equal((await client.refresh(refreshToken)).statusCode, 200)
  t.equal((await client.revoke(refreshToken)).statusCode, 200)
  t.equal(await live(), 0)
})

t.test('RFC 7009 2.1: nobody revokes the token of another client', async t => {
  const { server, accessToken, refreshToken, verify, live } = await connected(t)
  const other = server.client()
  await other.register()
  const before = await server.storage.dump()
  for (const token of [accessToken, refreshToken]) matchesOAuthError(t, await other.revoke(token), 'invalid_grant')
  t.equal(await server.storage.dump(), before)
  await verify()
  t.equal(await live(), 1)
})

t.test('RFC 7009 2.1: a refresh token with an invented family revokes nothing', async t => {
  const { client, refreshToken, live } = await connected(t)
  const [grantId, , secret] = refreshToken.split('.')
  t.equal((await client.revoke(`${grantId}.${'a'.repeat(22)}.${secret}`)).statusCode, 200)
  t.equal(await live(), 1)
})

t.test('RFC 7009 2.1: a confidential client must prove itself', async t => {
  const server = await buildServer(t)
  const client = server.client()
  await client.register({ token_endpoint_auth_method: 'client_secret_post' })
  const { refresh_token: token = '' } = await client.connect()
  matchesOAuthError(t, await client.revoke(token, { client_secret: null }), 'invalid_client')
  matchesOAuthError(t, await client.revoke(token, { client_secret: 'wrong' }), 'invalid_client')
  t.equal((await server.app.authorizationServer.grants.list('sub-alice')).grants.length, 1)
  t.equal((await client.revoke(token)).statusCode, 200)
  t.equal((await server.app.authorizationServer.grants.list('sub-alice')).grants.length, 0)
})

for (const [what, parameters, error] of [
  ['no token', { token: null }, 'invalid_request'],
  ['two tokens', { token: ['a', 'b'] }, 'invalid_request'],
  ['no client', { client_id: null }, 'invalid_client'],
  ['a client that nobody knows', { client_id: 'nobody' }, 'invalid_client']
] as const)
  t.test(`RFC 7009 2.2.1: ${what} is ${error}, and nothing is revoked`, async t => {
    const { client, refreshToken, live } = await connected(t)
    matchesOAuthError(t, await client.revoke(refreshToken, parameters), error)
    t.equal(await live(), 1)
  })

t.test('RFC 7009 2.1: one grant of a person ends, the others stay', async t => {
  const { client, refreshToken, live } = await connected(t)
  const other = await client.connect()
  await client.revoke(refreshToken)
  t.equal(await live(), 1)
  t.equal((await client.refresh(other.refresh_token ?? '')).statusCode, 200)
})
