import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import t, { type Test } from 'tap'
import { type BuildOptions, buildServer, RESOURCE, refusalOf } from '../fixture.ts'

interface Tokens {
  access_token: string
  refresh_token: string
  scope: string
  expires_in: number
}

/** A connected client. */
async function connected(t: Test, build?: BuildOptions, scope?: string) {
  const server = await buildServer(t, build)
  const client = server.client()
  const tokens = (await client.connect(
    scope === undefined ? {} : { scope, scopes: scope.split(' ') }
  )) as unknown as Tokens
  const refresh = async (token: string, parameters = {}): Promise<Tokens> => {
    const response = await client.refresh(token, parameters)
    t.equal(response.statusCode, 200)
    return response.json<Tokens>()
  }
  const verify = (token: string) => server.app.authorizationServer.verifyAccessToken(token, RESOURCE)
  const live = async () => (await server.app.authorizationServer.grants.list('sub-alice')).grants.length
  return { server, client, tokens, refresh, verify, live }
}

t.test('TK-2: each refresh token is used once and replaced', async t => {
  const { tokens, refresh, verify } = await connected(t)
  const second = await refresh(tokens.refresh_token)
  const third = await refresh(second.refresh_token)
  t.equal(new Set([tokens.refresh_token, second.refresh_token, third.refresh_token]).size, 3)
  t.not(second.access_token, tokens.access_token)
  t.match((await verify(third.access_token)).claims, {
    aud: RESOURCE,
    sub: 'sub-alice',
    scope: 'notes:read notes:write'
  })
})

t.test('TK-2: a token that was replaced two rotations ago is theft: the grant ends', async t => {
  const { server, client, tokens, refresh, verify, live } = await connected(t)
  const revoked: unknown[] = []
  server.app.authorizationServer.on('grant.revoked', details => revoked.push(details))
  const second = await refresh(tokens.refresh_token)
  const third = await refresh(second.refresh_token)
  matchesOAuthError(t, await client.refresh(tokens.refresh_token), 'invalid_grant')
  matchesOAuthError(t, await client.refresh(third.refresh_token), 'invalid_grant')
  t.equal(await refusalOf(verify(third.access_token)), 'grant_revoked')
  t.equal(await live(), 0)
  t.match(revoked, [{ reason: 'refresh_token_reused', subject: 'sub-alice' }])
})

t.test('OAuth 2.1 4.3.1: within the grace a retry gets the very same response', async t => {
  const { server, client, tokens, refresh } = await connected(t)
  const first = await client.refresh(tokens.refresh_token)
  server.clock.advance(59)
  const retry = await client.refresh(tokens.refresh_token)
  t.equal(retry.statusCode, 200)
  t.equal(retry.body, first.body)
  t.equal(retry.headers['cache-control'], 'no-store')
  await refresh(first.json<Tokens>().refresh_token)
})

t.test('OAuth 2.1 4.3.1: after the grace a retry is reuse', async t => {
  const { server, client, tokens, refresh, live } = await connected(t)
  const second = await refresh(tokens.refresh_token)
  server.clock.advance(60)
  matchesOAuthError(t, await client.refresh(tokens.refresh_token), 'invalid_grant')
  t.equal(await live(), 0)
  matchesOAuthError(t, await client.refresh(second.refresh_token), 'invalid_grant')
})

t.test('OAuth 2.1 4.3.1: without a grace the first retry is reuse', async t => {
  const { client, tokens, refresh, live } = await connected(t, { options: { refreshGrace: 0 } })
  await refresh(tokens.refresh_token)
  matchesOAuthError(t, await client.refresh(tokens.refresh_token), 'invalid_grant')
  t.equal(await live(), 0)
})

t.test('OAuth 2.1 4.3.1: the grace ends before the access token that it repeats', async t => {
  const { server, client, tokens, refresh } = await connected(t, {
    options: { accessTokenTtl: 30, refreshGrace: 300 }
  })
  const second = await refresh(tokens.refresh_token)
  server.clock.advance(29)
  t.equal((await refresh(tokens.refresh_token)).access_token, second.access_token)
  server.clock.advance(1)
  matchesOAuthError(t, await client.refresh(tokens.refresh_token), 'invalid_grant')
})

t.test('fastmcp 4901: ten parallel refreshes all get one response, and one rotation happens', async t => {
  const { server, client, tokens, refresh, live } = await connected(t)
  const issued: unknown[] = []
  server.app.authorizationServer.on('token.issued', details => issued.push(details))
  const responses = await Promise.all(Array.from({ length: 10 }, () => client.refresh(tokens.refresh_token)))
  t.strictSame(
    responses.map(({ statusCode }) => statusCode),
    Array(10).fill(200)
  )
  t.equal(new Set(responses.map(({ body }) => body)).size, 1)
  t.equal(issued.length, 1)
  t.equal(await live(), 1)
  await refresh(responses[0]?.json<Tokens>().refresh_token ?? '')
})

t.test('OAuth 2.1 4.3.1: one response is repeated 50 times and no more', async t => {
  const { client, tokens, refresh, live } = await connected(t)
  await refresh(tokens.refresh_token)
  for (let retry = 0; retry < 50; retry++) await refresh(tokens.refresh_token)
  matchesOAuthError(t, await client.refresh(tokens.refresh_token), 'invalid_grant')
  t.equal(await live(), 0)
})

t.test('OAuth 2.1 4.3.1: 50 times, also when all of them come at the same moment', async t => {
  const { client, tokens } = await connected(t)
  await client.refresh(tokens.refresh_token)
  const retries = await Promise.all(Array.from({ length: 70 }, () => client.refresh(tokens.refresh_token)))
  const repeated = retries.filter(({ statusCode }) => statusCode === 200)
  t.ok(repeated.length <= 50, `${repeated.length} were repeated`)
  t.equal(new Set(repeated.map(({ body }) => body)).size, 1)
})

t.test('RFC 9700 4.14.2: a stolen token that is refreshed once more than the owner is found out', async t => {
  const { client, tokens, refresh, live } = await connected(t)
  const owner = await refresh(tokens.refresh_token)
  const thief = await refresh(owner.refresh_token)
  const thiefAgain = await refresh(thief.refresh_token)
  matchesOAuthError(t, await client.refresh(owner.refresh_token), 'invalid_grant')
  matchesOAuthError(t, await client.refresh(thiefAgain.refresh_token), 'invalid_grant')
  t.equal(await live(), 0)
})

t.test('RFC 6749 6: a scope may be narrowed for one token, and the next one is whole again', async t => {
  const { tokens, refresh, verify } = await connected(t)
  const narrow = await refresh(tokens.refresh_token, { scope: 'notes:read' })
  t.equal(narrow.scope, 'notes:read')
  t.equal((await verify(narrow.access_token)).claims.scope, 'notes:read')
  t.equal((await refresh(narrow.refresh_token)).scope, 'notes:read notes:write')
})

t.test('RFC 6749 6: what a granted scope implies may be asked for', async t => {
  const { tokens, refresh } = await connected(t, {}, 'notes:admin')
  t.equal(tokens.scope, 'notes:admin')
  t.equal((await refresh(tokens.refresh_token, { scope: 'notes:read' })).scope, 'notes:read')
})

for (const [what, parameters, error] of [
  ['a scope beyond the grant', { scope: 'notes:read notes:admin' }, 'invalid_scope'],
  ['a scope that nobody knows', { scope: 'everything' }, 'invalid_scope'],
  ['a scope with a forbidden character', { scope: 'notes:read "' }, 'invalid_scope'],
  ['another resource', { resource: 'https://other.example/mcp' }, 'invalid_target'],
  ['two resources', { resource: [RESOURCE, 'https://other.example/mcp'] }, 'invalid_target']
] as const)
  t.test(`AZ-8: ${what} is ${error}; nothing rotates, nothing is revoked`, async t => {
    const { server, client, tokens, refresh } = await connected(t)
    const before = await server.storage.dump()
    matchesOAuthError(t, await client.refresh(tokens.refresh_token, parameters), error)
    t.equal(await server.storage.dump(), before)
    await refresh(tokens.refresh_token)
  })

t.test('RFC 6749 6: a retry that asks for another scope is refused, but is no sign of theft', async t => {
  const { server, client, tokens, refresh, live } = await connected(t)
  const second = await refresh(tokens.refresh_token)
  const before = await server.storage.dump()
  matchesOAuthError(t, await client.refresh(tokens.refresh_token, { scope: 'notes:read' }), 'invalid_grant')
  t.equal(await server.storage.dump(), before)
  t.equal(await live(), 1)
  await refresh(second.refresh_token)
})

for (const [what, bend] of [
  ['with an invented secret', ([grant, family]: string[]) => `${grant}.${family}.${'a'.repeat(43)}`],
  ['with an invented family', ([grant, , secret]: string[]) => `${grant}.${'a'.repeat(22)}.${secret}`],
  ['of an invented grant', ([, family, secret]: string[]) => `${'a'.repeat(22)}.${family}.${secret}`],
  ['in another form', () => 'tGzv3JOkF0XG5Qx2TlKWIA']
] as const)
  t.test(`RFC 6749 5.2: a refresh token ${what} is invalid_grant`, async t => {
    const { server, client, tokens, live } = await connected(t)
    const invented = bend(tokens.refresh_token.split('.'))
    const before = await server.storage.dump()
    matchesOAuthError(t, await client.refresh(invented), 'invalid_grant')
    // Who knows the family has held a token of it: that one is a sign of theft.
    const isFamily = what === 'with an invented secret'
    t.equal(await live(), isFamily ? 0 : 1)
    if (!isFamily) t.equal(await server.storage.dump(), before)
  })

t.test('RFC 6749 6: a refresh token of another client is refused and stays good', async t => {
  const { server, tokens, refresh, live } = await connected(t)
  const thief = server.client()
  matchesOAuthError(t, await thief.refresh(tokens.refresh_token), 'invalid_grant')
  t.equal(await live(), 1)
  await refresh(tokens.refresh_token)
})

t.test('TK-2: a refresh token ends 30 days after its last use, and use moves that end', async t => {
  const { server, client, tokens, refresh } = await connected(t)
  server.clock.advance(30 * 86_400 - 1)
  const second = await refresh(tokens.refresh_token)
  server.clock.advance(30 * 86_400)
  matchesOAuthError(t, await client.refresh(second.refresh_token), 'invalid_grant')
})

t.test('TK-2: no use moves the end of a grant past 90 days after consent', async t => {
  const { server, client, tokens, refresh } = await connected(t)
  const consented = server.clock.now()
  let current = tokens
  for (const day of [29, 58, 87]) {
    server.clock.set(consented + day * 86_400)
    current = await refresh(current.refresh_token)
  }
  server.clock.set(consented + 90 * 86_400 - 10)
  current = await refresh(current.refresh_token)
  t.equal(current.expires_in, 10, 'neither does an access token live longer')
  server.clock.set(consented + 90 * 86_400)
  matchesOAuthError(t, await client.refresh(current.refresh_token), 'invalid_grant')
})

t.test('RFC 6749 6: the refresh tokens of a user who is gone stop working, and nothing rotates', async t => {
  const { server, client, tokens, refresh } = await connected(t)
  server.accounts.gone.add('sub-alice')
  const before = await server.storage.dump()
  matchesOAuthError(t, await client.refresh(tokens.refresh_token), 'invalid_grant')
  t.equal(await server.storage.dump(), before)
  server.accounts.gone.clear()
  await refresh(tokens.refresh_token)
})

t.test('RFC 6749 6: a clock that jumps back neither revokes nor refuses', async t => {
  const { server, tokens, refresh, live } = await connected(t)
  const second = await refresh(tokens.refresh_token)
  server.clock.advance(-3600)
  t.equal((await refresh(tokens.refresh_token)).refresh_token, second.refresh_token)
  await refresh(second.refresh_token)
  t.equal(await live(), 1)
})

t.test('RFC 6749 5.2: refresh_token is required', async t => {
  const { client, tokens } = await connected(t)
  matchesOAuthError(t, await client.refresh(tokens.refresh_token, { refresh_token: null }), 'invalid_request')
})

t.test('RFC 6749 5.2: a client that registered only the code cannot refresh', async t => {
  const { server, tokens, live } = await connected(t)
  const other = server.client()
  await other.register({ grant_types: ['authorization_code'] })
  matchesOAuthError(t, await other.refresh(tokens.refresh_token), 'unauthorized_client')
  t.equal(await live(), 1)
})
