/** Ways past the client of the SDK: a `fetch`, and, where the options allow it, the token itself. */
import { authorizedFetch } from './authorized-fetch.ts'
import { type Context, targetOf } from './context.ts'
import { currentToken } from './refresh.ts'
import { connectionError } from './token.ts'
import type { OwnedFetch, Owner, UseOptions } from './types.ts'

/** Looked up at the first request, so that a server or owner that is not there is told where it can be awaited. */
export function lazyFetch(context: Context, owner: Owner | null, server: string, use?: UseOptions): OwnedFetch {
  let opened: Promise<OwnedFetch> | undefined
  return async (url, init) => {
    opened ??= targetOf(context, owner, server, use).then(target => authorizedFetch(context, target, use))
    return (await opened)(url, init)
  }
}

/** @throws McpConnectionError `MCP_NOT_ALLOWED` unless the server has `allowRawToken` */
export async function rawToken(
  context: Context,
  owner: Owner | null,
  server: string,
  use: UseOptions = {}
): Promise<string> {
  const target = await targetOf(context, owner, server, use)
  if (!target.definition.allowRawToken)
    throw connectionError(context, target, 'MCP_NOT_ALLOWED', 'tokens of this server are not given away', {
      reason: 'raw_token'
    })
  const usable = await currentToken(context, target, use)
  if (!usable) throw connectionError(context, target, 'MCP_NOT_ALLOWED', 'the server wants no token')
  return usable.credential.token
}
