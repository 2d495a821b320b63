/** `oidc-provider` on 127.0.0.1: the certified server that ours is held against. Its person says yes to everything. */
import { generateKeyPairSync } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JWK } from 'jose'
import Provider, { type ClientMetadata, type Configuration, errors } from 'oidc-provider'
import type { Test } from 'tap'
import { CLIENTS, NOTES, type OracleClient, SCOPES, SECRET, type Side } from './side.ts'

export async function startOidcProvider(t: Test, { publicJwk }: { publicJwk: JWK }): Promise<Omit<Side, 'assertion'>> {
  let provider: Provider
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/interaction/')) void consent(provider, request, response)
    else void provider.callback()(request, response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  provider = new Provider(issuer, configuration(publicJwk))
  return {
    name: 'oidc-provider',
    issuer,
    endpoints: {
      authorize: `${issuer}/auth`,
      token: `${issuer}/token`,
      par: `${issuer}/request`,
      introspect: `${issuer}/token/introspection`,
      revoke: `${issuer}/token/revocation`,
      register: `${issuer}/reg`,
      userinfo: `${issuer}/me`,
      device: `${issuer}/device/auth`
    }
  }
}

/** Set up as close to ours as it can be: what its options decide is not to be a difference. */
function configuration(publicJwk: JWK): Configuration {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    clients: clients(publicJwk),
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig' }] },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'], clientAuthSigningAlgValues: ['ES256'] },
    cookies: { keys: ['a-key-for-signing-cookies'] },
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    responseTypes: ['code'],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      deviceFlow: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      registration: { enabled: true },
      registrationManagement: { enabled: true, rotateRegistrationAccessToken: true },
      pushedAuthorizationRequests: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => NOTES,
        useGrantedResource: () => true,
        getResourceServerInfo: (context, resource) => {
          const scope = (SCOPES as Record<string, string>)[resource]
          // What this client may do in its own name, which there is no other place to say.
          const isForbidden = context.oidc.client?.clientId === 'job' && resource !== NOTES
          if (scope === undefined || isForbidden) throw new errors.InvalidTarget()
          return {
            scope,
            audience: resource,
            accessTokenTTL: 900,
            accessTokenFormat: 'opaque'
          }
        }
      }
    },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    issueRefreshToken: (_context, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    pkce: { required: () => true },
    renderError: (context, { error }) => {
      context.type = 'html'
      context.body = `<h1>error page</h1><p>${error}</p>`
    },
    ttl: { Grant: 86_400, Interaction: 900, Session: 86_400, IdToken: 300, RefreshToken: 86_400 }
  }
}

function clients(publicJwk: JWK): ClientMetadata[] {
  const given: [string, OracleClient][] = Object.entries(CLIENTS)
  return given.map(([client_id, { method, redirectUris, grantTypes }]) => ({
    client_id,
    redirect_uris: [...redirectUris],
    token_endpoint_auth_method: method,
    grant_types: grantTypes
      ? [...grantTypes]
      : redirectUris.length === 0
        ? []
        : ['authorization_code', 'refresh_token'],
    response_types: redirectUris.length === 0 ? [] : ['code'],
    // Loopback redirect URIs are for native clients there.
    application_type: redirectUris.some(uri => uri.startsWith('http:')) ? 'native' : 'web',
    ...(method === 'client_secret_basic' ? { client_secret: SECRET } : {}),
    ...(method === 'private_key_jwt' ? { jwks: { keys: [publicJwk] } } : {})
  }))
}

async function consent(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { params } = await provider.interactionDetails(request, response)
  const grant = new provider.Grant({ accountId: 'alice', clientId: String(params['client_id']) })
  grant.addOIDCScope('openid offline_access')
  for (const [resource, scopes] of Object.entries(SCOPES)) grant.addResourceScope(resource, scopes)
  const result = { login: { accountId: 'alice' }, consent: { grantId: await grant.save() } }
  await provider.interactionFinished(request, response, result)
}
