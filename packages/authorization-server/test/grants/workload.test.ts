/** Workloads: what a platform says about a program that runs on it is all that it needs, and all that counts. */
import { FetchFailedError } from '@fastify-mcp-auth/core'
import { createTestIssuer, matchesOAuthError } from '@fastify-mcp-auth/testing'
import t from 'tap'
import { ORIGIN, RESOURCE, refusalOf } from '../fixture.ts'
import { observableStorage } from '../observable-storage.ts'
import { type Asserting, build, JWT_BEARER, OTHER, PLATFORM, SECRET, WORKLOAD } from './asserting.ts'

interface Tokens {
  access_token: string
  scope: string
}

type Attempt = (server: Asserting) => Promise<string> | string
const REFUSED: [string, string, Attempt][] = [
  ['WI-4', 'of an issuer that is not trusted', s => s.workload({ claims: { iss: 'https://other.example' } })],
  ['WI-5', 'of an issuer that is trusted with people only', s => s.workload({ claims: { iss: s.idp.issuer } })],
  ['WI-5', 'by a key of an issuer that is trusted with people only', s => byKeyOf(s.idp)],
  ['WI-4', 'of this server itself', s => s.workload({ claims: { iss: ORIGIN } })],
  ['WI-4', 'for another server', s => s.workload({ resource: 'https://other.example' })],
  ['WI-4', 'for the revocation endpoint', s => s.workload({ resource: `${ORIGIN}/oauth/revoke` })],
  ['WI-4', 'for the resource', s => s.workload({ resource: RESOURCE })],
  ['WI-4', 'for a longer path than the token endpoint', s => s.workload({ resource: `${ORIGIN}/oauth/token/` })],
  ['WI-4', 'for us and somebody else', s => s.workload({ claims: { aud: [ORIGIN, 'https://other.example'] } })],
  ['WI-4', 'for nobody', s => s.workload({ claims: { aud: undefined } })],
  ['WI-4', 'without sub', s => s.workload({ claims: { sub: undefined } })],
  ['WI-4', 'without exp', s => s.workload({ claims: { exp: undefined } })],
  ['WI-4', 'without iat', s => s.workload({ claims: { iat: undefined } })],
  ['WI-4', 'without jti', s => s.workload({ claims: { jti: undefined } })],
  ['WI-4', 'that has expired', s => s.workload({ expiresIn: -31 })],
  ['WI-4', 'that lives for a day', s => s.workload({ expiresIn: 86_400 })],
  ['WI-4', 'with a broken signature', async s => `${(await s.workload()).slice(0, -8)}AAAAAAAA`],
  ['WI-4', 'with an unknown kid', s => s.workload({ header: { kid: 'other' } })],
  ['WI-5', 'about another workload', s => s.workload({ subject: 'system:serviceaccount:jobs:other' })],
  ['WI-5', 'about a workload whose name begins alike', s => s.workload({ subject: `${WORKLOAD}-2` })],
  ['WI-5', 'about the workload in another case', s => s.workload({ subject: WORKLOAD.toUpperCase() })],
  ['WI-5', 'of another cluster', s => s.workload({ claims: { cluster: 'two' } })],
  ['WI-5', 'that does not say the cluster', s => s.workload({ claims: { cluster: undefined } })],
  ['WI-5', 'that says several clusters', s => s.workload({ claims: { cluster: ['one', 'two'] } })],
  ['WI-4', 'that is no JWT', () => 'x.y.z'],
  ['WI-6', 'of the type of an access token', s => s.workload({ header: { typ: 'at+jwt' } })],
  ['WI-6', 'of the type of an identity assertion grant', s => s.workload({ header: { typ: 'oauth-id-jag+jwt' } })]
]

const byKeyOf = (issuer: Asserting['idp']) =>
  issuer.mint({
    subject: WORKLOAD,
    resource: ORIGIN,
    claims: { iss: PLATFORM, cluster: 'one' },
    header: { typ: 'JWT' }
  })

t.test('WI-4, WI-5: assertions that are refused', async t => {
  const server = await build(t)
  for (const [id, what, attempt] of REFUSED)
    await t.test(`${id}: an assertion ${what} buys nothing, and leaves nothing behind`, async t => {
      const before = await server.storage.dump()
      const response = await server.alone(await attempt(server))
      // One that says it is for a person needs a client.
      matchesOAuthError(t, response, what.includes('identity assertion') ? 'invalid_client' : 'invalid_grant')
      t.strictSame(await server.storage.dump(), before)
    })
})

for (const [audience, typ] of [
  [ORIGIN, 'JWT'],
  [`${ORIGIN}/oauth/token`, 'jwt'],
  [`${ORIGIN}/oauth/token`, 'JOSE'],
  [ORIGIN, undefined]
] as const)
  t.test(`WI-1, WI-3: for ${audience}, of type ${typ}: a token without client_id and registration`, async t => {
    const server = await build(t, { options: { openid: {} } })
    const assertion = await server.workload({
      resource: audience,
      header: { typ },
      claims: { role: 'admin', scope: 'notes:admin' }
    })
    const response = await server.alone(assertion, { resource: RESOURCE })
    t.equal(response.statusCode, 200)
    t.equal(response.headers['cache-control'], 'no-store')
    t.strictSame(Object.keys(response.json()).toSorted(), ['access_token', 'expires_in', 'scope', 'token_type'])
    t.equal(response.json<Tokens>().scope, 'notes:read notes:write')
    const { claims, subject, props } = await server.app.authorizationServer.verifyAccessToken(
      response.json<Tokens>().access_token,
      RESOURCE
    )
    t.match(claims, { sub: 'nightly', client_id: 'nightly', aud: RESOURCE, scope: 'notes:read notes:write' })
    t.strictSame([subject, props], ['nightly', null])
    for (const name of ['role', 'cluster', 'auth_time', 'acr', 'name'])
      t.notOk(name in claims, `WI-5: ${name} is not copied`)
    t.match(
      server.events.filter(({ type }) => !type.startsWith('key.')),
      [
        { type: 'assertion.accepted', clientId: 'nightly', assertionIssuer: PLATFORM, assertionSubject: WORKLOAD },
        { type: 'token.issued', clientId: 'nightly', subject: 'nightly', grantType: JWT_BEARER }
      ]
    )
  })

for (const [form, wanted] of [
  [{}, 'notes:read notes:write'],
  [{ scope: 'notes:write' }, 'notes:write'],
  [{ scope: 'notes:read notes:admin' }, 'notes:read'],
  [{ scope: 'notes:admin' }, 'invalid_scope'],
  [{ scope: 'openid' }, 'invalid_scope'],
  [{ resource: OTHER }, 'invalid_target'],
  [{ resource: 'https://unknown.example' }, 'invalid_target'],
  [{ client_id: 'nightly' }, 'notes:read notes:write'],
  [{ client_id: 'agent' }, 'invalid_client'],
  [{ client_id: 'agent', client_secret: SECRET }, 'invalid_client'],
  [{ client_secret: SECRET }, 'invalid_client'],
  [{ client_assertion: 'x' }, 'invalid_client'],
  [{ client_assertion_type: 'x' }, 'invalid_client']
] as const)
  t.test(`WI-3, WI-5: a request with ${JSON.stringify(form).replace(SECRET, 'a secret')} gets ${wanted}`, async t => {
    const server = await build(t, { options: { openid: {} } })
    const assertion = await server.workload()
    const response = await server.alone(assertion, form)
    t.equal(response.json().scope ?? response.json().error, wanted)
    if (response.statusCode === 200) return
    t.equal((await server.storage.counts())['grants'] ?? 0, 0)
    t.equal((await server.alone(assertion)).statusCode, 200, 'that has not used it up')
  })

t.test('WI-3: an Authorization header beside the assertion is refused', async t => {
  const server = await build(t)
  const response = await server.app.inject({
    method: 'POST',
    url: '/oauth/token',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Basic ${Buffer.from(`agent:${SECRET}`).toString('base64')}`
    },
    payload: new URLSearchParams({ grant_type: JWT_BEARER, assertion: await server.workload() }).toString()
  })
  matchesOAuthError(t, response, 'invalid_client')
  t.equal((await server.storage.counts())['grants'] ?? 0, 0)
})

t.test('WI-4: an assertion buys one token, also at the same moment at two servers of one storage', async t => {
  const storage = observableStorage()
  const options = { encryptionKeys: [Buffer.alloc(32, 'k1').toString('base64')] }
  const one = await build(t, { storage, options })
  const two = await build(t, { storage, options, platform: one.platform })
  const assertion = await one.workload()
  const answers = await Promise.all(Array.from({ length: 20 }, (_, at) => (at % 2 ? one : two).alone(assertion)))
  t.equal(answers.filter(({ statusCode }) => statusCode === 200).length, 1)
  t.equal((await storage.counts())['grants'], 1)
})

t.test('WI-4: a platform that hands out one assertion until it expires can be told so', async t => {
  const server = await build(t, { singleUse: false })
  const assertion = await server.workload()
  for (const _ of [1, 2, 3]) t.equal((await server.alone(assertion)).statusCode, 200)
  t.equal((await server.storage.counts())['client_assertions'] ?? 0, 0)
  server.clock.advance(331)
  matchesOAuthError(t, await server.alone(assertion), 'invalid_grant')
})

t.test('WI-4: keys of the platform that cannot be had are an outage', async t => {
  const platform = await createTestIssuer({ issuer: PLATFORM })
  const fetch = async (): Promise<never> => {
    throw new FetchFailedError('network', 'nobody there')
  }
  const server = await build(t, { platform, options: { fetch } })
  const claims = { iat: server.clock.now(), exp: server.clock.now() + 300 }
  t.equal((await server.alone(await server.workload({ claims }))).statusCode, 503)
})

t.test('WI-5: two rules that fit one assertion open nothing', async t => {
  const access = { client_credentials: { [RESOURCE]: ['notes:read'] } }
  const server = await build(t, {
    options: {
      jwtBearer: {
        workloadIssuers: [
          {
            issuer: PLATFORM,
            workloads: [
              { client_id: 'a', client_name: 'A', claims: { sub: WORKLOAD }, ...access },
              { client_id: 'b', client_name: 'B', claims: { cluster: 'one' }, ...access }
            ]
          }
        ]
      }
    }
  })
  matchesOAuthError(t, await server.alone(await server.workload()), 'invalid_grant')
  t.match(server.events.at(-1), { type: 'assertion.refused', clientId: null, reason: 'ambiguous_workload' })
  t.equal((await server.alone(await server.workload({ claims: { cluster: 'two' } }))).statusCode, 200)
})

t.test(
  'RFC 9700 4.15: a workload that has the name of a user, or of a client that the app keeps, gets no token',
  async t => {
    const person = await build(t, { users: { find: subject => (subject === 'nightly' ? 'nightly' : null) } })
    matchesOAuthError(t, await person.alone(await person.workload()), 'unauthorized_client')
    t.ok(person.log.some(line => line.includes('name of a user')))
    const kept = { client_id: 'nightly', redirect_uris: ['https://x.example/cb'], token_endpoint_auth_method: 'none' }
    const client = await build(t, {
      options: { clientSource: { find: async (id: string) => (id === 'nightly' ? kept : null) } as never }
    })
    matchesOAuthError(t, await client.alone(await client.workload()), 'unauthorized_client')
    t.ok(client.log.some(line => line.includes('name of a client')))
    t.equal((await client.storage.counts())['grants'] ?? 0, 0)
  }
)

t.test("WI-5: such a token is looked at and taken back like any other, and is nobody's connected app", async t => {
  const server = await build(t)
  const { grants, verifyAccessToken } = server.app.authorizationServer
  const { access_token: token } = (await server.alone(await server.workload())).json<Tokens>()
  t.equal(await refusalOf(verifyAccessToken(token, RESOURCE)), 'accepted')
  t.strictSame((await grants.list('nightly')).grants, [])
  t.equal(await grants.revokeAll({ clientId: 'nightly' }), 1)
  t.equal(await refusalOf(verifyAccessToken(token, RESOURCE)), 'grant_revoked')
})
