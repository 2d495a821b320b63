import { digest } from '@fastify-mcp-auth/core'
import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { buildServer, CALLBACK } from '../fixture.ts'

const encode = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1)
const basic = (id: string, secret: string): string =>
  `Basic ${Buffer.from(`${encode(id)}:${encode(secret)}`).toString('base64')}`

/** Sends a refresh request with an invented token: whoever is authenticated gets `invalid_grant`, everybody else something else. */
async function endpoint(t: Test, clients: { client_id: string; secret?: string }[]) {
  const server = await buildServer(t, {
    options: {
      clients: clients.map(({ client_id, secret }) => ({
        client_id,
        client_name: client_id,
        redirect_uris: [CALLBACK],
        ...(secret === undefined ? {} : { client_secret_digest: digest(secret) })
      }))
    }
  })
  const send = (body: string, headers: Record<string, string> = {}) =>
    server.app.inject({
      method: 'POST',
      url: '/oauth/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      payload: `grant_type=refresh_token&refresh_token=x${body}`
    })
  return { server, send }
}

const CLIENTS = [
  { client_id: 'public' },
  { client_id: 'confidential', secret: 's3cret' },
  // What a careless decoder makes of bytes that are no UTF-8.
  { client_id: 'broken', secret: '\uFFFD' }
]

const CASES: [string, string, string | undefined, string][] = [
  ['none for a public client', '&client_id=public', undefined, 'invalid_grant'],
  ['basic', '', basic('confidential', 's3cret'), 'invalid_grant'],
  ['basic with the same client_id', '&client_id=confidential', basic('confidential', 's3cret'), 'invalid_grant'],
  ['basic in lower case', '', basic('confidential', 's3cret').replace('Basic', 'basic'), 'invalid_grant'],
  ['post', '&client_id=confidential&client_secret=s3cret', undefined, 'invalid_grant'],
  ['an empty secret, which counts as none', '&client_id=public&client_secret=', undefined, 'invalid_grant'],
  ['nobody', '', undefined, 'invalid_client'],
  ['an empty client_id', '&client_id=', undefined, 'invalid_client'],
  ['an unknown client', '&client_id=nobody', undefined, 'invalid_client'],
  ['an unknown client with a secret', '&client_id=nobody&client_secret=x', undefined, 'invalid_client'],
  ['a confidential client without secret', '&client_id=confidential', undefined, 'invalid_client'],
  ['a wrong secret in the body', '&client_id=confidential&client_secret=S3cret', undefined, 'invalid_client'],
  ['a wrong secret in the header', '', basic('confidential', 's3cret '), 'invalid_client'],
  ['an empty secret in the header', '', basic('confidential', ''), 'invalid_client'],
  [
    'the digest instead of the secret',
    `&client_id=confidential&client_secret=${digest('s3cret')}`,
    undefined,
    'invalid_client'
  ],
  ['a secret from a public client', '&client_id=public&client_secret=x', undefined, 'invalid_client'],
  ['basic from a public client', '', basic('public', 'x'), 'invalid_client'],
  ['header and body at once', '&client_secret=s3cret', basic('confidential', 's3cret'), 'invalid_request'],
  ['another client_id in the body', '&client_id=public', basic('confidential', 's3cret'), 'invalid_request'],
  ['two client_ids', '&client_id=public&client_id=public', undefined, 'invalid_request'],
  ['two secrets', '&client_id=confidential&client_secret=s3cret&client_secret=s3cret', undefined, 'invalid_request'],
  ['another scheme', '&client_id=public', 'Bearer x', 'invalid_client'],
  ['basic without anything', '', 'Basic', 'invalid_client'],
  ['basic that is no base64', '', 'Basic c3==c!', 'invalid_client'],
  ['basic with stray bits at the end', '', basic('confidential', 's3cret').replace(/A==$/, 'B=='), 'invalid_client'],
  [
    'basic without its padding, as some write it',
    '',
    basic('confidential', 's3cret').replace(/=+$/, ''),
    'invalid_grant'
  ],
  [
    'basic with bytes that are no UTF-8',
    '',
    `Basic ${Buffer.from('broken:\xff', 'latin1').toString('base64')}`,
    'invalid_client'
  ],
  ['an assertion type without an assertion', '&client_id=public&client_assertion_type=x', undefined, 'invalid_request'],
  ['an assertion without its type', '&client_id=public&client_assertion=x.y.z', undefined, 'invalid_request'],
  ['basic without colon', '', `Basic ${Buffer.from('confidential').toString('base64')}`, 'invalid_client'],
  ['basic without client', '', `Basic ${Buffer.from(':s3cret').toString('base64')}`, 'invalid_client'],
  [
    'basic with a broken percent sign',
    '',
    `Basic ${Buffer.from('confidential:s3%').toString('base64')}`,
    'invalid_client'
  ],
  ['basic of 6,000 characters', '', basic('confidential', 'x'.repeat(4500)), 'invalid_client']
]
t.test('GEN-3, RFC 6749 2.3: client authentication', async t => {
  const { server, send } = await endpoint(t, CLIENTS)
  const before = await server.storage.dump()
  for (const [what, body, authorization, error] of CASES)
    await t.test(`RFC 6749 2.3.1: ${what} is ${error}`, async t => {
      const response = await send(body, authorization === undefined ? {} : { authorization })
      matchesOAuthError(t, response, error)
      const challenge = response.headers['www-authenticate']
      const wanted = error === 'invalid_client' && authorization !== undefined
      t.equal(challenge, wanted ? 'Basic realm="token endpoint", charset="UTF-8"' : undefined)
      t.equal(response.headers['cache-control'], 'no-store')
      t.equal(await server.storage.dump(), before)
    })
})

t.test('RFC 6749 2.3.1: an answer does not tell a wrong secret from an unknown client', async t => {
  const { send } = await endpoint(t, CLIENTS)
  const wrong = await send('&client_id=confidential&client_secret=x')
  const unknown = await send('&client_id=nobody&client_secret=x')
  t.equal(wrong.body, unknown.body)
})

t.test('RFC 6749 2.3.1: every identifier and secret survives form encoding and base64', async t => {
  const credential = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  await fc.assert(
    fc.asyncProperty(credential, credential, async (client_id, secret) => {
      const { server, send } = await endpoint(t, [{ client_id, secret }])
      const right = await send('', { authorization: basic(client_id, secret) })
      const wrong = await send('', { authorization: basic(client_id, `${secret}x`) })
      await server.app.close()
      return right.json()['error'] === 'invalid_grant' && wrong.json()['error'] === 'invalid_client'
    }),
    { numRuns: 10 }
  )
})

t.test('RFC 6749 2.3.1: whatever stands in the header, the answer is an OAuth error and never a fault', async t => {
  const { send } = await endpoint(t, CLIENTS)
  const header = fc.oneof(
    fc.base64String().map(text => `Basic ${text}`),
    fc.string({ maxLength: 60 }).map(text => `Basic ${Buffer.from(text).toString('base64')}`),
    fc.string({ maxLength: 60 }).filter(text => /^[\x20-\x7E]*$/.test(text))
  )
  await fc.assert(
    fc.asyncProperty(header, async authorization => {
      const { statusCode } = await send('', { authorization })
      return statusCode === 401 || statusCode === 400
    }),
    { numRuns: 60 }
  )
})

t.test('RFC 6749 2.3: a client of the operator with a URL for its client_id does not pass as public', async t => {
  const client_id = 'https://partner.example/client.json'
  const { server, send } = await endpoint(t, [{ client_id, secret: 's3cret' }])
  matchesOAuthError(t, await send(`&client_id=${encodeURIComponent(client_id)}`), 'invalid_client')
  const client = server.client({ clientId: client_id, clientSecret: 's3cret' })
  t.equal((await client.redeem(await client.authorize())).statusCode, 200, 'with its secret it is served')
})

for (const method of ['none', 'client_secret_basic', 'client_secret_post'])
  t.test(`GEN-3: a client registered with ${method} gets tokens and refreshes them`, async t => {
    const server = await buildServer(t)
    const client = server.client()
    const registration = await client.register({ token_endpoint_auth_method: method })
    const { client_secret: secret } = registration.json<{ client_secret?: string }>()
    t.equal(secret === undefined, method === 'none')
    const tokens = await client.connect()
    t.equal((await client.refresh(tokens.refresh_token ?? '')).statusCode, 200)
    if (secret !== undefined) t.equal((await server.storage.dump()).includes(secret), false, 'only a digest is stored')
  })

t.test('RFC 6749 2.3: no secret is not an empty secret', async t => {
  const { send } = await endpoint(t, [{ client_id: 'x', secret: '' }])
  matchesOAuthError(t, await send('&client_id=x'), 'invalid_client')
})
