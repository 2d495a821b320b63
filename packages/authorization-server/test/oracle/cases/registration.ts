/** Registrations, and their management. */
import type { HttpResponse } from '@fastify-mcp-auth/testing'
import { basic, encode, post, type Side, send } from '../side.ts'
import type { OracleCase } from './case.ts'

type Metadata = Readonly<Record<string, unknown>>

const GOOD: Metadata = {
  client_name: 'Program',
  redirect_uris: ['https://program.example/cb'],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none'
}

function registration(
  side: Side,
  body: string,
  { method = 'POST', type = 'application/json' } = {}
): Promise<HttpResponse> {
  return send({
    method,
    url: side.endpoints.register,
    headers: { accept: 'application/json', 'content-type': type },
    ...(method === 'GET' ? {} : { body })
  })
}

function bent(name: string, changes: Metadata = {}): OracleCase {
  return { name: `register: ${name}`, run: side => registration(side, JSON.stringify({ ...GOOD, ...changes })) }
}

function sent(name: string, body: string, how: { method?: string; type?: string } = {}): OracleCase {
  return { name: `register: ${name}`, run: side => registration(side, body, how) }
}

function uris(name: string, ...redirect_uris: unknown[]): OracleCase {
  return bent(`redirect URI ${name}`, { redirect_uris })
}

function loopback(name: string, ...redirect_uris: string[]): OracleCase {
  return bent(`redirect URI ${name}, native`, { redirect_uris, application_type: 'native' })
}

const key = { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) }

const METADATA_CASES: OracleCase[] = [
  bent('good'),
  bent('with client_secret_basic', { token_endpoint_auth_method: 'client_secret_basic' }),
  bent('with client_secret_post', { token_endpoint_auth_method: 'client_secret_post' }),
  bent('method missing', { token_endpoint_auth_method: undefined }),
  bent('method unknown', { token_endpoint_auth_method: 'pigeon' }),
  bent('method is a number', { token_endpoint_auth_method: 7 }),
  bent('private_key_jwt without keys', { token_endpoint_auth_method: 'private_key_jwt' }),
  bent('private_key_jwt with a private key', {
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [{ ...key, d: 'A'.repeat(43) }] }
  }),
  bent('jwks and jwks_uri', {
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [] },
    jwks_uri: 'https://program.example/jwks'
  }),
  bent('jwks_uri with http', {
    token_endpoint_auth_method: 'private_key_jwt',
    jwks_uri: 'http://program.example/jwks'
  }),
  bent('jwks is a text', { token_endpoint_auth_method: 'private_key_jwt', jwks: 'x' }),
  bent('only the code grant', { grant_types: ['authorization_code'] }),
  bent('grant_types missing', { grant_types: undefined }),
  bent('grant_types empty', { grant_types: [] }),
  bent('grant_types implicit', { grant_types: ['implicit'], response_types: ['token'] }),
  bent('grant_types password', { grant_types: ['password'] }),
  bent('grant_types with an unknown one', { grant_types: ['authorization_code', 'bread'] }),
  bent('grant_types only refresh_token', { grant_types: ['refresh_token'] }),
  bent('grant_types is a text', { grant_types: 'authorization_code' }),
  bent('response_types token', { response_types: ['token'] }),
  bent('response_types missing', { response_types: undefined }),
  bent('client_name is a number', { client_name: 7 }),
  bent('client_name missing', { client_name: undefined }),
  bent('client_uri javascript:', { client_uri: 'javascript:alert(1)' }),
  bent('logo_uri data:', { logo_uri: 'data:image/png,x' }),
  bent('contacts is a text', { contacts: 'me' }),
  bent('application_type unknown', { application_type: 'toaster' }),
  bent('scope unknown', { scope: 'bread:eat' }),
  bent('software_statement', { software_statement: 'x.y.z' }),
  bent('client_id of its own choice', { client_id: 'public' }),
  bent('client_secret of its own choice', {
    token_endpoint_auth_method: 'client_secret_basic',
    client_secret: 'mine'
  }),
  bent('unknown member', { bread: 'butter' }),
  bent('null where nothing is meant', { client_uri: null })
]

const URI_CASES: OracleCase[] = [
  bent('redirect_uris missing', { redirect_uris: undefined }),
  bent('redirect_uris empty', { redirect_uris: [] }),
  bent('redirect_uris is a text', { redirect_uris: 'https://program.example/cb' }),
  uris('is a number', 7),
  uris('relative', '/cb'),
  uris('no URI', 'bread'),
  uris('javascript:', 'javascript:alert(1)'),
  uris('data:', 'data:text/html,x'),
  uris('http elsewhere', 'http://program.example/cb'),
  uris('with a fragment', 'https://program.example/cb#x'),
  uris('with an empty fragment', 'https://program.example/cb#'),
  uris('with user information', 'https://a:b@program.example/cb'),
  uris('with a wildcard', 'https://*.program.example/cb'),
  uris('with a space', 'https://program.example/c b'),
  uris('good, twice', 'https://program.example/cb', 'https://program.example/cb'),
  uris('good and bad', 'https://program.example/cb', 'javascript:alert(1)'),
  loopback('127.0.0.1', 'http://127.0.0.1/cb'),
  loopback('localhost', 'http://localhost:4711/cb'),
  loopback('[::1]', 'http://[::1]/cb'),
  loopback('with a scheme of its own', 'com.example.program:/cb'),
  loopback('with a scheme of one word', 'program:/cb'),
  loopback('http elsewhere', 'http://program.example/cb')
]

const BODY_CASES: OracleCase[] = [
  sent('body empty', ''),
  sent('body broken', '{'),
  sent('body null', 'null'),
  sent('body is a list', '[]'),
  sent('body is a text', '"x"'),
  sent('body with a member twice', `{"redirect_uris":["javascript:x"],${JSON.stringify(GOOD).slice(1)}`),
  sent('body with __proto__', `{"__proto__":{"x":1},${JSON.stringify(GOOD).slice(1)}`),
  sent('as a form', 'redirect_uris=https://a.example/', { type: 'application/x-www-form-urlencoded' }),
  sent('as plain text', JSON.stringify(GOOD), { type: 'text/plain' }),
  sent('with 100 kilobytes', JSON.stringify({ ...GOOD, x: 'x'.repeat(100_000) })),
  sent('by GET', '', { method: 'GET' }),
  sent('by PUT', JSON.stringify(GOOD), { method: 'PUT' })
]

interface Managed {
  readonly client_id: string
  readonly client_secret?: string
  readonly registration_client_uri: string
  readonly registration_access_token: string
}

async function manage(
  { registration_client_uri: url, registration_access_token: token }: Managed,
  { method = 'GET', authorization = `Bearer ${token}` as string | null, body = undefined as Metadata | undefined } = {}
): Promise<HttpResponse> {
  const headers = { accept: 'application/json', ...(body ? { 'content-type': 'application/json' } : {}) }
  return send({
    method,
    url,
    headers: { ...headers, ...(authorization === null ? {} : { authorization }) },
    ...(body ? { body: JSON.stringify(body) } : {})
  })
}

const SECRETLY: Metadata = { ...GOOD, token_endpoint_auth_method: 'client_secret_basic' }

function managed(name: string, run: (made: Managed, side: Side) => Promise<HttpResponse | HttpResponse[]>): OracleCase {
  return {
    name: `manage: ${name}`,
    run: async side => run((await registration(side, JSON.stringify(SECRETLY))).json<Managed>(), side)
  }
}

async function useSecret(side: Side, { client_id: id, client_secret: secret = '' }: Managed): Promise<HttpResponse> {
  const parameters = { grant_type: 'refresh_token', refresh_token: 'invented' }
  return post(side, 'token', parameters, { headers: basic(encode(id), encode(secret)) })
}

const MANAGEMENT_CASES: OracleCase[] = [
  managed('read', made => manage(made)),
  managed('read without token', made => manage(made, { authorization: null })),
  managed('read with another token', made => manage(made, { authorization: 'Bearer invented' })),
  managed('read with the token of another client', async (made, side) => {
    const other = (await registration(side, JSON.stringify(GOOD))).json<Managed>()
    return manage(made, { authorization: `Bearer ${other.registration_access_token}` })
  }),
  managed('read by Basic', made => manage(made, { authorization: 'Basic eDp4' })),
  managed('read of an unknown client', made =>
    manage({ ...made, registration_client_uri: made.registration_client_uri.replace(made.client_id, 'nobody') })
  ),
  managed('update', made =>
    manage(made, { method: 'PUT', body: { ...SECRETLY, client_id: made.client_id, client_name: 'Renamed' } })
  ),
  managed('update, then read with the old token', async made => {
    const body = { ...SECRETLY, client_id: made.client_id }
    return [await manage(made, { method: 'PUT', body }), await manage(made)]
  }),
  managed('update without client_id', made => manage(made, { method: 'PUT', body: SECRETLY })),
  managed('update with another client_id', made =>
    manage(made, { method: 'PUT', body: { ...SECRETLY, client_id: 'x' } })
  ),
  managed('update with another secret', made =>
    manage(made, { method: 'PUT', body: { ...SECRETLY, client_id: made.client_id, client_secret: 'mine' } })
  ),
  managed('update with javascript:', made =>
    manage(made, {
      method: 'PUT',
      body: { ...SECRETLY, client_id: made.client_id, redirect_uris: ['javascript:alert(1)'] }
    })
  ),
  managed('update with what is ours to say', made =>
    manage(made, {
      method: 'PUT',
      body: { ...SECRETLY, client_id: made.client_id, client_secret_expires_at: 0, client_id_issued_at: 1 }
    })
  ),
  managed('remove, then read and use', async (made, side) => [
    await useSecret(side, made),
    await manage(made, { method: 'DELETE' }),
    await manage(made),
    await useSecret(side, made)
  ]),
  managed('remove with another token, then use', async (made, side) => [
    await manage(made, { method: 'DELETE', authorization: 'Bearer invented' }),
    await useSecret(side, made)
  ]),
  {
    name: 'register: only the code grant, then a refresh',
    run: async side => {
      const body = JSON.stringify({ ...GOOD, grant_types: ['authorization_code'] })
      const { client_id } = (await registration(side, body)).json<Managed>()
      return post(side, 'token', { grant_type: 'refresh_token', refresh_token: 'invented', client_id })
    }
  },
  {
    name: 'register: client_secret_basic, then the secret in the body',
    run: async side => {
      const made = (await registration(side, JSON.stringify(SECRETLY))).json<Managed>()
      const { client_id, client_secret = '' } = made
      const parameters = { grant_type: 'refresh_token', refresh_token: 'invented', client_id, client_secret }
      return [await useSecret(side, made), await post(side, 'token', parameters)]
    }
  },
  {
    name: 'register: client_secret_post, then the secret in the header',
    run: async side => {
      const metadata = { ...GOOD, token_endpoint_auth_method: 'client_secret_post' }
      return useSecret(side, (await registration(side, JSON.stringify(metadata))).json<Managed>())
    }
  }
]

export const REGISTRATION_CASES: readonly OracleCase[] = [
  ...METADATA_CASES,
  ...URI_CASES,
  ...BODY_CASES,
  ...MANAGEMENT_CASES
]
