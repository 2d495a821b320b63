/**
 * Takes the code that a person read on a device. The page that asks for it is served at the same path by `@fastify-mcp-auth/consent` or by
 * the app.
 *
 * @see RFC 8628 section 3.3
 */
import { InteractionError } from '@fastify-mcp-auth/core'
import type { FastifyInstance } from 'fastify'
import { assertSameOrigin } from '../authorization/browser.ts'
import { createDevices } from '../authorization/device.ts'
import type { ServerContext } from '../context.ts'
import type { RouteSettings } from '../scopes.ts'

export function deviceEndpoint(scope: FastifyInstance, server: ServerContext, route: RouteSettings): void {
  const devices = createDevices(server)
  scope.post<{ Body: unknown }>('', route, async (request, reply) => {
    reply.header('cache-control', 'no-store')
    assertSameOrigin(server, request)
    const { redirectTo } = await devices.enter(request, reply, readEntry(request.body))
    return reply.redirect(redirectTo, 303)
  })
}

function readEntry(body: unknown): { userCode: string; proof: string } {
  const given = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  const { user_code: userCode, proof } = given
  if (typeof userCode !== 'string' || typeof proof !== 'string') throw new InteractionError('invalid_request')
  return { userCode, proof }
}
