/**
 * Beginning and ending a connection: `GET` and `POST /connect/:server`, `POST /credentials/:server`, and `GET /callback`, the one address
 * that every authorization server leads back to.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { asMcpConnectionError, McpConnectionError } from '../errors.ts'
import { readOwner, textOf, textsOf } from '../http/asker.ts'
import { mayChange, type RouteContext, requireOwner, SECRET_ADDRESS } from '../http/scope.ts'
import type { ServerDefinition } from '../options.ts'
import { assertReturnTo } from '../return-to.ts'
import { assertSecret } from '../static-credential.ts'
import { isSilent } from '../status.ts'
import type { ConnectionSummary, OpenedLink, Owner } from '../types.ts'

type ToServer = FastifyRequest<{ Params: { server: string } }>

/** In a scope of its own, whose prefix is the path of the connect page. */
export function connectRoutes(scope: FastifyInstance, context: RouteContext): void {
  scope.get('/:server', (request: ToServer, reply) => showConnect(context, request, reply))
  scope.post('/:server', (request: ToServer, reply) => connect(context, request, reply))
}

/** In a scope of its own, whose prefix is the path of the redirect URI. */
export function callbackRoute(scope: FastifyInstance, context: RouteContext): void {
  scope.get('', SECRET_ADDRESS, (request, reply) => complete(context, request, reply))
}

export function linkRoutes(scope: FastifyInstance, context: RouteContext): void {
  scope.get('/link/:link', SECRET_ADDRESS, (request: FastifyRequest<{ Params: { link: string } }>, reply) =>
    showLink(context, request, reply)
  )
  scope.post('/credentials/:server', (request: ToServer, reply) => storeSecret(context, request, reply))
}

// Shows what is going to happen; following a link must not begin anything.
async function showConnect(context: RouteContext, request: ToServer, reply: FastifyReply): Promise<FastifyReply> {
  const owner = await requireOwner(context, request, reply, request.url)
  if (!owner) return reply
  const { server } = request.params
  const account = textOf(request, 'account', 512)
  const connection = await context.connections.status(owner, server, { account })
  const { definition } = await context.connections.registry.get(server)
  return context.answers.show(request, reply, {
    page: 'connect',
    data: { ...asked(connection, definition), returnTo: textOf(request, 'returnTo') ?? null }
  })
}

/** Opening it begins nothing and uses nothing up: a mail program that follows links is not the person. */
async function showLink(
  context: RouteContext,
  request: FastifyRequest<{ Params: { link: string } }>,
  reply: FastifyReply
): Promise<FastifyReply> {
  const owner = await requireOwner(context, request, reply, request.url)
  if (!owner) return reply
  const { connections } = context
  const { link } = request.params
  const { server, account, returnTo } = await connections.readConnectLink(owner, link)
  const connection = await connections.status(owner, server, { account })
  const { definition } = await connections.registry.get(server)
  const data = { ...asked(connection, definition), returnTo, link }
  return context.answers.show(request, reply, { page: 'connect', data })
}

/** What the server takes now; what was connected before may be of another kind. */
function asked(connection: ConnectionSummary, { auth, url }: ServerDefinition) {
  return { connection: { ...connection, kind: auth }, address: new URL(url).host }
}

interface UsableLink extends OpenedLink {
  use(): Promise<unknown>
}

/** What the link adds, for the server and account that it is for. Does not use it up. @throws McpConnectionError `MCP_FLOW_MISMATCH` for another one */
async function linkOf(context: RouteContext, request: ToServer, owner: Owner): Promise<UsableLink | null> {
  const secret = textOf(request, 'link', 128)
  if (secret === undefined) return null
  const link = await context.connections.readConnectLink(owner, secret)
  const { server, account } = link
  if (server !== request.params.server || account !== (textOf(request, 'account', 512) ?? 'default'))
    throw new McpConnectionError('MCP_FLOW_MISMATCH', 'the link is for another connection', { server, reason: 'link' })
  return { ...link, use: () => context.connections.useConnectLink(owner, secret) }
}

async function connect(context: RouteContext, request: ToServer, reply: FastifyReply): Promise<FastifyReply> {
  const { connections, answers, binding, path, paths } = context
  const { server } = request.params
  const owner = await requireOwner(context, request, reply, `${paths.connect}/${encodeURIComponent(server)}`)
  if (!owner) return reply
  const account = textOf(request, 'account', 512)
  const returnTo = assertReturnTo(textOf(request, 'returnTo'), context.baseUrl) ?? undefined
  const { definition } = await connections.registry.get(server)
  if (isSilent(definition)) {
    const connection = await connections.connect(owner, server, { account })
    return answers.done(request, reply, { data: { connection }, next: returnTo ?? path })
  }
  if (definition.auth !== 'oauth')
    throw new McpConnectionError('MCP_INVALID_INPUT', `"${server}" takes a key: send it to credentials/${server}`, {
      server
    })
  const link = await linkOf(context, request, owner)
  // A link is of the app's own making.
  if (!link && !(await mayChange(context, request, reply, { server }))) return reply
  const bound = binding.choose(request)
  const flow = await connections.start(owner, server, {
    binding: bound.secret,
    account,
    returnTo,
    errorTo: textOf(request, 'errorTo'),
    scopes: [...(link?.scopes ?? []), ...textsOf(request, 'scopes', 100)],
    ip: request.ip
  })
  // Of several at once one gets away; what failed before this point can be tried again with the same link.
  await link?.use()
  // The browser goes on with the one that got away.
  bound.give(reply)
  return answers.leave(request, reply, { data: flow, url: flow.url })
}

async function storeSecret(context: RouteContext, request: ToServer, reply: FastifyReply): Promise<FastifyReply> {
  const { connections, answers, path } = context
  const owner = await requireOwner(context, request, reply)
  if (!owner) return reply
  // A key that was copied badly does not use up a link.
  const secret = assertSecret(textOf(request, 'secret', 16_384))
  const next = assertReturnTo(textOf(request, 'returnTo'), context.baseUrl) ?? path
  const link = await linkOf(context, request, owner)
  const { server } = request.params
  if (!link && !(await mayChange(context, request, reply, { server }))) return reply
  await link?.use()
  const connection = await connections.setCredential(owner, server, {
    secret,
    account: textOf(request, 'account', 512),
    ip: request.ip
  })
  return answers.done(request, reply, { data: { connection }, next })
}

async function complete(context: RouteContext, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { connections, answers, binding, options, path } = context
  try {
    const { connection, returnTo, outcome } = await connections.complete({
      params: request.query as Record<string, string | string[] | undefined>,
      binding: binding.read(request),
      owner: ({ agent }) => readOwner(options, request, agent),
      ip: request.ip
    })
    return answers.done(request, reply, { data: { connection, outcome }, next: returnTo ?? path })
  } catch (error) {
    const failure = asMcpConnectionError(error)
    const errorTo = failure?.errorTo
    if (!failure || errorTo === undefined) throw error
    request.log.info({ code: failure.code, server: failure.server, reason: failure.reason }, 'could not connect')
    return answers.done(request, reply, { data: { error: failure.code }, next: withError(errorTo, failure.code) })
  }
}

// Only a stable code: what the authorization server wrote is not for a page of ours.
function withError(path: string, code: string): string {
  const url = new URL(path, 'http://own.invalid')
  url.searchParams.set('mcp_error', code)
  return url.href.slice(url.origin.length)
}
