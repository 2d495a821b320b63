/**
 * Dynamic client registration, kept for clients that know nothing else.
 *
 * @see RFC 7591 section 3
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { keepsRegistrations, registerAtSource } from '../clients/client-source.ts'
import { checkInitialAccess, useInitialAccess } from '../clients/initial-access.ts'
import { registerClient, registrationResponse } from '../clients/registration.ts'
import { acceptRegistration } from '../clients/registration-policy.ts'
import { forRequest, type ServerContext } from '../context.ts'
import type { RouteSettings } from '../scopes.ts'

export function registrationEndpoint(scope: FastifyInstance, context: ServerContext, route: RouteSettings): void {
  scope.post('', route, async (request, reply) => {
    const server = forRequest(context, request)
    const information = await register(server, request)
    return reply.code(201).header('cache-control', 'no-store').send(information)
  })
}

// The token is asked for first, so that strangers learn nothing, and used up last, so that a mistake does not cost it.
async function register(server: ServerContext, request: FastifyRequest): Promise<Record<string, unknown>> {
  const { dynamicRegistration } = server.options
  const isGuarded = dynamicRegistration ? dynamicRegistration.initialAccessTokens : false
  const initialAccess = isGuarded ? await checkInitialAccess(server, request) : null
  const metadata = await acceptRegistration(server, { body: request.body, clientId: null, request })
  if (initialAccess !== null) await useInitialAccess(server, initialAccess)
  if (keepsRegistrations(server)) return registerAtSource(server, metadata)
  return registrationResponse(server, await registerClient(server, { metadata, registeredBy: 'client' }))
}
