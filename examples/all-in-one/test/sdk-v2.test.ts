/** The second generation of the official SDK, unmodified, over HTTP, with both ways to find a protocol version. */
import {
  Client,
  type ClientOptions,
  StreamableHTTPClientTransport,
  UnauthorizedError
} from '@modelcontextprotocol/client'
import t, { type Test } from 'tap'
import { createHeadlessProvider, type HeadlessProvider } from '../headless-provider.ts'
import { ALICE, listen } from './running-app.ts'

interface Host {
  client: Client
  provider: HeadlessProvider
  /** Calls a tool; when the client asks for an authorization, hands over the answer and calls once more. */
  call(name: string, input?: Record<string, unknown>): Promise<string>
}

async function connectedHost(t: Test, options: ClientOptions): Promise<Host> {
  const { resource } = await listen(t)
  const provider = createHeadlessProvider({
    ...ALICE,
    scopes: ['mcp:tools', 'notes:read', 'notes:write', 'notes:admin']
  })
  const client = new Client({ name: 'v2', version: '1.0.0' }, options)
  let transport = new StreamableHTTPClientTransport(new URL(resource), { authProvider: provider })
  await t.rejects(client.connect(transport), UnauthorizedError, 'the first request asks for an authorization')
  await transport.finishAuth(provider.answer())
  transport = new StreamableHTTPClientTransport(new URL(resource), { authProvider: provider })
  await client.connect(transport)
  t.teardown(() => client.close())

  return {
    client,
    provider,
    async call(name, input = {}) {
      const once = async () => {
        const { content } = await client.callTool({ name, arguments: input })
        const [first] = content
        return first?.type === 'text' ? first.text : ''
      }
      try {
        return await once()
      } catch (error) {
        if (!(error instanceof UnauthorizedError)) throw error
        await transport.finishAuth(provider.answer())
        return once()
      }
    }
  }
}

/** Scopes of each authorization request, sorted. The client adds `offline_access`, because the server's metadata lists it. */
function askedScopes(provider: HeadlessProvider): (string[] | undefined)[] {
  return provider.requests.map(url => url.searchParams.get('scope')?.split(' ').sort())
}

const MODES: [string, ClientOptions, string][] = [
  ['as it comes', {}, '2025-11-25'],
  ['with versionNegotiation auto', { versionNegotiation: { mode: 'auto' } }, '2026-07-28']
]

for (const [mode, options, version] of MODES) {
  t.test(`client 2.4 ${mode}: from a 401 to a tool call`, async t => {
    const { client, call, provider } = await connectedHost(t, options)
    t.equal(client.getNegotiatedProtocolVersion(), version)
    t.match(await call('whoami'), /alice/)
    t.equal(provider.requests.length, 1)
    t.strictSame(askedScopes(provider), [['mcp:tools', 'offline_access']])
  })

  t.test(`client 2.4 ${mode}: refreshes by itself`, async t => {
    const { call, provider } = await connectedHost(t, options)
    provider.replaceTokens(tokens => ({ ...tokens, access_token: 'expired' }))
    t.match(await call('whoami'), /alice/)
    t.equal(provider.savedTokens.length, 2)
    t.equal(provider.requests.length, 1)
  })

  t.test(`AZ-22: client 2.4 ${mode}: steps up to notes:admin by itself on 403, with the union of scopes`, async t => {
    const { call, provider } = await connectedHost(t, options)
    t.equal(await call('add_note', { text: 'milk' }), 'Added.')
    t.match(await call('delete_all_notes'), /Deleted 1/)
    t.strictSame(askedScopes(provider), [
      ['mcp:tools', 'offline_access'],
      ['mcp:tools', 'notes:write', 'offline_access'],
      ['mcp:tools', 'notes:admin', 'notes:write', 'offline_access']
    ])
    t.equal(await call('list_notes'), '[]', 'notes:admin implies notes:read')
    t.equal(provider.requests.length, 3)
  })
}
