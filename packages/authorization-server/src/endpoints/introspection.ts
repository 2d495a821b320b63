/**
 * Introspection endpoint: says what an access token is worth now, to those whom it concerns.
 *
 * That is the client it was issued to, and the resource servers of the resource it is for (`clients[].introspects`). Everybody else
 * is told the same about a good token as about an invented one. Refresh tokens are never active here: a resource server that asks about
 * one would take it for an access token.
 *
 * @see RFC 7662 section 2, RFC 9701 (signed answers)
 */
import { type AccessTokenClaims, isOAuthError, OAuthError } from '@fastify-mcp-auth/core'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { authenticateClient } from '../clients/authenticate.ts'
import type { Client } from '../clients/client.ts'
import type { Credentials } from '../clients/credentials.ts'
import { isDocumentClient } from '../clients/resolve.ts'
import { endpointPath, forRequest, type ServerContext } from '../context.ts'
import { readForm } from '../form-body.ts'
import type { RouteSettings } from '../scopes.ts'
import type { PublicAlgorithm } from '../tokens/algorithms.ts'
import { signJwt } from '../tokens/signer.ts'
import { readAccessToken } from '../tokens/verify-access-token.ts'

type Introspection = { active: false } | (AccessTokenClaims & { active: true; token_type: 'Bearer' })

const INACTIVE: Introspection = Object.freeze({ active: false })

const SIGNED = 'application/token-introspection+jwt'

export function introspectionEndpoint(scope: FastifyInstance, context: ServerContext, route: RouteSettings): void {
  scope.post('', route, async (request, reply) => {
    const server = forRequest(context, request)
    const form = readForm(request.body, 'token')
    const client = await authenticateClient(server, request, form, claimed => admit(server, request, claimed))
    if (form.token === undefined) throw new OAuthError('invalid_request', 'token is missing')
    const answer = await introspect(server, client, form.token)
    reply.header('cache-control', 'no-store')
    if (!wantsSigned(request)) return reply.send(answer)
    return reply.type(SIGNED).send(await signed(server, client, answer))
  })
}

/** Before anything is looked up: a busy resource server has no limit here, and a stranger's word must not make us fetch without one. */
async function admit(
  server: ServerContext,
  request: FastifyRequest,
  { method, clientId }: Pick<Credentials, 'clientId' | 'method'>
): Promise<void> {
  // RFC 7662 sections 2.1 and 4: else anybody could try tokens out.
  if (method === 'none')
    throw new OAuthError('invalid_client', 'a public client cannot ask about tokens', { reason: 'public_client' })
  if (isDocumentClient(server, clientId))
    await server.limits?.count(request, { endpoint: endpointPath(server, 'introspect'), limit: 'token', clientId })
}

async function introspect(server: ServerContext, client: Client, token: string): Promise<Introspection> {
  try {
    const { claims } = await readAccessToken(server, token)
    if (!isConcerned(client, claims)) return INACTIVE
    // The app's own claims may not say what only this answer says.
    return { ...claims, active: true, token_type: 'Bearer' }
  } catch (error) {
    if (isOAuthError(error) && error.error === 'invalid_token') return INACTIVE
    throw error
  }
}

// The audience is one resource, and compared as a whole: no prefix, no list that another resource server could be in.
function isConcerned({ clientId, introspects = [] }: Client, { client_id, aud }: AccessTokenClaims): boolean {
  return client_id === clientId || introspects.some(resource => resource === aud)
}

/** Only who names the type gets it: RFC 9701 section 4. */
function wantsSigned({ headers: { accept = '' } }: FastifyRequest): boolean {
  return accept.split(',').some(range => {
    const [type, ...parameters] = range.split(';').map(part => part.trim().toLowerCase())
    return type === SIGNED && !parameters.some(parameter => /^q=0(\.0*)?$/.test(parameter))
  })
}

/** Nobody else can use it: `aud` is who asked. @see RFC 9701 section 5 */
async function signed(server: ServerContext, client: Client, token_introspection: Introspection): Promise<string> {
  const signer = await server.keys.signer(introspectionAlgorithm(server, client))
  const iat = server.clock.now()
  return signJwt(signer, 'token-introspection+jwt', {
    iss: server.issuer,
    aud: client.clientId,
    iat,
    token_introspection
  })
}

// A resource server verifies answers with the algorithm of its access tokens, which it has to know anyway.
function introspectionAlgorithm({ catalogue }: ServerContext, { introspects = [] }: Client): PublicAlgorithm {
  const policy = catalogue.resources.find(({ resource }) => introspects.includes(resource)) ?? catalogue.resources[0]
  const algorithm = policy?.accessToken.algorithm ?? 'ES256'
  return algorithm === 'HS256' ? 'ES256' : algorithm
}

/** Every algorithm that an answer may be signed with. */
export function introspectionAlgorithms({ catalogue }: Pick<ServerContext, 'catalogue'>): PublicAlgorithm[] {
  const used = catalogue.resources.map(({ accessToken: { algorithm } }) =>
    algorithm === 'HS256' ? 'ES256' : algorithm
  )
  return [...new Set(used)]
}
