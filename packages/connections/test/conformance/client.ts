/**
 * The client that the official conformance suite judges: `createConnections()` as an app uses it, in front of the server whose URL is
 * the last argument. Which scenario it is comes by the environment, as do the credentials that some of them hand out.
 *
 *   MCP_CONFORMANCE_SCENARIO=auth/metadata-default node --conditions=@fastify-mcp-auth/source client.ts URL
 */
import { randomBytes } from 'node:crypto'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import { walkAuthorization } from '@fastify-mcp-auth/testing/servers'
import { type Client, requestJwtAuthorizationGrant } from '@modelcontextprotocol/client'
import { createConnections, isMcpConnectionError, type ServerInput } from '../../src/index.ts'

type Connections = Awaited<ReturnType<typeof createConnections>>

/** What the suite hands out to the scenarios that need it. */
interface Given {
  readonly client_id?: string
  readonly client_secret?: string
  readonly issuer?: string
  readonly private_key_pem?: string
  readonly idp_client_id?: string
  readonly idp_id_token?: string
  readonly idp_token_endpoint?: string
  readonly valid_jwt?: string
}

const url = process.argv.at(-1) ?? ''
const scenario = (process.env['MCP_CONFORMANCE_SCENARIO'] ?? '').replace(/^auth\//, '')
const given = JSON.parse(process.env['MCP_CONFORMANCE_CONTEXT'] ?? '{}') as Given

const OWNER = { type: 'user', id: 'conformance' } as const
const BINDING = 'the-only-browser-of-this-run'
/** How often a person would let themselves be sent to the authorization server for one thing. */
const PATIENCE = 5

const connections = await open(credentialsOf(scenario, await issuerOf(scenario)))
try {
  await use(connections)
} finally {
  await connections.close()
}

function open(credentials: Omit<ServerInput, 'url'>): Promise<Connections> {
  return createConnections({
    // Where the suite supposes the metadata document. Nobody fetches it, nor the callback.
    baseUrl: 'https://conformance-test.local',
    client: {
      name: 'fastify-mcp-auth conformance client',
      documentUrl: 'https://conformance-test.local/client-metadata.json'
    },
    storage: memoryStorage(),
    encryptionKeys: [randomBytes(32).toString('base64')],
    network: { allowLoopback: true },
    limits: false,
    servers: { judged: { url, ...credentials } }
  })
}

/** Who issues for the server: an operator who registers a client by hand knows that. */
async function issuerOf(name: string): Promise<string> {
  if (given.issuer !== undefined || given.client_id === undefined || name === '') return given.issuer ?? ''
  const app = await open({})
  const { issuer } = await app.diagnose('judged')
  await app.close()
  return issuer ?? ''
}

/** What an operator would write into the options, having been given these credentials. */
function credentialsOf(name: string, issuer: string): Omit<ServerInput, 'url'> {
  const { client_id: clientId = '', client_secret: clientSecret = '', private_key_pem: pem = '' } = given
  switch (name) {
    case 'pre-registration':
      return { oauth: { client: { issuer, clientId, clientSecret } } }
    case 'client-credentials-basic':
      return { auth: 'client_credentials', oauth: { client: { issuer, clientId, clientSecret } } }
    case 'client-credentials-jwt':
      return { auth: 'client_credentials', oauth: { client: { issuer, clientId, privateKey: { pem, alg: 'ES256' } } } }
    case 'enterprise-managed-authorization':
      return { auth: 'id_jag', oauth: { client: { issuer, clientId, clientSecret }, assertion: identityAssertion } }
    case 'wif-jwt-bearer':
      return {
        auth: 'jwt_bearer',
        oauth: { client: { issuer, clientId }, assertion: async () => given.valid_jwt ?? null }
      }
    case 'dpop':
    case 'dpop-nonce':
      return { oauth: { dpop: true } }
    default:
      return {}
  }
}

/** What the identity provider of a company says for its employee. */
async function identityAssertion({
  audience,
  resource,
  scopes
}: {
  audience: string
  resource: string | null
  scopes: readonly string[]
}) {
  const { jwtAuthGrant } = await requestJwtAuthorizationGrant({
    tokenEndpoint: given.idp_token_endpoint ?? '',
    idToken: given.idp_id_token ?? '',
    clientId: given.idp_client_id ?? '',
    audience,
    resource: resource ?? '',
    ...(scopes.length > 0 ? { scope: scopes.join(' ') } : {})
  })
  return jwtAuthGrant
}

/** Does what it came for, and goes to the authorization server as often as it is told to, within reason. */
async function use(app: Connections): Promise<void> {
  for (let interactions = 0; ; interactions++) {
    try {
      return await app.withClient(OWNER, 'judged', work)
    } catch (error) {
      const isForThePerson = ['MCP_NOT_CONNECTED', 'MCP_NEEDS_REAUTH', 'MCP_NEEDS_SCOPE'] as const
      if (interactions >= PATIENCE || !isForThePerson.some(code => isMcpConnectionError(error, code))) throw error
      await connect(app)
    }
  }
}

async function work(client: Client): Promise<void> {
  const { tools } = await client.listTools()
  for (const { name } of tools) await client.callTool({ name, arguments: {} })
}

async function connect(app: Connections): Promise<void> {
  if (
    [
      'client-credentials-basic',
      'client-credentials-jwt',
      'enterprise-managed-authorization',
      'wif-jwt-bearer'
    ].includes(scenario)
  ) {
    await app.connect(OWNER, 'judged')
    return
  }
  const flow = await app.start(OWNER, 'judged', { binding: BINDING })
  await app.complete({ params: await walkAuthorization(flow.url), binding: BINDING, owner: OWNER })
}
