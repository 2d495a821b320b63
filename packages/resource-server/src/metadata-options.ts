/**
 * Members of the metadata document that only the operator knows. Names are those of the wire.
 *
 * @see RFC 9728 sections 2 and 2.2
 */
import { ASYMMETRIC_ALGORITHMS, Type } from '@fastify-mcp-auth/core'
import type { JWK } from 'jose'
import type { Static } from 'typebox'

const url = Type.String({ pattern: '^https?://[^\\s]+$' })
const LANGUAGE = '[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*'

/** A member for people in one language. @see RFC 9728 section 2.1 */
type Localised = {
  readonly [name in `resource_name#${string}`]?: string
} & {
  readonly [name in `resource_${'documentation' | 'policy_uri' | 'tos_uri'}#${string}`]?: string
}

const members = {
  /** Names further issuers, or the issuers of a verifier that knows none. Replaces those of `verify`. */
  authorization_servers: Type.Optional(Type.Array(url, { minItems: 1 })),
  /** Keys with which this server signs its own responses. */
  jwks_uri: Type.Optional(url),
  resource_signing_alg_values_supported: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
  /** For developers. */
  resource_documentation: Type.Optional(url),
  resource_policy_uri: Type.Optional(url),
  resource_tos_uri: Type.Optional(url),
  authorization_details_types_supported: Type.Optional(Type.Array(Type.String(), { minItems: 1 }))
}

/** Human-readable members come in any number of languages: `'resource_name#de': 'Notizen'`. */
export const StaticMetadata = Type.Unsafe<Static<ReturnType<typeof Type.Object<typeof members>>> & Localised>(
  Type.Object(members, {
    additionalProperties: false,
    patternProperties: {
      [`^resource_name#${LANGUAGE}$`]: Type.String({ minLength: 1 }),
      [`^resource_(documentation|policy_uri|tos_uri)#${LANGUAGE}$`]: url
    }
  })
)

export type StaticMetadata = Static<typeof StaticMetadata>

export const SignMetadata = Type.Object(
  {
    /** Private key as a JWK with `alg`, and with `kid` when its public half is found by that. */
    key: Type.Unsafe<JWK>(
      Type.Object({
        kty: Type.String(),
        alg: Type.Enum([...ASYMMETRIC_ALGORITHMS]),
        kid: Type.Optional(Type.String())
      })
    ),
    /** Who vouches for the document, its claim `iss`. The resource itself when left out. */
    issuer: Type.Optional(Type.String({ minLength: 1 }))
  },
  { additionalProperties: false }
)
export type SignMetadata = Static<typeof SignMetadata>
