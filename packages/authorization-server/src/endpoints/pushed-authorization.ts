/**
 * Pushed authorization request endpoint: takes the parameters of an authorization request from the client itself.
 *
 * @see RFC 9126 section 2
 */
import { isInteractionError, OAuthError } from '@fastify-mcp-auth/core'
import type { FastifyInstance } from 'fastify'
import { pushRequest } from '../authorization/pushed-request.ts'
import { knownParameters, type Query, readRequest, trustClient } from '../authorization/request.ts'
import { authenticateClient } from '../clients/authenticate.ts'
import { forRequest, type ServerContext } from '../context.ts'
import { readForm } from '../form-body.ts'
import type { RouteSettings } from '../scopes.ts'

export function pushedAuthorizationEndpoint(
  scope: FastifyInstance,
  context: ServerContext,
  route: RouteSettings
): void {
  scope.post('', route, async (request, reply) => {
    const server = forRequest(context, request)
    const form = readForm(request.body)
    const { clientId } = await authenticateClient(server, request, form)
    if (form.request_uri !== undefined)
      throw new OAuthError('invalid_request', 'request_uri must not be pushed', { reason: 'pushed_request_uri' })
    // Told now what would be told by redirect later; read again then, because the world goes on.
    const parameters = { ...knownParameters(form), client_id: clientId }
    await readRequest(server, await trusted(server, parameters), { ...form, ...parameters }, { pushed: true })
    const request_uri = await pushRequest(server, clientId, parameters)
    return reply
      .code(201)
      .header('cache-control', 'no-store')
      .send({ request_uri, expires_in: server.options.pushedRequestTtl })
  })
}

// There is no person here who could read a page.
async function trusted(server: ServerContext, parameters: Query): ReturnType<typeof trustClient> {
  try {
    return await trustClient(server, parameters)
  } catch (error) {
    if (!isInteractionError(error)) throw error
    if (error.reason === 'redirect_uri')
      throw new OAuthError('invalid_request', 'redirect_uri is missing or not registered', { reason: 'redirect_uri' })
    throw new OAuthError('invalid_client', 'client is unknown or not acceptable', { reason: error.reason })
  }
}
