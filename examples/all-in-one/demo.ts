/** The whole story, step by step: the official SDK client against this server, with a browser that has no screen. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { parseChallenges } from '@fastify-mcp-auth/core'
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client'
import { buildApp } from './app.ts'
import { readConfig } from './config.ts'
import { createHeadlessProvider } from './headless-provider.ts'

const config = readConfig({ PORT: String(await freePort()), DATABASE_URL: 'memory:' })
const app = await buildApp(config)
await app.listen({ host: config.host, port: config.port })
const resource = new URL(`${config.publicUrl}/mcp`)
let steps = 0

step('A server, in memory', `${resource}`)

const refused = await fetch(resource, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })
const [challenge] = parseChallenges(refused.headers.get('www-authenticate') ?? '')
const metadataUrl = challenge?.params['resource_metadata'] ?? ''
step(`Nobody gets in without a token: ${refused.status}`, `WWW-Authenticate says where to look: ${metadataUrl}`)

const { authorization_servers: servers } = await getJson<{ authorization_servers: string[] }>(metadataUrl)
const metadata = await getJson<Record<string, unknown>>(`${servers[0]}/.well-known/oauth-authorization-server`)
step(
  'The metadata names the authorization server',
  `${servers[0]}, endpoints under ${metadata['authorization_endpoint']}`
)

const provider = createHeadlessProvider(
  { username: 'alice', password: 'wonderland', scopes: ['mcp:tools', 'notes:admin'] },
  url => step('The client sends its person to the browser', `asking for: ${url.searchParams.get('scope')}`)
)
const client = new Client({ name: 'demo', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } })
await client.connect(new StreamableHTTPClientTransport(resource, { authProvider: provider })).catch(expectUnauthorized)
const { client_id: clientId } = (await provider.clientInformation()) ?? { client_id: '' }
step('On the way it registered itself', `client_id ${hidden(clientId)}`)
step('Alice signed in and said yes', `the browser came back with code ${hidden(provider.answer().get('code'))}`)

const transport = new StreamableHTTPClientTransport(resource, { authProvider: provider })
await transport.finishAuth(provider.answer())
showTokens('The code became tokens')

await client.connect(transport)
step('The client is connected', `MCP ${client.getNegotiatedProtocolVersion()}`)
step('Tool whoami', await call('whoami'))

step(
  'Tool delete_all_notes needs a permission that it does not have',
  'the server answers 403, the client asks for more'
)
await call('delete_all_notes').catch(expectUnauthorized)
await transport.finishAuth(provider.answer())
showTokens('Alice said yes to that, too')
step('Tool delete_all_notes', await call('delete_all_notes'))

provider.replaceTokens(tokens => ({ ...tokens, access_token: 'no longer good' }))
await call('whoami')
showTokens('The access token ran out, so the client refreshed: nobody was asked')

const revoked = await fetch(`${metadata['revocation_endpoint']}`, {
  method: 'POST',
  body: new URLSearchParams({ token: provider.savedTokens.at(-1)?.refresh_token ?? '', client_id: clientId })
})
step('The client gives its tokens back', `revocation: ${revoked.status}`)
const after = await fetch(resource, {
  method: 'POST',
  headers: { authorization: `Bearer ${provider.savedTokens.at(-1)?.access_token}`, 'content-type': 'application/json' },
  body: '{}'
})
step(`From now on its access token is refused: ${after.status}`, 'the story is over')

await client.close()
await app.close()

function step(title: string, detail: string): void {
  steps += 1
  console.log(`${String(steps).padStart(2)}. ${title}\n    ${detail}`)
}

function showTokens(title: string): void {
  const tokens = provider.savedTokens.at(-1)
  const kept = `access token ${hidden(tokens?.access_token)}, refresh token ${hidden(tokens?.refresh_token)}`
  step(title, `${kept}, for: ${tokens?.scope}`)
}

/** Enough to recognise a value, too little to use it. The end, because tokens of one grant begin alike. */
function hidden(value: string | null | undefined): string {
  return value ? `...${value.slice(-4)} (${value.length} characters)` : '(none)'
}

async function call(name: string): Promise<string> {
  const { content } = await client.callTool({ name, arguments: {} })
  const [first] = content
  return first?.type === 'text' ? first.text : ''
}

/** The client says so when it has sent its person to the browser and waits for the answer. */
function expectUnauthorized(error: unknown): void {
  if (!(error instanceof UnauthorizedError)) throw error
}

async function getJson<T>(url: string): Promise<T> {
  const response = await fetch(url)
  return (await response.json()) as T
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return typeof address === 'object' && address !== null ? address.port : 0
}
