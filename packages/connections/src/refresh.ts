/** The token to use now. */
import type { Context, Target } from './context.ts'
import { assertScopes, noteUse, readUsable, type Usable } from './token.ts'
import type { UseOptions } from './types.ts'

/** @returns null for a server that wants nothing @throws McpConnectionError when there is nothing to send */
export async function currentToken(context: Context, target: Target, use: UseOptions): Promise<Usable | null> {
  if (target.definition.auth === 'none') return null
  const usable = await readUsable(context, target)
  assertScopes(context, target, usable.record, use.scopes ?? [])
  await noteUse(context, target, usable.record)
  return usable
}
