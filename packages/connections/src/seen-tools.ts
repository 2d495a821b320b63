/** A list of tools as a server gave it, with what it says about how long the list is good. */
import type { Client, Tool } from '@modelcontextprotocol/client'

const DAY = 86_400

/** Beyond this nobody would notice any more that a tool became another one. */
const LONGEST = 7 * DAY

export interface SeenTools {
  readonly tools: readonly Tool[]
  /** Revision of MCP that was spoken; null where the client does not say. */
  readonly protocolRevision: string | null
  /** Seconds that the list is good for. */
  readonly ttl: number
}

/** @param listed answer to `tools/list`; `ttlMs` of it counts, 0 included, and a day where there is none. @see MCP 2026-07-28, caching */
export function seenTools(
  client: Pick<Client, 'getNegotiatedProtocolVersion'>,
  listed: { readonly tools: readonly Tool[]; readonly ttlMs?: unknown }
): SeenTools {
  const { tools, ttlMs } = listed
  const said = typeof ttlMs === 'number' && ttlMs >= 0 ? Math.floor(ttlMs / 1000) : DAY
  return { tools, protocolRevision: client.getNegotiatedProtocolVersion() ?? null, ttl: Math.min(said, LONGEST) }
}
