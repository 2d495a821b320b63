/**
 * Authorization endpoint: freezes what was asked and sends the person to sign in or to decide.
 *
 * @see RFC 6749 section 3.1, OAuth 2.1 section 4.1, RFC 9126 section 4, OpenID Connect Core section 3.1.2.1
 */
import { InteractionError, isOAuthError } from '@fastify-mcp-auth/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isPushed, takeRequest } from '../authorization/pushed-request.ts'
import { type Query, readRequest, type TrustedClient, trustClient } from '../authorization/request.ts'
import { errorResponse } from '../authorization/response.ts'
import { startAuthorization } from '../authorization/start.ts'
import { endpointPath, forRequest, type ServerContext } from '../context.ts'
import type { RouteSettings } from '../scopes.ts'

export function authorizationEndpoint(scope: FastifyInstance, context: ServerContext, route: RouteSettings): void {
  scope.get<{ Querystring: Query }>(
    '',
    // A HEAD request would start an interaction that nobody sees.
    { ...route, exposeHeadRoute: false, ...(context.options.openid ? { logSerializers: { req: withoutHint } } : {}) },
    async (request, reply) => {
      const server = forRequest(context, request)
      reply.header('cache-control', 'no-store')
      const { query, pushed } = await parametersOf(server, request.query)
      const trusted = await trustClient(server, query)
      return reply.redirect(await nextStop(server, { trusted, query, pushed }, { request, reply }), 303)
    }
  )
  // OpenID Connect wants both. The session of the app does not come along with a form of another site: once more, as a link.
  if (context.options.openid)
    scope.post('', route, async (request, reply) => {
      const url = `${endpointPath(context, 'authorize')}?${queryOf(request.body)}`
      return reply.header('cache-control', 'no-store').redirect(url, 303)
    })
}

/** Characters. Node takes 16 kilobytes of headers, and cookies come along. */
const MAX_QUERY = 12_288

/** Everything as it came, also what is there twice: the link decides what is wrong with it. @throws InteractionError */
function queryOf(body: unknown): string {
  const entries: [string, unknown][] = typeof body === 'object' && body !== null ? Object.entries(body) : []
  const query = new URLSearchParams(
    entries.flatMap(([name, value]) => [value].flat().map((one): [string, string] => [name, String(one)]))
  ).toString()
  if (query.length > MAX_QUERY) throw new InteractionError('invalid_request')
  return query
}

/** An ID token is a person's data, and has to be in this URL. */
function withoutHint({ method, url, host, ip }: FastifyRequest): Record<string, string> {
  // Names may be written in more than one way, and are read as the query parser reads them.
  const shown = url.replace(/(?<=[?&])([^=&]+)=[^&]*/g, (pair, name: string) =>
    new URLSearchParams(`${name}=`).has('id_token_hint') ? `${name}=hidden` : pair
  )
  return { method, url: shown, host, remoteAddress: ip }
}

/** What a client pushed replaces the whole query: nothing in the browser's hands may change it. */
async function parametersOf(server: ServerContext, query: Query): Promise<{ query: Query; pushed: boolean }> {
  const { client_id: clientId, request_uri: requestUri } = query
  if (server.options.pushedAuthorizationRequests === 'off' || !isPushed(requestUri)) return { query, pushed: false }
  return { query: await takeRequest(server, clientId, requestUri), pushed: true }
}

/** The login or the page; or the client, with the reason why neither. */
async function nextStop(
  server: ServerContext,
  { trusted, query, pushed }: { trusted: TrustedClient; query: Query; pushed: boolean },
  http: { request: FastifyRequest; reply: FastifyReply }
): Promise<string> {
  try {
    const asked = await readRequest(server, trusted, query, { pushed })
    return await startAuthorization(server, { trusted, asked }, http)
  } catch (error) {
    if (!isOAuthError(error)) throw error
    const { clientId } = trusted.client
    server.emit('authorization.refused', { clientId, error: error.error, reason: error.reason })
    return errorResponse(server.issuer, trusted, error)
  }
}
