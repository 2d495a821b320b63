/** The style sheet of the pages. Its name changes with its content, so a browser asks once. */
import type { Stylesheet } from '@fastify-mcp-auth/core/pages'
import type { FastifyInstance } from 'fastify'

export function stylesheetRoute(scope: FastifyInstance, { fileName, css }: Stylesheet): void {
  scope.get(`/assets/${fileName}`, async (_request, reply) =>
    reply.type('text/css; charset=utf-8').header('cache-control', 'public, max-age=31536000, immutable').send(css)
  )
}
