/**
 * `Mcp-Session-Id` on the way in. Sessions ended with the revision 2026-07-28: what a client still sends there means nothing, and no handler
 * gets to see it, so that nobody can take up the session of somebody else by speaking of a newer revision.
 *
 * @see MCP Streamable HTTP 2026-07-28, SEP-2567
 */
import type { FastifyRequest } from 'fastify'

const NAME = 'mcp-session-id'
const FIRST_WITHOUT_SESSIONS = '2026-07-28'

/** @returns null when there is none, or none that counts */
export function readSessionId(request: FastifyRequest): string | null {
  const id = request.headers[NAME]
  if (typeof id !== 'string') return null
  const revision = request.headers['mcp-protocol-version']
  // Revisions are dates, and dates of this form are in order as text.
  const isModern =
    typeof revision === 'string' && /^\d{4}-\d\d-\d\d$/.test(revision) && revision >= FIRST_WITHOUT_SESSIONS
  if (!isModern) return id
  dropHeader(request, NAME)
  return null
}

// Some adapters read one of the two, some the other. Node counts what is in the raw list, so nothing may be taken out of it.
function dropHeader(request: FastifyRequest, name: string): void {
  const { headers, rawHeaders } = request.raw
  delete headers[name]
  for (let index = 0; index < rawHeaders.length; index += 2)
    if (rawHeaders[index]?.toLowerCase() === name) rawHeaders.splice(index, 2, 'x-ignored', '')
}
