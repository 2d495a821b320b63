/** Limits per address and minute, told in the shape of the endpoint. IPv6 addresses count by their /64. */

import type { RateLimitOptions } from '@fastify/rate-limit'
import rateLimit from '@fastify/rate-limit'
import { OAuthError } from '@fastify-mcp-auth/core'
import type { FastifyInstance } from 'fastify'
import type { ServerContext } from './context.ts'

/** Makes route limits work in this scope; a host that registered the same plugin keeps its store. */
export async function registerRateLimit(scope: FastifyInstance, server: ServerContext): Promise<void> {
  if (server.options.rateLimit && !scope.hasDecorator('createRateLimit'))
    await scope.register(rateLimit, { global: false })
}

/** Route config of an endpoint. */
export function limited(
  server: ServerContext,
  endpoint: 'authorize' | 'register' | 'token'
): { rateLimit?: RateLimitOptions } {
  const { rateLimit: limits } = server.options
  if (!limits) return {}
  return {
    rateLimit: {
      max: limits[endpoint],
      timeWindow: 60_000,
      onExceeded: (request, address) => server.emit('request.limited', { endpoint, address }, request),
      errorResponseBuilder: (_request, context) =>
        new OAuthError('temporarily_unavailable', 'too many requests from this address', {
          reason: 'rate_limited',
          status: 429,
          retryAfter: Math.max(1, Math.ceil(context.ttl / 1000))
        })
    }
  }
}
