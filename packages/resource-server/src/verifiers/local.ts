/** Tokens of the authorization server in the same app: checked without HTTP, and a revoked grant bites at once. */
import type { AuthorizationServer } from '@fastify-mcp-auth/core'
import type { FastifyRequest } from 'fastify'
import type { Verifier } from '../types.ts'
import { fromClaims } from './claims.ts'

/** @param authorizationServer `app.authorizationServer` */
export function local(authorizationServer: AuthorizationServer<FastifyRequest>): Verifier {
  return Object.freeze({
    issuers: Object.freeze([authorizationServer.issuer]),
    accepts: (token: string) => authorizationServer.looksLikeOurs(token),
    async verify(token: string, { resource }: { readonly resource: string }) {
      const { claims, subject, props } = await authorizationServer.verifyAccessToken(token, resource)
      return { ...fromClaims(claims), subject, props }
    }
  })
}
