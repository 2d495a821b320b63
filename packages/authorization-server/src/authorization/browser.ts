/**
 * Binds an interaction to the browser that started it, so that a link to it is worth nothing in another one.
 *
 * One cookie serves all interactions of a browser: a second tab must not lock out the first.
 */
import { digest, isHttpLoopback, randomSecret } from '@fastify-mcp-auth/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ServerContext } from '../context.ts'

/** `__Host-` needs https; on plain http, which is loopback only, browsers would drop it. */
function cookieName(server: ServerContext): string {
  return isHttpLoopback(server.issuer) ? 'mcp-browser' : '__Host-mcp-browser'
}

const SECRET = /^[A-Za-z0-9_-]{43}$/

/** Digest of this browser's secret, or null when it has none. */
export function browserDigest(server: ServerContext, request: FastifyRequest): string | null {
  const value = request.cookies[cookieName(server)]
  return value !== undefined && SECRET.test(value) ? digest(value) : null
}

/** The same, after giving the browser a secret if it has none. Lasts as long as the browser runs. */
export function bindBrowser(server: ServerContext, request: FastifyRequest, reply: FastifyReply): string {
  const known = browserDigest(server, request)
  if (known !== null) return known
  const secret = randomSecret()
  reply.setCookie(cookieName(server), secret, {
    path: '/',
    httpOnly: true,
    // Lax: the browser comes here from the client's site or from a terminal, by a link.
    sameSite: 'lax',
    secure: !isHttpLoopback(server.issuer)
  })
  return digest(secret)
}
