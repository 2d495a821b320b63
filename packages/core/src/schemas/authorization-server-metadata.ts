/**
 * Authorization server metadata. Unknown members are allowed: a document may say more than we use.
 *
 * @see RFC 8414 section 2, RFC 8628 section 4, RFC 9126 section 5, RFC 9207 section 3, draft-ietf-oauth-client-id-metadata-document,
 *   draft-ietf-oauth-identity-assertion-authz-grant section 7.2
 */
import type { Static } from 'typebox'
import { Type } from '../type.ts'

const Strings = Type.Array(Type.String())

/** Unknown members are allowed. @see RFC 8414 section 2 */
export const AuthorizationServerMetadata = Type.Object({
  issuer: Type.String(),
  authorization_endpoint: Type.Optional(Type.String()),
  token_endpoint: Type.Optional(Type.String()),
  jwks_uri: Type.Optional(Type.String()),
  registration_endpoint: Type.Optional(Type.String()),
  revocation_endpoint: Type.Optional(Type.String()),
  introspection_endpoint: Type.Optional(Type.String()),
  scopes_supported: Type.Optional(Strings),
  response_types_supported: Type.Optional(Strings),
  response_modes_supported: Type.Optional(Strings),
  grant_types_supported: Type.Optional(Strings),
  authorization_grant_profiles_supported: Type.Optional(Strings),
  token_endpoint_auth_methods_supported: Type.Optional(Strings),
  token_endpoint_auth_signing_alg_values_supported: Type.Optional(Strings),
  revocation_endpoint_auth_methods_supported: Type.Optional(Strings),
  revocation_endpoint_auth_signing_alg_values_supported: Type.Optional(Strings),
  introspection_endpoint_auth_methods_supported: Type.Optional(Strings),
  introspection_endpoint_auth_signing_alg_values_supported: Type.Optional(Strings),
  introspection_signing_alg_values_supported: Type.Optional(Strings),
  end_session_endpoint: Type.Optional(Type.String()),
  userinfo_endpoint: Type.Optional(Type.String()),
  subject_types_supported: Type.Optional(Strings),
  id_token_signing_alg_values_supported: Type.Optional(Strings),
  claims_supported: Type.Optional(Strings),
  code_challenge_methods_supported: Type.Optional(Strings),
  authorization_response_iss_parameter_supported: Type.Optional(Type.Boolean()),
  client_id_metadata_document_supported: Type.Optional(Type.Boolean()),
  pushed_authorization_request_endpoint: Type.Optional(Type.String()),
  require_pushed_authorization_requests: Type.Optional(Type.Boolean()),
  device_authorization_endpoint: Type.Optional(Type.String()),
  request_parameter_supported: Type.Optional(Type.Boolean()),
  request_uri_parameter_supported: Type.Optional(Type.Boolean()),
  prompt_values_supported: Type.Optional(Strings),
  service_documentation: Type.Optional(Type.String())
})
export type AuthorizationServerMetadata = Static<typeof AuthorizationServerMetadata>
