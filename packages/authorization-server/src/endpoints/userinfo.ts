/**
 * UserInfo endpoint: tells a client about the person, as far as that person allowed it.
 *
 * @see OpenID Connect Core section 5.3, RFC 6750 sections 2 and 3
 */
import { formatChallenge, OAuthError } from '@fastify-mcp-auth/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ServerContext } from '../context.ts'
import { type Form, readForm } from '../form-body.ts'
import { claimsOf, OPENID } from '../openid/identity-scopes.ts'
import type { RouteSettings } from '../scopes.ts'
import { subOf } from '../tokens/subject.ts'
import { type LiveToken, readAccessToken } from '../tokens/verify-access-token.ts'

export function userinfoEndpoint(scope: FastifyInstance, server: ServerContext, route: RouteSettings): void {
  scope.route({
    ...route,
    url: '',
    method: ['GET', 'POST'],
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      reply.header('cache-control', 'no-store')
      const token = readBearerToken(request, { reply, form: readForm(request.body) })
      return userinfo(server, await readAccessToken(server, token))
    }
  })
}

/** In the header or in the body, once; never in the URL. */
function readBearerToken(
  { headers: { authorization } }: FastifyRequest,
  { reply, form }: { reply: FastifyReply; form: Form }
): string {
  if (authorization !== undefined && form.access_token !== undefined) {
    // RFC 6750 section 3: no token that could be used came along.
    reply.header('www-authenticate', formatChallenge('Bearer', { error: 'invalid_request' }))
    throw new OAuthError('invalid_request', 'the access token must be sent in one way only', { reason: 'two_tokens' })
  }
  const token = authorization === undefined ? form.access_token : /^Bearer ([^ ]+)$/i.exec(authorization)?.[1]
  if (token !== undefined) return token
  throw new OAuthError('invalid_token', 'an access token is needed', { reason: 'token_missing' })
}

async function userinfo(server: ServerContext, { grant, claims }: LiveToken): Promise<Record<string, unknown>> {
  const scopes = claims.scope?.split(' ') ?? []
  if (!scopes.includes(OPENID))
    throw new OAuthError('insufficient_scope', `the access token does not have the scope ${OPENID}`)
  const resource = String(claims.aud)
  const known = await server.users.claims(grant.subject, { scopes, resource, organization: grant.organization })
  if (known === null) throw new OAuthError('invalid_token', 'the user is gone', { reason: 'user_gone' })
  const told = claimsOf(scopes).flatMap(name =>
    known[name] === undefined || known[name] === null ? [] : [[name, known[name]]]
  )
  return { ...Object.fromEntries(told), sub: subOf(grant) }
}
