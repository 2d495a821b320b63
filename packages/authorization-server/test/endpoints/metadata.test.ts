import { AuthorizationServerMetadata } from '@fastify-mcp-auth/core'
import t from 'tap'
import Value from 'typebox/value'
import { buildServer, ORIGIN } from '../fixture.ts'

const METHODS = ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt']
const ALGORITHMS = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ')

t.test(
  'CD-10, AZ-3, REG-14, RFC 8414 3: the metadata says what is there, and every endpoint in it answers',
  async t => {
    const { app } = await buildServer(t)
    const response = await app.inject('/.well-known/oauth-authorization-server')
    t.equal(response.statusCode, 200)
    t.match(response.headers['content-type'], /^application\/json/)
    t.match(response.headers['cache-control'], 'max-age=')
    const metadata = response.json()
    t.ok(Value.Check(AuthorizationServerMetadata, metadata))
    t.strictSame(metadata, {
      issuer: ORIGIN,
      authorization_endpoint: `${ORIGIN}/oauth/authorize`,
      token_endpoint: `${ORIGIN}/oauth/token`,
      jwks_uri: `${ORIGIN}/.well-known/jwks.json`,
      introspection_endpoint: `${ORIGIN}/oauth/introspect`,
      introspection_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
      introspection_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
      introspection_signing_alg_values_supported: ['ES256'],
      registration_endpoint: `${ORIGIN}/oauth/register`,
      revocation_endpoint: `${ORIGIN}/oauth/revoke`,
      scopes_supported: ['notes:read', 'notes:write', 'notes:admin', 'offline_access'],
      response_types_supported: ['code'],
      response_modes_supported: ['query'],
      grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
      token_endpoint_auth_methods_supported: METHODS,
      token_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
      revocation_endpoint_auth_methods_supported: METHODS,
      revocation_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
      code_challenge_methods_supported: ['S256'],
      prompt_values_supported: ['none', 'login', 'consent', 'select_account'],
      request_parameter_supported: false,
      request_uri_parameter_supported: false,
      pushed_authorization_request_endpoint: `${ORIGIN}/oauth/par`,
      require_pushed_authorization_requests: false,
      authorization_response_iss_parameter_supported: true,
      client_id_metadata_document_supported: true
    })
    for (const name of ['token', 'register', 'revoke', 'introspect', 'par']) {
      const answer = await app.inject({ method: 'POST', url: `/oauth/${name}` })
      t.ok(answer.statusCode >= 400 && answer.statusCode < 500 && answer.statusCode !== 404, name)
    }
    t.equal((await app.inject('/oauth/authorize')).statusCode, 400)
  }
)

t.test('GEN-5: behind an https issuer every URL of the metadata is https', async t => {
  const { app } = await buildServer(t, { options: { issuer: 'https://auth.example' } })
  const metadata = (await app.inject('/.well-known/oauth-authorization-server')).json<Record<string, unknown>>()
  const urls = Object.entries(metadata).filter(([name]) => /^issuer$|_endpoint$|_uri$/.test(name))
  t.equal(urls.length, 8)
  for (const [name, url] of urls) t.match(url, /^https:\/\/auth\.example(\/|$)/, name)
})

t.test('PRM-9: the metadata needs no token and no Host header that is ours', async t => {
  const { app } = await buildServer(t)
  const response = await app.inject({
    url: '/.well-known/oauth-authorization-server',
    headers: { host: 'evil.example', 'x-forwarded-host': 'evil.example' }
  })
  t.equal(response.statusCode, 200)
  t.notMatch(response.body, 'evil.example')
})

t.test('RFC 8414 3.1: with a path in the issuer the metadata is where the path is inserted', async t => {
  const issuer = 'https://auth.example/tenants/one'
  const { app } = await buildServer(t, { options: { issuer, prefix: '/tenants/one/oauth' } })
  const response = await app.inject('/.well-known/oauth-authorization-server/tenants/one')
  t.match(response.json(), {
    issuer,
    authorization_endpoint: 'https://auth.example/tenants/one/oauth/authorize',
    jwks_uri: 'https://auth.example/tenants/one/.well-known/jwks.json'
  })
  for (const url of [
    '/.well-known/oauth-authorization-server',
    '/.well-known/oauth-authorization-server/tenants',
    '/.well-known/oauth-authorization-server/tenants/two'
  ])
    t.equal((await app.inject(url)).statusCode, 404)
  t.equal((await app.inject('/tenants/one/.well-known/jwks.json')).statusCode, 200)
})

t.test('AZ-15: with a path in the issuer iss is the whole issuer, and a client gets to its tokens', async t => {
  const issuer = `${ORIGIN}/tenant`
  const { client } = await buildServer(t, { options: { issuer } })
  t.ok((await client().connect()).access_token)
})

t.test('RFC 9110 9.3.2: HEAD answers like GET, without a body', async t => {
  const { app } = await buildServer(t)
  for (const url of ['/.well-known/oauth-authorization-server', '/.well-known/jwks.json']) {
    const response = await app.inject({ method: 'HEAD', url })
    t.equal(response.statusCode, 200)
    t.equal(response.body, '')
  }
})

t.test('RFC 7517 5: the key set has one public ES256 key and nothing private', async t => {
  const { app } = await buildServer(t)
  const response = await app.inject('/.well-known/jwks.json')
  t.match(response.headers['content-type'], /^application\/jwk-set\+json/)
  const { keys } = response.json()
  t.equal(keys.length, 1)
  t.match(keys[0], { kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig', kid: /^[\w-]{43}$/ })
  t.equal('d' in keys[0], false)
})
