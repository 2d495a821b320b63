/** The scope that our routes live in: its form parser, error handler and headers reach no route of the host, nor the host's these. */
import formbody from '@fastify/formbody'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { McpConnectionsDecorator } from '../decorators.ts'
import { McpConnectionError } from '../errors.ts'
import type { ResolvedPluginOptions } from '../plugin-options.ts'
import type { routePathsOf } from '../route-paths.ts'
import { sharingOf } from '../tool-lists.ts'
import type { Owner } from '../types.ts'
import type { Answers } from './answer.ts'
import { readOwner, wantsJson } from './asker.ts'
import type { BindingCookie } from './binding-cookie.ts'
import { assertOwnOrigin } from './own-origin.ts'

/** What every route is handed. */
export interface RouteContext {
  readonly connections: McpConnectionsDecorator
  readonly options: ResolvedPluginOptions
  readonly answers: Answers
  readonly binding: BindingCookie
  readonly baseUrl: string
  /** Path of our routes: `/mcp/connections`. */
  readonly path: string
  /** Those of the routes that may be elsewhere. */
  readonly paths: ReturnType<typeof routePathsOf>
  readonly lookAtProxy: (request: FastifyRequest) => void
  /** Epoch seconds. */
  readonly now: () => number
}

/** Holds the longest list of tools that somebody can choose from. */
const BODY_LIMIT = 512 * 1024

/** Prepares an encapsulated scope; routes are added to it afterwards. */
export async function prepareScope(
  scope: FastifyInstance,
  { answers, baseUrl, lookAtProxy }: RouteContext
): Promise<void> {
  // The host may have parsers of its own: the same one for forms, or one that keeps JSON as bytes to check a signature.
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('application/json', { parseAs: 'string' }, scope.getDefaultJsonParser('error', 'error'))
  await scope.register(formbody, { bodyLimit: BODY_LIMIT })
  scope.setErrorHandler((error, request, reply) => answers.fail(error, request, reply))
  scope.setNotFoundHandler((request, reply) =>
    answers.fail(new McpConnectionError('MCP_NOT_FOUND', 'there is no such page'), request, reply)
  )
  scope.addHook('onRequest', async (request, reply) => {
    lookAtProxy(request)
    // A code or a flow in the URL must not travel on; and nothing here is for a cache unless a route says so.
    reply.headers({
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff'
    })
    if (request.method !== 'GET' && request.method !== 'HEAD') assertOwnOrigin(request, baseUrl)
  })
}

/** For routes whose address has a secret in it, a code or a link: the log is told which route it was. */
export const SECRET_ADDRESS = Object.freeze({
  logSerializers: Object.freeze({
    req: ({ method, routeOptions, host, ip }: FastifyRequest) => ({
      method,
      url: routeOptions.url,
      host,
      remoteAddress: ip
    })
  })
})

/** Tells once when requests come through a proxy that the app does not trust: everybody shares one address then, and one limit. */
export function proxyWatch(): (request: FastifyRequest) => void {
  let isTold = false
  return request => {
    const { headers, ip, socket, log } = request
    if (isTold || headers['x-forwarded-for'] === undefined || ip !== socket.remoteAddress) return
    isTold = true
    log.warn(
      {},
      'mcp-auth: a request came with X-Forwarded-For, which this app does not read: set "trustProxy" if there is a proxy, or attempts of everybody are counted together'
    )
  }
}

/**
 * Who is asking. A browser that nobody is signed in to is sent to the login, and comes back to `returnTo`.
 *
 * @returns null when the reply was sent
 * @throws McpConnectionError `MCP_SIGN_IN_REQUIRED`
 */
export async function requireOwner(
  { options, path }: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply,
  returnTo: string = path
): Promise<Owner | null> {
  const owner = await readOwner(options, request)
  if (owner) return owner
  if (options.loginUrl && !wantsJson(request)) {
    await reply.redirect(options.loginUrl({ returnTo }), 303)
    return null
  }
  throw new McpConnectionError('MCP_SIGN_IN_REQUIRED', 'nobody is signed in')
}

/**
 * Whether whoever asks may change what everybody shares, a connection or the list of tools that were accepted: an administrator may, by the guard of the app. With a key of one person
 * in its place all others would act in that person's account without knowing it.
 *
 * @returns false when the guard has answered
 * @throws McpConnectionError `MCP_NOT_ALLOWED` in an app without administrators; what the guard throws
 */
export async function mayChange(
  { connections, options }: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply,
  { server, isOfTools = false }: { readonly server: string; readonly isOfTools?: boolean }
): Promise<boolean> {
  const { definition } = await connections.registry.get(server)
  const isOfAll = definition.mode === 'shared' || (isOfTools && sharingOf(definition) === 'always')
  if (!isOfAll) return true
  if (!options.admin)
    throw new McpConnectionError('MCP_NOT_ALLOWED', 'what everybody shares is changed by an administrator', { server })
  const answer = await options.admin(request, reply)
  return answer !== reply && !reply.sent
}
