/** What a person has connected: list, detail, badge; refresh, look again at the tools, choose among them, disconnect. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { McpConnectionError } from '../errors.ts'
import { textOf, textsOf, wantsJson } from '../http/asker.ts'
import { readParamsBody } from '../http/params-body.ts'
import { mayChange, type RouteContext, requireOwner } from '../http/scope.ts'
import type { ConnectionSummary, Owner } from '../types.ts'

type ById = FastifyRequest<{ Params: { id: string } }>

/** One connection of whoever asks. */
interface Found {
  readonly owner: Owner
  readonly connection: ConnectionSummary
}

export function connectionRoutes(scope: FastifyInstance, context: RouteContext): void {
  const { answers, connections, path } = context

  const list = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const owner = await requireOwner(context, request, reply, request.url)
    if (!owner) return reply
    return answers.show(request, reply, { page: 'index', data: { connections: await connections.catalog(owner) } })
  }
  scope.get('/', list)

  scope.get('/badge/:server', async (request: FastifyRequest<{ Params: { server: string } }>, reply) => {
    const owner = await requireOwner(context, request, reply)
    if (!owner) return reply
    const account = textOf(request, 'account', 512)
    const connection = await connections.status(owner, request.params.server, { account })
    return answers.show(request, reply, { page: 'badge', data: { connection } })
  })

  scope.get('/:id', async (request: ById, reply) => {
    const found = await find(context, request, reply)
    if (!found) return reply
    const { owner, connection } = found
    const tools = await connections.tools(owner, connection.server, { account: connection.account })
    const { params: paramNames = {} } = (await connections.registry.get(connection.server)).definition
    return answers.show(request, reply, { page: 'connection', data: { connection, tools, paramNames } })
  })

  const act = (
    name: 'disconnect' | 'refresh' | 'sync' | 'approve' | 'tools' | 'params',
    run: (found: Found, request: ById) => Promise<{ readonly data: object; readonly next?: string }>
  ): void => {
    const isHarmless = name === 'refresh' || name === 'sync'
    scope.post(`/:id/${name}`, async (request: ById, reply) => {
      const found = await find(context, request, reply)
      if (!found) return reply
      const change = { server: found.connection.server, isOfTools: name === 'approve' }
      if (!isHarmless && !(await mayChange(context, request, reply, change))) return reply
      const { data, next = `${path}/${request.params.id}` } = await run(found, request)
      return answers.done(request, reply, { data, next })
    })
  }

  act('disconnect', async ({ owner, connection: { server, account } }) => ({
    data: { disconnected: await connections.disconnect(owner, server, { account }) },
    next: path
  }))
  act('refresh', async ({ owner, connection: { server, account } }, { ip }) => ({
    data: { connection: await connections.refresh(owner, server, { account, ip }) }
  }))
  act('sync', async ({ owner, connection: { server, account } }) => ({
    data: { tools: await connections.syncTools(owner, server, { account }) }
  }))
  act('approve', async ({ owner, connection: { server, account } }, request) => {
    const [names, hashes] = [textsOf(request, 'tools'), textsOf(request, 'hashes')]
    // A person accepts what the page showed; a program may accept what there is.
    if (hashes.length === 0 && !wantsJson(request))
      throw new McpConnectionError('MCP_INVALID_INPUT', '"hashes" is missing')
    await connections.approveTools(owner, server, names.length === 0 ? undefined : names, {
      account,
      hashes: hashes.length === 0 ? undefined : hashes
    })
    return { data: { tools: await connections.tools(owner, server, { account }) } }
  })
  // The form has a checkbox for each tool that is known: what is not checked is not to be used.
  act('tools', async ({ owner, connection: { server, account } }, request) => {
    const known = await connections.tools(owner, server, { account })
    // A server may call a tool `*`. Whoever ticks that one has not ticked all others.
    const disguised = new Set(known?.tools.map(({ name }) => name).filter(name => name.includes('*')))
    const allow = textsOf(request, 'allow').filter(name => !disguised.has(name))
    await connections.setToolFilter(owner, server, { allow }, { account })
    return { data: { tools: await connections.tools(owner, server, { account }) } }
  })
  act('params', async ({ owner, connection: { server, account } }, request) => {
    const { params: names = {} } = (await connections.registry.get(server)).definition
    const { params, keep } = readParamsBody(request, names)
    await connections.setParams(owner, server, params, { account, keep })
    return { data: { connection: await connections.status(owner, server, { account }) } }
  })
}

/** The connection of an id, if it is one of the owner who asks; of any other it is not said that it exists. */
async function find(context: RouteContext, request: ById, reply: FastifyReply): Promise<Found | null> {
  const owner = await requireOwner(context, request, reply)
  if (!owner) return null
  const connection = await context.connections.find(owner, request.params.id)
  if (!connection) throw new McpConnectionError('MCP_NOT_FOUND', 'there is no such connection')
  return { owner, connection }
}
