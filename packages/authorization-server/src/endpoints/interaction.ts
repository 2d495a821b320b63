/**
 * Takes a person's decision. The page that asks for it is served at the same path by `@fastify-mcp-auth/consent` or by the app.
 */
import { InteractionError } from '@fastify-mcp-auth/core'
import type { FastifyInstance } from 'fastify'
import { assertSameOrigin } from '../authorization/browser.ts'
import { createInteractions } from '../authorization/interaction.ts'
import type { ServerContext } from '../context.ts'
import type { RouteSettings } from '../scopes.ts'

export function interactionEndpoint(scope: FastifyInstance, server: ServerContext, route: RouteSettings): void {
  const interactions = createInteractions(server)
  scope.post<{ Params: { handle: string }; Body: unknown }>('', route, async (request, reply) => {
    reply.header('cache-control', 'no-store')
    // The handle and the cookie stop a forged form as well.
    assertSameOrigin(server, request)
    const { handle } = request.params
    const { decision, ...choice } = readDecision(request.body)
    const { redirectTo } =
      decision === 'allow'
        ? await interactions.approve(request, handle, choice)
        : await interactions.deny(request, handle)
    return reply.redirect(redirectTo, 303)
  })
}

/**
 * Whatever comes after `interaction/` and is no handle: longer than Fastify lets a parameter be, which would else be answered by it and
 * not by a page, or with a slash in it.
 */
export function unknownInteraction(scope: FastifyInstance, _server: ServerContext, route: RouteSettings): void {
  scope.post('', route, async () => {
    throw new InteractionError('interaction_unknown', { statusCode: 404 })
  })
}

interface Decision {
  readonly decision: 'allow' | 'deny'
  readonly account: string
  readonly scopes: string[]
  readonly organization: string | undefined
}

function readDecision(body: unknown): Decision {
  const {
    decision,
    account = '',
    organization,
    scope = []
  } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  if ((decision !== 'allow' && decision !== 'deny') || typeof account !== 'string')
    throw new InteractionError('invalid_request')
  if (organization !== undefined && typeof organization !== 'string') throw new InteractionError('invalid_request')
  const scopes = (Array.isArray(scope) ? scope : [scope]).filter(value => typeof value === 'string')
  return { decision, account, scopes, organization }
}
