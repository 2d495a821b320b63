/**
 * What authorization servers read of us: the client metadata document, whose address is our `client_id`, and our public keys.
 *
 * Small, for anybody, without redirects, and cacheable: servers refuse documents that are not.
 *
 * @see draft-ietf-oauth-client-id-metadata-document section 4, RFC 7517 section 5
 */
import type { FastifyInstance } from 'fastify'
import type { RouteContext } from '../http/scope.ts'

/** Seconds. A new signing key is published for longer than this before it signs. */
export const DOCUMENT_MAX_AGE = 300

export function documentRoutes(scope: FastifyInstance, { connections }: RouteContext): void {
  const cacheable = { 'cache-control': `public, max-age=${DOCUMENT_MAX_AGE}` }
  scope.get('/client.json', async (_request, reply) =>
    reply.headers(cacheable).type('application/json').send(connections.clientMetadata())
  )
  // The same without keys, for authorization servers that cannot check them.
  scope.get('/client-public.json', async (_request, reply) =>
    reply.headers(cacheable).type('application/json').send(connections.clientMetadata('public'))
  )
  scope.get('/jwks.json', async (_request, reply) =>
    reply
      .headers(cacheable)
      .type('application/jwk-set+json')
      .send(await connections.jwks())
  )
}
