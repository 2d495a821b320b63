/** The page where a sign-out ends. */
import type { FastifyInstance } from 'fastify'
import type { Pages } from '../pages.ts'
import { describeSignedOut } from '../signed-out-page.ts'
import { failureOf, logFailure, retryAfterOf } from './failure.ts'

/** Adds `GET` at the path. Does not sign anybody out: the app's own logout does, and leads here. */
export async function signedOutRoute(
  parent: FastifyInstance,
  path: string,
  { pages, manageUrl }: { pages: Pages; manageUrl: string | null }
): Promise<void> {
  await parent.register(async scope => {
    const { people } = scope.authorizationServer
    scope.setErrorHandler(async (error, request, reply) => {
      const failure = failureOf(error)
      logFailure(request, error, failure)
      const retryAfter = retryAfterOf(error)
      if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter))
      const { html, headers } = await pages.error({ ...failure, reference: request.id }, { request, reply })
      return reply.code(failure.statusCode).headers(headers).send(html)
    })
    const config: object = { cors: false }
    scope.get(path, { config }, async (request, reply) => {
      await people.countRequest(request, 'signed-out')
      const model = describeSignedOut(pages.surroundings(request), {
        person: await people.current(request),
        signInUrl: people.loginUrl({ returnTo: manageUrl ?? '/' }),
        manageUrl
      })
      const { html, headers } = await pages.draw(model, { request, reply })
      return reply.headers(headers).send(html)
    })
  })
}
