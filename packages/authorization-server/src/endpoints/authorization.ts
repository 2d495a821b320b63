/**
 * Authorization endpoint: freezes what was asked and sends the person to sign in or to decide.
 *
 * @see RFC 6749 section 3.1, OAuth 2.1 section 4.1
 */
import { isOAuthError } from '@fastify-mcp-auth/core'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { startInteraction } from '../authorization/interaction.ts'
import { type AuthorizationRequest, readRequest, type TrustedClient, trustClient } from '../authorization/request.ts'
import { errorResponse } from '../authorization/response.ts'
import { pageUrl, type ServerContext } from '../context.ts'
import type { RouteSettings } from '../scopes.ts'

export function authorizationEndpoint(scope: FastifyInstance, server: ServerContext, route: RouteSettings): void {
  scope.get<{ Querystring: Record<string, unknown> }>(
    '',
    // A HEAD request would start an interaction that nobody sees.
    { ...route, exposeHeadRoute: false },
    async (request, reply) => {
      reply.header('cache-control', 'no-store')
      const trusted = await trustClient(server, request.query)
      const asked = readOrRefuse(server, trusted, request)
      if ('refusal' in asked) return reply.redirect(asked.refusal, 303)
      const handle = await startInteraction(server, trusted, { ...asked, request, reply })
      const page = pageUrl(server, handle)
      if (await server.users.session(request)) return reply.redirect(page, 303)
      const { login_hint: loginHint } = request.query
      return reply.redirect(
        server.users.loginUrl({ returnTo: page, ...(typeof loginHint === 'string' ? { loginHint } : {}) }),
        303
      )
    }
  )
}

/** What was asked, or where to send the browser with the reason why not. */
function readOrRefuse(
  server: ServerContext,
  trusted: TrustedClient,
  request: FastifyRequest
): AuthorizationRequest | { refusal: string } {
  try {
    return readRequest(server, trusted, request.query)
  } catch (error) {
    if (!isOAuthError(error)) throw error
    const { clientId } = trusted.client
    server.emit('authorization.refused', { clientId, error: error.error, reason: error.reason })
    return { refusal: errorResponse(server.issuer, trusted, error) }
  }
}
