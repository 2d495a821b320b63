import { createCodeVerifier } from '@fastify-mcp-auth/core'
import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import t from 'tap'
import { buildServer, RESOURCE, refusalOf } from '../fixture.ts'

/** A person has said yes; the code is not used yet. */
async function allowed(t: Parameters<typeof buildServer>[0], build?: Parameters<typeof buildServer>[1]) {
  const server = await buildServer(t, build)
  const client = server.client()
  const answer = await client.authorize()
  const verify = (token: string) => server.app.authorizationServer.verifyAccessToken(token, RESOURCE)
  return { server, client, answer, verify }
}

t.test('GEN-3: a code with its verifier buys tokens for the resource that was asked for', async t => {
  const { client, answer, verify } = await allowed(t)
  const response = await client.redeem(answer)
  t.equal(response.statusCode, 200)
  const tokens = response.json<Record<string, string>>()
  t.strictSame(Object.keys(tokens).sort(), ['access_token', 'expires_in', 'refresh_token', 'scope', 'token_type'])
  t.equal(tokens['token_type'], 'Bearer')
  t.equal(tokens['expires_in'], 900)
  t.equal(tokens['scope'], 'notes:read notes:write')
  const { claims } = await verify(tokens['access_token'] ?? '')
  t.match(claims, { aud: RESOURCE, sub: 'sub-alice', scope: 'notes:read notes:write' })
})

t.test('TK-8, RFC 6749 5.1: the answer is JSON that no cache keeps', async t => {
  const { client, answer } = await allowed(t)
  const { headers } = await client.redeem(answer)
  t.match(headers['content-type'], /^application\/json/)
  t.equal(headers['cache-control'], 'no-store')
  t.equal(headers['pragma'], 'no-cache')
})

t.test('RFC 6749 4.1.2: a replayed code revokes what it had bought', async t => {
  const { server, client, answer, verify } = await allowed(t)
  const tokens = (await client.redeem(answer)).json<{ access_token: string; refresh_token: string }>()
  await verify(tokens.access_token)
  matchesOAuthError(t, await client.redeem(answer), 'invalid_grant')
  t.equal(await refusalOf(verify(tokens.access_token)), 'grant_revoked')
  matchesOAuthError(t, await client.refresh(tokens.refresh_token), 'invalid_grant')
  t.strictSame((await server.app.authorizationServer.grants.list('sub-alice')).grants, [])
})

t.test('RFC 6749 4.1.2: a replay ends its own grant and no other of the same client and person', async t => {
  const { server, client, answer, verify } = await allowed(t)
  await client.redeem(answer)
  const other = await client.connect()
  matchesOAuthError(t, await client.redeem(answer), 'invalid_grant')
  await verify(other.access_token)
  t.equal((await client.refresh(other.refresh_token ?? '')).statusCode, 200)
  t.equal((await server.app.authorizationServer.grants.list('sub-alice')).grants.length, 1)
})

t.test(
  'RFC 6749 4.1.2: the code of a grant that was taken back buys nothing, and is not taken for a replay',
  async t => {
    const { server, client, answer } = await allowed(t)
    const { grants, on } = server.app.authorizationServer
    const alarms: unknown[] = []
    on('code.replayed', event => alarms.push(event))
    t.equal(await grants.revokeAll({ subject: 'sub-alice' }), 1)
    matchesOAuthError(t, await client.redeem(answer), 'invalid_grant')
    t.strictSame(alarms, [])
  }
)

t.test('GEN-4: of 40 parallel redemptions of one code exactly one is answered with tokens', async t => {
  const { server, client, answer } = await allowed(t)
  const issued: unknown[] = []
  server.app.authorizationServer.on('token.issued', details => issued.push(details))
  const responses = await Promise.all(Array.from({ length: 40 }, () => client.redeem(answer)))
  t.equal(responses.filter(({ statusCode }) => statusCode === 200).length, 1)
  for (const response of responses.filter(({ statusCode }) => statusCode !== 200))
    t.equal(response.json()['error'], 'invalid_grant')
  t.equal(issued.length, 1)
  t.strictSame((await server.app.authorizationServer.grants.list('sub-alice')).grants, [], 'the losers are replays')
  t.equal((await server.storage.counts())['grants'], 1)
})

t.test('OAuth 2.1 4.1.2: a code lives 60 seconds', async t => {
  const inTime = await allowed(t)
  inTime.server.clock.advance(59)
  t.equal((await inTime.client.redeem(inTime.answer)).statusCode, 200)
  const late = await allowed(t)
  late.server.clock.advance(60)
  matchesOAuthError(t, await late.client.redeem(late.answer), 'invalid_grant')
  t.strictSame((await late.server.app.authorizationServer.grants.list('sub-alice')).grants, [])
})

t.test('RFC 7636 4.6: a wrong verifier buys nothing and does not burn the code', async t => {
  const { client, answer } = await allowed(t)
  matchesOAuthError(t, await client.redeem(answer, { code_verifier: createCodeVerifier() }), 'invalid_grant')
  t.equal((await client.redeem(answer)).statusCode, 200)
})

const MALFORMED: [string, Record<string, string | null>, string][] = [
  ['no verifier', { code_verifier: null }, 'invalid_request'],
  ['an empty verifier', { code_verifier: '' }, 'invalid_request'],
  ['a verifier of 42 characters', { code_verifier: 'a'.repeat(42) }, 'invalid_request'],
  ['a verifier of 129 characters', { code_verifier: 'a'.repeat(129) }, 'invalid_request'],
  ['a verifier with a forbidden character', { code_verifier: `${'a'.repeat(43)}!` }, 'invalid_request'],
  ['no code', { code: null }, 'invalid_request'],
  ['a code that was never issued', { code: `${'a'.repeat(22)}.${'b'.repeat(43)}` }, 'invalid_grant'],
  ['a code in another form', { code: 'SplxlOBeZQQYbYS6WxSbIA' }, 'invalid_grant'],
  ['another redirect_uri', { redirect_uri: 'http://127.0.0.1:49153/callback' }, 'invalid_grant'],
  ['another resource', { resource: 'https://other.example/mcp' }, 'invalid_target'],
  ['a resource that is no URI', { resource: 'mcp' }, 'invalid_target'],
  ['a code that is too long', { code: 'a'.repeat(8193) }, 'invalid_request']
]
for (const [what, parameters, error] of MALFORMED)
  t.test(`RFC 6749 5.2: ${what} is ${error}, and the code stays good`, async t => {
    const { server, client, answer } = await allowed(t)
    const before = await server.storage.dump()
    matchesOAuthError(t, await client.redeem(answer, parameters), error)
    t.equal(await server.storage.dump(), before, 'nothing was stored')
    t.equal((await client.redeem(answer)).statusCode, 200)
  })

t.test('RFC 6749 4.1.3: a code with the secret of another code is worth nothing', async t => {
  const { client, answer } = await allowed(t)
  const other = await client.authorize()
  const [grantId] = (answer.code ?? '').split('.')
  const [, secret] = (other.code ?? '').split('.')
  matchesOAuthError(t, await client.redeem(answer, { code: `${grantId}.${secret}` }), 'invalid_grant')
  t.equal((await client.redeem(answer)).statusCode, 200)
})

t.test('OAuth 2.1 4.1.3: redirect_uri may be left out of the token request', async t => {
  const { client, answer } = await allowed(t)
  t.equal((await client.redeem(answer, { redirect_uri: null })).statusCode, 200)
})

t.test('AZ-7: the same resource in another spelling, or none, is accepted', async t => {
  for (const resource of ['HTTP://127.0.0.1:3000/mcp', null]) {
    const { client, answer } = await allowed(t)
    t.equal((await client.redeem(answer, { resource })).statusCode, 200)
  }
})

t.test('RFC 6749 4.1.3: the code of another client is refused and stays good for its own', async t => {
  const { server, client, answer } = await allowed(t)
  const thief = server.client()
  matchesOAuthError(t, await thief.redeem(answer), 'invalid_grant')
  t.equal((await client.redeem(answer)).statusCode, 200)
})

t.test('RFC 6749 5.2: a user who is gone gets no tokens, and nothing is stored', async t => {
  const { server, client, answer } = await allowed(t)
  server.accounts.gone.add('sub-alice')
  const before = await server.storage.dump()
  matchesOAuthError(t, await client.redeem(answer), 'invalid_grant')
  t.equal(await server.storage.dump(), before)
})

t.test(
  'RFC 6749 5.2: a failing user database is an outage, not a verdict, whatever status its error bears',
  async t => {
    const { server, client, answer } = await allowed(t)
    server.accounts.failure = Object.assign(new Error('no such row'), { statusCode: 404 })
    const response = await client.redeem(answer)
    matchesOAuthError(t, response, 'temporarily_unavailable')
    t.equal(response.headers['retry-after'], '5')
    server.accounts.failure = null
    t.equal((await client.redeem(answer)).statusCode, 200, 'the code was not burnt')
  }
)

t.test(
  'TK-6: a client that registered no refresh_token gets none, and its grant ends with the access token',
  async t => {
    const server = await buildServer(t)
    const client = server.client()
    await client.register({ grant_types: ['authorization_code'] })
    const tokens = await client.connect()
    t.equal('refresh_token' in tokens, false)
    const [grant] = (await server.app.authorizationServer.grants.list('sub-alice')).grants
    t.equal(grant?.expiresAt, server.clock.now() + 900)
  }
)

t.test('TK-1: an access token never outlives its grant', async t => {
  const { client, answer } = await allowed(t, { options: { grantTtl: 120, refreshTokenTtl: 120 } })
  t.equal((await client.redeem(answer)).json()['expires_in'], 120)
})

t.test(
  'RFC 6749 4.1.2: a grant that is revoked before its code is used, or while it is, gives no tokens, and no alarm',
  async t => {
    for (const when of ['before', 'while']) {
      let revoke = async (): Promise<unknown> => null
      const users = {
        current: () => ({ user: 'alice', authTime: 1 }),
        loginUrl: () => '/login',
        subject: () => 'sub-alice',
        displayName: () => 'alice',
        find: async () => (when === 'while' ? [await revoke()] : ['alice'])
      }
      const { server, client, answer } = await allowed(t, { options: { users } })
      const { grants, on } = server.app.authorizationServer
      const events: object[] = []
      for (const type of ['code.replayed', 'grant.revoked'] as const) on(type, event => void events.push(event))
      revoke = () => grants.revoke((answer.code ?? '').split('.')[0] ?? '')
      if (when === 'before') t.equal(await revoke(), true)
      matchesOAuthError(t, await client.redeem(answer), 'invalid_grant')
      t.strictSame((await grants.list('sub-alice')).grants, [])
      t.match(events, [{ type: 'grant.revoked', reason: 'administrator' }], when)
      t.equal(events.length, 1)
    }
  }
)

t.test(
  'RFC 6749 4.1.2: a code that two bring is a replay all the same when its grant is revoked at that moment',
  async t => {
    const meanwhile: (() => Promise<unknown>)[] = []
    const { server, client, answer } = await allowed(t, {
      users: {
        claims: async () => {
          await meanwhile.shift()?.()
          return {}
        }
      }
    })
    const { grants, on } = server.app.authorizationServer
    const alarms: unknown[] = []
    on('code.replayed', event => alarms.push(event))
    meanwhile.push(async () => {
      t.equal((await client.redeem(answer)).statusCode, 200)
      await grants.revokeAll({ subject: 'sub-alice' })
    })
    matchesOAuthError(t, await client.redeem(answer), 'invalid_grant')
    t.equal(alarms.length, 1)
  }
)
