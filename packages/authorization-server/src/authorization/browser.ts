/**
 * Binds an interaction to the browser that started it, so that a link to it is worth nothing in another one.
 *
 * One cookie serves all interactions of a browser: a second tab must not lock out the first. It is read and written here by
 * hand, because the page is served by another plugin and the host may have set up @fastify/cookie in its own way: signing,
 * another domain, parsing later or not at all.
 *
 * @see RFC 6265 sections 4.1 and 4.2, draft-ietf-httpbis-rfc6265bis section 4.1.3.2 (`__Host-`)
 */
import { digest, InteractionError, isHttpLoopback, randomSecret } from '@fastify-mcp-auth/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ServerContext } from '../context.ts'

/** `__Host-` needs https; on plain http, which is loopback only, browsers would drop it. */
function cookieName(server: ServerContext): string {
  const { pathname } = new URL(server.issuer)
  // Issuers on one host have paths of their own, but `__Host-` leaves no path to the cookie.
  const name = pathname === '/' ? 'mcp-browser' : `mcp-browser-${digest(server.issuer).slice(0, 12)}`
  return isHttpLoopback(server.issuer) ? name : `__Host-${name}`
}

/** Digest of this browser's secret, or null when it has none. */
export function browserDigest(server: ServerContext, request: FastifyRequest): string | null {
  const name = cookieName(server)
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const [, found, secret] = /^\s*([^=\s]+)=([A-Za-z0-9_-]{43})\s*$/.exec(pair) ?? []
    if (found === name && secret !== undefined) return digest(secret)
  }
  return null
}

/** The same, after giving the browser a secret if it has none. Lasts as long as the browser runs. */
export function bindBrowser(server: ServerContext, request: FastifyRequest, reply: FastifyReply): string {
  const known = browserDigest(server, request)
  if (known !== null) return known
  const secret = randomSecret()
  const secure = isHttpLoopback(server.issuer) ? '' : '; Secure'
  // Lax: the browser comes here from the client's site or from a terminal, by a link.
  reply.header('set-cookie', `${cookieName(server)}=${secret}; Path=/; HttpOnly; SameSite=Lax${secure}`)
  return digest(secret)
}

/**
 * What a form of ours carries, so that nobody else can send it: only this browser's secret makes it.
 *
 * @param browser digest of that secret
 * @param about which form, of whom
 */
export function browserProof(browser: string, about: readonly string[]): string {
  return digest(JSON.stringify(['form', browser, ...about]))
}

/** Stops a forged form before anything is looked up. @throws InteractionError */
export function assertSameOrigin(server: ServerContext, { headers }: FastifyRequest): void {
  const { origin } = headers
  const site = headers['sec-fetch-site']
  const foreign = origin !== undefined && origin !== 'null' && origin !== server.origin
  if (foreign || (site !== undefined && site !== 'same-origin'))
    throw new InteractionError('interaction_other_browser', { statusCode: 403 })
}
