/** Which connection serves an owner while a server moves from one shared key to connections of their own. */
import { readConnection } from './connection-record.ts'
import { type Context, type Target, targetOf } from './context.ts'
import { connectionError } from './token.ts'
import type { OwnedFetch, Owner, UseOptions } from './types.ts'

export interface Serving {
  /** Whose credential is sent. */
  readonly target: Target
  /** The owner's own, when that is the shared one: its rules count as well, and it takes over as soon as it is connected. */
  readonly standsInFor: Target | null
}

/**
 * The owner's connection, or the shared one for an owner who has none yet. One that has ended is not replaced: somebody who acted as
 * himself must not go on as everybody without a word.
 *
 * @throws McpConnectionError as {@link targetOf}
 */
export async function targetToUse(
  context: Context,
  owner: Owner | null,
  server: string,
  use: UseOptions = {}
): Promise<Serving> {
  const own = await targetOf(context, owner, server, use)
  const { fallback } = own.definition
  if (fallback === undefined || (await readConnection(context, own.place))) return { target: own, standsInFor: null }
  const shared = await targetOf(context, owner, fallback)
  if (await readConnection(context, shared.place)) return { target: shared, standsInFor: own }
  return { target: own, standsInFor: null }
}

/**
 * For what keeps to one connection, as a client with a session has to: it ends when the owner has connected, and the next one is his own.
 *
 * @returns a fetch that rejects with McpConnectionError `MCP_NOT_ALLOWED`, reason `fallback_over`, from then on
 */
export function whileServing(context: Context, { standsInFor }: Serving, fetch: OwnedFetch): OwnedFetch {
  if (!standsInFor) return fetch
  return async (...args) => {
    if (await readConnection(context, standsInFor.place))
      throw connectionError(context, standsInFor, 'MCP_NOT_ALLOWED', 'the owner has a connection of his own by now', {
        reason: 'fallback_over',
        // With another client.
        retryable: true
      })
    return fetch(...args)
  }
}
