/** What the doctor asks the running app: how it sees a request that came through whatever stands in front of it. */
import type { FastifyInstance } from 'fastify'
import { McpConnectionError } from '../errors.ts'
import type { RouteContext } from '../http/scope.ts'
import { PASS_HEADER } from '../mirror.ts'
import type { Reflection } from '../types.ts'

export function mirrorRoute(scope: FastifyInstance, { connections, binding, now }: RouteContext): void {
  scope.get('/mirror', async (request, reply): Promise<Reflection> => {
    if (!connections.mirror.admits(request.headers[PASS_HEADER]))
      throw new McpConnectionError('MCP_NOT_FOUND', 'there is no such page')
    // A browser drops it if something on the way has rewritten it, and every sign-in would end in another window.
    binding.choose(request).give(reply)
    const { protocol, host, ip, ips = [ip], headers } = request
    return {
      protocol,
      host,
      addresses: ips,
      isForwarded: headers['x-forwarded-for'] !== undefined,
      now: now()
    }
  })
}
