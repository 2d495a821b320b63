/** oidc-provider, for the two contenders that differ in whether consent is remembered. */
import { generateKeyPairSync } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import Provider, { type Configuration } from 'oidc-provider'
import type { RunningServer } from '../contender.ts'
import { listening } from '../listen.ts'
import { LIFETIME } from './access-tokens.ts'
import { type ConsentForm, type Issuing, issuerOf } from './issuing.ts'

/** Its memory adapter (at most 2,000 entries), ES256 access tokens, registration and rotation on, its own interactions off. */
export function startOidcProvider(issuing: Issuing, consent: 'remembered' | 'asked'): Promise<RunningServer> {
  const provider = new Provider(issuerOf(issuing), configuration(issuing, consent))
  const callback = provider.callback()
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/interaction/')) void interact(provider, issuing, { request, response })
    else void callback(request, response)
  })
  return listening(server.listen(issuing.port, '127.0.0.1'))
}

function configuration(issuing: Issuing, consent: 'remembered' | 'asked'): Configuration {
  const { clientId, redirectUri, resource, scope, introspector } = issuing
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    clients: [
      {
        client_id: clientId,
        redirect_uris: [redirectUri],
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        // It asks again for every request of a native client, and only once for a web client.
        application_type: consent === 'asked' ? 'native' : 'web'
      },
      {
        client_id: introspector.id,
        client_secret: introspector.secret,
        redirect_uris: [],
        grant_types: [],
        response_types: []
      }
    ],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig' }] },
    cookies: { keys: ['a-key-for-signing-cookies'] },
    features: {
      devInteractions: { enabled: false },
      registration: { enabled: true },
      introspection: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        useGrantedResource: () => true,
        getResourceServerInfo: (_context, audience) => ({
          scope,
          audience,
          accessTokenTTL: LIFETIME,
          accessTokenFormat: audience === resource ? 'jwt' : 'opaque',
          jwt: { sign: { alg: 'ES256' } }
        })
      }
    },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    pkce: { required: () => true },
    ttl: { AccessToken: LIFETIME, Grant: 86_400, Interaction: 900, RefreshToken: 86_400, Session: 86_400 }
  }
}

/** The least page there is, as its guide for own interactions has it: what is asked for, and after the decision a grant. */
async function interact(
  provider: Provider,
  { resource, opaqueResource, scope, clientId }: Issuing,
  { request, response }: { request: IncomingMessage; response: ServerResponse }
): Promise<void> {
  try {
    const { grantId, session } = await provider.interactionDetails(request, response)
    if (request.method === 'GET') {
      const form: ConsentForm = { action: request.url ?? '', fields: [['decision', 'allow']] }
      const body = JSON.stringify(form)
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body)
      return
    }
    for await (const _ of request);
    const accountId = session?.accountId ?? String(request.headers['x-user'])
    const known = grantId === undefined ? undefined : await provider.Grant.find(grantId)
    const grant = known ?? new provider.Grant({ accountId, clientId })
    grant.addResourceScope(resource, scope)
    grant.addResourceScope(opaqueResource, scope)
    const result = { login: { accountId }, consent: { grantId: await grant.save() } }
    await provider.interactionFinished(request, response, result)
  } catch (error) {
    response.writeHead(500, { 'content-length': 0 }).end()
    console.error(error)
  }
}
