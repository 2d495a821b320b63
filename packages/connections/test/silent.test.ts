/** Connections without a person: the app itself, a workload, an identity provider; and keys that prove who we are. */
import { randomBytes } from 'node:crypto'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import { createTestIssuer } from '@fastify-mcp-auth/testing'
import { fault, walkAuthorization } from '@fastify-mcp-auth/testing/servers'
import { decodeProtectedHeader } from 'jose'
import t, { type Test } from 'tap'
import type { AssertionContext } from '../src/index.ts'
import { alice, BINDING, bob, createWorld } from './world.ts'

t.test(
  'feature 24: client credentials: asked for at the first use, and again before they end, once for all',
  async t => {
    const world = await createWorld(t)
    const { issuer, clock } = world
    issuer.addClient({ clientId: 'app', clientSecret: 'a secret/with +signs' })
    const client = { issuer: issuer.issuer, clientId: 'app', clientSecret: 'a secret/with +signs' }
    const app = await world.another({
      servers: { notes: { url: world.server.resource, auth: 'client_credentials', mode: 'shared', oauth: { client } } }
    })
    const list = () => app.withClient(null, 'notes', c => c.listTools())
    t.match(await app.status(null, 'notes'), { status: 'active', kind: 'client_credentials', id: null })
    await Promise.all([list(), list(), list()])
    t.equal(issuer.count('token'), 1)
    clock.advance(3500)
    await list()
    t.equal(issuer.count('token'), 2)
    t.equal(issuer.count('authorize'), 0)
    clock.advance(3700)
    issuer.fail('token', fault.oauthError('invalid_client', 401))
    await t.rejects(list(), { code: 'MCP_CLIENT_REJECTED' })
    t.equal((await app.status(null, 'notes')).status, 'degraded', 'a fault of the setup ends nothing')
    clock.advance(60)
    await list()
  }
)

async function workload(t: Test, auth: 'jwt_bearer' | 'id_jag') {
  const world = await createWorld(t)
  world.issuer.addClient({ clientId: 'workload', metadata: { token_endpoint_auth_method: 'none' } })
  const idp = await createTestIssuer({ issuer: 'https://idp.example', clock: world.clock })
  const listening = await idp.listen()
  t.teardown(() => listening.close())
  world.issuer.trust('https://idp.example', `${listening.url}${new URL(idp.jwksUri).pathname}`)
  const asked: AssertionContext[] = []
  let answer: 'token' | 'nothing' | 'outage' = 'token'
  const app = await world.another({
    servers: {
      notes: {
        url: world.server.resource,
        auth,
        oauth: {
          ...(auth === 'jwt_bearer' ? { client: { issuer: world.issuer.issuer, clientId: 'workload' } } : {}),
          assertion: async context => {
            asked.push(context)
            if (answer === 'outage') throw new Error('the identity provider is down')
            if (answer === 'nothing') return null
            const jti = randomBytes(8).toString('hex')
            return idp.mint({ subject: context.owner?.id ?? '', resource: context.audience, claims: { jti } })
          }
        }
      }
    }
  })
  const whoami = (owner = alice) => app.withClient(owner, 'notes', c => c.callTool({ name: 'whoami' }))
  return { world, app, asked, whoami, say: (next: typeof answer) => (answer = next) }
}

t.test('RFC 7523 2.1: the assertion of a workload becomes a token, each owner with its own', async t => {
  const { world, asked, whoami } = await workload(t, 'jwt_bearer')
  t.match(await whoami(), { content: [{ text: 'alice' }] })
  t.match(await whoami(bob), { content: [{ text: 'bob' }] })
  t.match(asked[0], { audience: world.issuer.issuer, resource: world.server.resource, owner: alice, server: 'notes' })
  world.clock.advance(3700)
  t.match(await whoami(), { content: [{ text: 'alice' }] })
  t.equal(asked.length, 3)
})

t.test('RFC 7523 2.1: an error is told, not retried, and no other grant is tried', async t => {
  const { world, whoami } = await workload(t, 'jwt_bearer')
  world.issuer.fail('token', fault.oauthError('invalid_grant'))
  await t.rejects(whoami(), { code: 'MCP_CLIENT_REJECTED', reason: 'invalid_grant' })
  t.equal(world.issuer.count('token'), 1)
  t.equal(world.issuer.count('authorize') + world.issuer.count('register'), 0)
})

t.test('ID-JAG: an identity provider that is down is an outage; one that knows nobody asks for a person', async t => {
  const { world, app, whoami, say } = await workload(t, 'id_jag')
  say('outage')
  await t.rejects(whoami(), { code: 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE', reason: 'assertion_source' })
  say('nothing')
  await t.rejects(whoami(), { code: 'MCP_NOT_CONNECTED', reason: 'no_assertion' })
  say('token')
  t.match(await whoami(), { content: [{ text: 'alice' }] })
  world.clock.advance(3700)
  say('nothing')
  await t.rejects(whoami(), { code: 'MCP_NEEDS_REAUTH' })
  t.match(await app.connect(alice, 'notes').catch((error: { code: string }) => error.code), 'MCP_NOT_CONNECTED')
  say('token')
  await t.rejects(whoami(), { code: 'MCP_NEEDS_REAUTH' }, 'not with every use')
  world.clock.advance(31)
  t.match(await whoami(), { content: [{ text: 'alice' }] }, 'nobody has to do anything')
  t.equal((await app.status(alice, 'notes')).status, 'active')
})

t.test('6.9: what one owner was challenged with is not what another one asks for', async t => {
  const { world, app, asked, whoami } = await workload(t, 'jwt_bearer')
  await whoami()
  const usual = asked[0]?.scopes
  world.clock.advance(100)
  const challenge = 'Bearer error="invalid_token", scope="secret-of-alice"'
  world.server.fail('mcp', fault.answer(401, '', { 'www-authenticate': challenge }), { times: 2 })
  await app
    .fetchFor(alice, 'notes')(world.server.resource, { method: 'POST', body: '{}' })
    .catch(() => undefined)
  await whoami(bob)
  t.equal(asked.at(-1)?.owner?.id, 'bob')
  t.strictSame(asked.at(-1)?.scopes, usual)
})

t.test(
  'RFC 9449: tokens are bound to a key of each connection, with and without nonces, and refreshed with it',
  async t => {
    for (const dpopNonceLifetime of [null, 60]) {
      const behaviour = { dpop: 'required', dpopNonceLifetime } as const
      const world = await createWorld(t, {
        issuer: { behaviour },
        server: { behaviour: { dpopNonceLifetime } },
        definition: { oauth: { dpop: true } }
      })
      await world.connect()
      await world.connect(bob)
      t.strictSame([await world.whoami(), await world.whoami(bob)], ['alice', 'bob'])
      const keys = new Set([...world.issuer.records.grants.values()].map(({ dpopJkt }) => dpopJkt))
      t.equal(keys.size, 2)
      t.notOk(keys.has(null))
      // The SDK signs proofs by the clock of the computer.
      const other = await world.another()
      t.match(await other.refresh(alice, 'notes'), { status: 'active' })
      t.match(await other.withClient(alice, 'notes', c => c.callTool({ name: 'whoami' })), {
        content: [{ text: 'alice' }]
      })
    }
  }
)

t.test('REG-2, REG-4, REG-5: our metadata document, with keys where the server can check them', async t => {
  const documents = new Map<string, Record<string, unknown>>()
  const world = await createWorld(t, {
    issuer: {
      documents,
      behaviour: {
        clientIdMetadataDocuments: true,
        metadata: { client_id_metadata_document_supported: true }
      }
    },
    app: { baseUrl: 'https://app.example', storage: memoryStorage() }
  })
  const { connections, issuer, whoami, clock } = world
  const document = connections.clientMetadata()
  t.match(document, {
    client_id: 'https://app.example/mcp/connections/client.json',
    redirect_uris: ['https://app.example/mcp/connections/callback'],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks_uri: 'https://app.example/mcp/connections/jwks.json',
    application_type: 'web'
  })
  documents.set(document.client_id, { ...document })
  documents.set(connections.clientMetadata('public').client_id, { ...connections.clientMetadata('public') })
  const publish = async () => documents.set(connections.urls.jwks, { ...(await connections.jwks()) })
  await publish()
  t.notMatch(JSON.stringify(await connections.jwks()), '"d"')
  await world.connect()
  t.equal(issuer.records.clients.size, 0, 'nobody registered')
  t.ok(issuer.requests.some(({ endpoint, body }) => endpoint === 'token' && body.includes('client_assertion=')))
  await connections.rotateClientKeys()
  t.equal((await connections.jwks()).keys.length, 2)
  await publish()
  for (const wait of [3700, 86_400, 86_400 * 2]) {
    clock.advance(wait)
    t.equal(await whoami(), 'alice', `after ${wait} seconds`)
  }
  t.equal((await connections.jwks()).keys.length, 1, 'the old one is not published any more')
  issuer.behaviour.tokenEndpointAuthMethods = ['none']
  clock.advance(3600)
  const { url } = await connections.start(bob, 'notes', { binding: BINDING })
  t.equal(new URL(url).searchParams.get('client_id'), connections.clientMetadata('public').client_id)
  const params = await walkAuthorization(url, { username: 'bob' })
  t.equal((await connections.complete({ params, binding: BINDING, owner: bob })).outcome, 'connected')
})

t.test('REG-20: a client that was registered by hand is used with its issuer and never with another', async t => {
  const world = await createWorld(t)
  const { issuer, server } = world
  issuer.addClient({
    clientId: 'by-hand',
    clientSecret: 'secret',
    metadata: { redirect_uris: [world.connections.urls.callback] }
  })
  const client = { issuer: issuer.issuer, clientId: 'by-hand', clientSecret: 'secret' }
  const app = await world.another({ servers: { notes: { url: server.resource, oauth: { client } } } })
  const { url } = await app.start(alice, 'notes', { binding: BINDING })
  const params = await walkAuthorization(url)
  t.equal((await app.complete({ params, binding: BINDING, owner: alice })).outcome, 'connected')
  t.equal(issuer.count('register'), 0)
  const wrong = { ...client, issuer: 'https://other.example' }
  const other = await world.another({ servers: { notes: { url: server.resource, oauth: { client: wrong } } } })
  await t.rejects(other.start(alice, 'notes', { binding: BINDING }), { code: 'MCP_ISSUER_MISMATCH' })
  const changed = { ...client, clientId: 'another-client' }
  const third = await world.another({ servers: { notes: { url: server.resource, oauth: { client: changed } } } })
  world.clock.advance(3700)
  await t.rejects(
    third.withClient(alice, 'notes', c => c.listTools()),
    { code: 'MCP_NEEDS_REAUTH', reason: 'client_replaced' }
  )
})

t.test('REG-18: a registration that expires is renewed, and one that is refused is told', async t => {
  const world = await createWorld(t, {
    issuer: { behaviour: { clientSecretLifetime: 86_400, tokenEndpointAuthMethods: ['client_secret_post'] } }
  })
  await world.connect()
  world.clock.advance(86_400)
  await world.connect(bob)
  t.equal(world.issuer.records.clients.size, 2)
  t.equal(await world.whoami(bob), 'bob')
  const { connections, issuer } = world
  t.equal(await connections.resetRegistration('notes'), true)
  issuer.fail('register', fault.oauthError('invalid_client_metadata'))
  await t.rejects(connections.start(alice, 'notes', { binding: BINDING }), {
    code: 'MCP_REGISTRATION_FAILED',
    reason: 'refused'
  })
  issuer.fail('register', fault.unavailable())
  await t.rejects(connections.start(alice, 'notes', { binding: BINDING }), {
    code: 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE'
  })
  await connections.start(alice, 'notes', { binding: BINDING })
})

t.test('RFC 9126: requests are pushed where the server wants it', async t => {
  const world = await createWorld(t, { issuer: { behaviour: { pushedAuthorization: 'required' } } })
  const { url } = await world.connections.start(alice, 'notes', { binding: BINDING })
  t.strictSame([...new URL(url).searchParams.keys()].toSorted(), ['client_id', 'request_uri'])
  await world.connect()
  t.equal(await world.whoami(), 'alice')
})

t.test(
  'item 31: an old registration that the server has forgotten is replaced before somebody is sent there',
  async t => {
    const world = await createWorld(t)
    const { issuer, connections, clock } = world
    await world.connect()
    const [old = ''] = issuer.records.clients.keys()
    await connections.disconnect(alice, 'notes')
    const visits = issuer.count('authorize')
    await connections.start(alice, 'notes', { binding: BINDING })
    t.equal(issuer.count('authorize'), visits, 'a young one is trusted')
    clock.advance(31 * 86_400)
    await connections.start(alice, 'notes', { binding: BINDING })
    t.equal(issuer.records.clients.size, 1, 'one that is known stays')
    issuer.forgetClient(old)
    const { url } = await connections.start(alice, 'notes', { binding: BINDING })
    t.not(new URL(url).searchParams.get('client_id'), old)
    await world.connect()
    t.equal(await world.whoami(), 'alice')
  }
)

t.test('RFC 9449 4.2: proofs are made at the time of the clock of the options', async t => {
  const world = await createWorld(t, {
    issuer: { behaviour: { dpop: 'required', dpopNonceLifetime: 60 } },
    server: { behaviour: { dpopNonceLifetime: 60 } },
    definition: { oauth: { dpop: true } }
  })
  world.clock.advance(40 * 86_400)
  await world.connect()
  t.equal(await world.whoami(), 'alice')
  world.clock.advance(3700)
  t.equal(await world.whoami(), 'alice')
})

t.test('RFC 9449 5: a token that is bound to nothing any more is sent without a proof', async t => {
  const world = await createWorld(t, {
    issuer: { behaviour: { dpop: 'required' } },
    definition: { oauth: { dpop: true } }
  })
  await world.connect()
  const bearer = { access_token: 'plain', token_type: 'Bearer', expires_in: 3600, refresh_token: 'next' }
  world.issuer.fail('token', fault.json(200, bearer))
  await world.connections.refresh(alice, 'notes')
  world.issuer.fail('token', fault.unavailable())
  const before = world.server.requests.length
  await t.rejects(world.whoami())
  const { headers } = world.server.requests[before] ?? {}
  t.equal(headers?.authorization, 'Bearer plain')
  t.equal(headers?.['dpop'], undefined)
})

t.test('REG-5: the app says by which algorithm it proves itself, or that it does not', async t => {
  for (const keys of ['RS256', 'none'] as const) {
    const documents = new Map<string, Record<string, unknown>>()
    const behaviour = { clientIdMetadataDocuments: true, metadata: { client_id_metadata_document_supported: true } }
    const world = await createWorld(t, {
      issuer: { documents, behaviour },
      app: { baseUrl: 'https://app.example', storage: memoryStorage(), client: { name: 'Test', keys } }
    })
    const { connections, issuer } = world
    const document = connections.clientMetadata()
    documents.set(document.client_id, { ...document })
    documents.set(connections.urls.jwks, { ...(await connections.jwks()) })
    await world.connect()
    t.equal(await world.whoami(), 'alice')
    const { body = '' } = issuer.requests.find(({ endpoint }) => endpoint === 'token') ?? {}
    const assertion = new URLSearchParams(body).get('client_assertion')
    t.equal(assertion && decodeProtectedHeader(assertion).alg, keys === 'none' ? null : keys)
    t.equal(document.token_endpoint_auth_method, keys === 'none' ? 'none' : 'private_key_jwt')
    t.strictSame(
      (await connections.jwks()).keys.map(key => Reflect.get(key, 'alg')),
      keys === 'none' ? [] : [keys]
    )
  }
})
