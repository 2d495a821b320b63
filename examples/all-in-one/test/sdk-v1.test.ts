/** The first generation of the official SDK, unmodified, over HTTP. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import t, { type Test } from 'tap'
import { createHeadlessProvider, type HeadlessProvider } from '../headless-provider.ts'
import { ALICE, listen } from './running-app.ts'

interface Host {
  client: Client
  provider: HeadlessProvider
  /** A client remembers which 403 it gave up on: to try again, a host needs a new one. */
  reconnect(): Promise<void>
  /** What a host does after the client asked it for an authorization: hand over the code, connect again. */
  authorizeAgain(): Promise<void>
}

async function connectedHost(t: Test): Promise<Host> {
  const { resource } = await listen(t)
  const provider = createHeadlessProvider(ALICE)
  let client = new Client({ name: 'v1', version: '1.0.0' })
  const transport = () => new StreamableHTTPClientTransport(new URL(resource), { authProvider: provider as never })
  const first = transport()
  await t.rejects(
    client.connect(first as never),
    { name: /Unauthorized|Error/ },
    'the first request asks for an authorization'
  )

  const host: Host = {
    get client() {
      return client
    },
    provider,
    async authorizeAgain() {
      await transport().finishAuth(provider.answer().get('code') ?? '')
      await host.reconnect()
    },
    async reconnect() {
      await client.close()
      client = new Client({ name: 'v1', version: '1.0.0' })
      await client.connect(transport() as never)
    }
  }
  await host.authorizeAgain()
  t.teardown(() => host.client.close())
  return host
}

function textOf(result: unknown): string {
  const { content } = result as { content: { text: string }[] }
  return content[0]?.text ?? ''
}

t.test('sdk 1.32: from a 401 to a tool call', async t => {
  const { client, provider } = await connectedHost(t)
  t.equal(provider.requests.length, 1)
  t.match(textOf(await client.callTool({ name: 'whoami', arguments: {} })), /alice/)
})

t.test('sdk 1.32: an access token that is not accepted any more is refreshed without asking anybody', async t => {
  const { client, provider } = await connectedHost(t)
  const before = provider.savedTokens.at(-1)?.refresh_token
  provider.replaceTokens(tokens => ({ ...tokens, access_token: 'expired' }))
  t.match(textOf(await client.callTool({ name: 'whoami', arguments: {} })), /alice/)
  t.equal(provider.savedTokens.length, 2)
  t.not(provider.savedTokens.at(-1)?.refresh_token, before, 'the refresh token rotated')
  t.equal(provider.requests.length, 1, 'nobody was asked again')
})

t.test(
  'sdk 1.32: at a 403 the host drops the refresh token, and the client asks for the missing permission',
  async t => {
    const host = await connectedHost(t)
    const list = () => host.client.callTool({ name: 'list_notes', arguments: {} })
    await t.rejects(list(), { message: /403/ }, 'the client refreshes, gets the same scopes and gives up')
    t.equal(host.provider.requests.length, 1)

    host.provider.replaceTokens(({ refresh_token: _, ...tokens }) => tokens)
    await host.reconnect()
    await t.rejects(list(), 'now it asks for an authorization')
    t.match(host.provider.requests.at(-1)?.searchParams.get('scope'), /notes:read/)
    await host.authorizeAgain()
    t.equal(textOf(await list()), '[]')
  }
)
