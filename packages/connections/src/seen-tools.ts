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
  /** The server says that it is the same for everybody. @see SEP-2549 */
  readonly isPublic: boolean
}

/** The first revision that has `cacheScope`: elsewhere it is somebody's extension, and means what that somebody likes. */
const FIRST_WITH_SCOPE = '2026-07-28'

/** Asks for all pages. @param client for this look only */
export async function seeTools(client: Client): Promise<SeenTools> {
  // What the SDK gives has what the first page says of itself, and the others may say something else.
  const scopes: unknown[] = []
  const request = client.request.bind(client) as (...args: unknown[]) => Promise<unknown>
  const watched = async (...args: unknown[]): Promise<unknown> => {
    const page = await request(...args)
    if (typeof page === 'object' && page !== null && 'tools' in page) scopes.push(Reflect.get(page, 'cacheScope'))
    return page
  }
  client.request = watched as typeof client.request
  return seenTools(client, await client.listTools(), scopes)
}

/**
 * @param listed answer to `tools/list`; `ttlMs` of it counts, 0 included, and a day where there is none.
 * @param scopes `cacheScope` of each page: public is a list all of whose pages are
 * @see MCP 2026-07-28, caching
 */
export function seenTools(
  client: Pick<Client, 'getNegotiatedProtocolVersion'>,
  listed: { readonly tools: readonly Tool[]; readonly ttlMs?: unknown },
  scopes: readonly unknown[] = []
): SeenTools {
  const { tools, ttlMs } = listed
  const protocolRevision = client.getNegotiatedProtocolVersion() ?? null
  const isPublic =
    protocolRevision !== null &&
    protocolRevision >= FIRST_WITH_SCOPE &&
    scopes.length > 0 &&
    scopes.every(scope => scope === 'public')
  const said = typeof ttlMs === 'number' && ttlMs >= 0 ? Math.floor(ttlMs / 1000) : DAY
  return { tools, protocolRevision, ttl: Math.min(said, LONGEST), isPublic }
}
