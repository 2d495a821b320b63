import { digest } from '@fastify-mcp-auth/core'
import { createLocalJWKSet, jwtVerify } from 'jose'
import t, { type Test } from 'tap'
import { createSigner } from '../clients/signer.ts'
import { buildServer, CALLBACK, ORIGIN, RESOURCE, RESOURCES } from '../fixture.ts'

const OTHER = `${RESOURCE}/other`
const NOTES = RESOURCES[RESOURCE] as (typeof RESOURCES)[string]
const SECRET = 'secret-of-the-resource-server'

const resourceServer = (client_id: string, introspects: string[]) => ({
  client_id,
  client_name: client_id,
  client_secret_digest: digest(SECRET),
  introspects
})

const CLIENTS = [resourceServer('rs', [RESOURCE]), resourceServer('other-rs', [OTHER])]

type Format = 'jwt' | 'opaque'

async function issuing(t: Test, format: Format = 'jwt') {
  const resources = {
    [RESOURCE]: { ...NOTES, default: true, accessToken: { format } },
    [OTHER]: { ...NOTES, accessToken: { algorithm: 'RS256' } }
  } as const
  const server = await buildServer(t, { options: { resources, clients: CLIENTS } })
  const client = server.client()
  await client.register({ token_endpoint_auth_method: 'client_secret_basic' })
  const tokens = await client.connect()
  const { clientId, clientSecret = '' } = await client.credentials()
  const ask = (token: string | undefined, who = 'rs', secret = SECRET, headers = {}) =>
    server.app.inject({
      method: 'POST',
      url: '/oauth/introspect',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization: `Basic ${Buffer.from(`${who}:${secret}`).toString('base64')}`,
        ...headers
      },
      payload: token === undefined ? '' : new URLSearchParams({ token }).toString()
    })
  const asOwner = (token: string) => ask(token, clientId, clientSecret)
  return { server, client, clientId, tokens, token: tokens.access_token, ask, asOwner }
}

for (const format of ['jwt', 'opaque'] as const) {
  t.test(
    `RFC 7662 2.2 (${format}): the owner and the resource server of the resource are told, with exactly its claims`,
    async t => {
      const { server, clientId, token, ask, asOwner } = await issuing(t, format)
      const now = server.clock.now()
      for (const response of [await ask(token), await asOwner(token)]) {
        t.equal(response.statusCode, 200)
        t.equal(response.headers['cache-control'], 'no-store')
        const { jti, grant_id, ...rest } = response.json()
        t.match(jti, /^[\w-]{22}$/)
        t.match(grant_id, /^[\w-]{22}$/)
        t.strictSame(rest, {
          active: true,
          token_type: 'Bearer',
          iss: ORIGIN,
          sub: 'sub-alice',
          aud: RESOURCE,
          client_id: clientId,
          scope: 'notes:read notes:write',
          auth_time: now,
          iat: now,
          exp: now + 900,
          name: 'alice'
        })
      }
    }
  )

  t.test(
    `RFC 7662 4 (${format}): everybody else hears the same about a good token as about an invented one`,
    async t => {
      const { server, token, ask } = await issuing(t, format)
      const stranger = server.client({ username: 'bob' })
      await stranger.register({ token_endpoint_auth_method: 'client_secret_basic' })
      const { clientId, clientSecret = '' } = await stranger.credentials()
      for (const [who, secret] of [
        ['other-rs', SECRET],
        [clientId, clientSecret]
      ] as const) {
        const good = await ask(token, who, secret)
        t.equal(good.statusCode, 200)
        t.equal(good.body, '{"active":false}')
        // What cannot be a token at all is nothing else: to a resource server a 400 looks like an outage.
        for (const invented of ['at.invented', 'x'.repeat(9000), 'a\0b', '\uFFFD'])
          t.equal((await ask(invented, who, secret)).body, good.body)
      }
    }
  )

  t.test(
    `RFC 7009 2.1 (${format}): a revoked grant, an expired token and a user's revocation bite at once`,
    async t => {
      const { server, client, tokens, token, ask } = await issuing(t, format)
      t.equal((await ask(token)).json().active, true)
      await client.revoke(tokens.refresh_token ?? '')
      t.equal((await ask(token)).body, '{"active":false}')
      const other = await client.connect()
      t.equal((await ask(other.access_token)).json().active, true)
      server.clock.advance(900)
      t.equal((await ask(other.access_token)).body, '{"active":false}')
    }
  )
}

t.test('Rails gem 0.4.0: introspection needs client authentication', async t => {
  const { server, client, token, ask } = await issuing(t)
  const url = '/oauth/introspect'
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const publicClient = server.client()
  await publicClient.connect()
  const { clientId } = await publicClient.credentials()
  for (const payload of [`token=${token}`, `token=${token}&client_id=rs`, `token=${token}&client_id=${clientId}`]) {
    const response = await server.app.inject({ method: 'POST', url, headers, payload })
    t.equal(response.statusCode, 401, payload)
    t.match(response.json(), { error: 'invalid_client' })
    t.notMatch(response.body, 'active')
  }
  const { clientId: owner } = await client.credentials()
  for (const [who, secret] of [
    ['rs', 'wrong'],
    ['nobody', SECRET],
    [owner, SECRET]
  ] as const)
    t.equal((await ask(token, who, secret)).statusCode, 401)
  t.equal((await server.app.inject({ url: `${url}?token=${token}` })).statusCode, 404, 'no GET')
})

/** Asks with a client_id that is the URL of a document; the web has one at each. */
async function askedByStrangers(t: Test) {
  const asked: string[] = []
  const stranger = await createSigner(
    () => 'https://client.example/0.json',
    () => 1_800_000_000
  )
  const server = await buildServer(t, {
    options: {
      clients: [resourceServer('rs', [RESOURCE])],
      rateLimit: { token: 3 },
      fetch: async url => {
        asked.push(url)
        const document = {
          client_id: url,
          client_name: 'Stranger',
          redirect_uris: [CALLBACK],
          token_endpoint_auth_method: 'private_key_jwt',
          jwks: { keys: [stranger.jwk] }
        }
        return {
          status: 200,
          headers: { 'content-type': 'application/json' },
          body: Buffer.from(JSON.stringify(document))
        }
      }
    }
  })
  const ask = async (form: Record<string, string | null>, headers = {}) => {
    const parameters = Object.entries({ token: 'x', ...form }).filter(
      (pair): pair is [string, string] => pair[1] !== null
    )
    return server.app.inject({
      method: 'POST',
      url: '/oauth/introspect',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      payload: new URLSearchParams(parameters).toString()
    })
  }
  const basic = (id: string, secret: string) => ({
    authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${secret}`).toString('base64')}`
  })
  return { server, asked, stranger, ask, basic }
}

t.test('RFC 7662 4: who proves nothing makes us fetch and keep nothing, whatever document it names', async t => {
  const { server, asked, ask, basic } = await askedByStrangers(t)
  const id = 'https://client.example/0.json'
  const before = await server.storage.counts()
  for (const response of [
    await ask({ client_id: id }),
    await ask({ client_id: id, client_secret: 'x' }),
    await ask({}, basic(id, 'x'))
  ]) {
    t.equal(response.statusCode, 401)
    t.match(response.json(), { error: 'invalid_client' })
  }
  t.strictSame(asked, [])
  t.strictSame(await server.storage.counts(), before)
})

t.test('EM-13: an assertion that needs a document to be checked is counted; a resource server never is', async t => {
  const { asked, stranger, ask, basic } = await askedByStrangers(t)
  const statuses = []
  for (let i = 0; i < 13; i++) {
    const id = `https://client.example/${i}.json`
    statuses.push((await ask(await stranger.proof({ iss: id, sub: id }))).statusCode)
  }
  t.strictSame(statuses, [...Array(12).fill(200), 429], 'as many as an address has')
  t.equal(asked.length, 12)
  for (let i = 0; i < 20; i++) t.equal((await ask({}, basic('rs', SECRET))).statusCode, 200)
  const again = await askedByStrangers(t)
  for (const status of [200, 200, 200, 429])
    t.equal((await again.ask(await again.stranger.proof())).statusCode, status, 'as many as a client has')
})

for (const endpoint of ['token', 'revoke', 'par', 'device_authorization'])
  t.test(`RFC 6749 2.3: a secret for a client with a document fetches nothing (${endpoint})`, async t => {
    const asked: string[] = []
    const fetch = async (url: string) => {
      asked.push(url)
      throw new Error('nothing may be fetched')
    }
    const { app } = await buildServer(t, { options: { fetch, deviceAuthorization: {} } })
    const payload = new URLSearchParams({
      client_id: 'https://client.example/0.json',
      client_secret: 'x',
      grant_type: 'refresh_token',
      token: 'x'
    }).toString()
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const response = await app.inject({ method: 'POST', url: `/oauth/${endpoint}`, headers, payload })
    t.match(response.json(), { error: 'invalid_client' })
    t.strictSame(asked, [])
  })

t.test('a refresh token, an authorization code and an ID of a grant are never active', async t => {
  const { client, tokens, token, ask, asOwner } = await issuing(t, 'opaque')
  const { code } = await client.authorize()
  for (const other of [tokens.refresh_token ?? '', code ?? '', token.split('.')[1] ?? '', 'x'.repeat(8192)]) {
    t.equal((await ask(other)).body, '{"active":false}')
    t.equal((await asOwner(other)).body, '{"active":false}')
  }
})

t.test('RFC 7662 2.1: a question without a token, and a hint that is wrong', async t => {
  const { server, token, ask } = await issuing(t)
  t.match((await ask(undefined)).json(), { error: 'invalid_request', error_description: 'token is missing' })
  const payload = new URLSearchParams({ token, token_type_hint: 'refresh_token' }).toString()
  const authorization = `Basic ${btoa(`rs:${SECRET}`)}`
  const headers = { 'content-type': 'application/x-www-form-urlencoded', authorization }
  t.equal((await server.app.inject({ method: 'POST', url: '/oauth/introspect', headers, payload })).json().active, true)
})

t.test('an outage is no verdict: 503, never active false', async t => {
  const { server, token, ask } = await issuing(t)
  server.storage.goDown()
  const response = await ask(token)
  t.equal(response.statusCode, 503)
  t.equal(response.headers['retry-after'], '7')
  t.notMatch(response.body, 'active')
})

t.test('RFC 9701 5: a signed answer is for who asked, of its own type, and says the same', async t => {
  const { server, token, ask } = await issuing(t)
  const accept = 'application/token-introspection+jwt'
  const response = await ask(token, 'rs', SECRET, { accept: `application/json;q=0.5, ${accept.toUpperCase()}` })
  t.equal(response.headers['content-type'], accept)
  t.equal(response.headers['cache-control'], 'no-store')
  const set = createLocalJWKSet((await server.app.inject('/.well-known/jwks.json')).json())
  const rules = {
    issuer: ORIGIN,
    audience: 'rs',
    typ: 'token-introspection+jwt',
    currentDate: new Date(server.clock.now() * 1000)
  }
  const { payload, protectedHeader } = await jwtVerify(response.body, set, { ...rules, algorithms: ['ES256'] })
  t.strictSame(payload['token_introspection'], (await ask(token)).json())
  t.strictSame(Object.keys(payload).sort(), ['aud', 'iat', 'iss', 'token_introspection'])
  t.equal(protectedHeader.alg, 'ES256')
  const denied = await ask(token, 'other-rs', SECRET, { accept })
  const answer = await jwtVerify(denied.body, set, { ...rules, audience: 'other-rs', algorithms: ['RS256'] })
  t.strictSame(answer.payload['token_introspection'], { active: false })
  const { verifyAccessToken } = server.app.authorizationServer
  await t.rejects(verifyAccessToken(response.body, 'rs'), { error: 'invalid_token' } as never, 'it is no access token')
  for (const plain of ['*/*', 'application/*', 'application/json', `${accept};q=0`, `${accept}x`])
    t.match((await ask(token, 'rs', SECRET, { accept: plain })).headers['content-type'], 'application/json', plain)
})

t.test('a resource server gets no tokens for itself', async t => {
  const { server } = await issuing(t)
  const payload = 'grant_type=refresh_token&refresh_token=x'
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    authorization: `Basic ${btoa(`rs:${SECRET}`)}`
  }
  const response = await server.app.inject({ method: 'POST', url: '/oauth/token', headers, payload })
  t.match(response.json(), { error: 'unauthorized_client' })
})

t.test('a resource server without a secret, or of an unknown resource, stops the boot', async t => {
  const { client_secret_digest: _, ...open } = resourceServer('rs', [RESOURCE])
  for (const client of [
    open,
    resourceServer('rs', ['https://unknown.example/mcp']),
    resourceServer('rs', ['x']),
    resourceServer('rs', [])
  ])
    await t.rejects(buildServer(t, { options: { clients: [client] } }), {
      code: 'FST_OAUTH_OPTION',
      message: /"clients/
    })
})
