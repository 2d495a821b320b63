/** `GET {prefix}/end_session/confirm`: asks a person whether to sign out, where an app led the browser without a proof of who it is. */
import type { FastifyInstance } from 'fastify'
import type { Pages } from '../pages.ts'
import { describeSignOut } from '../sign-out-page.ts'
import { failWithPages, sendOn, sendPage } from './failure.ts'

/**
 * Adds the route to a scope of its own. Does not sign anybody out: the form goes to the authorization server.
 *
 * @see OpenID Connect RP-Initiated Logout 1.0 section 2
 */
export async function signOutRoute(parent: FastifyInstance, path: string, pages: Pages): Promise<void> {
  const { signOuts } = parent.authorizationServer
  if (!signOuts) return
  await parent.register(async scope => {
    failWithPages(scope, pages)
    const config: object = { cors: false }
    scope.get(path, { config }, async (request, reply) => {
      const details = await signOuts.details(request, reply)
      if (details.status === 'settled') return sendOn(reply, details.redirectTo)
      // Where the client's site leads on to, browsers hold against the same list as for a decision.
      const formAction = details.redirectHost === null ? details.formAction : `${details.formAction} https:`
      const model = describeSignOut(details, pages.surroundings(request))
      return sendPage(reply, await pages.draw(model, { request, reply }, { formAction }))
    })
  })
}
