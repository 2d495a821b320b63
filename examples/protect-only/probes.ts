/** For probes: `/health` says that the process runs, `/ready` that it can tell good tokens from bad ones. */
import type { FastifyInstance } from 'fastify'

export function addProbes(app: FastifyInstance): void {
  app.get('/health', { logLevel: 'warn' }, async () => ({ ok: true }))
  app.get('/ready', { logLevel: 'warn' }, async (_request, reply) => {
    const { ok, dependencies } = app.mcpAuth.health()
    if (!ok) reply.code(503).header('retry-after', 5)
    // Who the issuers are is in the metadata; how they are is enough here.
    return { ok, dependencies: dependencies.map(({ dependency, state, age }) => ({ dependency, state, age })) }
  })
}
