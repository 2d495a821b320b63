/** What the plugin adds to the app and to requests. */
import type { Client } from '@modelcontextprotocol/client'
import type { FastifyReply, FastifyRequest, preHandlerAsyncHookHandler } from 'fastify'
import { asMcpConnectionError, McpConnectionError } from './errors.ts'
import { readOwner, wantsJson } from './http/asker.ts'
import { failureBody } from './http/failure.ts'
import type { ResolvedPluginOptions } from './plugin-options.ts'
import type { Connections, UseOptions } from './types.ts'

/** `app.mcpConnections`: the whole API, and a `preHandler` for routes that need a connection. */
export interface McpConnectionsDecorator extends Connections {
  /**
   * Lets a request pass only with a working connection of its owner, and gives the route its client: `request.mcp('linear')`, closed
   * with the response. Without one a browser is led to sign in or to connect, and comes back; a program is told with a status, `error` and `actionUrl`.
   *
   * Does not choose among several accounts: name one with `account`.
   */
  require(server: string, options?: Omit<UseOptions, 'signal'>): preHandlerAsyncHookHandler
}

declare module 'fastify' {
  interface FastifyInstance {
    mcpConnections: McpConnectionsDecorator
  }
  interface FastifyRequest {
    /**
     * The connected client of a server that `app.mcpConnections.require()` let this request pass with.
     *
     * @throws McpConnectionError `MCP_NOT_CONNECTED` for a server that the route does not require
     */
    mcp(server: string): Client
  }
}

type Open = Map<string, Client & AsyncDisposable>

/** The clients of requests that are being answered. */
const clients = new WeakMap<FastifyRequest, Open>()

/** Implementation of `request.mcp`. */
export function clientOf(this: FastifyRequest, server: string): Client {
  const client = clients.get(this)?.get(server)
  if (client) return client
  throw new McpConnectionError(
    'MCP_NOT_CONNECTED',
    `request.mcp("${server}"): the route has no preHandler app.mcpConnections.require("${server}")`,
    { server }
  )
}

/** Implementation of `app.mcpConnections.require`. */
export function requireConnection(
  connections: Connections,
  options: ResolvedPluginOptions
): McpConnectionsDecorator['require'] {
  return (server, use = {}) =>
    async (request, reply) => {
      const owner = await readOwner(options, request)
      if (!owner) return refuseStranger(options, request, reply)
      const closed = closeSignal(request, reply)
      try {
        const client = await connections.clientFor(owner, server, { ...use, signal: closed.signal })
        closed.keep(server, client)
      } catch (error) {
        return refuse(error, request, reply)
      }
    }
}

function closeSignal(request: FastifyRequest, reply: FastifyReply) {
  const open: Open = clients.get(request) ?? new Map()
  clients.set(request, open)
  const controller = new AbortController()
  reply.raw.once('close', () => {
    controller.abort()
    for (const client of open.values()) void Promise.resolve(client[Symbol.asyncDispose]()).catch(() => undefined)
    open.clear()
  })
  return {
    signal: controller.signal,
    keep(server: string, client: Client & AsyncDisposable): void {
      open.set(server, client)
    }
  }
}

/** Nobody is signed in. Not even what everybody shares is used for nobody. */
function refuseStranger({ loginUrl }: ResolvedPluginOptions, request: FastifyRequest, reply: FastifyReply) {
  if (loginUrl && request.method === 'GET' && !wantsJson(request))
    return reply.redirect(loginUrl({ returnTo: request.url }), 303)
  return refuse(new McpConnectionError('MCP_SIGN_IN_REQUIRED', 'nobody is signed in'), request, reply)
}

function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const failure = asMcpConnectionError(error)
  if (!failure) throw error
  const { actionUrl, retryAfter, statusCode } = failure
  if (actionUrl !== undefined && request.method === 'GET' && !wantsJson(request)) {
    const url = new URL(actionUrl)
    url.searchParams.set('returnTo', request.url)
    return reply.redirect(url.href, 303)
  }
  if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter))
  return reply.code(statusCode).header('cache-control', 'no-store').send(failureBody(failure, request.id))
}
