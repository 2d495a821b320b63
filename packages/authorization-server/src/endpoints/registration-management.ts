/**
 * A client reads, replaces or ends its own registration, with the registration access token that it was given for that.
 *
 * @see RFC 7592 section 2
 */
import { digest, equalInConstantTime, OAuthError, randomSecret } from '@fastify-mcp-auth/core'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { hasSecret as isSecretOf } from '../clients/client-secret.ts'
import { bearerToken } from '../clients/initial-access.ts'
import { isRegistered } from '../clients/registered-client.ts'
import { changeClient, registrationResponse, removeClient, secretsFor } from '../clients/registration.ts'
import { acceptRegistration, type RegisteredMetadata } from '../clients/registration-policy.ts'
import { findRecord } from '../clients/resolve.ts'
import { forRequest, type ServerContext } from '../context.ts'
import type { ClientRecord } from '../records.ts'
import type { RouteSettings } from '../scopes.ts'

type ClientRequest = FastifyRequest<{ Params: { clientId: string } }>

export function registrationManagementEndpoint(
  scope: FastifyInstance,
  context: ServerContext,
  route: RouteSettings
): void {
  scope.addHook('onRequest', async (_request, reply) => void reply.header('cache-control', 'no-store'))
  scope.get(':clientId', { ...route, exposeHeadRoute: false }, async (request: ClientRequest) => {
    const server = forRequest(context, request)
    const { record, token } = await authenticate(server, request)
    return registrationResponse(server, {
      clientId: request.params.clientId,
      createdAt: record.createdAt,
      metadata: record.metadata as RegisteredMetadata,
      clientSecret: null,
      registrationToken: token
    })
  })
  scope.put(':clientId', route, async (request: ClientRequest) => update(forRequest(context, request), request))
  scope.delete(':clientId', route, async (request: ClientRequest, reply) => {
    const server = forRequest(context, request)
    await authenticate(server, request)
    await removeClient(server, request.params.clientId)
    return reply.code(204).send()
  })
}

// An unknown client and a wrong token are told apart by nobody.
async function authenticate(
  server: ServerContext,
  request: ClientRequest
): Promise<{ record: ClientRecord; token: string }> {
  const token = bearerToken(request)
  const record = await findRecord(server, request.params.clientId)
  if (!record || !isRegistered(record, server.clock.now())) throw invalidToken()
  assertToken(record, token)
  return { record, token }
}

function assertToken({ registrationTokenDigest }: ClientRecord, token: string): void {
  if (registrationTokenDigest === null || !equalInConstantTime(digest(token), registrationTokenDigest))
    throw invalidToken()
}

function invalidToken(): OAuthError {
  return new OAuthError('invalid_token', 'the registration access token is not valid for this client', {
    reason: 'registration_access_token'
  })
}

/** Replaces everything, as the body says, and the token with it: whoever saw the old one can do nothing more. */
async function update(server: ServerContext, request: ClientRequest): Promise<Record<string, unknown>> {
  const { record: before, token } = await authenticate(server, request)
  const { clientId } = request.params
  const body = readUpdate(request.body)
  assertSameClient(server, { body, clientId, record: before })
  const metadata = await acceptRegistration(server, { body, clientId, request })
  const registrationToken = randomSecret()
  let clientSecret: string | null = null
  const record = await changeClient(server, clientId, current => {
    // Of two updates with one token, the first has replaced it.
    assertToken(current, token)
    const { secrets, made } = secretsFor(metadata, current.secrets, server.clock.now())
    clientSecret = made
    return {
      clientName: metadata.client_name ?? '',
      metadata,
      secrets,
      registrationTokenDigest: digest(registrationToken)
    }
  })
  if (!record) throw invalidToken()
  server.emit('client.updated', {
    clientId,
    clientName: record.clientName,
    redirectUris: metadata.redirect_uris
  })
  return registrationResponse(server, {
    clientId,
    createdAt: record.createdAt,
    metadata,
    clientSecret,
    registrationToken
  })
}

/** Members that are ours to say. @see RFC 7592 section 2.2 */
const OURS = [
  'registration_access_token',
  'registration_client_uri',
  'client_secret_expires_at',
  'client_id_issued_at'
] as const

function readUpdate(body: unknown): Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new OAuthError('invalid_client_metadata', 'the body must be a JSON object')
  const forbidden = OURS.find(member => member in body)
  if (forbidden !== undefined) throw new OAuthError('invalid_request', `${forbidden} must not be part of an update`)
  return body as Record<string, unknown>
}

// A client must not choose its id or its secret.
function assertSameClient(
  server: ServerContext,
  { body, clientId, record }: { body: Record<string, unknown>; clientId: string; record: ClientRecord }
): void {
  if (body['client_id'] !== clientId) throw new OAuthError('invalid_request', 'client_id must be that of the client')
  const { client_secret: secret } = body
  if (secret === undefined) return
  if (typeof secret !== 'string' || !isSecretOf(record.secrets, secret, server.clock.now()))
    throw new OAuthError('invalid_request', 'client_secret must be that of the client')
}
