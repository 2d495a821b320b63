import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import t, { type Test } from 'tap'
import { buildServer } from '../fixture.ts'

async function endpoint(t: Test) {
  const server = await buildServer(t)
  const send = (payload: string | object, type = 'application/json') =>
    server.app.inject({
      method: 'POST',
      url: '/oauth/register',
      headers: { 'content-type': type },
      payload: typeof payload === 'string' ? payload : JSON.stringify(payload)
    })
  return { server, send }
}

const CB = ['https://app.example/cb']
const REFUSED: [string, object, string][] = [
  ['no redirect_uris', {}, 'invalid_redirect_uri'],
  ['an empty list of redirect_uris', { redirect_uris: [] }, 'invalid_redirect_uri'],
  ['redirect_uris that is no list', { redirect_uris: 'https://app.example/cb' }, 'invalid_redirect_uri'],
  ['a redirect_uri that is no string', { redirect_uris: [1] }, 'invalid_redirect_uri'],
  ['a null among redirect_uris', { redirect_uris: [null] }, 'invalid_redirect_uri'],
  ...[
    'http://evil.example/cb',
    'http://127.0.0.2/cb',
    'http://localhost.evil.example/cb',
    'https://app.example/cb#x',
    'https://app.example/cb#',
    'https://user:pw@app.example/cb',
    'http://localhost@evil.example/cb',
    'https://*.example/cb',
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'vbscript:x',
    'cursor://evil/oauth/callback',
    'myapp://callback',
    '/cb',
    'app.example/cb',
    'https:///cb',
    'https://app.example/c b',
    'https://app.example/cb\r\nx: y',
    'https://app.example\\cb'
  ].map((uri): [string, object, string] => [
    `redirect_uri ${JSON.stringify(uri)}`,
    { redirect_uris: [uri] },
    'invalid_redirect_uri'
  ]),
  [
    'a redirect_uri of 2,049 characters',
    { redirect_uris: [`https://app.example/${'x'.repeat(2030)}`] },
    'invalid_redirect_uri'
  ],
  [
    '33 redirect_uris',
    { redirect_uris: Array.from({ length: 33 }, (_, i) => `https://app.example/${i}`) },
    'invalid_redirect_uri'
  ],
  ['a name of 201 characters', { redirect_uris: CB, client_name: 'x'.repeat(201) }, 'invalid_client_metadata'],
  ['a name that is no string', { redirect_uris: CB, client_name: { en: 'x' } }, 'invalid_client_metadata'],
  ['grant_types that is no list', { redirect_uris: CB, grant_types: 'authorization_code' }, 'invalid_client_metadata'],
  ['only unsupported grant_types', { redirect_uris: CB, grant_types: ['implicit'] }, 'invalid_client_metadata'],
  ['only refresh_token', { redirect_uris: CB, grant_types: ['refresh_token'] }, 'invalid_client_metadata'],
  ['only response_type token', { redirect_uris: CB, response_types: ['token'] }, 'invalid_client_metadata'],
  ['a scope of 5,000 characters', { redirect_uris: CB, scope: 'x'.repeat(5000) }, 'invalid_client_metadata'],
  ['17 contacts', { redirect_uris: CB, contacts: Array(17).fill('a@b.example') }, 'invalid_client_metadata'],
  ['a list', [], 'invalid_client_metadata']
]
t.test('AZ-12, RFC 7591 3.2.2: registrations that are refused', async t => {
  const { server, send } = await endpoint(t)
  for (const [what, metadata, error] of REFUSED)
    await t.test(`RFC 7591 3.2.2: ${what} is ${error}, and nothing is stored`, async t => {
      const response = await send(metadata)
      matchesOAuthError(t, response, error)
      t.equal(response.headers['cache-control'], 'no-store')
      t.equal((await server.storage.counts())['clients'], 0)
    })
})

for (const [what, payload, type, status] of [
  ['broken JSON', '{"redirect_uris":', 'application/json', 400],
  ['nothing', '', 'application/json', 400],
  ['null', 'null', 'application/json', 400],
  ['a form', 'redirect_uris=x', 'application/x-www-form-urlencoded', 400],
  ['plain text, which needs no preflight', '{"redirect_uris":["https://app.example/cb"]}', 'text/plain', 400],
  ['a poisoned prototype', '{"__proto__":{"redirect_uris":["https://app.example/cb"]}}', 'application/json', 400],
  ['70,000 bytes', JSON.stringify({ redirect_uris: CB, x: 'x'.repeat(70_000) }), 'application/json', 413]
] as const)
  t.test(`RFC 7591 3.2.2: a body with ${what} is invalid_client_metadata, and no piece of it is logged`, async t => {
    const { server, send } = await endpoint(t)
    matchesOAuthError(t, await send(payload, type), 'invalid_client_metadata', status)
    t.equal((await server.storage.counts())['clients'], 0)
    t.notMatch(server.log.join(), 'redirect_uris')
    t.notMatch(server.log.join(), '"level":50')
  })

t.test('RFC 7591 2: links that are no web addresses and invisible characters in a name are dropped', async t => {
  const { send } = await endpoint(t)
  const response = await send({
    redirect_uris: CB,
    client_name: ' Good\u0000\r\n\ud800App\u001b[31m ',
    client_uri: 'javascript:alert(1)',
    logo_uri: 'data:image/png;base64,x',
    policy_uri: 'ftp://app.example',
    tos_uri: 'https://app.example/tos'
  })
  t.equal(response.statusCode, 201)
  const answer = response.json()
  t.equal(answer.client_name, 'Good App [31m')
  t.equal(answer.tos_uri, 'https://app.example/tos')
  for (const member of ['client_uri', 'logo_uri', 'policy_uri']) t.equal(member in answer, false, member)
})

t.test('RFC 7591 3.2.1: the same URI twice is kept once, and every registration is a client of its own', async t => {
  const { server, send } = await endpoint(t)
  const metadata = { redirect_uris: [...CB, ...CB], token_endpoint_auth_method: 'none' }
  const [first, second] = [(await send(metadata)).json(), (await send(metadata)).json()]
  t.strictSame(first.redirect_uris, CB)
  t.not(first.client_id, second.client_id)
  t.match(first.client_id, /^[\w-]{22}$/)
  t.equal((await server.storage.counts())['clients'], 2)
})

t.test('REG-16: registration can be switched off, and the metadata does not promise it', async t => {
  const { app } = await buildServer(t, { options: { dynamicRegistration: false } })
  t.equal(
    (await app.inject({ method: 'POST', url: '/oauth/register', payload: { redirect_uris: CB } })).statusCode,
    404
  )
  const metadata = (await app.inject('/.well-known/oauth-authorization-server')).json()
  t.equal('registration_endpoint' in metadata, false)
})
