/** Which connection serves an owner while a server moves from one shared key to connections of their own. */
import { readConnection } from './connection-record.ts'
import { type Context, type Target, targetOf } from './context.ts'
import type { Owner, UseOptions } from './types.ts'

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
): Promise<Target> {
  const target = await targetOf(context, owner, server, use)
  const { fallback } = target.definition
  if (fallback === undefined || (await readConnection(context, target.place))) return target
  const shared = await targetOf(context, owner, fallback)
  return (await readConnection(context, shared.place)) ? shared : target
}
