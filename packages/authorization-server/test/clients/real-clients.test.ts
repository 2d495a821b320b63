/** What the clients in the wild send when they register, and that each of them gets to its tokens. */
import t from 'tap'
import { buildServer } from '../fixture.ts'

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
