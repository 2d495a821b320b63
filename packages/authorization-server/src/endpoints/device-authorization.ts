/**
 * Device authorization endpoint: a device without a browser asks, and gets a code to show.
 *
 * @see RFC 8628 sections 3.1 and 3.2
 */
import { OAuthError } from '@fastify-mcp-auth/core'
import type { FastifyInstance } from 'fastify'
import { startDeviceAuthorization } from '../authorization/device.ts'
import { clientFacts } from '../authorization/start.ts'
import { requestedScopes } from '../catalogue.ts'
import { authenticateClient } from '../clients/authenticate.ts'
import { devicePage, forRequest, type ServerContext } from '../context.ts'
import { readForm, resourcesOf } from '../form-body.ts'
import { DEVICE_CODE } from '../grants/device-code.ts'
import type { DeviceAuthorizationOptions } from '../options.ts'
import type { RouteSettings } from '../scopes.ts'

export function deviceAuthorizationEndpoint(
  scope: FastifyInstance,
  context: ServerContext,
  { route, options }: { route: RouteSettings; options: DeviceAuthorizationOptions }
): void {
  scope.post('', route, async (request, reply) => {
    const server = forRequest(context, request)
    const form = readForm(request.body)
    const client = await authenticateClient(server, request, form)
    if (!client.grantTypes.includes(DEVICE_CODE))
      throw new OAuthError('unauthorized_client', 'the client did not register this grant_type')
    const policy = server.catalogue.resolveAll(resourcesOf(form.resource))
    const scopes = requestedScopes(policy, form.scope)
    const resources = policy.resources.map(({ resource }) => resource)
    const asked = { ...clientFacts(client), resources, scopes }
    const { deviceCode, userCode } = await startDeviceAuthorization(server, asked, options)
    server.emit('device.requested', { clientId: client.clientId, resources, scopes })
    const page = (query: { user_code?: string } = {}): string => new URL(devicePage(server, query), server.issuer).href
    return reply.header('cache-control', 'no-store').send({
      device_code: deviceCode,
      user_code: userCode,
      verification_uri: page(),
      verification_uri_complete: page({ user_code: userCode }),
      expires_in: options.codeTtl,
      interval: options.interval
    })
  })
}
