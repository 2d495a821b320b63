import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import t, { type Test } from 'tap'
import { buildServer } from '../fixture.ts'

const FORM = 'application/x-www-form-urlencoded'

async function endpoint(t: Test) {
  const server = await buildServer(t)
  const client = server.client()
  const answer = await client.authorize()
  const { clientId } = await client.credentials()
  const good = {
    grant_type: 'authorization_code',
    client_id: clientId,
    code: answer.code ?? '',
    code_verifier: answer.codeVerifier,
    redirect_uri: answer.redirectUri
  }
  const send = (payload: string, { type = FORM, query = '' } = {}) =>
    server.app.inject({ method: 'POST', url: `/oauth/token${query}`, headers: { 'content-type': type }, payload })
  return { server, good, send, body: new URLSearchParams(good).toString() }
}

for (const [what, change, error] of [
  ['no grant_type', { grant_type: '' }, 'invalid_request'],
  [
    'GEN-4: grant_type password',
    { grant_type: 'password', username: 'alice', password: 'pw' },
    'unsupported_grant_type'
  ],
  ['client_credentials of a client that acts for people', { grant_type: 'client_credentials' }, 'unauthorized_client'],
  ['grant_type implicit', { grant_type: 'implicit' }, 'unsupported_grant_type'],
  ['a grant_type that every object has', { grant_type: '__proto__' }, 'unsupported_grant_type'],
  ['a grant_type in another case', { grant_type: 'AUTHORIZATION_CODE' }, 'unsupported_grant_type']
] as const)
  t.test(`RFC 6749 5.2: ${what} is ${error}, and nothing changes`, async t => {
    const { server, good, send, body } = await endpoint(t)
    const before = await server.storage.dump()
    matchesOAuthError(t, await send(new URLSearchParams({ ...good, ...change }).toString()), error)
    t.equal(await server.storage.dump(), before)
    t.equal((await send(body)).statusCode, 200)
  })

t.test('RFC 6749 3.2: no parameter may be sent twice, not even with the same value', async t => {
  const { server, good, send, body } = await endpoint(t)
  const before = await server.storage.dump()
  for (const [name, value] of Object.entries({ ...good, client_secret: 'x', scope: 'x', unknown: 'x' })) {
    const twice = new URLSearchParams([...Object.entries(good), [name, value]])
    if (!(name in good)) twice.append(name, value)
    const response = await send(twice.toString())
    matchesOAuthError(t, response, 'invalid_request')
    t.equal(await server.storage.dump(), before, name)
  }
  t.equal((await send(body)).statusCode, 200)
})

t.test('RFC 6749 2.3.1: parameters in the URL do not count', async t => {
  const { send, body } = await endpoint(t)
  matchesOAuthError(t, await send('', { query: `?${body}` }), 'invalid_request')
  t.equal((await send(body, { query: '?client_id=somebody&code=x' })).statusCode, 200)
})

t.test('RFC 6749 4.1.3: the body is a form, whatever its charset, and nothing else', async t => {
  const { server, good, send, body } = await endpoint(t)
  const before = await server.storage.dump()
  for (const [type, payload] of [
    ['application/json', JSON.stringify(good)],
    ['text/plain', body],
    ['multipart/form-data; boundary=x', body],
    ['nonsense', body],
    [FORM, ''],
    [FORM, '&&==&%zz=%'],
    [FORM, '\u0000']
  ] as const)
    matchesOAuthError(t, await send(payload, { type }), 'invalid_request')
  matchesOAuthError(t, await send(`${body}&x=${'x'.repeat(70_000)}`), 'invalid_request', 413)
  t.equal(await server.storage.dump(), before)
  t.notMatch(server.log.join(), '"level":50', 'bad input is no fault of ours')
  t.equal((await send(body, { type: `${FORM}; charset=UTF-8` })).statusCode, 200)
})

t.test('RFC 6749 3.2: only POST', async t => {
  const { server, body } = await endpoint(t)
  for (const method of ['GET', 'PUT', 'DELETE', 'PATCH'] as const)
    t.equal((await server.app.inject({ method, url: `/oauth/token?${body}` })).statusCode, 404)
})

t.test('RFC 6749 5.2: a grant type that the client did not register is refused, whatever it brings', async t => {
  const server = await buildServer(t)
  const one = server.client()
  await one.register({ grant_types: ['authorization_code'] })
  await one.connect()
  const response = await one.refresh(`${'a'.repeat(22)}.${'b'.repeat(22)}.${'c'.repeat(43)}`)
  t.equal(response.statusCode, 400)
  t.match(response.json(), { error: 'unauthorized_client' })
})
