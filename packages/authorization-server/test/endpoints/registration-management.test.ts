import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import t, { type Test } from 'tap'
import { DEVICE_CODE } from '../devices.ts'
import { type BuildOptions, buildServer, CALLBACK, ORIGIN, RESOURCE, refusalOf } from '../fixture.ts'

type Answer = Record<string, unknown> & {
  client_id: string
  client_secret?: string
  registration_access_token: string
  registration_client_uri: string
}

const METADATA = { client_name: 'Managed', redirect_uris: [CALLBACK], token_endpoint_auth_method: 'none' }

/** A registered client and a way to send something to its own registration. */
async function registered(t: Test, metadata: object = METADATA, build: BuildOptions = {}) {
  const server = await buildServer(t, build)
  const client = server.client()
  const answer = (await client.register(metadata as Record<string, unknown>)).json<Answer>()
  const send = (
    method: 'GET' | 'PUT' | 'DELETE',
    token: string | null = answer.registration_access_token,
    { payload, path }: { payload?: unknown; path?: string } = {}
  ) =>
    server.app.inject({
      method,
      url: path ?? answer.registration_client_uri.slice(ORIGIN.length),
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(payload === undefined ? {} : { 'content-type': 'application/json' })
      },
      ...(payload === undefined ? {} : { payload: JSON.stringify(payload) })
    })
  const update = (changes: object, token?: string) =>
    send('PUT', token, { payload: { ...metadata, client_id: answer.client_id, ...changes } })
  return { server, client, answer, send, update }
}

t.test('RFC 7592 2.1: a client reads its registration, without any secret', async t => {
  const { server, answer, send } = await registered(t, {
    ...METADATA,
    token_endpoint_auth_method: 'client_secret_post'
  })
  t.equal(answer.registration_client_uri, `${ORIGIN}/oauth/register/${answer.client_id}`)
  const response = await send('GET')
  t.equal(response.statusCode, 200)
  t.equal(response.headers['cache-control'], 'no-store')
  const { client_secret, client_secret_expires_at, ...rest } = answer
  t.strictSame(response.json(), rest, 'the secret is known as a digest only')
  const dump = await server.storage.dump()
  for (const secret of [client_secret ?? '', answer.registration_access_token]) {
    t.equal(secret.length, 43)
    t.equal(dump.includes(secret), false)
    t.equal(server.log.join('').includes(secret), false)
  }
})

t.test('RFC 7592 2: without the right token nothing is told and nothing happens, whatever the client', async t => {
  const { server, answer, send } = await registered(t)
  const other = (await server.client().register()).json<Answer>()
  const before = await server.storage.dump()
  for (const method of ['GET', 'PUT', 'DELETE'] as const) {
    const wrong = await send(method, 'wrong', { payload: { ...METADATA, client_id: answer.client_id } })
    matchesOAuthError(t, wrong, 'invalid_token', 401)
    t.equal(wrong.headers['www-authenticate'], 'Bearer error="invalid_token"')
    for (const [what, response] of [
      ['the token of another client', await send(method, other.registration_access_token)],
      ['a client that does not exist', await send(method, 'wrong', { path: '/oauth/register/nobody' })],
      ['an id that is too long', await send(method, 'wrong', { path: `/oauth/register/${'x'.repeat(90)}` })]
    ] as const) {
      t.equal(response.statusCode, 401, `${method}: ${what}`)
      t.equal(response.body, wrong.body, `${method}: ${what}`)
    }
    matchesOAuthError(t, await send(method, ''), 'invalid_token', 401)
    const none = await send(method, null)
    t.equal(none.statusCode, 401)
    t.equal(none.headers['www-authenticate'], 'Bearer')
  }
  t.equal(await server.storage.dump(), before)
})

t.test('CVE-2026-9803: a malformed Authorization header at a registration is a 401, never a fault', async t => {
  const { server, answer } = await registered(t)
  for (const authorization of [
    'Bearer',
    'Bearer ',
    'bearer  x y',
    'Basic !!!',
    ':',
    `Bearer ${'x'.repeat(5000)}`,
    'Bearer \u00e9'
  ])
    for (const url of [`/oauth/register/${answer.client_id}`, '/oauth/register/%00', '/oauth/register/a%2Fb']) {
      const response = await server.app.inject({ method: 'GET', url, headers: { authorization } })
      t.equal(response.statusCode, 401, `${authorization.slice(0, 20)} at ${url}`)
    }
  const open = await server.app.inject({
    method: 'POST',
    url: '/oauth/register',
    headers: { authorization: 'Basic !!!', 'content-type': 'application/json' },
    payload: JSON.stringify(METADATA)
  })
  t.equal(open.statusCode, 201, 'where no token is asked for, what is sent as one is not looked at')
})

t.test('RFC 7592 2.2: an update replaces everything, and the token with it', async t => {
  const { server, client, answer, send, update } = await registered(t)
  const events: unknown[] = []
  server.app.authorizationServer.on('client.updated', event => events.push(event))
  const redirect_uris = ['https://new.example/cb']
  const updated = await update({ redirect_uris, client_name: 'Renamed', 'client_name#ja': '名前' })
  t.equal(updated.statusCode, 200)
  const now = updated.json<Answer>()
  t.match(now, { client_id: answer.client_id, redirect_uris, client_name: 'Renamed', 'client_name#ja': '名前' })
  t.not(now.registration_access_token, answer.registration_access_token)
  matchesOAuthError(t, await send('GET'), 'invalid_token', 401)
  const { registration_access_token } = now
  t.strictSame((await send('GET', registration_access_token)).json(), now)
  t.match(events, [{ clientId: answer.client_id, clientName: 'Renamed', redirectUris: redirect_uris }])
  const { url } = await client.start()
  t.match((await server.app.inject(url.slice(ORIGIN.length))).body, '"reason":"redirect_uri"', 'the old URI is gone')
  const last = await send('PUT', registration_access_token, {
    payload: { client_id: answer.client_id, redirect_uris }
  })
  t.notOk('client_name' in last.json(), 'what is left out is gone')
})

t.test('RFC 7592 2.2: of 10 updates with one token one is made', async t => {
  const { server, send, update } = await registered(t)
  const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => update({ client_name: `Name ${i}` })))
  const made = answers.filter(({ statusCode }) => statusCode === 200)
  t.equal(made.length, 1)
  for (const refused of answers.filter(one => one !== made[0])) matchesOAuthError(t, refused, 'invalid_token', 401)
  const kept = made[0]?.json<Answer>()
  t.equal((await send('GET', kept?.registration_access_token)).json().client_name, kept?.['client_name'])
  t.equal((await server.storage.counts())['clients'], 1)
})

const REFUSED: [string, Record<string, unknown>, string][] = [
  ['another client_id', { client_id: 'other' }, 'invalid_request'],
  ['no client_id', { client_id: undefined }, 'invalid_request'],
  ['a secret of its own choice', { client_secret: 'mine' }, 'invalid_request'],
  ['a secret that is an object', { client_secret: {} }, 'invalid_request'],
  ['a registration_access_token', { registration_access_token: 'x' }, 'invalid_request'],
  ['a registration_client_uri', { registration_client_uri: 'x' }, 'invalid_request'],
  ['a client_secret_expires_at', { client_secret_expires_at: 0 }, 'invalid_request'],
  ['a client_id_issued_at', { client_id_issued_at: 0 }, 'invalid_request'],
  ['no redirect_uris', { redirect_uris: undefined }, 'invalid_redirect_uri'],
  ['CVE-2026-22752: a script for a redirect URI', { redirect_uris: ['javascript:alert(1)'] }, 'invalid_redirect_uri'],
  ['only the grant type refresh_token', { grant_types: ['refresh_token'] }, 'invalid_client_metadata']
]
t.test('RFC 7592 2.2: updates that are refused', async t => {
  const { server, send, update } = await registered(t)
  const before = await server.storage.dump()
  for (const [what, changes, error] of REFUSED)
    await t.test(`RFC 7592 2.2: an update with ${what} is ${error}, and changes nothing`, async t => {
      matchesOAuthError(t, await update(changes), error)
      t.equal(await server.storage.dump(), before)
    })
  matchesOAuthError(t, await send('PUT', undefined, { payload: [] }), 'invalid_client_metadata')
  t.equal((await send('GET')).statusCode, 200, 'the token has not been used up')
})

t.test('RFC 7592 2.2: a change of the method makes a secret, keeps the one there is, or takes it away', async t => {
  const { server, client, answer, send } = await registered(t)
  let token = answer.registration_access_token
  const change = async (members: object): Promise<Answer> => {
    const response = await send('PUT', token, { payload: { ...METADATA, client_id: answer.client_id, ...members } })
    t.equal(response.statusCode, 200)
    token = response.json<Answer>().registration_access_token
    return response.json<Answer>()
  }
  const authenticates = async (client_secret: string | undefined): Promise<boolean> =>
    (await client.refresh('x', { client_secret: client_secret ?? null })).json().error === 'invalid_grant'
  t.equal(await authenticates(undefined), true)
  const { client_secret } = await change({ token_endpoint_auth_method: 'client_secret_post' })
  t.equal(await authenticates(client_secret), true)
  t.equal(await authenticates(undefined), false)
  const kept = await change({ token_endpoint_auth_method: 'client_secret_basic', client_secret })
  t.notOk('client_secret' in kept)
  t.equal(await authenticates(client_secret), true)
  await change({ token_endpoint_auth_method: 'none' })
  t.equal(await authenticates(client_secret), false)
  t.equal(await authenticates(undefined), true)
  t.match(await server.storage.dump(), '"secrets":[]')
})

t.test('RFC 7592 2.2: a device sends back what it was told, as it has to, and stays what it is', async t => {
  const device = { client_name: 'Television', grant_types: [DEVICE_CODE], token_endpoint_auth_method: 'none' }
  const { answer, send } = await registered(t, device, { options: { deviceAuthorization: {} } })
  t.strictSame([answer['redirect_uris'], answer['response_types']], [[], []])
  const { registration_access_token: token, registration_client_uri: _, client_id_issued_at: __, ...told } = answer
  const response = await send('PUT', token, { payload: told })
  t.equal(response.statusCode, 200)
  t.match(response.json(), told)
  const browser = await send('PUT', response.json<Answer>().registration_access_token, {
    payload: { ...told, grant_types: ['authorization_code'] }
  })
  matchesOAuthError(t, browser, 'invalid_redirect_uri')
})

t.test('RFC 7592 2.3: a client that ends itself ends everything that people allowed it', async t => {
  const { server, client, answer, send } = await registered(t)
  const bystander = server.client()
  await bystander.connect()
  const tokens = await client.connect()
  const unused = await client.authorize()
  const gone = await send('DELETE')
  t.equal(gone.statusCode, 204)
  t.equal(gone.body, '')
  matchesOAuthError(t, await client.refresh(tokens.refresh_token ?? ''), 'invalid_client', 401)
  matchesOAuthError(t, await client.redeem(unused), 'invalid_client', 401)
  const { verifyAccessToken, grants } = server.app.authorizationServer
  t.equal(await refusalOf(verifyAccessToken(tokens.access_token, RESOURCE)), 'grant_revoked')
  t.strictSame(
    (await grants.list('sub-alice')).grants.map(({ clientId }) => clientId === answer.client_id),
    [false],
    'and nothing of anybody else'
  )
  for (const method of ['GET', 'PUT', 'DELETE'] as const) matchesOAuthError(t, await send(method), 'invalid_token', 401)
  const { url } = await client.start()
  const page = await server.app.inject(url.slice(ORIGIN.length))
  t.equal(page.statusCode, 410)
  t.match(page.body, '"reason":"client_forgotten","clientName":"Managed"')
})

t.test('RFC 7592 2.3: an end that an outage interrupts can be finished', async t => {
  const { server, client, answer } = await registered(t)
  const tokens = await client.connect()
  const { list } = server.storage
  server.storage.list = async () => {
    throw new Error('interrupted')
  }
  const { clients, verifyAccessToken } = server.app.authorizationServer
  await t.rejects(clients.remove(answer.client_id), /interrupted/)
  server.storage.list = list
  t.equal(await clients.remove(answer.client_id), false, 'it had ended')
  t.equal(await refusalOf(verifyAccessToken(tokens.access_token, RESOURCE)), 'grant_revoked')
})

t.test('RFC 7592 2: browsers may manage too, and only where registration is on', async t => {
  const { server, answer } = await registered(t)
  const preflight = await server.app.inject({
    method: 'OPTIONS',
    url: `/oauth/register/${answer.client_id}`,
    headers: { origin: 'https://app.example', 'access-control-request-method': 'PUT' }
  })
  t.equal(preflight.statusCode, 204)
  t.equal(preflight.headers['access-control-allow-origin'], '*')
  t.match(preflight.headers['access-control-allow-methods'], 'PUT')
  const off = await buildServer(t, { options: { dynamicRegistration: false } })
  for (const method of ['GET', 'PUT', 'DELETE'] as const)
    t.equal((await off.app.inject({ method, url: '/oauth/register/x' })).statusCode, 404)
})
