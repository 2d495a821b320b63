/**
 * Revocation endpoint. Either kind of token ends its whole grant: access tokens are not stored one by one.
 *
 * @see RFC 7009 section 2
 */
import { digest, equalInConstantTime, isOAuthError, OAuthError } from '@fastify-mcp-auth/core'
import type { FastifyInstance } from 'fastify'
import { authenticateClient } from '../clients/authenticate.ts'
import type { Client } from '../clients/client.ts'
import { forRequest, type ServerContext } from '../context.ts'
import { readForm } from '../form-body.ts'
import { revokeGrant } from '../grants/revocation.ts'
import type { RouteSettings } from '../scopes.ts'
import { contentOf } from '../tokens/kept-token.ts'
import { grantIdOfOpaqueToken } from '../tokens/opaque-token.ts'
import { parseRefreshToken } from '../tokens/refresh-token.ts'
import { readClaims } from '../tokens/verify-access-token.ts'

export function revocationEndpoint(scope: FastifyInstance, context: ServerContext, route: RouteSettings): void {
  scope.post('', route, async (request, reply) => {
    const server = forRequest(context, request)
    const form = readForm(request.body, 'token')
    const client = await authenticateClient(server, request, form)
    if (form.token === undefined) throw new OAuthError('invalid_request', 'token is missing')
    const grantId = await findGrantId(server, client, form.token)
    if (grantId !== null) await revokeGrant(server, grantId, { reason: 'client' })
    // RFC 7009 section 2.2: an unknown token is revoked already. The hint is not needed to tell ours apart.
    return reply.code(200).header('cache-control', 'no-store').send()
  })
}

async function findGrantId(server: ServerContext, client: Client, token: string): Promise<string | null> {
  const refreshToken = parseRefreshToken(token)
  const opaqueGrantId = grantIdOfOpaqueToken(token)
  const grantId = refreshToken?.grantId ?? opaqueGrantId ?? (await grantIdOfJwt(server, token))
  const grant = grantId === null ? null : await server.records.grants.get(grantId)
  if (!grant) return null
  if (refreshToken && !(grant.familyDigest && equalInConstantTime(digest(refreshToken.family), grant.familyDigest)))
    return null
  if (opaqueGrantId !== null && !contentOf(grant, token)) return null
  if (grant.clientId !== client.clientId)
    throw new OAuthError('invalid_grant', 'the token was issued to another client', {
      reason: 'token_of_another_client'
    })
  return grantId
}

async function grantIdOfJwt(server: ServerContext, token: string): Promise<string | null> {
  try {
    return (await readClaims(server, token)).grant_id ?? null
  } catch (error) {
    if (isOAuthError(error)) return null
    throw error
  }
}
