/** `GET {prefix}/interaction/:handle/logo`: the logo of the client that asks, for the browser that may see the page. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type Logos, logoUrlOf } from '../logos.ts'

/**
 * Serves what a stranger calls a picture in such a way that it can be nothing else: a type that we found out, no sniffing, no script, and
 * nothing for other sites. Without a handle of this browser nothing is served and nothing is fetched.
 */
export function logoRoute(scope: FastifyInstance, path: string, logos: Logos): void {
  const config: object = { cors: false }
  scope.get(
    `${path}/:handle/logo`,
    { config },
    async (request: FastifyRequest<{ Params: { handle: string } }>, reply) => {
      const client = await scope.authorizationServer.interactions.client(request, request.params.handle)
      const url = client && logoUrlOf(client)
      const logo = url === null ? null : await logos.get(url)
      reply.headers({
        'content-security-policy': "default-src 'none'; sandbox",
        'cross-origin-resource-policy': 'same-origin',
        'x-content-type-options': 'nosniff',
        'content-disposition': 'inline; filename="logo"'
      })
      if (!logo) return reply.code(404).header('cache-control', 'no-store').send()
      return reply.type(logo.type).header('cache-control', 'private, max-age=900').send(logo.bytes)
    }
  )
}
