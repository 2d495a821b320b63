/**
 * Client authentication at every endpoint that asks for it: exactly one method per request, and one that the client registered.
 *
 * @see RFC 6749 section 2.3, OAuth 2.1 section 2.4
 */
import { isOAuthError, OAuthError } from '@fastify-mcp-auth/core'
import type { FastifyRequest } from 'fastify'
import { endpointPath, endpointUrl, type ServerContext } from '../context.ts'
import type { Form } from '../form-body.ts'
import type { Client } from './client.ts'
import { verifyClientAssertion } from './client-assertion.ts'
import { hasSecret } from './client-secret.ts'
import { type Credentials, readCredentials } from './credentials.ts'
import { resolveCaller } from './resolve.ts'

/**
 * @param admit may refuse by what was claimed, before anything is looked up
 * @throws OAuthError `invalid_client` (401) when the client is unknown or does not prove itself. Clients in the wild register
 *   anew on exactly this answer.
 * @throws OAuthError `invalid_request` when two methods are used at once
 * @throws UnavailableError when the storage, the client's keys or its metadata document cannot be had
 */
export async function authenticateClient(
  server: ServerContext,
  request: FastifyRequest,
  form: Form,
  admit?: (claimed: Pick<Credentials, 'clientId' | 'method'>) => Promise<void>
): Promise<Client> {
  let client: Client | null = null
  try {
    const credentials = readCredentials(request.headers.authorization, form)
    await admit?.(credentials)
    client = await resolveCaller(server, credentials)
    if (!client) throw invalidClient('unknown_client')
    if (!client.authMethods.includes(credentials.method)) throw invalidClient('method_not_registered')
    await assertProof(server, { client, credentials, request })
    return client
  } catch (error) {
    // What an unknown client says it is stays untold: some send their secret there.
    const clientId = client?.clientId ?? null
    if (isOAuthError(error) && error.error === 'invalid_client')
      server.emit('client.authentication_failed', { clientId, reason: error.reason })
    throw error
  }
}

function invalidClient(reason: string): OAuthError {
  return new OAuthError('invalid_client', 'client is unknown or not authenticated', { reason })
}

async function assertProof(
  server: ServerContext,
  { client, credentials, request }: { client: Client; credentials: Credentials; request: FastifyRequest }
): Promise<void> {
  const { method, proof } = credentials
  if (method === 'none') return
  if (method === 'private_key_jwt')
    return verifyClientAssertion(server, { client, assertion: proof, audiences: audiencesOf(server, request) })
  if (!hasSecret(client.secrets, proof, server.clock.now())) throw invalidClient('wrong_secret')
}

// The issuer, or the token endpoint, as clients have done since OpenID Connect; RFC 9126 section 2 adds the PAR endpoint itself.
function audiencesOf(server: ServerContext, request: FastifyRequest): string[] {
  const audiences = [server.issuer, endpointUrl(server, 'token')]
  return request.routeOptions.url === endpointPath(server, 'par')
    ? [...audiences, endpointUrl(server, 'par')]
    : audiences
}
