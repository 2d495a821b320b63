/**
 * Protected resource metadata.
 *
 * @see RFC 9728 section 2
 */
import type { Static } from 'typebox'
import { Type } from '../type.ts'

/** Unknown members are allowed. @see RFC 9728 section 2 */
export const ProtectedResourceMetadata = Type.Object({
  resource: Type.String(),
  authorization_servers: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
  jwks_uri: Type.Optional(Type.String()),
  scopes_supported: Type.Optional(Type.Array(Type.String())),
  bearer_methods_supported: Type.Optional(Type.Array(Type.String())),
  resource_signing_alg_values_supported: Type.Optional(Type.Array(Type.String())),
  resource_name: Type.Optional(Type.String()),
  resource_documentation: Type.Optional(Type.String()),
  resource_policy_uri: Type.Optional(Type.String()),
  resource_tos_uri: Type.Optional(Type.String()),
  tls_client_certificate_bound_access_tokens: Type.Optional(Type.Boolean()),
  authorization_details_types_supported: Type.Optional(Type.Array(Type.String())),
  dpop_signing_alg_values_supported: Type.Optional(Type.Array(Type.String())),
  dpop_bound_access_tokens_required: Type.Optional(Type.Boolean()),
  signed_metadata: Type.Optional(Type.String())
})
export type ProtectedResourceMetadata = Static<typeof ProtectedResourceMetadata>
