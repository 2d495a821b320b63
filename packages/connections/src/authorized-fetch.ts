/**
 * A `fetch` that speaks for one owner to one server: to that origin only, with the credential of that owner and of nobody else. The one
 * place where a secret meets a request.
 *
 * @see RFC 6750 section 2.1
 */
import { type GuardedFetch, isFetchRefusedError, isUnavailableError } from '@fastify-mcp-auth/core'
import { withDpop } from '@modelcontextprotocol/client'
import { type Context, routeOf, type Target } from './context.ts'
import { McpConnectionError } from './errors.ts'
import { asBlocked } from './network.ts'
import { headersOf } from './params.ts'
import { currentToken } from './refresh.ts'
import { onAccepted, onForbidden, onSecondRejection, onUnauthorized } from './rejection.ts'
import type { Usable } from './token.ts'
import type { OwnedFetch, UseOptions } from './types.ts'

/** @param use what the caller is going to need; checked at every request */
export function authorizedFetch(context: Context, target: Target, use: UseOptions = {}): OwnedFetch {
  const { origin } = new URL(target.definition.url)
  // Before anything is read: what the rules forbid is told first.
  const { mcp } = routeOf(context, target)

  const send = async (url: URL, init: RequestInit, usable: Usable | null): Promise<Response> => {
    try {
      return await present(context, target, { mcp, url, init, usable })
    } catch (error) {
      throw unreachable(error, target, context)
    }
  }

  return async (input, init = {}) => {
    const url = URL.parse(String(input))
    if (url?.origin !== origin)
      throw new McpConnectionError('MCP_URL_BLOCKED', 'the credential is for another origin', {
        server: target.server.id,
        reason: 'foreign_origin'
      })
    use.signal?.throwIfAborted()
    // A client or fetch may live long, and the server may have been switched off since.
    await context.registry.usable(target.server.id)
    const signal = use.signal && init.signal ? AbortSignal.any([use.signal, init.signal]) : (use.signal ?? init.signal)
    const bounded = signal ? { ...init, signal } : init
    const first = await currentToken(context, target, use)
    const response = await send(url, bounded, first)
    if (response.status === 403) await onForbidden(context, target, { usable: first, response })
    if (response.status !== 401) {
      await onAccepted(context, target, first)
      return response
    }
    await response.body?.cancel()
    const second = await onUnauthorized(context, target, { usable: first, response })
    const again = await send(url, bounded, second)
    if (again.status === 403) await onForbidden(context, target, { usable: second, response: again })
    if (again.status !== 401) {
      await onAccepted(context, target, second)
      return again
    }
    await again.body?.cancel()
    throw await onSecondRejection(context, target, second)
  }
}

interface Outgoing {
  readonly mcp: GuardedFetch
  readonly url: URL
  readonly init: RequestInit
  readonly usable: Usable | null
}

async function present(context: Context, target: Target, { mcp, url, init, usable }: Outgoing): Promise<Response> {
  const headers = authorize(context, target, { given: init.headers, usable })
  const key = usable?.credential.dpopKey
  if (!usable || !key) return mcp(url, { ...init, headers })
  // The SDK signs each request and answers a demand for a nonce; the token is taken by its key only. @see RFC 9449 section 7
  const { token } = usable.credential
  return withDpop(await context.dpopSession(key), () => token)((to, given) => mcp(to, given))(url, { ...init, headers })
}

function authorize(
  context: Context,
  target: Target,
  { given, usable }: { readonly given: RequestInit['headers']; readonly usable: Usable | null }
): Headers {
  const { definition } = target
  const headers = new Headers(given)
  // Whatever a caller or a library put there, only the owner's credential goes out.
  headers.delete('authorization')
  if (!usable) return headers
  for (const [name, value] of headersOf(context, target, usable.record)) headers.set(name, value)
  // Last: nothing takes the place of the credential.
  const { token } = usable.credential
  if (definition.auth === 'header' && definition.header)
    headers.set(definition.header.name, `${definition.header.prefix ?? ''}${token}`)
  else headers.set('authorization', `Bearer ${token}`)
  return headers
}

function unreachable(error: unknown, { server, place }: Target, { events }: Context): unknown {
  const blocked = asBlocked(error, server.id)
  if (blocked) {
    events.emit('blocked.url', place, { reason: isFetchRefusedError(error) ? error.reason : 'url' })
    return blocked
  }
  if (!isUnavailableError(error)) return error
  return new McpConnectionError('MCP_SERVER_UNAVAILABLE', 'the server does not answer', {
    server: server.id,
    connection: place.id,
    retryAfter: error.retryAfter,
    cause: error
  })
}
