/** The MCP SDK v1 and its example store, unmodified: its clients move here. */
import type { AddressInfo } from 'node:net'
import { createBrowser, fetchTransport, settableClock, visitAuthorization } from '@fastify-mcp-auth/testing'
import { auth, type OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js'
import { DemoInMemoryAuthProvider } from '@modelcontextprotocol/sdk/examples/server/demoInMemoryOAuthProvider.js'
import type { OAuthRegisteredClientsStore } from '@modelcontextprotocol/sdk/server/auth/clients.js'
import { InvalidClientMetadataError } from '@modelcontextprotocol/sdk/server/auth/errors.js'
import type { OAuthServerProvider } from '@modelcontextprotocol/sdk/server/auth/provider.js'
import type { OAuthClientInformationFull, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js'
import t, { type Test } from 'tap'
import { fromOAuthServerProvider } from '../../src/index.ts'
import { buildServer, CALLBACK } from '../fixture.ts'

/** A server on the store, listening; the clock is the present. */
async function migrated(t: Test, provider: Pick<OAuthServerProvider, 'clientsStore'>) {
  const probe = await buildServer(t)
  await probe.app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = probe.app.server.address() as AddressInfo
  await probe.app.close()
  const issuer = `http://127.0.0.1:${port}`
  const server = await buildServer(t, {
    options: {
      issuer,
      clock: settableClock(),
      clientSource: fromOAuthServerProvider(provider),
      resources: { [`${issuer}/mcp`]: { name: 'Notes', scopes: { 'notes:read': 'Read your notes' } } }
    }
  })
  await server.app.listen({ port, host: '127.0.0.1' })
  return { ...server, issuer }
}

/** What a host keeps for the SDK's client, and the person in front of it. */
function hostWith(information: OAuthClientInformationFull | undefined) {
  const browser = createBrowser(fetchTransport())
  const state = { information, tokens: undefined as OAuthTokens | undefined, verifier: '', code: '', visits: 0 }
  const provider: OAuthClientProvider = {
    redirectUrl: CALLBACK,
    clientMetadata: { client_name: 'v1', redirect_uris: [CALLBACK] },
    clientInformation: () => state.information,
    saveClientInformation(saved) {
      state.information = saved as OAuthClientInformationFull
    },
    tokens: () => state.tokens,
    saveTokens(tokens) {
      state.tokens = tokens
    },
    saveCodeVerifier(verifier) {
      state.verifier = verifier
    },
    codeVerifier: () => state.verifier,
    invalidateCredentials(scope) {
      if (scope === 'all' || scope === 'client') state.information = undefined
      if (scope === 'all' || scope === 'tokens') state.tokens = undefined
    },
    async redirectToAuthorization(url) {
      state.visits++
      const page = await visitAuthorization(browser, url.href, { username: 'alice', password: 'pw' })
      state.code = new URL(page.leavesTo ?? '').searchParams.get('code') ?? ''
    }
  }
  return { state, provider }
}

async function connect(issuer: string, { state, provider }: ReturnType<typeof hostWith>): Promise<void> {
  const serverUrl = `${issuer}/mcp`
  if ((await auth(provider, { serverUrl })) === 'AUTHORIZED') return
  await auth(provider, { serverUrl, authorizationCode: state.code })
}

const OLD: OAuthClientInformationFull = {
  client_id: 'b1f2c3d4-registered-before',
  client_name: 'Registered before',
  client_secret: 'ab'.repeat(32),
  client_id_issued_at: 1_700_000_000,
  client_secret_expires_at: 0,
  redirect_uris: [CALLBACK]
}

t.test('sdk 1.32: a client that registered at the old server connects, refreshes and is asked once', async t => {
  const provider = new DemoInMemoryAuthProvider()
  await provider.clientsStore.registerClient(OLD)
  const { issuer } = await migrated(t, provider)
  const host = hostWith(OLD)
  await connect(issuer, host)
  t.equal(host.state.information?.client_id, OLD.client_id, 'it did not register anew')
  const first = host.state.tokens?.refresh_token
  await connect(issuer, host)
  t.not(host.state.tokens?.refresh_token, first)
  t.equal(host.state.visits, 1)
})

t.test('sdk 1.32: a token of the old server is worth nothing here, and costs one consent more', async t => {
  const provider = new DemoInMemoryAuthProvider()
  await provider.clientsStore.registerClient(OLD)
  const { issuer } = await migrated(t, provider)
  const host = hostWith(OLD)
  host.state.tokens = { access_token: 'old', token_type: 'Bearer', refresh_token: 'old' }
  await connect(issuer, host)
  t.equal(host.state.visits, 1)
  t.equal(host.state.information?.client_id, OLD.client_id)
})

t.test('sdk 1.32: a client whose secret expired registers anew, in the old store', async t => {
  const provider = new DemoInMemoryAuthProvider()
  const expired = { ...OLD, client_secret_expires_at: 1_700_000_100 }
  await provider.clientsStore.registerClient(expired)
  const { issuer, storage } = await migrated(t, provider)
  const host = hostWith(expired)
  host.state.tokens = { access_token: 'old', token_type: 'Bearer', refresh_token: 'old' }
  await connect(issuer, host)
  const { client_id: clientId = '' } = host.state.information ?? {}
  t.not(clientId, OLD.client_id)
  t.match(await provider.clientsStore.getClient(clientId), { client_id: clientId, redirect_uris: [CALLBACK] })
  t.equal((await storage.counts())['clients'], 0, 'none is kept here')
  t.match(host.state.tokens, { refresh_token: /./ })
})

t.test('RFC 7591 3.2.2: a refusal of the store in the words of the SDK reaches the client', async t => {
  const clientsStore: OAuthRegisteredClientsStore = {
    getClient: () => undefined,
    registerClient() {
      throw new InvalidClientMetadataError('by invitation only')
    }
  }
  const { client, issuer } = await migrated(t, { clientsStore })
  const response = await client({ resource: `${issuer}/mcp` }).register()
  t.equal(response.statusCode, 400)
  t.match(response.json(), { error: 'invalid_client_metadata', error_description: 'by invitation only' })
})

t.test('a store that registers nobody leaves registrations to us', async t => {
  const clientsStore: OAuthRegisteredClientsStore = { getClient: () => undefined }
  const { issuer, storage } = await migrated(t, { clientsStore })
  const host = hostWith(undefined)
  await connect(issuer, host)
  t.match(host.state.tokens, { refresh_token: /./ })
  t.equal((await storage.counts())['clients'], 1)
})
