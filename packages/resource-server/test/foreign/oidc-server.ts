/** `oidc-provider` over HTTP: an authorization server that we did not write. Its person says yes to everything. */
import { generateKeyPairSync } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createOAuthClient, type OAuthClient } from '@fastify-mcp-auth/testing'
import Provider, { type ClientMetadata, type Configuration, type JWK } from 'oidc-provider'
import { RESOURCE } from '../app.ts'

export const OTHER_RESOURCE = 'https://other.test/mcp'
export const SCOPES = 'mcp:tools notes:write'
/** With characters that have to be form-encoded. */
export const SECRET = 'a:b+c d%/?&=~!'
const REDIRECT_URI = 'http://127.0.0.1:49152/callback'

export interface OidcServer {
  readonly issuer: string
  /** For introspection: `private_key_jwt` of the client `rs-key`. */
  readonly clientKey: { readonly [member: string]: unknown }
  /** Requests by path since the start. */
  readonly requests: ReadonlyMap<string, number>
  /** A client in front of which alice sits, or somebody else. */
  client(resource?: string): OAuthClient
  /** While true, connections are cut. */
  outage: boolean
  /** `keep`: the old key stays in the set behind the new one. */
  rotate(options: { keep: boolean }): void
}

interface Teardown {
  teardown(done: () => unknown): void
}

interface OidcSettings {
  readonly format: 'jwt' | 'opaque'
  /** Whether it signs its answers to introspection when it is asked for that; RFC 9701. */
  readonly signs?: boolean
}

export async function startOidcServer(t: Teardown, settings: OidcSettings): Promise<OidcServer> {
  const clientKey = createKey('rs-key-1')
  const requests = new Map<string, number>()
  let keys = [createKey('first')]
  let provider: Provider
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split(/[?]/, 1)[0] ?? ''
    requests.set(path, (requests.get(path) ?? 0) + 1)
    if (oidc.outage) request.socket.destroy()
    else if (path.startsWith('/interaction/')) void consent(provider, request, response)
    else void provider.callback()(request, response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const restart = (): void => {
    provider = new Provider(issuer, configuration({ ...settings, keys, clientKey }))
  }
  restart()
  const oidc: OidcServer = {
    issuer,
    outage: false,
    clientKey,
    requests,
    client: (resource = RESOURCE) =>
      createOAuthClient({ resource, issuer, clientId: 'web', redirectUri: REDIRECT_URI, username: 'alice' }),
    rotate({ keep }) {
      keys = [createKey(`key-${keys.length}-${Math.random()}`), ...(keep ? keys : [])]
      restart()
    }
  }
  return oidc
}

function createKey(kid: string): JWK & { readonly [member: string]: unknown } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { ...privateKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' } as ReturnType<typeof createKey>
}

function configuration(
  server: OidcSettings & { readonly keys: readonly JWK[]; readonly clientKey: JWK }
): Configuration {
  const { d: _, ...publicKey } = server.clientKey
  return {
    clients: [
      {
        client_id: 'web',
        redirect_uris: [REDIRECT_URI],
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        application_type: 'native'
      },
      { ...machine('service'), grant_types: ['client_credentials'] },
      machine('rs basic:1'),
      { ...machine('rs-post'), token_endpoint_auth_method: 'client_secret_post' },
      { ...machine('rs-key'), token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [publicKey] } }
    ],
    clientDefaults: {
      id_token_signed_response_alg: 'ES256',
      ...(server.signs ? { introspection_signed_response_alg: 'ES256' } : {})
    },
    jwks: { keys: [...server.keys] },
    cookies: { keys: ['a-key-for-signing-cookies'] },
    enabledJWA: {
      idTokenSigningAlgValues: ['ES256'],
      ...(server.signs ? { introspectionSigningAlgValues: ['ES256'] } : {}),
      clientAuthSigningAlgValues: ['ES256']
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      jwtIntrospection: { enabled: server.signs ?? false },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_context, resource) => ({
          scope: SCOPES,
          audience: resource,
          accessTokenTTL: 300,
          accessTokenFormat: server.format,
          jwt: { sign: { alg: 'ES256' } }
        })
      }
    },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    issueRefreshToken: () => true,
    ttl: {
      Grant: 86_400,
      Interaction: 900,
      Session: 86_400,
      IdToken: 300,
      RefreshToken: 86_400,
      ClientCredentials: 300
    }
  }
}

function machine(id: string): ClientMetadata {
  return { client_id: id, client_secret: SECRET, redirect_uris: [], response_types: [], grant_types: [] }
}

async function consent(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { params } = await provider.interactionDetails(request, response)
  const grant = new provider.Grant({ accountId: 'alice', clientId: String(params['client_id']) })
  grant.addOIDCScope('openid')
  for (const resource of [RESOURCE, OTHER_RESOURCE]) grant.addResourceScope(resource, SCOPES)
  const result = { login: { accountId: 'alice' }, consent: { grantId: await grant.save() } }
  await provider.interactionFinished(request, response, result)
}
