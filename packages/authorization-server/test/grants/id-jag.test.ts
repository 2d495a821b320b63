/** Enterprise-managed authorization: what an identity provider says buys one token, and nothing beyond what it says. */
import { FetchFailedError } from '@fastify-mcp-auth/core'
import { createTestIssuer, matchesOAuthError } from '@fastify-mcp-auth/testing'
import { UnsecuredJWT } from 'jose'
import t from 'tap'
import { ORIGIN, RESOURCE, recordsOf, refusalOf } from '../fixture.ts'
import { observableStorage } from '../observable-storage.ts'
import { type Asserting, build, IDP, JWT_BEARER, OTHER, SECRET } from './asserting.ts'

interface Tokens {
  access_token: string
  scope: string
  expires_in: number
}

const reasonsOf = ({ events }: Asserting) =>
  events.flatMap(event => (event.type === 'assertion.refused' ? [event.reason] : []))

type Attempt = (server: Asserting) => Promise<string> | string
const day = 86_400
const REFUSED: [string, string, Attempt][] = [
  ['EM-5', 'of no type', s => s.idJag({ header: { typ: undefined } })],
  ['EM-5', 'of the type of an ID token', s => s.idJag({ header: { typ: 'JWT' } })],
  ['EM-5', 'of the type of an access token', s => s.idJag({ header: { typ: 'at+jwt' } })],
  ['EM-5', 'of a type that begins alike', s => s.idJag({ header: { typ: 'oauth-id-jag+jwt2' } })],
  ['EM-5', 'of a type that ends alike', s => s.idJag({ header: { typ: 'not-oauth-id-jag+jwt' } })],
  ['EM-6', 'without signature', () => new UnsecuredJWT({ iss: IDP, sub: 'emp-alice', aud: ORIGIN }).encode()],
  ['EM-6', 'with a broken signature', async s => `${(await s.idJag()).slice(0, -8)}AAAAAAAA`],
  ['EM-6', 'with an unknown kid', s => s.idJag({ header: { kid: 'other' } })],
  ['EM-6', 'with a key of the platform that is trusted with workloads', s => foreign(s.platform)],
  ['EM-6', 'with a key of somebody else', async s => foreign(await createTestIssuer({ issuer: IDP, clock: s.clock }))],
  ['EM-7', 'of an issuer that is not trusted', s => s.idJag({ claims: { iss: 'https://other.example' } })],
  ['EM-7', 'of the issuer with a slash', s => s.idJag({ claims: { iss: `${IDP}/` } })],
  ['EM-7', 'of an issuer that is trusted with workloads only', s => s.idJag({ claims: { iss: s.platform.issuer } })],
  ['EM-7', 'of this server itself', s => s.idJag({ claims: { iss: ORIGIN } })],
  ['EM-7', 'without issuer', s => s.idJag({ claims: { iss: undefined } })],
  ['EM-7', 'for another server', s => s.idJag({ resource: 'https://other.example' })],
  ['EM-7', 'for the token endpoint', s => s.idJag({ resource: `${ORIGIN}/oauth/token` })],
  ['EM-7', 'for the issuer with a slash', s => s.idJag({ resource: `${ORIGIN}/` })],
  ['EM-7', 'for us and somebody else', s => s.idJag({ claims: { aud: [ORIGIN, 'https://other.example'] } })],
  ['EM-7', 'for nobody', s => s.idJag({ claims: { aud: undefined } })],
  ['EM-7', 'about nobody', s => s.idJag({ claims: { sub: undefined } })],
  ['EM-7', 'about an empty name', s => s.idJag({ claims: { sub: '' } })],
  ['EM-7', 'about an object', s => s.idJag({ claims: { sub: { x: 1 } } })],
  ['EM-7', 'without iat', s => s.idJag({ claims: { iat: undefined } })],
  ['EM-7', 'without exp', s => s.idJag({ claims: { exp: undefined } })],
  ['EM-7', 'that has expired', s => s.idJag({ expiresIn: -31 })],
  ['EM-7', 'from the future', s => s.idJag({ claims: { iat: s.clock.now() + 60 } })],
  ['EM-7', 'that is not good yet', s => s.idJag({ claims: { nbf: s.clock.now() + 60 } })],
  ['EM-7', 'that lives for a day', s => s.idJag({ expiresIn: day })],
  ['EM-7', 'made a day ago', s => s.idJag({ claims: { iat: s.clock.now() - day } })],
  ['EM-8', 'for another client', s => s.idJag({ clientId: 'twin' })],
  ['EM-8', 'for no client', s => s.idJag({ claims: { client_id: undefined } })],
  ['EM-8', 'for a list of clients', s => s.idJag({ claims: { client_id: ['agent'] } })],
  ['EM-9', 'for a resource of somebody else', s => s.idJag({ claims: { resource: 'https://other.example/mcp' } })],
  [
    'EM-9',
    'for one of ours and one of somebody else',
    s => s.idJag({ claims: { resource: [RESOURCE, 'https://o.example'] } })
  ],
  ['EM-9', 'for no resource', s => s.idJag({ claims: { resource: undefined } })],
  ['EM-9', 'for an empty list of resources', s => s.idJag({ claims: { resource: [] } })],
  ['EM-9', 'for a resource that is a number', s => s.idJag({ claims: { resource: 7 } })],
  ['EM-9', 'for a resource that is no URL', s => s.idJag({ claims: { resource: 'notes' } })],
  ['EM-10', 'without jti', s => s.idJag({ claims: { jti: undefined } })],
  ['EM-10', 'with an empty jti', s => s.idJag({ claims: { jti: '' } })],
  ['EM-10', 'with a jti that is a number', s => s.idJag({ claims: { jti: 7 } })],
  ['EM-10', 'with a jti of 256 characters', s => s.idJag({ claims: { jti: 'x'.repeat(256) } })],
  ['EM-11', 'with scopes that are a list', s => s.idJag({ claims: { scope: ['notes:read'] } })],
  ['EM-11', 'with a scope that is none', s => s.idJag({ claims: { scope: 'notes:read "' } })],
  ['EM-13', 'about somebody whom the app does not know', s => s.idJag({ subject: 'stranger' })],
  ['EM-13', 'about somebody who is gone', s => s.idJag({ subject: 'emp-gone' })],
  ['RFC 7523 3.1', 'that is no JWT', () => 'x.y.z'],
  ['RFC 7523 3.1', 'that is nothing at all', () => '-']
]

const foreign = (issuer: Asserting['idp']) =>
  issuer.mint({
    subject: 'emp-alice',
    resource: ORIGIN,
    clientId: 'agent',
    claims: { iss: IDP, resource: RESOURCE },
    header: { typ: 'oauth-id-jag+jwt' }
  })

t.test('EM-5 to EM-11: assertions that are refused', async t => {
  const server = await build(t)
  for (const [id, what, attempt] of REFUSED)
    await t.test(`${id}: an assertion ${what} is invalid_grant, and leaves nothing behind`, async t => {
      const before = await server.storage.dump()
      matchesOAuthError(t, await server.ask(await attempt(server)), 'invalid_grant')
      t.strictSame(await server.storage.dump(), before)
      t.match(server.events.at(-1), { type: 'assertion.refused', error: 'invalid_grant' })
    })
})

t.test('EM-7: an assertion about nobody reaches no function of the app', async t => {
  let calls = 0
  const server = await build(t, { user: () => ({ user: `alice${++calls}` }) })
  for (const sub of [undefined, '', { x: 1 }, ['emp-alice'], 7])
    matchesOAuthError(t, await server.ask(await server.idJag({ claims: { sub } })), 'invalid_grant')
  t.equal(calls, 0)
})

t.test('EM-6: every wrong token of the test issuer is refused as an assertion', async t => {
  const server = await build(t)
  const wrong = await server.idp.wrong({
    subject: 'emp-alice',
    resource: ORIGIN,
    clientId: 'agent',
    claims: { resource: RESOURCE },
    header: { typ: 'oauth-id-jag+jwt' }
  })
  t.ok(wrong.length > 40)
  // Our issuer has no path: its beginning is itself.
  for (const { name, token } of wrong)
    if (name !== 'aud is only the beginning') t.not((await server.ask(token)).statusCode, 200, name)
  t.equal((await server.storage.counts())['grants'] ?? 0, 0)
})

t.test(
  'EM-4, EM-11, EM-14: a token for the person, the client and the resource of the assertion, and nothing else',
  async t => {
    const server = await build(t, { options: { openid: {}, accessTokenTtl: 300 } as never })
    const assertion = await server.idJag({
      claims: { scope: 'openid profile offline_access notes:read', acr: 'x', amr: ['pwd'] }
    })
    const response = await server.ask(assertion)
    t.equal(response.statusCode, 200)
    t.equal(response.headers['cache-control'], 'no-store')
    t.strictSame(Object.keys(response.json()).toSorted(), ['access_token', 'expires_in', 'scope', 'token_type'])
    t.match(response.json(), { scope: 'notes:read', expires_in: 300, token_type: 'Bearer' })
    const { claims, subject } = await server.app.authorizationServer.verifyAccessToken(
      response.json<Tokens>().access_token,
      RESOURCE
    )
    t.match(claims, { sub: 'sub-alice', client_id: 'agent', aud: RESOURCE, scope: 'notes:read' })
    t.equal(subject, 'sub-alice')
    for (const name of ['auth_time', 'acr', 'amr', 'org_id']) t.notOk(name in claims, name)
    t.match(
      server.events.filter(({ type }) => !type.startsWith('key.')),
      [
        { type: 'assertion.accepted', subject: 'sub-alice', assertionIssuer: IDP, assertionSubject: 'emp-alice' },
        { type: 'grant.created', subject: 'sub-alice', clientId: 'agent', scopes: ['notes:read'] },
        { type: 'token.issued', subject: 'sub-alice', clientId: 'agent', grantType: JWT_BEARER, resource: RESOURCE }
      ]
    )
    for (const line of server.log) t.notOk(line.includes(assertion.split('.')[2] ?? '?'), 'EM-14: not in the log')
    t.notOk(JSON.stringify(await server.storage.dump()).includes(assertion.split('.')[2] ?? '?'))
  }
)

for (const [said, asked, wanted] of [
  ['notes:read notes:write', undefined, 'notes:read notes:write'],
  ['notes:read notes:write', 'notes:read', 'notes:read'],
  ['notes:read', 'notes:read notes:write', 'notes:read'],
  ['notes:read', 'notes:write', 'invalid_scope'],
  ['notes:admin', undefined, 'notes:admin'],
  ['notes:admin', 'notes:read', 'notes:read'],
  ['notes:read', 'notes:admin', 'invalid_scope'],
  ['other:read', undefined, 'invalid_scope'],
  ['openid', undefined, 'invalid_scope'],
  ['openid notes:read', 'openid', 'invalid_scope'],
  ['offline_access', undefined, 'invalid_scope'],
  ['', undefined, 'invalid_scope'],
  [undefined, undefined, 'notes:read notes:write'],
  [undefined, 'notes:write', 'notes:write'],
  [undefined, 'notes:admin', 'invalid_scope']
] as const)
  t.test(`EM-11: of an assertion for "${said}" a request for "${asked}" gets ${wanted}`, async t => {
    const server = await build(t, { options: { openid: {} } })
    const response = await server.ask(await server.idJag({ claims: { scope: said } }), { scope: asked ?? '' })
    t.equal(response.json().scope ?? response.json().error, wanted)
    if (response.statusCode !== 200) t.equal((await server.storage.counts())['client_assertions'] ?? 0, 0)
  })

for (const [said, asked, wanted] of [
  [RESOURCE, RESOURCE, RESOURCE],
  [RESOURCE.toUpperCase().replace('/MCP', '/mcp'), undefined, RESOURCE],
  [[OTHER], undefined, OTHER],
  [[RESOURCE, OTHER], OTHER, OTHER],
  [[RESOURCE, OTHER], undefined, 'invalid_target'],
  [RESOURCE, OTHER, 'invalid_target'],
  [RESOURCE, 'https://other.example', 'invalid_target'],
  [RESOURCE, 'nonsense', 'invalid_target']
] as const)
  t.test(
    `EM-9, EM-11: of an assertion for ${JSON.stringify(said)} a request for ${asked} is for ${wanted}`,
    async t => {
      const server = await build(t)
      const claims = { resource: said, scope: 'notes:read other:read' }
      const response = await server.ask(await server.idJag({ claims }), { resource: asked ?? '' })
      if (response.statusCode !== 200) return t.equal(response.json().error, wanted)
      const { access_token } = response.json<Tokens>()
      return t.equal((await server.app.authorizationServer.verifyAccessToken(access_token, wanted)).claims.aud, wanted)
    }
  )

t.test('RFC 8707 2.2: two resources in one request are refused', async t => {
  const server = await build(t)
  const assertion = await server.idJag({ claims: { resource: [RESOURCE, OTHER] } })
  const payload = `grant_type=${encodeURIComponent(JWT_BEARER)}&client_id=agent&client_secret=${SECRET}&assertion=${assertion}&resource=${RESOURCE}&resource=${OTHER}`
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  matchesOAuthError(
    t,
    await server.app.inject({ method: 'POST', url: '/oauth/token', headers, payload }),
    'invalid_target'
  )
})

t.test('EM-10: an assertion buys one token, also at the same moment at two servers of one storage', async t => {
  const storage = observableStorage()
  const options = { encryptionKeys: [Buffer.alloc(32, 'k1').toString('base64')] }
  const one = await build(t, { storage, options })
  const two = await build(t, { storage, options, idp: one.idp })
  const assertion = await one.idJag({ claims: { jti: 'once' } })
  const answers = await Promise.all(Array.from({ length: 20 }, (_, at) => (at % 2 ? one : two).ask(assertion)))
  const won = answers.filter(({ statusCode }) => statusCode === 200)
  t.equal(won.length, 1)
  for (const other of answers.filter(({ statusCode }) => statusCode !== 200))
    matchesOAuthError(t, other, 'invalid_grant')
  t.equal((await storage.counts())['grants'], 1)
  t.ok([...reasonsOf(one), ...reasonsOf(two)].every(reason => reason === 'assertion_replayed'))
  t.equal(
    (await one.ask(await one.idJag({ subject: 'emp-bob', claims: { jti: 'once' } }))).statusCode,
    400,
    'per issuer, whoever it is about'
  )
  t.equal((await one.ask(await one.idJag({ claims: { jti: 'twice' } }))).statusCode, 200)
})

t.test('EM-10: what one issuer has used up, another one has not', async t => {
  const server = await build(t)
  const claims = { jti: 'the same' }
  t.equal((await server.ask(await server.idJag({ claims }))).statusCode, 200)
  t.equal((await server.alone(await server.workload({ claims }))).statusCode, 200)
  matchesOAuthError(t, await server.alone(await server.workload({ claims })), 'invalid_grant')
})

t.test('EM-10: an assertion is remembered until it has expired, skew included', async t => {
  const server = await build(t)
  const assertion = await server.idJag({ expiresIn: 60 })
  t.equal((await server.ask(assertion)).statusCode, 200)
  server.clock.advance(89)
  await server.app.authorizationServer.cleanup()
  matchesOAuthError(t, await server.ask(assertion), 'invalid_grant')
  t.strictSame(reasonsOf(server), ['assertion_replayed'])
  server.clock.advance(3)
  await server.app.authorizationServer.cleanup()
  matchesOAuthError(t, await server.ask(assertion), 'invalid_grant')
  t.equal(reasonsOf(server).at(-1), 'assertion_refused')
  t.equal((await server.storage.counts())['client_assertions'] ?? 0, 0)
})

t.test('EM-6: keys that cannot be had are an outage, and cost nobody the assertion', async t => {
  let isDown = true
  const idp = await createTestIssuer({ issuer: IDP })
  const fetch: Asserting['idp']['fetch'] = async url => {
    if (isDown) throw new FetchFailedError('network', 'nobody there')
    return idp.fetch(url)
  }
  const server = await build(t, { idp, options: { fetch } })
  const claims = { iat: server.clock.now(), exp: server.clock.now() + 300 }
  const assertion = await server.idJag({ claims })
  const refused = await server.ask(assertion)
  t.equal(refused.statusCode, 503)
  t.ok(refused.headers['retry-after'])
  t.equal((await server.storage.counts())['client_assertions'] ?? 0, 0)
  isDown = false
  server.clock.advance(31)
  t.equal((await server.ask(assertion)).statusCode, 200)
})

t.test('EM-6: a key that is new is found, and one that was taken away is not used for long', async t => {
  const server = await build(t)
  const old = await server.idJag()
  t.equal((await server.ask(await server.idJag())).statusCode, 200)
  await server.idp.rotate()
  server.clock.advance(31)
  t.equal((await server.ask(await server.idJag())).statusCode, 200)
  matchesOAuthError(t, await server.ask(old), 'invalid_grant')
})

for (const [what, options, users] of [
  ['the function of the app that finds the person', { user: down }, {}],
  ['users.find', {}, { find: down }],
  ['users.props', {}, { props: down }],
  ['users.allowedScopes', {}, { allowedScopes: down }]
] as const)
  t.test(`EM-13: when ${what} fails, it is an outage, and the assertion is still good`, async t => {
    const server = await build(t, { ...options, users })
    t.equal((await server.ask(await server.idJag())).statusCode, 503)
    t.equal((await server.storage.counts())['client_assertions'] ?? 0, 0)
    t.equal((await server.storage.counts())['grants'] ?? 0, 0)
  })

function down(): never {
  throw Object.assign(new Error('the database of the app is down'), { statusCode: 404 })
}

t.test('EM-8, EM-13: only the client itself, by the method and for the grant that it registered', async t => {
  const server = await build(t)
  const assertion = await server.idJag()
  matchesOAuthError(t, await server.ask(assertion, { client_secret: 'wrong' }), 'invalid_client')
  matchesOAuthError(t, await server.ask(assertion, { client_secret: '' }), 'invalid_client')
  matchesOAuthError(t, await server.ask(assertion, { client_id: '', client_secret: '' }), 'invalid_client')
  matchesOAuthError(t, await server.ask(assertion, { client_id: 'twin' }), 'invalid_grant')
  const forWeb = await server.idJag({ clientId: 'web' })
  matchesOAuthError(t, await server.ask(forWeb, { client_id: 'web', client_secret: '' }), 'unauthorized_client')
  matchesOAuthError(t, await server.ask('', {}), 'invalid_request')
  t.equal((await server.ask(assertion)).statusCode, 200, 'none of that has used it up')
})

t.test('EM-4: a client with a metadata document, without a secret, as well', async t => {
  const id = 'https://client.example/app'
  const document = {
    client_id: id,
    client_name: 'App',
    redirect_uris: ['https://client.example/cb'],
    grant_types: [JWT_BEARER]
  }
  const idp = await createTestIssuer({ issuer: IDP })
  const fetch: Asserting['idp']['fetch'] = async url =>
    url === id
      ? { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(document)) }
      : idp.fetch(url)
  const server = await build(t, { idp, options: { fetch } })
  const now = server.clock.now()
  const assertion = await server.idJag({ clientId: id, claims: { iat: now, exp: now + 300 } })
  const response = await server.ask(assertion, { client_id: id, client_secret: '' })
  t.equal(response.statusCode, 200)
  const { grants } = await server.app.authorizationServer.grants.list('sub-alice')
  t.match(grants, [{ clientId: id, clientName: 'App' }])
})

t.test(
  'EM-13, RFC 7009: such a grant is listed, and ended by its person, its client, its token and the operator',
  async t => {
    const server = await build(t)
    const { grants, verifyAccessToken } = server.app.authorizationServer
    const token = async () => (await server.ask(await server.idJag())).json<Tokens>().access_token
    const [first, second, third, fourth] = [await token(), await token(), await token(), await token()]
    const listed = (await grants.list('sub-alice')).grants
    t.equal(listed.length, 4)
    t.match(listed[0], { clientId: 'agent', scopes: ['notes:read', 'notes:write'], resources: [RESOURCE] })
    const { claims } = await verifyAccessToken(first, RESOURCE)
    t.equal(await grants.revoke(String(claims.grant_id), 'sub-bob'), false)
    t.equal(await grants.revoke(String(claims.grant_id), 'sub-alice'), true)
    t.equal(await refusalOf(verifyAccessToken(first, RESOURCE)), 'grant_revoked')
    const revoked = await server.app.inject({
      method: 'POST',
      url: '/oauth/revoke',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: new URLSearchParams({ client_id: 'agent', client_secret: SECRET, token: second }).toString()
    })
    t.equal(revoked.statusCode, 200)
    t.equal(await refusalOf(verifyAccessToken(second, RESOURCE)), 'grant_revoked')
    t.equal(await refusalOf(verifyAccessToken(third, RESOURCE)), 'accepted')
    t.equal(await grants.revokeAll({ subject: 'sub-alice', clientId: 'agent' }), 2)
    for (const one of [third, fourth]) t.equal(await refusalOf(verifyAccessToken(one, RESOURCE)), 'grant_revoked')
  }
)

t.test('EM-4: no code, no refresh: nothing redeems such a grant again', async t => {
  const server = await build(t)
  const { access_token } = (await server.ask(await server.idJag())).json<Tokens>()
  const { claims } = await server.app.authorizationServer.verifyAccessToken(access_token, RESOURCE)
  const record = await recordsOf(server).grants.get(String(claims.grant_id))
  t.match(record, { refreshable: false, refreshDigest: null, codeChallenge: null, redirectUri: null, byClient: false })
  server.clock.advance(901)
  t.not(await refusalOf(server.app.authorizationServer.verifyAccessToken(access_token, RESOURCE)), 'accepted')
  await server.app.authorizationServer.cleanup()
  t.match(server.events.at(-1), { type: 'grant.expired', reason: 'absolute' })
  t.equal((await server.storage.counts())['grants'] ?? 0, 0)
})

t.test('EM-13: the app still has the last word about scopes, and what it attaches is there', async t => {
  for (const format of ['jwt', 'opaque'] as const) {
    const server = await build(t, {
      options: {
        resources: {
          [RESOURCE]: { name: 'Notes', scopes: { 'notes:read': 'R', 'notes:write': 'W' }, accessToken: { format } }
        }
      } as never,
      users: { allowedScopes: () => ['notes:read'], props: user => ({ of: user }) }
    })
    const { access_token, scope } = (await server.ask(await server.idJag())).json<Tokens>()
    t.equal(scope, 'notes:read')
    const { props, subject } = await server.app.authorizationServer.verifyAccessToken(access_token, RESOURCE)
    t.strictSame([props, subject], [{ of: 'alice' }, 'sub-alice'])
  }
  const refused = await build(t, { users: { allowedScopes: () => [] } })
  matchesOAuthError(t, await refused.ask(await refused.idJag()), 'invalid_grant')
})

for (const [what, organizations, said, wanted] of [
  ['none', [], undefined, null],
  ['one', ['acme'], undefined, 'acme'],
  ['one, which the app names', ['acme'], 'acme', 'acme'],
  ['several, of which the app names one', ['acme', 'ajax'], 'ajax', 'ajax'],
  ['several, and nobody says which', ['acme', 'ajax'], undefined, 'refused'],
  ['others than the one that the app names', ['acme'], 'ajax', 'refused'],
  ['none, and the app names one', [], 'ajax', 'refused']
] as const)
  t.test(`EM-13: of somebody with ${what}, the organization of the token is ${wanted}`, async t => {
    const server = await build(t, {
      user: ({ sub }) => ({ user: sub.slice(4), ...(said ? { organization: said } : {}) }),
      users: { organizations: () => organizations.map(id => ({ id, name: id })) }
    })
    const response = await server.ask(await server.idJag())
    if (response.statusCode !== 200) return t.equal(wanted, 'refused')
    const { claims } = await server.app.authorizationServer.verifyAccessToken(
      response.json<Tokens>().access_token,
      RESOURCE
    )
    return wanted === null ? t.notOk('org_id' in claims) : t.match(claims, { org_id: wanted })
  })

t.test('EM-13: with pairwise subjects each client has its own name for the person', async t => {
  const server = await build(t, { options: { pairwiseSubjects: { salt: 's'.repeat(32) } } })
  const sub = async (clientId: string) => {
    const response = await server.ask(await server.idJag({ clientId }), { client_id: clientId })
    const { verifyAccessToken } = server.app.authorizationServer
    const { claims, subject } = await verifyAccessToken(response.json<Tokens>().access_token, RESOURCE)
    t.equal(subject, 'sub-alice')
    return claims.sub
  }
  const names = [await sub('agent'), await sub('twin'), 'sub-alice']
  t.equal(new Set(names).size, 3)
})
