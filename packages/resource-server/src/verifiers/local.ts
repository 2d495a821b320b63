/** Tokens of the authorization server in the same app: checked without HTTP, and a revoked grant bites at once. */
import type { AccessTokenClaims, AuthorizationServer } from '@fastify-mcp-auth/core'
import type { FastifyRequest } from 'fastify'
import type { Verifier } from '../types.ts'
import { fromClaims } from './claims.ts'
import { peek } from './signed-token.ts'

/** @param authorizationServer `app.authorizationServer` */
export function local(authorizationServer: AuthorizationServer<FastifyRequest>): Verifier {
  return Object.freeze({
    issuers: Object.freeze([authorizationServer.issuer]),
    accepts: (token: string) => peek(token)?.iss === authorizationServer.issuer,
    async verify(token: string, { resource }: { readonly resource: string }) {
      const claims: AccessTokenClaims = await authorizationServer.verifyAccessToken(token, resource)
      return fromClaims(claims)
    }
  })
}
