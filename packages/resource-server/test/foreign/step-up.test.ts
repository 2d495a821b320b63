/** What the official clients do with a challenge: ask for what it names, at the server that it names. */
import { createTestIssuer } from '@fastify-mcp-auth/testing'
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import t from 'tap'
import { freePort } from '../../../../.ci/free-port.ts'
import { jwt } from '../../src/index.ts'
import { createApp } from '../app.ts'
import { SERVERS } from './mcp-servers.ts'

/** A person's client: has a token, and notes down where it would send the browser. */
function createProvider(accessToken: string) {
  const visited: URL[] = []
  return {
    visited,
    accessToken,
    redirectUrl: 'http://127.0.0.1:49152/callback',
    clientMetadata: { redirect_uris: ['http://127.0.0.1:49152/callback'], client_name: 'c' },
    clientInformation: () => ({ client_id: 'registered' }),
    tokens() {
      return { access_token: this.accessToken, token_type: 'Bearer' }
    },
    saveTokens: () => undefined,
    redirectToAuthorization: (url: URL) => void visited.push(url),
    saveCodeVerifier: () => undefined,
    codeVerifier: () => 'verifier'
  }
}

type Provider = ReturnType<typeof createProvider>

const CLIENTS = {
  v1: async (url: URL, authProvider: Provider) => {
    const client = new ClientV1({ name: 'v1', version: '1' })
    const transport = new TransportV1(url, { authProvider })
    await client.connect(transport as Parameters<typeof client.connect>[0])
    return client
  },
  v2: async (url: URL, authProvider: Provider) => {
    const client = new ClientV2({ name: 'v2', version: '1' }, { versionNegotiation: { mode: 'auto' } })
    await client.connect(new TransportV2(url, { authProvider }))
    return client
  }
}

for (const server of ['SDK v1', 'SDK v2'] as const)
  for (const [name, connect] of Object.entries(CLIENTS))
    t.test(`RS-9: ${server}, client ${name}: asks for the scopes of a 403, and goes on with the new token`, async t => {
      const port = await freePort()
      const resource = `http://127.0.0.1:${port}/mcp`
      const issuer = await createTestIssuer()
      const listening = await issuer.listen()
      t.teardown(() => listening.close())
      const { app } = await createApp(t, {
        routes: SERVERS[server],
        options: {
          resource,
          clock: { now: () => Math.floor(Date.now() / 1000) },
          verify: jwt({ issuer: issuer.issuer }),
          protect: ['/mcp'],
          operations: { 'tools/call': ['mcp:tools'], 'tools/call:delete_*': ['notes:admin'] }
        }
      })
      await app.listen({ port, host: '127.0.0.1' })
      const provider = createProvider(await issuer.mint({ resource, scopes: ['mcp:tools'] }))
      const client = await connect(new URL(resource), provider)
      t.teardown(() => client.close())
      await t.rejects(async () => client.callTool({ name: 'delete_notes', arguments: {} }))
      t.equal(provider.visited.length, 1)
      const asked = provider.visited[0]?.searchParams
      t.equal(provider.visited[0]?.origin, listening.url)
      t.equal(asked?.get('resource'), resource)
      t.strictSame(
        asked
          ?.get('scope')
          ?.split(' ')
          .filter(scope => scope !== 'offline_access')
          .toSorted(),
        ['mcp:tools', 'notes:admin']
      )
      provider.accessToken = await issuer.mint({ resource, scopes: ['mcp:tools', 'notes:admin'] })
      const result = await client.callTool({ name: 'delete_notes', arguments: {} })
      t.match(result, { content: [{ text: 'alice test-client' }] })
    })
