/**
 * Claims of a JWT access token.
 *
 * @see RFC 9068 section 2.2
 */
import type { Static } from 'typebox'
import { Type } from '../type.ts'

/** @see RFC 9068 section 2.2 */
export const AccessTokenClaims = Type.Object({
  iss: Type.String(),
  sub: Type.String({ minLength: 1 }),
  aud: Type.Union([Type.String(), Type.Array(Type.String(), { minItems: 1 })]),
  exp: Type.Number(),
  iat: Type.Number(),
  jti: Type.String({ minLength: 1 }),
  client_id: Type.String({ minLength: 1 }),
  scope: Type.Optional(Type.String()),
  nbf: Type.Optional(Type.Number()),
  auth_time: Type.Optional(Type.Number()),
  /** The grant behind the token; ours, so that a revoked grant can be recognised. */
  grant_id: Type.Optional(Type.String())
})
export type AccessTokenClaims = Static<typeof AccessTokenClaims>
