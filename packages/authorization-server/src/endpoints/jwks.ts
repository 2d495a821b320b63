/**
 * The public keys of the issuer.
 *
 * @see RFC 7517 section 5, RFC 8414 section 2 (`jwks_uri`)
 */
import type { FastifyInstance } from 'fastify'
import type { ServerContext } from '../context.ts'
import type { RouteSettings } from '../scopes.ts'

export function jwksEndpoint(scope: FastifyInstance, server: ServerContext, route: RouteSettings): void {
  scope.get('', route, async (_request, reply) => {
    const body = await server.keys.jwks()
    return reply.header('cache-control', 'public, max-age=300').type('application/jwk-set+json').send(body)
  })
}
