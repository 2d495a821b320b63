/** For administrators: numbers, the registry of servers, the doctor. Behind the guard of the app; without one there are no such routes. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { McpConnectionError } from '../errors.ts'
import { readOwner, textOf } from '../http/asker.ts'
import type { RouteContext } from '../http/scope.ts'
import type { ServersData } from '../pages/admin-pages.ts'
import { viewOfServer } from '../pages/registered-server.ts'
import type { AdminGuard } from '../plugin-options.ts'
import { isToolAllowed } from '../tool-filter.ts'
import type { ActOptions } from '../types.ts'
import { readServerForm } from './server-form.ts'

type ToServer = FastifyRequest<{ Params: { server: string } }>

export function adminRoutes(parent: FastifyInstance, context: RouteContext, guard: AdminGuard): void {
  const { connections, answers, options, path } = context
  const { registry } = connections
  const root = `${path}/admin`

  parent.register(
    async scope => {
      // What the guard returns is returned: a reply that it sends is waited for, and the route behind it does not run meanwhile.
      scope.addHook('preHandler', async (request, reply) => guard(request, reply))

      /** Whoever is signed in, for the audit; an administrator may also be somebody whom the app knows otherwise. */
      const actorOf = async (request: FastifyRequest): Promise<ActOptions> => ({
        actor: (await readOwner(options, request)) ?? undefined
      })

      const overview = async (): Promise<ServersData> => {
        const [servers, stats] = await Promise.all([registry.list(), connections.stats()])
        return { servers: servers.map(viewOfServer), stats }
      }
      scope.get('/', async (request, reply) => {
        const [data, expiring] = await Promise.all([overview(), connections.expiring({ limit: 50 })])
        return answers.show(request, reply, { page: 'dashboard', data: { ...data, expiring } })
      })

      scope.get('/servers', async (request, reply) =>
        answers.show(request, reply, { page: 'servers', data: await overview() })
      )
      scope.get('/new', async (request, reply) =>
        answers.show(request, reply, { page: 'server', data: { server: null } })
      )
      scope.post('/servers', async (request, reply) => {
        const id = textOf(request, 'id', 64)
        if (id === undefined) throw new McpConnectionError('MCP_INVALID_INPUT', '"id" is missing')
        const server = viewOfServer(await registry.add(id, readServerForm(request), await actorOf(request)))
        return answers.done(request, reply, { data: { server }, next: `${root}/servers/${id}` })
      })

      scope.get('/servers/:server', async (request: ToServer, reply) => {
        const server = viewOfServer(await registry.get(request.params.server))
        return answers.show(request, reply, { page: 'server', data: { server } })
      })
      scope.get('/servers/:server/doctor', async (request: ToServer, reply) => {
        const { server } = request.params
        const report = await connections.diagnose(server)
        if (textOf(request, 'download') !== undefined)
          reply.header('content-disposition', `attachment; filename="${server}-doctor.json"`)
        if (textOf(request, 'download') !== undefined) return reply.send(report)
        return answers.show(request, reply, { page: 'doctor', data: { server, report } })
      })

      scope.get('/servers/:server/tools', async (request: ToServer, reply) => {
        const { server } = request.params
        const { definition } = await registry.get(server)
        const tools = await connections.previewTools(server)
        const leftOut = tools?.filter(({ name }) => !isToolAllowed(name, definition, null)).map(({ name }) => name)
        return answers.show(request, reply, { page: 'preview', data: { server, tools, leftOut: leftOut ?? [] } })
      })
      scope.get('/issuers', async (request, reply) =>
        answers.show(request, reply, { page: 'issuers', data: { blocked: await connections.blockedIssuers() } })
      )
      const judge = (name: 'block' | 'unblock', set: (issuer: string, act: ActOptions) => Promise<void>): void => {
        scope.post(`/issuers/${name}`, async (request, reply) => {
          const issuer = textOf(request, 'issuer', 2048)
          if (issuer === undefined) throw new McpConnectionError('MCP_INVALID_INPUT', '"issuer" is missing')
          await set(issuer, await actorOf(request))
          return answers.done(request, reply, {
            data: { blocked: await connections.blockedIssuers() },
            next: `${root}/issuers`
          })
        })
      }
      judge('block', connections.blockIssuer)
      judge('unblock', connections.unblockIssuer)

      const act = (
        name: string,
        run: (server: string, actor: ActOptions, request: ToServer) => Promise<object>,
        next?: string
      ): void => {
        scope.post(`/servers/:server/${name}`, async (request: ToServer, reply: FastifyReply) => {
          const { server } = request.params
          const data = await run(server, await actorOf(request), request)
          return answers.done(request, reply, { data, next: next ?? `${root}/servers/${encodeURIComponent(server)}` })
        })
      }
      act('update', async (server, actor, request) => {
        const { definition } = await registry.get(server)
        return { server: viewOfServer(await registry.update(server, readServerForm(request, definition), actor)) }
      })
      act('remove', async (server, actor) => ({ removed: await registry.remove(server, actor) }), `${root}/servers`)
      for (const [name, disabled] of [
        ['disable', true],
        ['enable', false]
      ] as const)
        act(name, async (server, actor) => {
          await registry.setDisabled(server, disabled, actor)
          return { server: viewOfServer(await registry.get(server)) }
        })
      act('wipe', async (server, actor) => ({ disconnected: await connections.wipeServer(server, actor) }))
      act('reset-registration', async (server, actor) => ({
        reset: await connections.resetRegistration(server, actor)
      }))
    },
    { prefix: '/admin' }
  )
}
