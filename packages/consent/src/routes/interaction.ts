/** `GET {prefix}/interaction/:handle`: the consent page, or what stands in its way. */
import { InteractionError } from '@fastify-mcp-auth/core'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Pages } from '../pages.ts'
import { failWithPages, sendOn, sendPage } from './failure.ts'

/**
 * Adds the route to a scope of its own, whose errors become pages.
 *
 * Does not take the decision: the form goes to the authorization server, which also owns the handle, the cookie that binds
 * it to the browser, and with both the protection against forged posts.
 */
export function interactionRoute(scope: FastifyInstance, path: string, pages: Pages): void {
  failWithPages(scope, pages)

  // A host's CORS policy has no business here: no other origin may read what a person is asked.
  const config: object = { cors: false }
  // Looking may answer the question, where a remembered consent covers it: nobody would get the answer to a HEAD.
  scope.get(
    `${path}/:handle`,
    { config, exposeHeadRoute: false },
    async (request: FastifyRequest<{ Params: { handle: string } }>, reply) => {
      const details = await scope.authorizationServer.interactions.details(request, request.params.handle)
      if (details.status !== 'consent')
        return sendOn(reply, details.status === 'login' ? details.loginUrl : details.redirectTo)
      return sendPage(reply, await pages.consent(details, { request, reply }))
    }
  )
  // A handle that is longer than Fastify lets a parameter be, or that has a slash in it.
  scope.get(`${path}/*`, { config, exposeHeadRoute: false }, async () => {
    throw new InteractionError('interaction_unknown', { statusCode: 404 })
  })
}
