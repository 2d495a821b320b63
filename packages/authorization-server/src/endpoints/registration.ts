/**
 * Dynamic client registration, kept for clients that know nothing else.
 *
 * @see RFC 7591 section 3
 */
import { digest, randomSecret } from '@fastify-mcp-auth/core'
import type { FastifyInstance } from 'fastify'
import { acceptMetadata } from '../clients/registration-policy.ts'
import type { ServerContext } from '../context.ts'
import type { RouteSettings } from '../scopes.ts'

/** Seconds after which a registration that led to no consent is forgotten. */
const UNUSED_TTL = 7 * 86_400

export function registrationEndpoint(scope: FastifyInstance, server: ServerContext, route: RouteSettings): void {
  scope.post('', route, async (request, reply) => {
    const response = await registerClient(server, request.body)
    return reply.code(201).header('cache-control', 'no-store').send(response)
  })
}

async function registerClient(server: ServerContext, body: unknown): Promise<Record<string, unknown>> {
  const metadata = acceptMetadata(server, body)
  const clientId = randomSecret(16)
  const createdAt = server.clock.now()
  const secret = metadata.token_endpoint_auth_method === 'none' ? null : randomSecret()
  await server.records.clients.insert(clientId, {
    clientName: metadata.client_name ?? '',
    authMethod: metadata.token_endpoint_auth_method,
    secretDigest: secret === null ? null : digest(secret),
    metadata,
    createdAt,
    expiresAt: createdAt + UNUSED_TTL
  })
  server.emit('client.registered', {
    clientId,
    clientName: metadata.client_name ?? '',
    redirectUris: metadata.redirect_uris
  })
  return {
    client_id: clientId,
    client_id_issued_at: createdAt,
    ...(secret === null ? {} : { client_secret: secret, client_secret_expires_at: 0 }),
    ...metadata
  }
}
