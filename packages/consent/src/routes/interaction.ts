/** `GET {prefix}/interaction/:handle`: the consent page, or what stands in its way. */
import { InteractionError } from '@fastify-mcp-auth/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Pages, RenderedPage } from '../pages.ts'
import { failureOf, logFailure, retryAfterOf } from './failure.ts'

/**
 * Adds the route to a scope of its own, whose errors become pages.
 *
 * Does not take the decision: the form goes to the authorization server, which also owns the handle, the cookie that binds
 * it to the browser, and with both the protection against forged posts.
 */
export function interactionRoute(scope: FastifyInstance, path: string, pages: Pages): void {
  scope.setErrorHandler(async (error, request, reply) => {
    const failure = failureOf(error)
    logFailure(request, error, failure)
    const retryAfter = retryAfterOf(error)
    if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter))
    return send(reply, failure.statusCode, await pages.error({ ...failure, reference: request.id }, { request, reply }))
  })

  // A host's CORS policy has no business here: no other origin may read what a person is asked.
  const config: object = { cors: false }
  scope.get(`${path}/:handle`, { config }, async (request: FastifyRequest<{ Params: { handle: string } }>, reply) => {
    const details = await scope.authorizationServer.interactions.details(request, request.params.handle)
    if (details.status !== 'consent') {
      const next = details.status === 'login' ? details.loginUrl : details.redirectTo
      return reply.header('cache-control', 'no-store').redirect(next, 303)
    }
    return send(reply, 200, await pages.consent(details, { request, reply }))
  })
  // A handle that is longer than Fastify lets a parameter be, or that has a slash in it.
  scope.get(`${path}/*`, { config }, async () => {
    throw new InteractionError('interaction_unknown', { statusCode: 404 })
  })
}

function send(reply: FastifyReply, statusCode: number, page: RenderedPage): FastifyReply {
  return reply.code(statusCode).headers(page.headers).send(page.html)
}
