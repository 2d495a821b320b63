/** The first visit: what can be connected, one after the other, each to be left for later. No script, and nothing to be remembered. */
import type { ConnectionSummary } from '@fastify-mcp-auth/connections'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { welcomePage } from './pages.ts'

interface Settings {
  /** Null when nobody is signed in. */
  catalog(request: FastifyRequest): Promise<readonly ConnectionSummary[] | null>
}

export function welcomeRoutes(app: FastifyInstance, { catalog }: Settings): void {
  app.get<{ Querystring: { skip?: string } }>('/welcome', async (request, reply) => {
    const servers = await catalog(request)
    if (!servers) return reply.redirect('/?returnTo=/welcome', 303)
    // Only names of servers: whatever else stands there is none.
    const asked = new Set((request.query.skip ?? '').split('.'))
    const skipped = servers.map(({ server }) => server).filter(server => asked.has(server))
    const next = servers.find(({ server, action }) => !skipped.includes(server) && action === 'connect')
    if (!next) return reply.redirect('/', 303)
    const returnTo = skipped.length === 0 ? '/welcome' : `/welcome?skip=${skipped.join('.')}`
    return welcomePage(reply, {
      name: next.serverName,
      done: servers.filter(({ status }) => status === 'active').length,
      all: servers.length,
      connectUrl: app.mcpConnections.urls.connect(next.server, { returnTo }),
      skipUrl: `/welcome?skip=${[...skipped, next.server].join('.')}`
    })
  })
}
