/** `GET {prefix}/device`: asks for the code of a device, and says what came of it. */
import type { FastifyInstance } from 'fastify'
import { describeDevice, describeDeviceDone } from '../device-page.ts'
import type { Pages } from '../pages.ts'
import { failWithPages, sendOn, sendPage } from './failure.ts'
import { withoutQuery } from './logged-request.ts'

/**
 * Adds the route to a scope of its own. Does not take the code: the form goes to the authorization server.
 *
 * @param manageUrl page of connected apps; null where there is none
 * @see RFC 8628 section 3.3
 */
export async function deviceRoute(
  parent: FastifyInstance,
  path: string,
  { pages, manageUrl }: { pages: Pages; manageUrl: string | null }
): Promise<void> {
  const { devices } = parent.authorizationServer
  if (!devices) return
  await parent.register(async scope => {
    failWithPages(scope, pages)
    const config: object = { cors: false }
    const logSerializers = { req: withoutQuery }
    scope.get(path, { config, logSerializers }, async (request, reply) => {
      const details = await devices.details(request, reply)
      if (details.status === 'login') return sendOn(reply, details.loginUrl)
      const reader = { request, reply }
      const surroundings = pages.surroundings(request)
      return details.status === 'device'
        ? sendPage(reply, await pages.draw(describeDevice(details, surroundings), reader, { formAction: "'self'" }))
        : sendPage(reply, await pages.draw(describeDeviceDone(details, surroundings, manageUrl), reader))
    })
  })
}
