/** For handlers that only make sense with a caller. */
import type { FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify'
import type { Principal } from './types.ts'

/** A request whose caller is known. */
export type AuthenticatedRequest = FastifyRequest & { auth: Principal }

/**
 * A route handler in which `request.auth` is not null. Where the route lets strangers in, or is not protected at all, a request
 * without a token gets the 401 with its challenge, and the handler does not run.
 *
 * Does not check scopes: the route says them, or `app.requireScopes`.
 */
export function withAuth<Result>(
  handler: (request: AuthenticatedRequest, reply: FastifyReply) => Result | Promise<Result>
): RouteHandlerMethod {
  return async (request, reply) => {
    if (!isAuthenticated(request)) await request.server.authenticate(request, reply)
    // The hook has set it, or thrown.
    return handler(request as AuthenticatedRequest, reply)
  }
}

// Not only null is nobody: where no resource server is registered, a request does not have the property at all.
function isAuthenticated(request: FastifyRequest): request is AuthenticatedRequest {
  return Boolean(request.auth)
}
