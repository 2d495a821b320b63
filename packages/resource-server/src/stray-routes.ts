/**
 * Routes that ask for protection where no resource server sees them: in a scope beside the one that it was registered in. They would be open
 * without a word.
 */
import { ConfigurationError } from '@fastify-mcp-auth/core'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { outermost } from './metadata.ts'

/** By HTTP server: routes that nobody has claimed yet, and the instance that declared them. */
const unclaimed = new WeakMap<object, Map<RouteOptions, object>>()

/**
 * Sees routes that are declared from now on, in the outermost scope and in those that are opened later. Call it once for each resource server.
 *
 * @returns says of a route that it is seen to
 */
export function watchStrayRoutes(app: FastifyInstance): (route: RouteOptions) => void {
  const strays = unclaimed.get(app.server) ?? startWatching(app)
  // What the same instance declared before its resource server came is guarded by it, too.
  for (const [route, instance] of strays) if (instance === app) strays.delete(route)
  return route => void strays.delete(route)
}

function startWatching(app: FastifyInstance): Map<RouteOptions, object> {
  const strays = new Map<RouteOptions, object>()
  unclaimed.set(app.server, strays)
  const root = outermost(app)
  root.addHook('onRoute', function (this: FastifyInstance, route) {
    if (typeof route.config?.mcpAuth === 'object') strays.set(route, this)
  })
  root.addHook('onReady', async () => {
    for (const { url } of strays.keys())
      throw new ConfigurationError(
        'FST_OAUTH_OPTION',
        `resource-server: config.mcpAuth of the route ${url}: no resource server is registered in its scope, so nothing would protect it`
      )
  })
  return strays
}
