/**
 * Authorization server metadata: computed from what is registered, so it cannot promise what is not there.
 *
 * @see RFC 8414 sections 2 and 3
 */
import { ASYMMETRIC_ALGORITHMS, type AuthorizationServerMetadata, wellKnownUrl } from '@fastify-mcp-auth/core'
import type { FastifyInstance } from 'fastify'
import { PROMPTS } from '../authorization/sign-in.ts'
import { CLIENT_AUTH_METHODS } from '../clients/client.ts'
import { endpointUrl, type ServerContext } from '../context.ts'
import { claimsOf } from '../openid/identity-scopes.ts'
import { endsSessions } from '../openid/sign-out.ts'
import type { RouteSettings } from '../scopes.ts'
import { introspectionAlgorithms } from './introspection.ts'

/** @see draft-ietf-oauth-identity-assertion-authz-grant section 7.2 */
const ID_JAG_PROFILE = 'urn:ietf:params:oauth:grant-profile:id-jag'

export function metadataDocument(server: ServerContext): AuthorizationServerMetadata {
  return {
    issuer: server.issuer,
    authorization_endpoint: endpointUrl(server, 'authorize'),
    token_endpoint: endpointUrl(server, 'token'),
    jwks_uri: jwksUri(server),
    ...(server.options.dynamicRegistration ? { registration_endpoint: endpointUrl(server, 'register') } : {}),
    revocation_endpoint: endpointUrl(server, 'revoke'),
    introspection_endpoint: endpointUrl(server, 'introspect'),
    scopes_supported: [...server.catalogue.scopes],
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: [...server.grants.keys()],
    ...(server.trustedIssuers.identityProviders.size > 0
      ? { authorization_grant_profiles_supported: [ID_JAG_PROFILE] }
      : {}),
    token_endpoint_auth_methods_supported: [...CLIENT_AUTH_METHODS],
    token_endpoint_auth_signing_alg_values_supported: [...ASYMMETRIC_ALGORITHMS],
    revocation_endpoint_auth_methods_supported: [...CLIENT_AUTH_METHODS],
    revocation_endpoint_auth_signing_alg_values_supported: [...ASYMMETRIC_ALGORITHMS],
    introspection_endpoint_auth_methods_supported: CLIENT_AUTH_METHODS.filter(method => method !== 'none'),
    introspection_endpoint_auth_signing_alg_values_supported: [...ASYMMETRIC_ALGORITHMS],
    introspection_signing_alg_values_supported: introspectionAlgorithms(server),
    code_challenge_methods_supported: ['S256'],
    prompt_values_supported: [...PROMPTS],
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
    ...pushedRequestMembers(server),
    ...(server.options.deviceAuthorization
      ? { device_authorization_endpoint: endpointUrl(server, 'device_authorization') }
      : {}),
    authorization_response_iss_parameter_supported: true,
    client_id_metadata_document_supported: server.documents !== null,
    ...openIdMembers(server)
  }
}

/** @see OpenID Connect Discovery section 3 */
function openIdMembers(server: ServerContext): Partial<AuthorizationServerMetadata> {
  const { openid, pairwiseSubjects } = server.options
  if (!openid) return {}
  return {
    userinfo_endpoint: endpointUrl(server, 'userinfo'),
    ...(endsSessions(server) ? { end_session_endpoint: endpointUrl(server, 'end_session') } : {}),
    subject_types_supported: [pairwiseSubjects ? 'pairwise' : 'public'],
    id_token_signing_alg_values_supported: [openid.algorithm],
    claims_supported: ['sub', 'iss', 'aud', 'exp', 'iat', 'auth_time', ...claimsOf(Object.keys(openid.scopes))]
  }
}

/** @see RFC 9126 section 5 */
function pushedRequestMembers(server: ServerContext): Omit<AuthorizationServerMetadata, 'issuer'> {
  const mode = server.options.pushedAuthorizationRequests
  if (mode === 'off') return {}
  return {
    pushed_authorization_request_endpoint: endpointUrl(server, 'par'),
    require_pushed_authorization_requests: mode === 'required'
  }
}

/** Below the path of the issuer, so that several may live on one host. */
export function jwksPath({ issuer }: ServerContext): string {
  return `${new URL(issuer).pathname.replace(/\/$/, '')}/.well-known/jwks.json`
}

function jwksUri(server: ServerContext): string {
  return new URL(jwksPath(server), server.issuer).href
}

export function metadataPath(server: ServerContext): string {
  return new URL(wellKnownUrl(server.issuer, 'oauth-authorization-server')).pathname
}

/** Where OpenID Connect looks: behind the path of the issuer, and where MCP clients look as well, before it. */
export function discoveryPaths(server: ServerContext): string[] {
  const behind = `${new URL(server.issuer).pathname.replace(/\/$/, '')}/.well-known/openid-configuration`
  return [...new Set([behind, new URL(wellKnownUrl(server.issuer, 'openid-configuration')).pathname])]
}

export function metadataEndpoint(scope: FastifyInstance, server: ServerContext, route: RouteSettings): void {
  const body = JSON.stringify(metadataDocument(server))
  scope.get('', route, async (_request, reply) =>
    reply.header('cache-control', 'public, max-age=300').type('application/json; charset=utf-8').send(body)
  )
}
