import { FetchFailedError, type SafeFetch } from '@fastify-mcp-auth/core'
import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import { base64url, SignJWT, UnsecuredJWT } from 'jose'
import t, { type Test } from 'tap'
import { post } from '../devices.ts'
import { type BuildOptions, buildServer, CALLBACK, ORIGIN } from '../fixture.ts'
import { ASSERTION_TYPE, createSigner, type Signer } from './signer.ts'

const JWKS_URI = 'https://client.example/jwks.json'
const PRIVATE_KEY_JWT = { token_endpoint_auth_method: 'private_key_jwt' }

/** A client registered with a key in its metadata, or behind a URL when `fetch` is given. */
async function registered(t: Test, build: BuildOptions & { fetch?: SafeFetch } = {}) {
  const { fetch } = build
  const server = await buildServer(t, { ...build, options: { ...build.options, ...(fetch ? { fetch } : {}) } })
  const client = server.client()
  let clientId = ''
  const signer = await createSigner(() => clientId, server.clock.now)
  const keys = fetch ? { jwks_uri: JWKS_URI } : { jwks: { keys: [signer.jwk] } }
  const registration = await client.register({ ...PRIVATE_KEY_JWT, ...keys })
  t.equal(registration.statusCode, 201)
  clientId = registration.json<{ client_id: string }>().client_id
  t.match(registration.json(), { ...PRIVATE_KEY_JWT, ...keys })
  t.notOk('client_secret' in registration.json())
  return { server, client, signer }
}

/** Asks with an invented refresh token: whoever is authenticated gets `invalid_grant`, everybody else something else. */
const ask = async (
  client: Awaited<ReturnType<typeof registered>>['client'],
  parameters: Record<string, string | null>
) => client.refresh('x', parameters)

t.test('RFC 7523 2.2: a client that signs gets its tokens, refreshes and revokes them', async t => {
  const { server, client, signer } = await registered(t)
  const answer = await client.authorize()
  matchesOAuthError(t, await client.redeem(answer), 'invalid_client')
  const tokens = (await client.redeem(answer, await signer.proof())).json<Record<string, string>>()
  t.ok(tokens['access_token'], 'the attempt without proof has cost nothing')
  const refreshed = await client.refresh(
    tokens['refresh_token'] ?? '',
    await signer.proof({ aud: `${ORIGIN}/oauth/token` })
  )
  t.equal(refreshed.statusCode, 200)
  const { refresh_token } = refreshed.json<{ refresh_token: string }>()
  matchesOAuthError(t, await client.revoke(refresh_token), 'invalid_client')
  t.equal((await client.revoke(refresh_token, await signer.proof())).statusCode, 200)
  t.strictSame((await server.app.authorizationServer.grants.list('sub-alice')).grants, [])
})

t.test('RFC 7523 3: an assertion is good for one request, also when two arrive at the same moment', async t => {
  const { client, signer } = await registered(t)
  const proof = await signer.proof()
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(client, proof)))
  t.equal(answers.filter(response => response.json().error === 'invalid_grant').length, 1, 'one was authenticated')
  t.equal(answers.filter(response => response.json().error === 'invalid_client').length, 19)
  matchesOAuthError(t, await ask(client, proof), 'invalid_client')
})

t.test('RFC 7523 3: what one client has used up, another one has not', async t => {
  const now = () => server.clock.now()
  const signers = await Promise.all(['one', 'two'].map(id => createSigner(() => id, now)))
  const clients = signers.map(({ jwk }, i) => ({
    client_id: ['one', 'two'][i] ?? '',
    client_name: 'Signer',
    redirect_uris: [CALLBACK],
    jwks: { keys: [{ ...jwk }] }
  }))
  const server = await buildServer(t, { options: { clients } })
  for (const [signer, error] of [
    [signers[0], 'invalid_grant'],
    [signers[1], 'invalid_grant'],
    [signers[0], 'invalid_client']
  ] as const) {
    const client_assertion = (await signer?.sign({ jti: 'the same' })) ?? ''
    const form = { client_assertion, client_assertion_type: ASSERTION_TYPE }
    const answer = await post(server, 'token', { grant_type: 'refresh_token', refresh_token: 'x', ...form })
    t.equal(answer.json().error, error)
  }
})

type Attempt = (signer: Signer, now: number, clientId: string) => Promise<string> | string
const REFUSED: [string, Attempt][] = [
  ['for another server', signer => signer.sign({ aud: 'https://other.example' })],
  ['for the resource', signer => signer.sign({ aud: `${ORIGIN}/mcp` })],
  ['for the issuer with a slash', signer => signer.sign({ aud: `${ORIGIN}/` })],
  ['for the issuer in another case', signer => signer.sign({ aud: ORIGIN.toUpperCase() })],
  ['for the endpoint of pushed requests', signer => signer.sign({ aud: `${ORIGIN}/oauth/par` })],
  ['for the revocation endpoint', signer => signer.sign({ aud: `${ORIGIN}/oauth/revoke` })],
  ['for us and somebody else', signer => signer.sign({ aud: [ORIGIN, 'https://other.example'] })],
  ['for nobody', signer => signer.sign({ aud: null })],
  ['for an empty list', signer => signer.sign({ aud: [] })],
  ['without exp', signer => signer.sign({ exp: null })],
  ['that has expired', (signer, now) => signer.sign({ iat: now - 120, exp: now - 31 })],
  ['that lives for a second too long', (signer, now) => signer.sign({ exp: now + 3631 })],
  ['from a second too far ahead', (signer, now) => signer.sign({ iat: now + 31, exp: now + 90 })],
  ['that lives for two hours', (signer, now) => signer.sign({ exp: now + 7200 })],
  ['made two hours ago for longer', (signer, now) => signer.sign({ iat: now - 7200, exp: now + 60 })],
  ['from the future', (signer, now) => signer.sign({ iat: now + 60, exp: now + 120 })],
  ['not valid yet', (signer, now) => signer.sign({ nbf: now + 60 })],
  ['without jti', signer => signer.sign({ jti: null })],
  ['with an empty jti', signer => signer.sign({ jti: '' })],
  ['with a jti that is a number', signer => signer.sign({ jti: 7 })],
  ['with a jti of 256 characters', signer => signer.sign({ jti: 'x'.repeat(256) })],
  ['without iss', signer => signer.sign({ iss: null })],
  ['by another issuer', signer => signer.sign({ iss: 'other' })],
  ['about another client', signer => signer.sign({ sub: 'other' })],
  ['about an object', signer => signer.sign({ sub: { x: 1 } })],
  ['that is an access token by its type', signer => signer.sign({}, { typ: 'at+jwt' })],
  ['with an extension that has to be understood', signer => signer.sign({}, { crit: ['x'], x: 1 })],
  ['with an unknown kid', signer => signer.sign({}, { kid: 'other' })],
  [
    'by another key',
    async (_signer, now, id) =>
      (
        await createSigner(
          () => id,
          () => now
        )
      ).sign({}, { kid: 'key-1' })
  ],
  [
    'by another key under the same kid',
    async (signer, now, id) =>
      (
        await createSigner(
          () => id,
          () => now
        )
      ).sign({}, { kid: signer.jwk.kid ?? '' })
  ],
  [
    'with the key it brings along',
    async (_signer, now, id) => {
      const own = await createSigner(
        () => id,
        () => now
      )
      return own.sign({}, { jwk: own.jwk })
    }
  ],
  ['without signature', (signer, now, id) => unsecured(signer, now, id)],
  ['with the public key as a shared secret', (signer, now, id) => confused(signer, now, id)],
  ['with a broken signature', async signer => `${(await signer.sign()).slice(0, -6)}AAAAAA`],
  [
    'with altered claims',
    async signer => {
      const [header, payload = '', signature] = (await signer.sign()).split('.')
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
      return [header, base64url.encode(JSON.stringify({ ...claims, exp: claims.exp + 1 })), signature].join('.')
    }
  ],
  ['that is no JWT', () => 'x.y.z'],
  ['that is nothing at all', () => '-']
]

const claimsOf = (now: number, id: string) => ({ iss: id, sub: id, aud: ORIGIN, jti: 'j', iat: now, exp: now + 60 })
const unsecured = (_signer: Signer, now: number, id: string) => new UnsecuredJWT(claimsOf(now, id)).encode()
const confused = (signer: Signer, now: number, id: string) =>
  new SignJWT(claimsOf(now, id))
    .setProtectedHeader({ alg: 'HS256', kid: signer.jwk.kid ?? '' })
    .sign(new TextEncoder().encode(JSON.stringify(signer.jwk)))

t.test('RFC 7523 3: assertions that are refused', async t => {
  const { server, client, signer } = await registered(t)
  const { clientId } = await client.credentials()
  for (const [what, attempt] of REFUSED)
    await t.test(`RFC 7523 3: an assertion ${what} is invalid_client, and uses nothing up`, async t => {
      const before = await server.storage.dump()
      const client_assertion = await attempt(signer, server.clock.now(), clientId)
      const response = await ask(client, {
        client_id: null,
        client_assertion_type: ASSERTION_TYPE,
        client_assertion
      })
      matchesOAuthError(t, response, 'invalid_client')
      t.equal(await server.storage.dump(), before)
    })
  t.equal((await ask(client, await signer.proof())).json().error, 'invalid_grant', 'a good one is still good')
})

t.test('RFC 7523 3: assertions that are accepted', async t => {
  const { server, client, signer } = await registered(t)
  const now = server.clock.now()
  for (const claims of [
    { aud: [ORIGIN] },
    { aud: `${ORIGIN}/oauth/token` },
    { iat: null },
    { exp: now + 3630 },
    { iat: now - 90, exp: now - 20 },
    { iat: now + 30 },
    { jti: 'x'.repeat(255) },
    { extra: 'x' }
  ])
    t.equal((await ask(client, await signer.proof(claims))).json().error, 'invalid_grant', JSON.stringify(claims))
  for (const typ of ['JWT', 'client-authentication+jwt', 'application/client-authentication+jwt'])
    t.equal((await ask(client, await signer.proof({}, { typ }))).json().error, 'invalid_grant', typ)
  const named = { ...(await signer.proof()), client_id: (await client.credentials()).clientId }
  t.equal((await ask(client, named)).json().error, 'invalid_grant', 'with its client_id beside it')
})

t.test('RFC 6749 2.3: an assertion beside another method, or without its type, is invalid_request', async t => {
  const { client, signer } = await registered(t)
  for (const more of [
    { client_secret: 'x', client_id: (await client.credentials()).clientId },
    { client_id: 'other' },
    { client_assertion_type: null },
    { client_assertion: null }
  ])
    matchesOAuthError(t, await ask(client, { ...(await signer.proof()), ...more }), 'invalid_request')
  matchesOAuthError(
    t,
    await ask(client, {
      ...(await signer.proof()),
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer'
    }),
    'invalid_client'
  )
})

t.test('RFC 6749 2.3: a client proves itself by the method it registered, and by no other', async t => {
  const { server, signer } = await registered(t)
  const other = server.client()
  const registration = await other.register({ token_endpoint_auth_method: 'client_secret_post' })
  const { client_id, client_secret } = registration.json<{ client_id: string; client_secret: string }>()
  const claims = { iss: client_id, sub: client_id }
  matchesOAuthError(t, await ask(other, await signer.proof(claims)), 'invalid_client')
  const { client } = await registered(t)
  matchesOAuthError(t, await ask(client, { client_secret }), 'invalid_client')
  matchesOAuthError(t, await ask(client, {}), 'invalid_client')
})

t.test('RFC 8725 3.1: a client that promised an algorithm is held to it', async t => {
  const server = await buildServer(t)
  const client = server.client()
  let id = ''
  const [es256, rs256] = await Promise.all(['ES256', 'RS256'].map(alg => createSigner(() => id, server.clock.now, alg)))
  const keys = [es256?.jwk, rs256?.jwk]
  const metadata = { ...PRIVATE_KEY_JWT, token_endpoint_auth_signing_alg: 'RS256', jwks: { keys } }
  id = (await client.register(metadata)).json<{ client_id: string }>().client_id
  matchesOAuthError(t, await ask(client, (await es256?.proof()) ?? {}), 'invalid_client')
  t.equal((await ask(client, (await rs256?.proof()) ?? {})).json().error, 'invalid_grant')
})

t.test(
  'RFC 7591 2: keys behind jwks_uri are fetched by the guarded fetch; an outage is 503, never invalid_client',
  async t => {
    const asked: string[] = []
    let keys: object[] | null = null
    const { server, client, signer } = await registered(t, {
      fetch: async url => {
        asked.push(url)
        if (!keys) throw new FetchFailedError('network', 'down')
        return { status: 200, headers: {}, body: Buffer.from(JSON.stringify({ keys })) }
      }
    })
    t.strictSame(asked, [], 'nothing is fetched at registration')
    const down = await ask(client, await signer.proof())
    matchesOAuthError(t, down, 'temporarily_unavailable')
    t.equal(down.statusCode, 503)
    t.ok(Number(down.headers['retry-after']) > 0)
    keys = [signer.jwk]
    server.clock.advance(30)
    const proof = await signer.proof()
    t.equal((await ask(client, proof)).json().error, 'invalid_grant')
    t.equal((await ask(client, await signer.proof())).json().error, 'invalid_grant')
    t.strictSame(asked, [JWKS_URI, JWKS_URI], 'and kept')
    keys = null
    t.equal((await ask(client, await signer.proof())).json().error, 'invalid_grant', 'through an outage')
    const rotated = await createSigner(() => '', server.clock.now)
    keys = [rotated.jwk]
    server.clock.advance(600)
    matchesOAuthError(t, await ask(client, await signer.proof()), 'invalid_client')
  }
)

t.test('RFC 7591 2: a client of the operator may have keys too', async t => {
  const signer = await createSigner(
    () => 'partner',
    () => 1_800_000_000
  )
  const server = await buildServer(t, {
    options: {
      clients: [
        { client_id: 'partner', client_name: 'Partner', redirect_uris: [CALLBACK], jwks: { keys: [signer.jwk] } }
      ]
    }
  })
  const client = server.client({ clientId: 'partner' })
  const answer = await client.authorize()
  matchesOAuthError(t, await client.redeem(answer), 'invalid_client')
  t.equal((await client.redeem(answer, await signer.proof())).statusCode, 200)
})
