/**
 * Token endpoint: trades a grant for tokens.
 *
 * @see RFC 6749 section 3.2 (endpoint), 5.1 (success), 5.2 (error); OAuth 2.1 section 3.2
 */
import { OAuthError, type TokenResponse } from '@fastify-mcp-auth/core'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { authenticateClient } from '../clients/authenticate.ts'
import { forRequest, type ServerContext } from '../context.ts'
import { type Form, readForm } from '../form-body.ts'
import { lastRevocation } from '../grants/recent-revocations.ts'
import type { RouteSettings } from '../scopes.ts'

export function tokenEndpoint(scope: FastifyInstance, server: ServerContext, route: RouteSettings): void {
  scope.post('', route, async (request, reply) => {
    const form = readForm(request.body)
    const grantType = form.grant_type
    if (grantType === undefined) throw new OAuthError('invalid_request', 'grant_type is missing')
    const response = await trade(forRequest(server, request), request, { grantType, form })
    return reply.header('cache-control', 'no-store').header('pragma', 'no-cache').send(response)
  })
}

async function trade(
  server: ServerContext,
  request: FastifyRequest,
  { grantType, form }: { grantType: string; form: Form }
): Promise<TokenResponse> {
  const grant = server.grants.get(grantType)
  // Before anybody is let in: what is revoked from now on is meant for this request too.
  const since = grant?.isImmediate ? await lastRevocation(server) : null
  if (grant?.withoutClient?.applies({ server, form }))
    return grant.withoutClient.exchange({ server, form, authorization: request.headers.authorization, since })
  const client = await authenticateClient(server, request, form)
  if (!grant) throw new OAuthError('unsupported_grant_type', 'grant_type is not supported')
  if (!client.grantTypes.includes(grantType))
    throw new OAuthError('unauthorized_client', 'the client did not register this grant_type')
  return grant.exchange({ server, client, form, since })
}
