/** Acme Desk: two people, an agent that works for each of them, and a page that shows its briefing. */
import cookie from '@fastify/cookie'
import formbody from '@fastify/formbody'
import mcpConnections from '@fastify-mcp-auth/connections'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { AGENT, briefing } from './briefing.ts'
import { connectionsOptions, type Settings } from './connections-options.ts'
import { briefingPage, homePage, signInPage } from './pages.ts'
import { tourRoutes } from './tour.ts'
import { welcomeRoutes } from './welcome.ts'

const PEOPLE = ['alice', 'bob'] as const

/** The login of a demo: whoever presses a button is that person. Yours is a real one. */
const COOKIE = 'desk-user'

export async function buildDesk(
  settings: Settings,
  options: Pick<FastifyServerOptions, 'logger'> = {}
): Promise<FastifyInstance> {
  const app = Fastify({ logger: { level: 'warn' }, ...options })
  const userOf = (cookies: Record<string, string | undefined>): string | null =>
    PEOPLE.find(name => name === cookies[COOKIE]) ?? null
  await app.register(cookie)
  await app.register(mcpConnections, {
    ...connectionsOptions(settings),
    // The briefing agent works for everybody; of another agent nobody here may say that it is theirs.
    owner: (request, { agent }) => {
      const user = userOf(request.cookies)
      if (user === null || (agent !== null && agent !== AGENT)) return null
      return { type: 'user', id: user, agent: AGENT }
    },
    loginUrl: ({ returnTo }) => `/?${new URLSearchParams({ returnTo })}`,
    admin: async (request, reply) => {
      if (userOf(request.cookies) !== 'alice') return reply.code(403).send('This page is for Alice.')
    },
    allowCustomServers: true,
    background: {},
    ui: { brand: { name: 'Acme Desk', accent: '#0f766e' } }
  })
  const catalogOf = (user: string) => app.mcpConnections.catalog({ type: 'user', id: user, agent: AGENT })
  await app.register(async pages => {
    await pages.register(formbody)

    pages.get<{ Querystring: { returnTo?: string } }>('/', async (request, reply) => {
      const user = userOf(request.cookies)
      const { returnTo = '/' } = request.query
      if (user === null) return signInPage(reply, PEOPLE, ownPath(returnTo))
      const catalog = await catalogOf(user)
      const connectUrl = (server: string, path: string) => app.mcpConnections.urls.connect(server, { returnTo: path })
      return homePage(reply, { user, catalog, connectUrl })
    })

    pages.post<{ Body: { user?: string; returnTo?: string } }>('/sign-in', async (request, reply) => {
      const user = PEOPLE.find(name => name === request.body.user)
      if (user) reply.setCookie(COOKIE, user, { path: '/', httpOnly: true, sameSite: 'lax' })
      return reply.redirect(ownPath(request.body.returnTo ?? '/'), 303)
    })

    pages.post('/sign-out', async (_request, reply) => reply.clearCookie(COOKIE, { path: '/' }).redirect('/', 303))

    // The feature needs notes: whoever has not connected them is led to do so, and comes back here.
    pages.get('/briefing', { preHandler: app.mcpConnections.require('notes') }, async (request, reply) => {
      const user = userOf(request.cookies)
      if (user === null) return reply.redirect('/', 303)
      return briefingPage(reply, await briefing(app.mcpConnections, user, request.signal))
    })

    tourRoutes(pages)
    welcomeRoutes(pages, {
      async catalog({ cookies }) {
        const user = userOf(cookies)
        return user === null ? null : catalogOf(user)
      }
    })
  })
  return app
}

/** A path of this app, or its start. */
function ownPath(value: string): string {
  return /^\/(?![/\\])[\w./?=&%-]*$/.test(value) ? value : '/'
}
