/**
 * Dynamic client registration, kept for clients that know nothing else.
 *
 * @see RFC 7591 section 3
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { checkInitialAccess, useInitialAccess } from '../clients/initial-access.ts'
import { type Registration, registerClient, registrationResponse } from '../clients/registration.ts'
import { acceptRegistration } from '../clients/registration-policy.ts'
import type { ServerContext } from '../context.ts'
import type { RouteSettings } from '../scopes.ts'

export function registrationEndpoint(scope: FastifyInstance, server: ServerContext, route: RouteSettings): void {
  scope.post('', route, async (request, reply) => {
    const registration = await register(server, request)
    return reply.code(201).header('cache-control', 'no-store').send(registrationResponse(server, registration))
  })
}

// The token is asked for first, so that strangers learn nothing, and used up last, so that a mistake does not cost it.
async function register(server: ServerContext, request: FastifyRequest): Promise<Registration> {
  const { dynamicRegistration } = server.options
  const isGuarded = dynamicRegistration ? dynamicRegistration.initialAccessTokens : false
  const initialAccess = isGuarded ? await checkInitialAccess(server, request) : null
  const metadata = await acceptRegistration(server, { body: request.body, clientId: null, request })
  if (initialAccess !== null) await useInitialAccess(server, initialAccess)
  return registerClient(server, { metadata, registeredBy: 'client' })
}
