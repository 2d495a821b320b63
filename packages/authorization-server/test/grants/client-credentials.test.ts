/** Clients in their own name: what the operator wrote down, and nothing else. */
import { type AuthorizationServerEvent, digest } from '@fastify-mcp-auth/core'
import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import t, { type Test } from 'tap'
import type { AuthorizationServerOptions } from '../../src/index.ts'
import { createSigner } from '../clients/signer.ts'
import { post } from '../devices.ts'
import {
  type BuildOptions,
  buildServer,
  ORIGIN,
  RESOURCE,
  RESOURCES,
  recordsOf,
  refusalOf,
  type TestServer
} from '../fixture.ts'
import { observableStorage } from '../observable-storage.ts'

const SECRET = 'a-secret-that-is-long-enough-to-be-one'
const OTHER = `${ORIGIN}/other`
const JOB = {
  client_id: 'job',
  client_name: 'Nightly job',
  client_secret_digest: digest(SECRET),
  client_credentials: { [RESOURCE]: ['notes:read', 'notes:write'] }
}

interface Tokens {
  access_token: string
  scope: string
  expires_in: number
}

/** Nobody has the name of a client, but for whom a test says so. */
function build(t: Test, { options, users, ...more }: BuildOptions = {}): Promise<TestServer> {
  const resources: AuthorizationServerOptions['resources'] = {
    [RESOURCE]: { ...RESOURCES[RESOURCE], default: true } as never,
    [OTHER]: { name: 'Other', scopes: { 'other:read': 'Read' } }
  }
  return buildServer(t, {
    options: { clients: [JOB], resources, ...options },
    users: { find: subject => (subject.startsWith('sub-') ? subject.slice(4) : null), ...users },
    ...more
  })
}

function ask(server: TestServer, form: Record<string, string> = {}) {
  return post(server, 'token', { grant_type: 'client_credentials', client_id: 'job', client_secret: SECRET, ...form })
}

t.test('CC-2: nobody can give itself access, whatever it registers or publishes', async t => {
  const server = await build(t)
  const asked = { client_name: 'Thief', redirect_uris: ['https://thief.example/cb'], scope: 'notes:admin' }
  const register = (grant_types: string[], more: object = {}) =>
    server.app.inject({ method: 'POST', url: '/oauth/register', payload: { ...asked, grant_types, ...more } })
  matchesOAuthError(t, await register(['client_credentials']), 'invalid_client_metadata')
  const body = (
    await register(['authorization_code', 'client_credentials'], {
      client_credentials: { [RESOURCE]: ['notes:admin'] }
    })
  ).json()
  t.strictSame(body.grant_types, ['authorization_code'], 'and it is told')
  t.notOk('client_credentials' in body)
  const form = { client_id: body.client_id, client_secret: body.client_secret }
  matchesOAuthError(t, await ask(server, form), 'unauthorized_client')
  const update = await server.app.inject({
    method: 'PUT',
    url: `/oauth/register/${body.client_id}`,
    headers: { authorization: `Bearer ${body.registration_access_token}` },
    payload: { ...asked, client_id: body.client_id, grant_types: ['authorization_code', 'client_credentials'] }
  })
  t.strictSame(update.json().grant_types, ['authorization_code'])
  // Even one whose record says so has nothing written down.
  await recordsOf(server).clients.update(
    body.client_id,
    {},
    { metadata: { ...update.json(), grant_types: ['client_credentials'] } }
  )
  matchesOAuthError(t, await ask(server, form), 'invalid_target')
  t.equal((await server.storage.counts())['grants'] ?? 0, 0)
})

t.test('RFC 9700 4.15: a client that has the name of a user gets no token, with pairwise subjects either', async t => {
  for (const pairwiseSubjects of [undefined, { salt: 's'.repeat(32) }]) {
    const clients = [{ ...JOB, client_id: 'sub-alice' }]
    const server = await build(t, { options: { clients, ...(pairwiseSubjects ? { pairwiseSubjects } : {}) } })
    matchesOAuthError(t, await ask(server, { client_id: 'sub-alice' }), 'unauthorized_client')
    t.ok(server.log.some(line => line.includes('name of a user')))
    server.accounts.failure = new Error('the database of the app is down')
  }
})

t.test('an app that cannot say whether there is such a user is an outage, not a yes', async t => {
  const server = await build(t, {
    users: {
      find() {
        throw new Error('down')
      }
    }
  })
  t.equal((await ask(server)).statusCode, 503)
})

t.test('CC-8: a token for the client itself: no refresh token, no ID token, no person in it', async t => {
  const events: AuthorizationServerEvent[] = []
  const server = await build(t, { options: { openid: {}, onEvent: event => void events.push(event) } })
  const response = await ask(server, { scope: 'openid offline_access notes:read' })
  t.equal(response.headers['cache-control'], 'no-store')
  t.strictSame(Object.keys(response.json()).toSorted(), ['access_token', 'expires_in', 'scope', 'token_type'])
  t.match(response.json(), { scope: 'notes:read', expires_in: 900, token_type: 'Bearer' })
  const { claims, subject, props } = await server.app.authorizationServer.verifyAccessToken(
    response.json<Tokens>().access_token,
    RESOURCE
  )
  t.match(claims, { sub: 'job', client_id: 'job', aud: RESOURCE, scope: 'notes:read' })
  t.strictSame([subject, props], ['job', null])
  for (const name of ['auth_time', 'acr', 'amr', 'org_id', 'name']) t.notOk(name in claims, name)
  const told = events.filter(({ type }) => type === 'token.issued' || type.startsWith('grant.'))
  t.match(told, [{ type: 'token.issued', grantType: 'client_credentials', clientId: 'job', subject: 'job' }])
  const userinfo = await server.app.inject({
    url: '/oauth/userinfo',
    headers: { authorization: `Bearer ${response.json<Tokens>().access_token}` }
  })
  matchesOAuthError(t, userinfo, 'insufficient_scope')
})

for (const [form, wanted] of [
  [{}, 'notes:read notes:write'],
  [{ resource: RESOURCE }, 'notes:read notes:write'],
  [{ scope: 'notes:write' }, 'notes:write'],
  [{ scope: 'notes:read notes:admin unknown' }, 'notes:read'],
  [{ scope: 'notes:admin' }, 'invalid_scope'],
  [{ scope: 'openid' }, 'invalid_scope'],
  [{ scope: 'offline_access' }, 'invalid_scope'],
  [{ resource: OTHER }, 'invalid_target'],
  [{ resource: OTHER, scope: 'other:read' }, 'invalid_target'],
  [{ resource: 'https://unknown.example' }, 'invalid_target'],
  [{ resource: `${RESOURCE}#x` }, 'invalid_target']
] as const)
  t.test(`CC-5, RFC 8707 2.2: a request for ${JSON.stringify(form)} gets ${wanted}`, async t => {
    const response = await ask(await build(t, { options: { openid: {} } }), form)
    t.equal(response.json().scope ?? response.json().error, wanted)
  })

t.test('RFC 8707 2.2: a token is for one resource, so two in a request are refused', async t => {
  const server = await build(t)
  const payload = `grant_type=client_credentials&client_id=job&client_secret=${SECRET}&resource=${RESOURCE}&resource=${OTHER}`
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  matchesOAuthError(
    t,
    await server.app.inject({ method: 'POST', url: '/oauth/token', headers, payload }),
    'invalid_target'
  )
})

t.test('CC-1, CC-7: who does not prove itself gets nothing; Basic and body are alike', async t => {
  const server = await build(t, {
    options: { clients: [JOB, { client_id: 'app', client_name: 'App', redirect_uris: ['https://app.example/cb'] }] }
  })
  matchesOAuthError(t, await ask(server, { client_secret: 'wrong' }), 'invalid_client')
  matchesOAuthError(t, await ask(server, { client_secret: '' }), 'invalid_client')
  matchesOAuthError(t, await ask(server, { client_id: 'app', client_secret: '' }), 'unauthorized_client')
  const basic = await server.app.inject({
    method: 'POST',
    url: '/oauth/token',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Basic ${Buffer.from(`job:${SECRET}`).toString('base64')}`
    },
    payload: 'grant_type=client_credentials'
  })
  t.equal(basic.statusCode, 200)
})

t.test('CC-5, CC-6: an assertion says who it is without client_id, once, also at the same moment', async t => {
  let now = (): number => 0
  const signer = await createSigner(
    () => 'signer',
    () => now()
  )
  const signing = { client_id: 'signer', client_name: 'Signer', jwks: { keys: [signer.jwk] } }
  const server = await build(t, {
    options: { clients: [{ ...signing, client_credentials: { [RESOURCE]: ['notes:read'] } }] }
  })
  now = server.clock.now
  const proof = await signer.proof()
  const form = {
    grant_type: 'client_credentials',
    resource: RESOURCE,
    client_assertion_type: String(proof['client_assertion_type']),
    client_assertion: String(proof['client_assertion'])
  }
  const responses = await Promise.all(Array.from({ length: 10 }, () => post(server, 'token', form)))
  t.equal(responses.filter(({ statusCode }) => statusCode === 200).length, 1)
  for (const other of responses.filter(({ statusCode }) => statusCode !== 200))
    matchesOAuthError(t, other, 'invalid_client')
  const other = await signer.sign({ iss: 'job', sub: 'job' })
  matchesOAuthError(t, await post(server, 'token', { ...form, client_assertion: other }), 'invalid_client')
})

for (const format of ['jwt', 'opaque'] as const)
  t.test(`RFC 7009, RFC 7662: ${format} tokens of a client are looked at and taken back like any other`, async t => {
    const server = await build(t, {
      options: {
        clients: [JOB, { ...JOB, client_id: 'other', client_name: 'Other job' }],
        resources: { [RESOURCE]: { ...RESOURCES[RESOURCE], accessToken: { format } } as never }
      }
    })
    const { authorizationServer } = server.app
    const [first, second] = await Promise.all([ask(server), ask(server)])
    const [token, twin] = [first, second].map(response => response.json<Tokens>().access_token)
    if (!token || !twin) throw new Error('no tokens')
    const at = (path: string, client_id: string, value: string) =>
      post(server, path, { client_id, client_secret: SECRET, token: value })
    t.match((await at('introspect', 'job', token)).json(), { active: true, sub: 'job' })
    t.strictSame((await at('introspect', 'other', token)).json(), { active: false })
    t.not((await at('revoke', 'other', token)).statusCode, 500)
    t.match((await at('introspect', 'job', token)).json(), { active: true })
    t.equal((await at('revoke', 'job', token)).statusCode, 200)
    t.strictSame((await at('introspect', 'job', token)).json(), { active: false })
    t.equal(await refusalOf(authorizationServer.verifyAccessToken(token, RESOURCE)), 'grant_revoked')
    t.match(
      (await at('introspect', 'job', twin)).json(),
      { active: true },
      'that of another process of the job lives on'
    )
    t.equal(await authorizationServer.grants.revokeAll({ clientId: 'job' }), 1)
    t.equal(await refusalOf(authorizationServer.verifyAccessToken(twin, RESOURCE)), 'grant_revoked')
    t.equal((await ask(server)).statusCode, 200, 'the access itself stands in the options')
  })

t.test("such a token is nobody's connected app, and nobody can end it as if it were theirs", async t => {
  const server = await build(t)
  const { grants, verifyAccessToken } = server.app.authorizationServer
  const { access_token: token } = (await ask(server)).json<Tokens>()
  const { claims } = await verifyAccessToken(token, RESOURCE)
  t.strictSame((await grants.list('job')).grants, [])
  t.equal(await grants.revoke(String(claims.grant_id), 'job'), false)
  t.equal(await grants.revoke(String(claims.grant_id)), true)
})

t.test('it ends by itself, without a word, and its record goes', async t => {
  const events: AuthorizationServerEvent[] = []
  const server = await build(t, { options: { onEvent: event => void events.push(event), accessTokenTtl: 60 } })
  const { access_token: token } = (await ask(server)).json<Tokens>()
  server.clock.advance(61)
  t.equal(await refusalOf(server.app.authorizationServer.verifyAccessToken(token, RESOURCE)), 'not_acceptable')
  await server.app.authorizationServer.cleanup()
  t.equal((await server.storage.counts())['grants'] ?? 0, 0)
  t.notOk(events.some(({ type }) => type === 'grant.expired'))
})

t.test('CC-2: the app registers such a client, and ends it with its tokens', async t => {
  const server = await build(t)
  const { clients, verifyAccessToken } = server.app.authorizationServer
  const metadata = { client_name: 'Robot', grant_types: ['client_credentials'] }
  for (const [access, problem] of [
    [{}, /nothing/],
    [{ 'https://unknown.example': ['x'] }, /unknown resource/],
    [{ nowhere: ['x'] }, /unknown resource/],
    [{ [RESOURCE]: [] }, /no scope/],
    [{ [RESOURCE]: ['openid'] }, /unknown scope/]
  ] as const)
    await t.rejects(clients.register(metadata, { clientCredentials: access }), { message: problem })
  const access = { clientCredentials: { [OTHER]: ['other:read'] } }
  await t.rejects(clients.register({ ...metadata, token_endpoint_auth_method: 'none' }, access))
  await t.rejects(clients.register({ client_name: 'Robot', redirect_uris: ['https://x.example/cb'] }, access))
  await t.rejects(clients.register(metadata))
  const { clientId, clientSecret } = await clients.register(metadata, access)
  const form = { client_id: clientId, client_secret: clientSecret ?? '' }
  matchesOAuthError(t, await ask(server, { ...form, resource: RESOURCE }), 'invalid_target')
  const tokens = (await ask(server, { ...form, resource: OTHER })).json<Tokens>()
  t.equal(tokens.scope, 'other:read')
  t.equal((await verifyAccessToken(tokens.access_token, OTHER)).subject, clientId)
  t.equal(await clients.remove(clientId), true)
  t.equal(await refusalOf(verifyAccessToken(tokens.access_token, OTHER)), 'grant_revoked')
  matchesOAuthError(t, await ask(server, { ...form, resource: OTHER }), 'invalid_client')
})

t.test('CC-2: a scope, or a resource, that the options do not have any more is granted to nobody any more', async t => {
  const storage = observableStorage()
  const encryptionKeys = [Buffer.alloc(32, 'k1').toString('base64')]
  const before = await build(t, { storage, options: { encryptionKeys } })
  const access = { [RESOURCE]: ['notes:read', 'notes:write'], [OTHER]: ['other:read'] }
  const metadata = { client_name: 'Robot', grant_types: ['client_credentials'] }
  const { clients } = before.app.authorizationServer
  const { clientId, clientSecret } = await clients.register(metadata, { clientCredentials: access })
  const form = { client_id: clientId, client_secret: clientSecret ?? '' }
  t.equal((await ask(before, form)).json().scope, 'notes:read notes:write')
  const resources = { [RESOURCE]: { name: 'Notes', scopes: { 'notes:read': 'Read' } } }
  const after = await build(t, { storage, options: { encryptionKeys, clients: [], resources } })
  t.equal((await ask(after, form)).json().scope, 'notes:read')
  matchesOAuthError(t, await ask(after, { ...form, scope: 'notes:write' }), 'invalid_scope')
  matchesOAuthError(t, await ask(after, { ...form, resource: OTHER }), 'invalid_target')
})

t.test('CC-2: a client that the app keeps may name the grant, and has nothing by it', async t => {
  const kept = {
    client_id: 'kept',
    client_secret: SECRET,
    grant_types: ['client_credentials', 'authorization_code'],
    redirect_uris: ['https://kept.example/cb'],
    scope: 'notes:read'
  }
  const find = (id: string) => (id === 'kept' ? kept : null)
  const server = await build(t, { options: { clientSource: { find } as never } })
  const response = await ask(server, { client_id: 'kept' })
  t.match(response.json().error, /^(invalid_target|unauthorized_client)$/)
  t.equal((await server.storage.counts())['grants'] ?? 0, 0)
})

for (const [what, client, message] of [
  ['no secret', { client_secret_digest: undefined }, /needs a client_secret_digest or keys/],
  ['an unknown scope', { client_credentials: { [RESOURCE]: ['openid'] } }, /unknown scope/],
  ['an unknown resource', { client_credentials: { 'https://x.example': ['y'] } }, /unknown resource/],
  ['nothing', { client_credentials: {} }, /for nothing/],
  ['no grant type', { grant_types: ['authorization_code'] }, /needs both/],
  ['no access', { client_credentials: undefined, grant_types: ['client_credentials'] }, /needs both/],
  ['a grant type of nowhere', { grant_types: ['password', 'client_credentials'] }, /not known: password/]
] as const)
  t.test(`the boot is refused for a client with ${what}`, async t => {
    const given = Object.fromEntries(Object.entries({ ...JOB, ...client }).filter(([, value]) => value !== undefined))
    await t.rejects(build(t, { options: { clients: [given as never] } }), { code: 'FST_OAUTH_OPTION', message })
  })

t.test(
  'CC-2, RFC 6749 4.1: one that acts for people too needs redirect URIs, and one that does not is no client for them',
  async t => {
    const both = { ...JOB, client_id: 'both', redirect_uris: ['https://both.example/cb'] }
    const server = await build(t, { options: { clients: [JOB, both] } })
    t.equal((await ask(server, { client_id: 'both' })).statusCode, 200)
    matchesOAuthError(t, await ask(server, { grant_type: 'refresh_token', refresh_token: 'x' }), 'unauthorized_client')
    matchesOAuthError(
      t,
      await ask(server, { grant_type: 'authorization_code', code: 'x', code_verifier: 'v'.repeat(43) }),
      'unauthorized_client'
    )
    const client = server.client({ clientId: 'both', clientSecret: SECRET, redirectUri: 'https://both.example/cb' })
    t.equal((await client.connect()).token_type, 'Bearer')
  }
)
