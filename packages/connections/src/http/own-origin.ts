/**
 * Whether a request that changes something comes from a page of our own: cookies alone do not say so.
 *
 * Browsers name the origin of every request that is not a plain GET, and those of the last years say `Sec-Fetch-Site` besides. What says
 * neither is no browser; it has to send JSON, which no form can.
 *
 * @see Fetch Standard section 3.2 (Origin header), W3C Fetch Metadata Request Headers section 2.4
 */
import type { FastifyRequest } from 'fastify'
import { McpConnectionError } from '../errors.ts'

/** @throws McpConnectionError `MCP_CROSS_SITE` */
export function assertOwnOrigin(request: FastifyRequest, baseUrl: string): void {
  if (!isOwnOrigin(request.headers, baseUrl))
    throw new McpConnectionError('MCP_CROSS_SITE', 'a request that changes something must come from a page of this app')
}

function isOwnOrigin(headers: FastifyRequest['headers'], baseUrl: string): boolean {
  const { origin, 'sec-fetch-site': site, 'content-type': type } = headers
  if (origin !== undefined) return origin === baseUrl
  if (site !== undefined) return site === 'same-origin'
  return type !== undefined && /^application\/json\s*(?:;|$)/i.test(type)
}
