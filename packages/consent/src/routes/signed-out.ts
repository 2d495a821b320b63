/** The page where a sign-out ends. */
import type { FastifyInstance } from 'fastify'
import type { Pages } from '../pages.ts'
import { describeSignedOut } from '../signed-out-page.ts'
import { failWithPages, sendPage } from './failure.ts'

/** Adds `GET` at the path. Does not sign anybody out: the app's own logout does, and leads here. */
export async function signedOutRoute(
  parent: FastifyInstance,
  path: string,
  { pages, manageUrl }: { pages: Pages; manageUrl: string | null }
): Promise<void> {
  await parent.register(async scope => {
    const { people, issuer } = scope.authorizationServer
    failWithPages(scope, pages)
    const config: object = { cors: false }
    scope.get(path, { config }, async (request, reply) => {
      await people.countRequest(request, 'signed-out')
      const model = describeSignedOut(pages.surroundings(request), {
        person: await people.current(request),
        signInUrl: people.loginUrl({ returnTo: manageUrl ?? new URL(issuer).pathname }),
        manageUrl
      })
      return sendPage(reply, await pages.draw(model, { request, reply }))
    })
  })
}
