/** Who may register, and with what: the app's rules, initial access tokens, keys, names in other languages. */
import { OAuthError } from '@fastify-mcp-auth/core'
import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import t, { type Test } from 'tap'
import type { AuthorizationServerOptions } from '../../src/index.ts'
import { buildServer, ORIGIN } from '../fixture.ts'
import { createSigner } from './signer.ts'

type Registration = Exclude<AuthorizationServerOptions['dynamicRegistration'], false | undefined>

const METADATA = { client_name: 'App', redirect_uris: ['https://app.example/cb'], token_endpoint_auth_method: 'none' }

async function endpoint(t: Test, dynamicRegistration: Registration = {}) {
  const server = await buildServer(t, { options: { dynamicRegistration } })
  const send = (payload: object, { method = 'POST' as 'POST' | 'PUT', url = '/oauth/register', token = '' } = {}) =>
    server.app.inject({
      method,
      url,
      headers: { 'content-type': 'application/json', ...(token === '' ? {} : { authorization: `Bearer ${token}` }) },
      payload: JSON.stringify(payload)
    })
  return { server, send }
}

t.test(
  'GHSA-xr8f-h2gw-9xh6: the policy of the app stands before every way to make or change a registration',
  async t => {
    const asked: (string | null)[] = []
    const { server, send } = await endpoint(t, {
      policy: ({ metadata, clientId, request }) => {
        asked.push(clientId)
        t.ok(request.ip)
        if (metadata.client_name === 'Evil')
          throw new OAuthError('invalid_client_metadata', 'this name is taken', { reason: 'policy' })
      }
    })
    const evil = { ...METADATA, client_name: 'Evil' }
    const refused = await send(evil)
    matchesOAuthError(t, refused, 'invalid_client_metadata')
    t.equal(refused.json().error_description, 'this name is taken')
    t.equal((await server.storage.counts())['clients'], 0)
    const { client_id, registration_access_token: token } = (await send(METADATA)).json()
    const before = await server.storage.dump()
    const url = `/oauth/register/${client_id}`
    matchesOAuthError(t, await send({ ...evil, client_id }, { method: 'PUT', url, token }), 'invalid_client_metadata')
    t.equal(await server.storage.dump(), before)
    t.strictSame(asked, [null, null, client_id])
  }
)

t.test('RFC 7591 2: a policy may change what is kept, but not past the rules that keep people safe', async t => {
  let redirect = 'https://app.example/other'
  const { server, send } = await endpoint(t, {
    policy: ({ metadata }) => ({ ...metadata, client_name: 'Checked', redirect_uris: [redirect] })
  })
  const kept = (await send(METADATA)).json()
  t.match(kept, { client_name: 'Checked', redirect_uris: [redirect] })
  redirect = 'http://evil.example/cb'
  matchesOAuthError(t, await send(METADATA), 'invalid_redirect_uri')
  t.equal((await server.storage.counts())['clients'], 1)
})

t.test('a policy that fails is an outage, and nothing is stored', async t => {
  const { server, send } = await endpoint(t, { policy: () => Promise.reject(new Error('database password is x')) })
  const response = await send(METADATA)
  matchesOAuthError(t, response, 'temporarily_unavailable')
  t.equal(response.statusCode, 503)
  t.ok(response.headers['retry-after'])
  t.notMatch(response.body, 'password')
  t.equal((await server.storage.counts())['clients'], 0)
})

t.test('RFC 7591 3: without an initial access token nobody registers where the app asks for one', async t => {
  const { server, send } = await endpoint(t, { initialAccessTokens: true })
  const { clients } = server.app.authorizationServer
  const none = await send(METADATA)
  t.equal(none.statusCode, 401)
  t.equal(none.headers['www-authenticate'], 'Bearer')
  const expired = await clients.issueInitialAccessToken({ ttl: 60 })
  t.equal(expired.expiresAt, server.clock.now() + 60)
  server.clock.advance(60)
  const { token } = await clients.issueInitialAccessToken()
  for (const wrong of ['x', expired.token, `${token}x`, token.slice(1)]) {
    const response = await send(METADATA, { token: wrong })
    matchesOAuthError(t, response, 'invalid_token', 401)
    t.equal(response.headers['www-authenticate'], 'Bearer error="invalid_token"')
  }
  t.equal((await server.storage.counts())['clients'], 0)
  t.equal((await server.storage.dump()).includes(token), false)
  matchesOAuthError(t, await send({ ...METADATA, redirect_uris: [] }, { token }), 'invalid_redirect_uri')
  t.equal((await send(METADATA, { token })).statusCode, 201, 'a mistake does not cost the token')
  matchesOAuthError(t, await send(METADATA, { token }), 'invalid_token', 401)
})

t.test('RFC 7591 3: of 20 registrations with one initial access token one is made', async t => {
  const { server, send } = await endpoint(t, { initialAccessTokens: true })
  const { token } = await server.app.authorizationServer.clients.issueInitialAccessToken()
  const answers = await Promise.all(Array.from({ length: 20 }, () => send(METADATA, { token })))
  t.equal(answers.filter(({ statusCode }) => statusCode === 201).length, 1)
  t.equal(answers.filter(({ statusCode }) => statusCode === 401).length, 19)
  t.equal((await server.storage.counts())['clients'], 1)
})

t.test(
  'RFC 7591 2.2: names in other languages are kept, cleaned and bounded; other localised members are ignored',
  async t => {
    const { server, send } = await endpoint(t)
    const answer = (
      await send({
        ...METADATA,
        'client_name#ja': '\u0000アプリ\r\n',
        'client_name#zh-Hant-TW': '應用程式',
        'client_name#x': 'too short a tag',
        'client_name#en us': 'no tag',
        'client_name#': 'no tag either',
        'client_name#de': 7,
        'client_name#fr': 'x'.repeat(201),
        'client_name#ko': '',
        'client_uri#ja': 'javascript:alert(1)'
      })
    ).json<Record<string, unknown>>()
    const localised = Object.entries(answer).filter(([name]) => name.includes('#'))
    t.strictSame(Object.fromEntries(localised), { 'client_name#ja': 'アプリ', 'client_name#zh-Hant-TW': '應用程式' })
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`client_name#aa-${i}`, 'x']))
    const bounded = (await send({ ...METADATA, ...many })).json<Record<string, unknown>>()
    t.equal(Object.keys(bounded).filter(name => name.includes('#')).length, 40)

    const client = server.client({ clientId: String(answer['client_id']), redirectUri: 'https://app.example/cb' })
    const page = await client.login(await client.browser.open((await client.start()).url))
    t.match(page.body, '"ja":"アプリ"', 'and the page is told')
  }
)

const JWKS_URIS = [
  'http://client.example/jwks.json',
  'https://127.0.0.1/jwks.json',
  'https://169.254.169.254/latest/meta-data',
  'https://10.0.0.1/jwks.json',
  'https://[::1]/jwks.json',
  'https://[::ffff:7f00:1]/jwks.json',
  'https://2130706433/jwks.json',
  'https://localhost/jwks.json',
  'https://user:pw@client.example/jwks.json',
  'https://client.example/jwks.json#x',
  'file:///etc/passwd',
  'jwks.json'
]
t.test('CVE-2026-22752: keys that lead into our own network, or give a private key away, are refused', async t => {
  const { server, send } = await endpoint(t)
  const signer = await createSigner(() => '', server.clock.now)
  const key = { ...METADATA, token_endpoint_auth_method: 'private_key_jwt' }
  for (const jwks_uri of JWKS_URIS) matchesOAuthError(t, await send({ ...key, jwks_uri }), 'invalid_client_metadata')
  for (const [what, jwks] of [
    ['a private key', { keys: [signer.privateJwk] }],
    ['a shared secret', { keys: [{ kty: 'oct', k: 'eHg' }] }],
    ['one good and one private key', { keys: [signer.jwk, signer.privateJwk] }],
    ['the same key twice', { keys: [signer.jwk, signer.jwk] }],
    ['no key', { keys: [] }],
    ['17 keys', { keys: Array(17).fill(signer.jwk) }],
    ['keys that are no objects', { keys: ['x'] }],
    ['no set', []],
    ['a huge key', { keys: [{ ...signer.jwk, x: 'x'.repeat(30_000) }] }]
  ] as const)
    await t.test(`RFC 7591 2: jwks with ${what}`, async t =>
      matchesOAuthError(t, await send({ ...key, jwks }), 'invalid_client_metadata')
    )
  const jwks = { keys: [signer.jwk] }
  const both = { ...key, jwks, jwks_uri: 'https://client.example/jwks.json' }
  matchesOAuthError(t, await send(both), 'invalid_client_metadata')
  for (const alg of ['HS256', 'none', 'RS1'])
    matchesOAuthError(t, await send({ ...key, jwks, token_endpoint_auth_signing_alg: alg }), 'invalid_client_metadata')
  t.equal((await server.storage.counts())['clients'], 0)
})

for (const [what, metadata, method] of [
  ['a key that it does not show', { token_endpoint_auth_method: 'private_key_jwt' }, 'client_secret_basic'],
  [
    'a key that it does not show, and could do without',
    {
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_methods_supported: ['private_key_jwt', 'none']
    },
    'none'
  ],
  ['a method that nobody knows', { token_endpoint_auth_method: 'tls_client_auth' }, 'client_secret_basic'],
  [
    'a method that nobody knows, and could use another',
    { token_endpoint_auth_method: 'tls_client_auth', token_endpoint_auth_methods_supported: ['client_secret_post'] },
    'client_secret_post'
  ],
  ['nothing', { token_endpoint_auth_method: undefined }, 'client_secret_basic']
] as const)
  t.test(`KeeperHub 963, RFC 7591 3.2.1: a client that wants ${what} is told ${method}`, async t => {
    const { send } = await endpoint(t)
    const answer = (await send({ ...METADATA, ...metadata })).json()
    t.equal(answer.token_endpoint_auth_method, method)
    t.equal('client_secret' in answer, method !== 'none')
  })

t.test('RFC 7591 2: keys of a client that does not use them are neither kept nor fetched', async t => {
  const { server, send } = await endpoint(t)
  const answer = (await send({ ...METADATA, jwks_uri: 'https://10.0.0.1/jwks.json' })).json()
  t.notOk('jwks_uri' in answer)
  t.notMatch(await server.storage.dump(), '10.0.0.1')
})

t.test('RFC 7591 3.2.1: the answer says where the registration is managed', async t => {
  const { send } = await endpoint(t)
  const { client_id, registration_client_uri } = (await send(METADATA)).json()
  t.equal(registration_client_uri, `${ORIGIN}/oauth/register/${client_id}`)
})
