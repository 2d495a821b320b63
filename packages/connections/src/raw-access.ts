/** Ways past the client of the SDK: a `fetch`, and, where the options allow it, the token itself. */

import type { AuthProvider } from '@modelcontextprotocol/client'
import { authorizedFetch } from './authorized-fetch.ts'
import { type Context, type Target, targetOf } from './context.ts'
import { targetToUse } from './fallback.ts'
import { currentToken } from './refresh.ts'
import { onUnauthorized } from './rejection.ts'
import { connectionError, type Usable } from './token.ts'
import type { OwnedFetch, Owner, UseOptions } from './types.ts'

/**
 * Looked up at the first request, so that a server or owner that is not there is told where it can be awaited. Where a shared connection may
 * stand in, at each of them: whoever has connected meanwhile acts as himself.
 */
export function lazyFetch(context: Context, owner: Owner | null, server: string, use?: UseOptions): OwnedFetch {
  let opened: OwnedFetch | undefined
  const open = async (): Promise<OwnedFetch> => {
    const { target, standsInFor } = await targetToUse(context, owner, server, use)
    const fetch = authorizedFetch(context, target, use)
    if (!standsInFor && target.definition.fallback === undefined) opened = fetch
    return fetch
  }
  return async (url, init) => (opened ?? (await open()))(url, init)
}

/** @throws McpConnectionError `MCP_NOT_ALLOWED` unless the server has `allowRawToken` */
export async function rawToken(
  context: Context,
  owner: Owner | null,
  server: string,
  use: UseOptions = {}
): Promise<string> {
  const target = await givingTarget(context, owner, server, use)
  return (await usableNow(context, target, use)).credential.token
}

/**
 * What a transport of the official SDK takes as its `authProvider`, for apps that build their own: it is handed the access token, never the
 * refresh token, and never signs anybody in. Prefer `clientFor` and `fetchFor`, which give nothing away and guard where requests go.
 *
 * @throws McpConnectionError (from its methods) `MCP_NOT_ALLOWED` unless the server has `allowRawToken` and the token can be sent as a bearer token
 */
export function sdkProvider(context: Context, owner: Owner | null, server: string, use: UseOptions = {}): AuthProvider {
  let given: Usable | null = null
  return Object.freeze({
    async token() {
      given = await usableNow(context, await givingTarget(context, owner, server, use), use)
      return given.credential.token
    },
    // What was refused is what was handed out last: a newer one that somebody else got meanwhile is not refreshed again.
    async onUnauthorized({ response }: Parameters<NonNullable<AuthProvider['onUnauthorized']>>[0]) {
      const target = await givingTarget(context, owner, server, use)
      await onUnauthorized(context, target, { usable: given, response })
    }
  })
}

async function givingTarget(context: Context, owner: Owner | null, server: string, use: UseOptions): Promise<Target> {
  const target = await targetOf(context, owner, server, use)
  if (target.definition.allowRawToken) return target
  throw connectionError(context, target, 'MCP_NOT_ALLOWED', 'tokens of this server are not given away', {
    reason: 'raw_token'
  })
}

async function usableNow(context: Context, target: Target, use: UseOptions): Promise<Usable> {
  const usable = await currentToken(context, target, use)
  if (!usable) throw connectionError(context, target, 'MCP_NOT_ALLOWED', 'the server wants no token')
  if (!usable.credential.dpopKey) return usable
  throw connectionError(context, target, 'MCP_NOT_ALLOWED', 'the token is bound to a key and is no use without it', {
    reason: 'bound_token'
  })
}
