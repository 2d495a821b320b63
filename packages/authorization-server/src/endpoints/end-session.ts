/**
 * End session endpoint: a client sends a person here to be signed out of the app. The page that asks whether they want to is served at
 * `end_session/confirm` by `@fastify-mcp-auth/consent` or by the app.
 *
 * @see OpenID Connect RP-Initiated Logout 1.0 section 2
 */
import { InteractionError } from '@fastify-mcp-auth/core'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { assertSameOrigin } from '../authorization/browser.ts'
import { endpointPath, forRequest, type ServerContext } from '../context.ts'
import { type Form, readForm } from '../form-body.ts'
import { beginSignOut, createSignOuts } from '../openid/sign-out.ts'
import type { RouteSettings } from '../scopes.ts'

export function endSessionEndpoint(scope: FastifyInstance, server: ServerContext, route: RouteSettings): void {
  // An ID token in a URL is a person's data in a log, and here it has to be in one.
  const logSerializers = { req: withoutQuery }
  scope.get('', { ...route, exposeHeadRoute: false, logSerializers }, async (request, reply) => {
    reply.header('cache-control', 'no-store')
    return reply.redirect(
      await beginSignOut(forRequest(server, request), readForm(request.query), { request, reply }),
      303
    )
  })
  // The session of the app does not come along with a form of another site: once more, as a link.
  scope.post('', route, async (request, reply) => {
    const query = new URLSearchParams(parametersOf(readForm(request.body)))
    const url = `${endpointPath(server, 'end_session')}?${query}`
    return reply.header('cache-control', 'no-store').redirect(url, 303)
  })
}

function withoutQuery({ method, url, host, ip }: FastifyRequest): Record<string, string> {
  return { method, url: url.replace(/\?.*$/s, ''), host, remoteAddress: ip }
}

const PARAMETERS = ['id_token_hint', 'client_id', 'post_logout_redirect_uri', 'state', 'ui_locales', 'logout_hint']

function parametersOf(form: Form): [string, string][] {
  return PARAMETERS.flatMap((name): [string, string][] => {
    const value = form[name]
    return value === undefined ? [] : [[name, value]]
  })
}

export function confirmSignOutEndpoint(scope: FastifyInstance, server: ServerContext, route: RouteSettings): void {
  const signOuts = createSignOuts(server)
  scope.post<{ Body: unknown }>('', route, async (request, reply) => {
    reply.header('cache-control', 'no-store')
    assertSameOrigin(server, request)
    const { redirectTo } = await signOuts.confirm(request, reply, readConfirmation(request.body))
    return reply.redirect(redirectTo, 303)
  })
}

function readConfirmation(body: unknown): { request: string; proof: string; decision: 'sign_out' | 'stay' } {
  const given = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  const { request, proof, decision } = given
  if (typeof request !== 'string' || typeof proof !== 'string') throw new InteractionError('invalid_request')
  if (decision !== 'sign_out' && decision !== 'stay') throw new InteractionError('invalid_request')
  return { request, proof, decision }
}
