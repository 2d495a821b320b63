/** Metadata of a fake authorization server. @see RFC 8414 section 2 */
import { type Answer, jsonAnswer } from '../loopback/server.ts'
import type { MetadataPlace } from './behaviour.ts'
import type { AuthorizationServerContext } from './context.ts'

export function serverMetadata(context: AuthorizationServerContext): Record<string, unknown> {
  const { issuer, behaviour } = context
  const signs = behaviour.tokenEndpointAuthMethods.includes('private_key_jwt')
  const members = {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks.json`,
    registration_endpoint: behaviour.registration === 'open' ? `${issuer}/register` : undefined,
    revocation_endpoint: behaviour.revocation ? `${issuer}/revoke` : undefined,
    pushed_authorization_request_endpoint: behaviour.pushedAuthorization === 'none' ? undefined : `${issuer}/par`,
    require_pushed_authorization_requests: behaviour.pushedAuthorization === 'required' ? true : undefined,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: [
      'authorization_code',
      'refresh_token',
      'client_credentials',
      'urn:ietf:params:oauth:grant-type:jwt-bearer',
      'urn:ietf:params:oauth:grant-type:token-exchange'
    ],
    token_endpoint_auth_methods_supported: behaviour.tokenEndpointAuthMethods,
    token_endpoint_auth_signing_alg_values_supported: signs ? ['ES256', 'RS256'] : undefined,
    code_challenge_methods_supported: ['S256'],
    scopes_supported: behaviour.scopesSupported ?? undefined,
    authorization_response_iss_parameter_supported: behaviour.iss === 'right' ? true : undefined,
    client_id_metadata_document_supported: behaviour.clientIdMetadataDocuments ? true : undefined,
    dpop_signing_alg_values_supported: behaviour.dpop === 'none' ? undefined : ['ES256'],
    ...behaviour.metadata
  }
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

/** @param place where it was asked for; undefined when the path is none of the well-known ones */
export function metadataAnswer(context: AuthorizationServerContext, place: MetadataPlace): Answer {
  if (!context.behaviour.metadataAt.includes(place)) return { status: 404, body: 'not found' }
  return jsonAnswer(200, serverMetadata(context), { 'cache-control': 'max-age=300' })
}

/** @param issuerPath path of the issuer, without a trailing slash: `''` or `/tenant` */
export function metadataPlaceOf(path: string, issuerPath: string): MetadataPlace | undefined {
  if (path === `/.well-known/oauth-authorization-server${issuerPath}`) return 'oauth-authorization-server'
  // Without a path the two places of OpenID are one.
  if (path === `/.well-known/openid-configuration${issuerPath}`) return 'openid-configuration'
  if (path === `${issuerPath}/.well-known/openid-configuration`) return 'openid-configuration-appended'
  return undefined
}
