/** What a client of the app may do can be changed, by the rules by which it was registered. */
import { type AuthorizationServerEvent, isOAuthError } from '@fastify-mcp-auth/core'
import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import t, { type Test } from 'tap'
import { createSigner } from '../clients/signer.ts'
import { post } from '../devices.ts'
import { buildServer, CALLBACK, ORIGIN, RESOURCE, RESOURCES, refusalOf } from '../fixture.ts'

const OTHER = `${ORIGIN}/other`
const ROBOT = { client_name: 'Robot', grant_types: ['client_credentials'] }
const BOTH = { client_name: 'Both', redirect_uris: [CALLBACK], grant_types: ['authorization_code', 'refresh_token'] }
const access = (...scopes: string[]) => ({ clientCredentials: { [RESOURCE]: scopes } })

async function world(t: Test) {
  const events: AuthorizationServerEvent[] = []
  const server = await buildServer(t, {
    options: {
      resources: {
        [RESOURCE]: { ...RESOURCES[RESOURCE], default: true } as never,
        [OTHER]: { name: 'Other', scopes: { 'other:read': 'Read' } }
      },
      onEvent: event => void events.push(event)
    },
    users: { find: subject => (subject.startsWith('sub-') ? subject.slice(4) : null) }
  })
  const { clients, verifyAccessToken } = server.app.authorizationServer
  const ask = (clientId: string, secret: string | null, form: Record<string, string> = {}) =>
    post(server, 'token', {
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: secret ?? '',
      ...form
    })
  return { server, clients, verifyAccessToken, events, ask }
}

/** What a call throws, in one word. */
async function thrown(call: Promise<unknown>): Promise<string> {
  try {
    await call
    return 'nothing'
  } catch (error) {
    if (isOAuthError(error)) return `${error.error}: ${error.message}`
    if (error instanceof TypeError) return `TypeError: ${error.message}`
    throw error
  }
}

t.test('CC-2: access is narrowed for the next token; what is out lives on until it is revoked', async t => {
  const { server, clients, verifyAccessToken, events, ask } = await world(t)
  const { clientId, clientSecret } = await clients.register(ROBOT, access('notes:read', 'notes:write'))
  const before = (await ask(clientId, clientSecret)).json<{ access_token: string; scope: string }>()
  t.equal(before.scope, 'notes:read notes:write')
  const changed = await clients.update(clientId, access('notes:read'))
  t.match(changed, { clientId, clientSecret: null, metadata: { client_name: 'Robot' } })
  t.match(events.at(-1), { type: 'client.updated', clientId, clientName: 'Robot', redirectUris: [] })
  t.equal((await ask(clientId, clientSecret)).json().scope, 'notes:read')
  matchesOAuthError(t, await ask(clientId, clientSecret, { scope: 'notes:write' }), 'invalid_scope')
  t.equal(await refusalOf(verifyAccessToken(before.access_token, RESOURCE)), 'accepted')
  t.equal(await server.app.authorizationServer.grants.revokeAll({ clientId }), 2)
  t.equal(await refusalOf(verifyAccessToken(before.access_token, RESOURCE)), 'grant_revoked')
  t.match(await clients.get(clientId), { clientCredentials: { [RESOURCE]: ['notes:read'] } })
})

t.test('CC-2: access is moved to another resource, given to a client of people, and taken away', async t => {
  const { server, clients, ask } = await world(t)
  const { clientId, clientSecret } = await clients.register(BOTH)
  t.match(await clients.get(clientId), { clientCredentials: {}, grantTypes: BOTH.grant_types })
  matchesOAuthError(t, await ask(clientId, clientSecret), 'unauthorized_client')
  const own = { ...BOTH, grant_types: [...BOTH.grant_types, 'client_credentials'] }
  await clients.update(clientId, { metadata: own, ...access('notes:read') })
  t.equal((await ask(clientId, clientSecret)).json().scope, 'notes:read')
  await clients.update(clientId, { clientCredentials: { [OTHER.replace('http', 'HTTP')]: ['other:read'] } })
  t.match(await clients.get(clientId), { clientCredentials: { [OTHER]: ['other:read'] } })
  matchesOAuthError(t, await ask(clientId, clientSecret), 'invalid_target')
  t.equal((await ask(clientId, clientSecret, { resource: OTHER })).json().scope, 'other:read')
  const told = await clients.update(clientId, { clientCredentials: null })
  t.strictSame(told?.metadata.grant_types, BOTH.grant_types, 'the grant type goes with the access')
  matchesOAuthError(t, await ask(clientId, clientSecret, { resource: OTHER }), 'unauthorized_client')
  const client = server.client({ clientId, clientSecret: clientSecret ?? '' })
  t.ok((await client.connect()).refresh_token, 'people use it as before')
})

t.test('RFC 6749 6: without refresh_token among its grant types nobody stays connected', async t => {
  const { server, clients } = await world(t)
  const { clientId, clientSecret } = await clients.register(BOTH)
  const client = server.client({ clientId, clientSecret: clientSecret ?? '' })
  const { refresh_token: token = '' } = await client.connect()
  await clients.update(clientId, { metadata: { ...BOTH, grant_types: ['authorization_code'] } })
  matchesOAuthError(t, await client.refresh(token), 'unauthorized_client')
  t.notOk('refresh_token' in (await client.connect()))
  await clients.update(clientId, { metadata: BOTH })
  t.equal((await client.refresh(token)).statusCode, 200, 'nothing was ended')
})

t.test('OAuth 2.1 2.3.1: an address that was taken away is refused at the next request', async t => {
  const { server, clients, events } = await world(t)
  const moved = 'https://new.example/cb'
  const { clientId } = await clients.register({ ...BOTH, redirect_uris: ['https://old.example/cb'] })
  const opened = async (redirectUri: string) => {
    const { url } = await server.client({ clientId, redirectUri }).start()
    return (await server.app.inject(url.slice(ORIGIN.length))).statusCode
  }
  t.strictSame([await opened('https://old.example/cb'), await opened(moved)], [303, 400])
  await clients.update(clientId, { metadata: { ...BOTH, redirect_uris: [moved] } })
  t.match(events.at(-1), { type: 'client.updated', redirectUris: [moved] })
  t.strictSame([await opened('https://old.example/cb'), await opened(moved)], [400, 303])
})

t.test(
  'RFC 7591 2: a change is held to the rules of a registration, and changes nothing when it is refused',
  async t => {
    const { server, clients } = await world(t)
    const robot = await clients.register(ROBOT, access('notes:read'))
    const both = await clients.register(BOTH)
    const bad: { metadata?: object; clientCredentials?: object }[] = [
      { metadata: { ...BOTH, redirect_uris: ['javascript:alert(1)'] } },
      { metadata: { ...BOTH, redirect_uris: [] } },
      { metadata: { ...BOTH, client_name: 'x'.repeat(201) } },
      { metadata: { ...BOTH, grant_types: ['password'] } },
      { metadata: { ...BOTH, response_types: ['token'] } },
      {
        metadata: { ...BOTH, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ kty: 'oct', k: 'x' }] } }
      },
      { metadata: ROBOT },
      { metadata: { ...ROBOT, token_endpoint_auth_method: 'none' }, ...access('notes:read') },
      {
        metadata: {
          ...ROBOT,
          token_endpoint_auth_method: 'unknown',
          token_endpoint_auth_methods_supported: ['none']
        },
        ...access('notes:read')
      },
      { metadata: BOTH, ...access('notes:read') },
      { metadata: ROBOT, clientCredentials: {} },
      { metadata: ROBOT, clientCredentials: { 'https://unknown.example': ['x'] } },
      { metadata: ROBOT, clientCredentials: { nowhere: ['x'] } },
      { metadata: ROBOT, ...access() },
      { metadata: ROBOT, ...access('openid') },
      { metadata: ROBOT, ...access('notes:read', 'unknown') }
    ]
    const before = await server.storage.dump()
    for (const change of bad) {
      const { metadata = {}, ...own } = change
      const told = await thrown(clients.register(metadata as never, own as never))
      t.not(told, 'nothing', JSON.stringify(change))
      // Of the two, the one for which what is left out is the same as in a registration without it.
      const { clientId } = 'clientCredentials' in change ? robot : both
      t.equal(await thrown(clients.update(clientId, change as never)), told, JSON.stringify(change))
    }
    t.equal(await server.storage.dump(), before)
  }
)

t.test('half of a change is none, and a word that is not known neither', async t => {
  const { server, clients } = await world(t)
  const { clientId } = await clients.register(ROBOT, access('notes:read'))
  const before = await server.storage.dump()
  for (const change of [{}, { clientCredentials: undefined }, { client_credentials: null }, { metadata: ROBOT, x: 1 }])
    t.match(await thrown(clients.update(clientId, change as never)), /TypeError: clients.update\(\) takes metadata/)
  t.match(await thrown(clients.update(clientId, { clientCredentials: null })), /grant_types needs/, 'then remove it')
  t.match(await thrown(clients.update(clientId, { metadata: BOTH })), /grant_types needs client_credentials/)
  t.equal(await server.storage.dump(), before)
})

t.test('only clients that the app registered: those that registered themselves change themselves', async t => {
  const { server, clients, events } = await world(t)
  const { clientId } = await server.client().credentials()
  t.match(await thrown(clients.update(clientId, { metadata: BOTH })), /TypeError: .* registered itself/)
  t.match(await thrown(clients.update(clientId, access('notes:read'))), /TypeError: .* registered itself/)
  t.equal(await clients.update('nobody', { metadata: BOTH }), null)
  const gone = await clients.register(BOTH)
  await clients.remove(gone.clientId)
  t.equal(await clients.update(gone.clientId, { metadata: BOTH }), null)
  t.notOk(events.some(({ type }) => type === 'client.updated'))
  const configured = await buildServer(t, {
    options: { clients: [{ client_id: 'cli', client_name: 'CLI', redirect_uris: [CALLBACK] }] }
  })
  const { clients: others } = configured.app.authorizationServer
  t.match(await thrown(others.update('cli', { metadata: BOTH })), /TypeError: .* option "clients"/)
})

t.test(
  'RFC 7592 2.2: a client that proves itself otherwise loses its secrets, and gets one when it needs one',
  async t => {
    const { server, clients } = await world(t)
    const { clientId, clientSecret } = await clients.register(BOTH)
    const signer = await createSigner(() => clientId, server.clock.now)
    const signing = { ...BOTH, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [signer.jwk] } }
    t.equal((await clients.update(clientId, { metadata: signing as never }))?.clientSecret, null)
    t.strictSame((await clients.get(clientId))?.secrets, [])
    const refresh = async (secret: string) =>
      (await server.client({ clientId, clientSecret: secret }).refresh('x')).json()
    t.equal((await refresh(clientSecret ?? '')).error, 'invalid_client')
    const again = await clients.update(clientId, { metadata: BOTH })
    t.ok(again?.clientSecret)
    t.equal((await refresh(clientSecret ?? '')).error, 'invalid_client', 'the old one is not back')
    t.equal((await refresh(again?.clientSecret ?? '')).error, 'invalid_grant')
    t.equal((await clients.update(clientId, { metadata: BOTH }))?.clientSecret, null, 'one is enough')
    const ending = await clients.rotateSecret(clientId, { overlap: 0 })
    const [only] = (await clients.get(clientId))?.secrets ?? []
    await clients.removeSecret(clientId, only?.secretId ?? '')
    await clients.addSecret(clientId, { expiresAt: server.clock.now() + 60 })
    server.clock.advance(60)
    t.ok((await clients.update(clientId, { metadata: BOTH }))?.clientSecret, 'one that has ended is none')
    t.equal((await refresh(ending?.clientSecret ?? '')).error, 'invalid_client')
  }
)

t.test('of two changes at the same moment both are made, and what one did is not undone', async t => {
  const { clients } = await world(t)
  const own = { ...BOTH, grant_types: [...BOTH.grant_types, 'client_credentials'] }
  const { clientId } = await clients.register(own, access('notes:read', 'notes:write'))
  await Promise.all([
    clients.update(clientId, access('notes:read')),
    clients.update(clientId, { metadata: { ...own, client_name: 'Renamed' } }),
    clients.addSecret(clientId)
  ])
  t.match(await clients.get(clientId), { name: 'Renamed', clientCredentials: { [RESOURCE]: ['notes:read'] } })
  t.equal((await clients.get(clientId))?.secrets.length, 2)
})

t.test('what is told of the access of a client cannot be used to change it', async t => {
  const server = await buildServer(t, {
    options: {
      clients: [
        {
          client_id: 'job',
          client_name: 'Job',
          client_secret_digest: 'x'.repeat(43),
          client_credentials: { [RESOURCE]: ['notes:read'] }
        }
      ]
    }
  })
  const { clients } = server.app.authorizationServer
  const told = (await clients.get('job'))?.clientCredentials[RESOURCE] as string[]
  t.strictSame(told, ['notes:read'])
  told.push('notes:admin')
  t.strictSame((await clients.get('job'))?.clientCredentials, { [RESOURCE]: ['notes:read'] })
})
