/** What the clients in the wild send when they register, and that each of them gets to its tokens. */

import type { SafeResponse } from '@fastify-mcp-auth/core'
import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import t from 'tap'
import { buildServer, ORIGIN } from '../fixture.ts'
import { createSigner } from './signer.ts'

interface RealClient {
  name: string
  registration: Record<string, unknown>
  /** What it sends at the authorization endpoint, when that is not the first registered URI. */
  redirectUri?: string
  scope?: string
  resource?: string | null
  /** What must be echoed, besides the redirect URIs. */
  echoed: Record<string, unknown>
  /** Redirect URIs that are kept; all when left out. */
  kept?: string[]
}

const CODE = ['authorization_code', 'refresh_token']
const PUBLIC = { grant_types: CODE, response_types: ['code'], token_endpoint_auth_method: 'none' }

const CLIENTS: RealClient[] = [
  {
    name: 'Claude Code: an ephemeral port on localhost, no scope',
    registration: { client_name: 'Claude Code (notes)', redirect_uris: ['http://localhost:3118/callback'], ...PUBLIC },
    echoed: PUBLIC
  },
  {
    name: 'Claude Code: another port than it registered, no resource',
    registration: { client_name: 'Claude Code', redirect_uris: ['http://localhost:3118/callback'], ...PUBLIC },
    redirectUri: 'http://localhost:54321/callback',
    resource: null,
    echoed: PUBLIC
  },
  {
    name: 'claude.ai: its own scope beside ours, and a secret',
    registration: {
      client_name: 'claudeai',
      redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
      grant_types: CODE,
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_post',
      scope: 'claudeai'
    },
    scope: 'claudeai notes:read',
    echoed: { token_endpoint_auth_method: 'client_secret_post', client_secret_expires_at: 0, scope: 'claudeai' }
  },
  {
    name: 'ChatGPT: prefers a key that it does not show, takes what there is',
    registration: {
      client_name: 'ChatGPT',
      redirect_uris: ['https://chatgpt.com/connector_platform_oauth_redirect'],
      grant_types: CODE,
      response_types: ['code'],
      token_endpoint_auth_method: 'private_key_jwt'
    },
    scope: 'notes:read offline_access',
    echoed: { token_endpoint_auth_method: 'client_secret_basic', client_secret_expires_at: 0, grant_types: CODE }
  },
  {
    name: 'Codex: a path suffix behind the callback',
    registration: { client_name: 'Codex', redirect_uris: ['http://127.0.0.1:1455/callback/a1b2c3'], ...PUBLIC },
    redirectUri: 'http://127.0.0.1:60001/callback/a1b2c3',
    echoed: PUBLIC
  },
  {
    name: 'VS Code: five URIs, no auth method, another port and no slash at the request',
    registration: {
      client_name: 'Visual Studio Code',
      client_uri: 'https://code.visualstudio.com',
      grant_types: [...CODE, 'urn:ietf:params:oauth:grant-type:device_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      redirect_uris: [
        'https://insiders.vscode.dev/redirect',
        'https://vscode.dev/redirect',
        'http://127.0.0.1/',
        'http://127.0.0.1:33418/',
        'http://127.0.0.1:33418'
      ]
    },
    redirectUri: 'http://127.0.0.1:50505/',
    echoed: { ...PUBLIC, application_type: 'native', client_uri: 'https://code.visualstudio.com' }
  },
  {
    name: 'VS Code: without token_endpoint_auth_method',
    registration: {
      client_name: 'Visual Studio Code',
      redirect_uris: ['https://vscode.dev/redirect'],
      grant_types: CODE
    },
    echoed: { token_endpoint_auth_method: 'client_secret_basic', response_types: ['code'] }
  },
  {
    name: 'Cursor: three kinds of URIs in one request',
    registration: {
      client_name: 'Cursor',
      redirect_uris: [
        'cursor://anysphere.cursor-mcp/oauth/callback',
        'https://www.cursor.com/agents/mcp/oauth/callback',
        'http://localhost:8787/callback'
      ],
      ...PUBLIC
    },
    echoed: PUBLIC
  },
  {
    name: 'a client with one URI that is not acceptable keeps the others',
    registration: {
      client_name: 'Other',
      redirect_uris: ['other-app://callback', 'https://other.example/cb', 'http://other.example/cb'],
      ...PUBLIC
    },
    kept: ['https://other.example/cb'],
    redirectUri: 'https://other.example/cb',
    echoed: PUBLIC
  },
  {
    name: 'MCP Inspector',
    registration: {
      client_name: 'MCP Inspector',
      client_uri: 'https://github.com/modelcontextprotocol/inspector',
      redirect_uris: ['http://localhost:6274/oauth/callback', 'http://localhost:6274/oauth/callback/debug'],
      scope: '',
      ...PUBLIC
    },
    redirectUri: 'http://localhost:6274/oauth/callback/debug',
    echoed: { ...PUBLIC, scope: undefined }
  },
  {
    name: 'mcp-remote',
    registration: {
      client_name: 'MCP CLI Proxy',
      client_uri: 'https://github.com/modelcontextprotocol/mcp-cli',
      redirect_uris: ['http://localhost:3334/oauth/callback'],
      software_id: '2e6dc280-f3c3-4e01-99a7-8181dbd1d23d',
      software_version: '0.1.0',
      ...PUBLIC
    },
    echoed: { ...PUBLIC, software_id: '2e6dc280-f3c3-4e01-99a7-8181dbd1d23d', software_version: '0.1.0' }
  },
  {
    name: 'LM Studio: without grant_types and response_types',
    registration: {
      client_name: 'LM Studio',
      redirect_uris: ['http://127.0.0.1:1234/callback'],
      token_endpoint_auth_method: 'none'
    },
    echoed: PUBLIC
  },
  {
    name: 'a generic SDK client: nulls where it has nothing to say',
    registration: {
      client_name: 'MCP',
      redirect_uris: ['http://localhost:9000/callback'],
      grant_types: null,
      response_types: null,
      token_endpoint_auth_method: null,
      scope: null,
      client_uri: null,
      logo_uri: null,
      contacts: null,
      jwks: null,
      software_id: null
    },
    echoed: { grant_types: CODE, response_types: ['code'], token_endpoint_auth_method: 'client_secret_basic' }
  },
  {
    name: 'an older Python SDK: knows no method but client_secret_post and none',
    registration: {
      client_name: 'python-sdk',
      redirect_uris: ['http://localhost:3030/callback'],
      grant_types: CODE,
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_post',
      scope: 'notes:read'
    },
    echoed: { token_endpoint_auth_method: 'client_secret_post', client_secret_expires_at: 0 }
  },
  {
    name: 'MCP Inspector on the command line',
    registration: {
      client_name: 'MCP Inspector CLI',
      redirect_uris: ['http://127.0.0.1:6276/oauth/callback'],
      ...PUBLIC
    },
    echoed: PUBLIC
  },
  {
    name: 'Open WebUI: a callback of its own domain with a colon',
    registration: {
      client_name: 'Open WebUI',
      redirect_uris: ['https://chat.example/oauth/clients/mcp:notes/callback'],
      grant_types: CODE
    },
    echoed: { grant_types: CODE }
  },
  {
    name: 'a client with members that nobody knows, and no name',
    registration: {
      redirect_uris: ['https://x.example/cb'],
      'client_name#ja': 'x',
      dpop_bound_access_tokens: false,
      x: {}
    },
    echoed: { client_name: undefined, x: undefined }
  }
]

for (const { name, registration, redirectUri, scope, resource, echoed, kept } of CLIENTS)
  t.test(`REG-16, REG-19: ${name}`, async t => {
    const server = await buildServer(t)
    const registered = registration['redirect_uris'] as string[]
    const client = server.client({ redirectUri: redirectUri ?? registered[0] ?? '' })
    const response = await client.register({
      grant_types: undefined,
      response_types: undefined,
      token_endpoint_auth_method: undefined,
      application_type: undefined,
      client_name: undefined,
      ...registration
    })
    t.equal(response.statusCode, 201)
    t.equal(response.headers['cache-control'], 'no-store')
    t.match(response.headers['content-type'], /^application\/json/)
    const answer = response.json<Record<string, unknown>>()
    t.strictSame(answer['redirect_uris'], kept ?? registered)
    for (const [member, value] of Object.entries(echoed)) t.strictSame(answer[member], value, member)
    t.notOk(Object.values(answer).includes(null), 'nothing is null')
    for (const list of ['redirect_uris', 'grant_types', 'response_types']) t.ok(Array.isArray(answer[list]), list)
    t.type(answer['client_id_issued_at'], 'number')

    const parameters = resource === undefined ? {} : { resource }
    const authorized = await client.authorize({ ...(scope === undefined ? {} : { scope }), parameters })
    const redeemed = await client.redeem(authorized, parameters)
    t.equal(redeemed.statusCode, 200)
    const tokens = redeemed.json<Record<string, string>>()
    t.equal((await client.refresh(tokens['refresh_token'] ?? '', parameters)).statusCode, 200)
  })

interface RealDocument {
  name: string
  id: string
  document: Record<string, unknown>
  /** What it sends at the authorization endpoint. */
  redirectUri: string
  scope?: string
  resource?: string | null
}

const PORTLESS = ['http://localhost/callback', 'http://127.0.0.1/callback']
const CHATGPT = {
  client_name: 'ChatGPT',
  grant_types: CODE,
  response_types: ['code'],
  token_endpoint_auth_method: 'private_key_jwt',
  token_endpoint_auth_signing_alg: 'RS256',
  token_endpoint_auth_methods_supported: ['private_key_jwt', 'none'],
  jwks_uri: 'https://chatgpt.com/oauth/jwks.json',
  redirect_uris: ['https://chatgpt.com/connector_platform_oauth_redirect', 'https://chatgpt.com/connector/oauth/abc123']
}

const DOCUMENTS: RealDocument[] = [
  {
    name: 'Claude Code: portless loopback URIs, an ephemeral port, neither scope nor resource',
    id: 'https://claude.ai/oauth/claude-code-client-metadata',
    document: { client_name: 'Claude Code', client_uri: 'https://claude.ai', redirect_uris: PORTLESS, ...PUBLIC },
    redirectUri: 'http://localhost:53127/callback',
    resource: null
  },
  {
    name: 'claude.ai: its own scope beside ours',
    id: 'https://claude.ai/oauth/mcp-oauth-client-metadata',
    document: {
      client_name: 'Claude',
      redirect_uris: ['https://claude.ai/api/mcp/auth_callback', 'https://claude.com/api/mcp/auth_callback'],
      ...PUBLIC
    },
    redirectUri: 'https://claude.com/api/mcp/auth_callback',
    scope: 'claudeai notes:read'
  },
  {
    name: 'ChatGPT: prefers a key, does without one, wants to stay connected',
    id: 'https://chatgpt.com/oauth/abc123/client.json',
    document: CHATGPT,
    redirectUri: 'https://chatgpt.com/connector/oauth/abc123',
    scope: 'notes:read offline_access'
  },
  {
    name: 'Codex: a path suffix behind the callback, any port',
    id: 'https://chatgpt.com/oauth/codex/client.json',
    document: { client_name: 'Codex', redirect_uris: ['http://127.0.0.1/callback/a1b2c3'], ...PUBLIC },
    redirectUri: 'http://127.0.0.1:60123/callback/a1b2c3'
  },
  {
    name: 'VS Code: the port it prefers, without the slash',
    id: 'https://vscode.dev/oauth/client-metadata.json',
    document: {
      client_name: 'Visual Studio Code',
      redirect_uris: ['http://127.0.0.1:33418/', 'http://127.0.0.1/', 'https://vscode.dev/redirect'],
      application_type: 'native',
      ...PUBLIC
    },
    redirectUri: 'http://127.0.0.1:33418'
  },
  {
    name: 'VS Code: another port, because the one it prefers is taken',
    id: 'https://vscode.dev/oauth/client-metadata.json',
    document: { client_name: 'Visual Studio Code', redirect_uris: ['http://127.0.0.1:33418/'], ...PUBLIC },
    redirectUri: 'http://127.0.0.1:51234/'
  },
  {
    name: 'opencode: portless loopback URIs',
    id: 'https://opencode.ai/oauth/opencode/client.json',
    document: { client_name: 'opencode', redirect_uris: PORTLESS, token_endpoint_auth_method: 'none' },
    redirectUri: 'http://127.0.0.1:19876/callback'
  },
  {
    name: 'Grok: a hosted assistant',
    id: 'https://grok.com/oauth/mcp-client.json',
    document: { client_name: 'Grok', redirect_uris: ['https://grok.com/oauth/mcp/callback'], ...PUBLIC },
    redirectUri: 'https://grok.com/oauth/mcp/callback'
  }
]

/** A web on which each of these stands. */
const web =
  (pages: Record<string, unknown>) =>
  async (url: string): Promise<SafeResponse> => ({
    status: url in pages ? 200 : 404,
    headers: { 'content-type': 'application/json', 'cache-control': 'public, max-age=3600' },
    body: Buffer.from(JSON.stringify(pages[url] ?? {}))
  })

for (const { name, id, document, redirectUri, scope, resource } of DOCUMENTS)
  t.test(`REG-3, REG-19: ${name}`, async t => {
    const server = await buildServer(t, { options: { fetch: web({ [id]: { client_id: id, ...document } }) } })
    const client = server.client({ clientId: id, redirectUri })
    const parameters = resource === undefined ? {} : { resource }
    const authorized = await client.authorize({ ...(scope === undefined ? {} : { scope }), parameters })
    t.equal(new URL(authorized.redirectUri).href, new URL(redirectUri).href)
    const redeemed = await client.redeem(authorized, parameters)
    t.equal(redeemed.statusCode, 200)
    const { refresh_token: token = '' } = redeemed.json<Record<string, string>>()
    t.equal((await client.refresh(token, parameters)).statusCode, 200)
  })

t.test(
  'REG-5: ChatGPT: signs with RS256 and a key behind jwks_uri, and is not mistaken for anybody without it',
  async t => {
    const id = 'https://chatgpt.com/oauth/abc123/client.json'
    const signer = await createSigner(
      () => id,
      () => 1_800_000_000,
      'RS256'
    )
    const { token_endpoint_auth_methods_supported: _, ...signs } = CHATGPT
    const fetch = web({ [id]: { client_id: id, ...signs }, [CHATGPT.jwks_uri]: { keys: [signer.jwk] } })
    const server = await buildServer(t, { options: { fetch } })
    const client = server.client({ clientId: id, redirectUri: CHATGPT.redirect_uris[0] ?? '' })
    const authorized = await client.authorize({ scope: 'notes:read offline_access' })
    matchesOAuthError(t, await client.redeem(authorized), 'invalid_client', 401)
    const redeemed = await client.redeem(authorized, await signer.proof({ aud: `${ORIGIN}/oauth/token` }))
    t.equal(redeemed.statusCode, 200)
    const { refresh_token: token = '' } = redeemed.json<Record<string, string>>()
    t.equal((await client.refresh(token, await signer.proof())).statusCode, 200)
  }
)

t.test('REG-14: claude.ai: uses documents only where the metadata lists both the flag and "none"', async t => {
  const { app } = await buildServer(t)
  const metadata = (await app.inject('/.well-known/oauth-authorization-server')).json()
  t.equal(metadata.client_id_metadata_document_supported, true)
  t.ok(metadata.token_endpoint_auth_methods_supported.includes('none'))
  t.ok(metadata.authorization_response_iss_parameter_supported, 'ChatGPT: chooses its redirect URI by this')
  t.ok(metadata.scopes_supported.includes('offline_access'), 'ChatGPT: asks for refresh tokens by this')
})

t.test('AZ-10: Codex: a path suffix that it did not register is a page', async t => {
  const id = 'https://chatgpt.com/oauth/codex/client.json'
  const document = { client_id: id, client_name: 'Codex', redirect_uris: ['http://127.0.0.1/callback'], ...PUBLIC }
  const server = await buildServer(t, { options: { fetch: web({ [id]: document }) } })
  for (const redirectUri of ['http://127.0.0.1:60123/callback/a1b2c3', 'http://localhost:60123/callback']) {
    const { url } = await server.client({ clientId: id, redirectUri }).start()
    const page = await server.app.inject(url.slice(ORIGIN.length))
    t.equal(page.statusCode, 400)
    t.match(page.body, '"reason":"redirect_uri"')
  }
})

t.test('mcp-remote: goes on with the registration in its file, and registers anew when that is gone', async t => {
  const server = await buildServer(t)
  const client = server.client({ redirectUri: 'http://localhost:3334/oauth/callback' })
  const { refresh_token: token = '' } = await client.connect()
  const { clientId } = await client.credentials()
  const next = server.client({ clientId, redirectUri: 'http://localhost:35535/oauth/callback' })
  t.equal((await next.refresh(token)).statusCode, 200, 'another process, the same file')
  t.ok((await next.connect()).access_token, 'and another port')
  await server.app.authorizationServer.clients.remove(clientId)
  matchesOAuthError(t, await next.refresh('x'), 'invalid_client', 401)
  t.equal((await next.register()).statusCode, 201)
  t.ok((await next.connect()).access_token)
})

t.test('MCP Inspector: asks from a browser, with its protocol version in a header', async t => {
  const { app } = await buildServer(t)
  for (const url of ['/.well-known/oauth-authorization-server', '/oauth/register', '/oauth/token', '/oauth/revoke']) {
    const method = url.startsWith('/oauth') ? 'POST' : 'GET'
    const response = await app.inject({
      method: 'OPTIONS',
      url,
      headers: {
        origin: 'http://localhost:6274',
        'access-control-request-method': method,
        'access-control-request-headers': 'content-type,mcp-protocol-version'
      }
    })
    t.equal(response.statusCode, 204)
    t.equal(response.headers['access-control-allow-origin'], '*')
    t.match(response.headers['access-control-allow-methods'], method)
    t.match(response.headers['access-control-allow-headers'], 'mcp-protocol-version')
  }
})

t.test('AZ-7: Claude Code, Codex: a slash behind a resource that is a bare host, at every step', async t => {
  const server = await buildServer(t, {
    options: { resources: { [ORIGIN]: { name: 'Notes', scopes: { 'notes:read': 'Read your notes' } } } }
  })
  const client = server.client({ resource: `${ORIGIN}/`, redirectUri: 'http://localhost:3118/callback' })
  const tokens = await client.connect()
  const { verifyAccessToken } = server.app.authorizationServer
  t.equal((await verifyAccessToken(tokens.access_token, ORIGIN)).claims.aud, ORIGIN, 'one spelling in every token')
  const refreshed = await client.refresh(tokens.refresh_token ?? '')
  t.equal((await verifyAccessToken(refreshed.json<typeof tokens>().access_token, ORIGIN)).claims.aud, ORIGIN)
})

t.test('AZ-8: Claude Code: the origin in place of the resource is told to be none, and buys nothing', async t => {
  const server = await buildServer(t)
  const client = server.client({ resource: `${ORIGIN}/`, redirectUri: 'http://localhost:3118/callback' })
  const { url } = await client.start()
  const { headers, statusCode } = await server.app.inject(url.slice(ORIGIN.length))
  t.equal(statusCode, 303)
  t.match(headers.location, /^http:\/\/localhost:3118\/callback\?error=invalid_target&/)
  t.equal((await server.storage.counts())['interactions'], 0)
})
