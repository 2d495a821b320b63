/** What the log says of a request for a page whose query is somebody's secret. */
import type { FastifyRequest } from 'fastify'

/** A code of a device lives for minutes, and whoever reads it in a log could enter it. */
export function withoutQuery({ method, url, host, ip }: FastifyRequest): Record<string, string> {
  return { method, url: url.replace(/\?.*$/s, ''), host, remoteAddress: ip }
}
