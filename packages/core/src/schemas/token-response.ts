/**
 * Successful answer of the token endpoint.
 *
 * @see RFC 6749 section 5.1
 */
import type { Static } from 'typebox'
import { Type } from '../type.ts'

/** @see RFC 6749 section 5.1 */
export const TokenResponse = Type.Object({
  access_token: Type.String(),
  token_type: Type.String(),
  /** Seconds. */
  expires_in: Type.Optional(Type.Number()),
  refresh_token: Type.Optional(Type.String()),
  scope: Type.Optional(Type.String()),
  /** @see OpenID Connect Core section 3.1.3.3 */
  id_token: Type.Optional(Type.String())
})
export type TokenResponse = Static<typeof TokenResponse>
