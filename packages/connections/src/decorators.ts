/** What the plugin adds to the app and to requests. */
import { ConfigurationError } from '@fastify-mcp-auth/core'
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
   *
   * @param server `defaultServer` when left out
   * @throws ConfigurationError when there is none
   */
  require(server?: string, options?: Omit<UseOptions, 'signal'>): preHandlerAsyncHookHandler
}

declare module 'fastify' {
  interface FastifyInstance {
    mcpConnections: McpConnectionsDecorator
  }
  interface FastifyRequest {
    /**
     * The connected client of a server that `app.mcpConnections.require()` let this request pass with; `defaultServer` when none is named.
     *
     * @throws McpConnectionError `MCP_NOT_CONNECTED` for a server that the route does not require
     */
    mcp(server?: string): Client
  }
}

/** Type of `request.mcp`, for an app that gives it another name. */
export type RequiredClient = (server?: string) => Client

type Open = Map<string, Client & AsyncDisposable>

/** The clients of requests that are being answered, of one registration. */
type Clients = WeakMap<FastifyRequest, Open>

interface Gate {
  readonly require: McpConnectionsDecorator['require']
  readonly clientOf: RequiredClient
}

/** `require` and `request.mcp`, which belong together. */
export function gateOf(
  connections: Connections,
  { options, defaultServer }: { readonly options: ResolvedPluginOptions; readonly defaultServer: string | undefined }
): Gate {
  const { decoratorName, requestDecoratorName } = options
  const clients: Clients = new WeakMap()
  function clientOf(this: FastifyRequest, server = defaultServer): Client {
    const client = server === undefined ? undefined : clients.get(this)?.get(server)
    if (client) return client
    const name = server === undefined ? '' : JSON.stringify(server)
    throw new McpConnectionError(
      'MCP_NOT_CONNECTED',
      `request.${requestDecoratorName}(${name}): the route has no preHandler app.${decoratorName}.require(${name})`,
      { server }
    )
  }
  return {
    clientOf: clientOf as RequiredClient,
    require(server = defaultServer, use = {}) {
      if (server === undefined)
        throw new ConfigurationError(
          'FST_OAUTH_OPTION',
          `connections: ${decoratorName}.require() names no server, and there is no option "defaultServer"`
        )
      return async (request, reply) => {
        const owner = await readOwner(options, request)
        if (!owner) return refuseStranger(options, request, reply)
        const closed = closeSignal(clients, request, reply)
        try {
          const client = await connections.clientFor(owner, server, { ...use, signal: closed.signal })
          closed.keep(server, client)
        } catch (error) {
          return refuse(error, request, reply)
        }
      }
    }
  }
}

function closeSignal(clients: Clients, request: FastifyRequest, reply: FastifyReply) {
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
