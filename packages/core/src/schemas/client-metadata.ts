/**
 * Client metadata as real clients send it, in a registration or in a metadata document. Unknown members are ignored,
 * every known one is bounded.
 *
 * @see RFC 7591 section 2, draft-ietf-oauth-client-id-metadata-document section 4
 */
import type { Static } from 'typebox'
import { Type } from '../type.ts'

const Uri = Type.String({ maxLength: 2048 })
const Words = Type.Array(Type.String({ maxLength: 128 }), { maxItems: 32 })

/** One public key; which members make sense depends on its `kty`. @see RFC 7517 section 4 */
const Jwk = Type.Record(Type.String({ maxLength: 64 }), Type.Unknown(), { maxProperties: 24 })

/** Unknown members are allowed. @see RFC 7591 section 2 */
export const ClientMetadata = Type.Object({
  redirect_uris: Type.Optional(Type.Array(Uri, { minItems: 1, maxItems: 32 })),
  /** @see OpenID Connect RP-Initiated Logout 1.0 section 3.1 */
  post_logout_redirect_uris: Type.Optional(Type.Array(Uri, { maxItems: 32 })),
  token_endpoint_auth_method: Type.Optional(Type.String({ maxLength: 64 })),
  /** Every method that the client can use, when it leaves the choice to the server. @see OpenID Connect RP Metadata Choices */
  token_endpoint_auth_methods_supported: Type.Optional(Words),
  token_endpoint_auth_signing_alg: Type.Optional(Type.String({ maxLength: 16 })),
  jwks: Type.Optional(Type.Object({ keys: Type.Array(Jwk, { maxItems: 16 }) })),
  jwks_uri: Type.Optional(Uri),
  grant_types: Type.Optional(Words),
  response_types: Type.Optional(Words),
  client_name: Type.Optional(Type.String({ maxLength: 200 })),
  client_uri: Type.Optional(Uri),
  logo_uri: Type.Optional(Uri),
  policy_uri: Type.Optional(Uri),
  tos_uri: Type.Optional(Uri),
  scope: Type.Optional(Type.String({ maxLength: 4096 })),
  contacts: Type.Optional(Type.Array(Type.String({ maxLength: 320 }), { maxItems: 16 })),
  /** The client never sends its request by the browser. @see RFC 9126 section 6 */
  require_pushed_authorization_requests: Type.Optional(Type.Boolean()),
  application_type: Type.Optional(Type.String({ maxLength: 32 })),
  software_id: Type.Optional(Type.String({ maxLength: 256 })),
  software_version: Type.Optional(Type.String({ maxLength: 64 }))
})
/** With the name in other languages, by language tag. @see RFC 7591 section 2.2 */
export type ClientMetadata = Static<typeof ClientMetadata> & { [localised: `client_name#${string}`]: string }
