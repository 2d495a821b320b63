/** An app with the real authorization server, our pages and a login of its own: what a person's browser meets. */
import formbody from '@fastify/formbody'
import authorizationServer, { type AuthorizationServerOptions } from '@fastify-mcp-auth/authorization-server'
import type { AuthorizationServer } from '@fastify-mcp-auth/core'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import { type SettableClock, settableClock } from '@fastify-mcp-auth/testing'
import Fastify, { type FastifyInstance, type FastifyRequest, type FastifyServerOptions } from 'fastify'
import type { Test } from 'tap'
import { freePort } from '../../../../.ci/free-port.ts'
import consent, { type ConsentOptions } from '../../src/index.ts'

export interface AcmeNotes {
  readonly app: FastifyInstance
  readonly origin: string
  readonly resource: string
  readonly server: AuthorizationServer<FastifyRequest>
  readonly clock: SettableClock
  /** Teams of each account; empty unless told otherwise. */
  readonly teams: Map<string, { id: string; name: string }[]>
  /** Lines of the log, from level info on. */
  readonly log: Record<string, unknown>[]
}

export interface AcmeNotesOptions {
  readonly options?: Partial<AuthorizationServerOptions>
  readonly consent?: ConsentOptions
  readonly fastify?: FastifyServerOptions
  /** Under which a proxy shows it, `/app`, while it hears nothing of it itself. */
  readonly path?: string
  /** Runs after the plugins were registered. */
  readonly after?: (app: FastifyInstance) => unknown
}

const SCOPES: AuthorizationServerOptions['resources'][string]['scopes'] = {
  'mcp:tools': { description: 'See who you are', required: true },
  'notes:read': { description: 'Read your notes', tools: ['list_notes'] },
  'notes:write': { description: 'Add notes', tools: ['add_note'] },
  'notes:admin': { description: 'Delete notes', tools: ['delete_all_notes'], destructive: true }
}

/** On a port of this computer, for browsers. */
export async function listenAcmeNotes(t: Test, given: AcmeNotesOptions = {}): Promise<AcmeNotes> {
  const port = await freePort()
  const acme = await createAcmeNotes(t, given, `http://127.0.0.1:${port}`)
  await acme.app.listen({ host: '127.0.0.1', port })
  return acme
}

/** Not listening: for `inject`. */
export async function createAcmeNotes(
  t: Test,
  given: AcmeNotesOptions = {},
  origin = 'http://127.0.0.1:3000'
): Promise<AcmeNotes> {
  const resource = `${origin}/mcp`
  const clock = settableClock()
  const teams: AcmeNotes['teams'] = new Map()
  const log: AcmeNotes['log'] = []
  const stream = { write: (line: string): unknown => log.push(JSON.parse(line)) }
  const app = Fastify({ logger: { level: 'info', stream }, ...given.fastify })
  t.teardown(() => app.close())
  await app.register(authorizationServer, {
    issuer: origin,
    storage: memoryStorage(),
    users: {
      current: request => currentUser(request),
      loginUrl: ({ returnTo, prompt = '' }) => `${given.path ?? ''}/login?${new URLSearchParams({ returnTo, prompt })}`,
      subject: user => `sub-${user}`,
      find: subject => subject.slice(4),
      organizations: user => teams.get(String(user)) ?? [],
      displayName: user => `${user}@acme.example`,
      signOut: (_request, reply) => void reply.header('set-cookie', 'session=; Path=/; Max-Age=0')
    },
    resources: { [resource]: { name: 'Acme Notes', scopes: SCOPES } },
    rateLimit: false,
    clock,
    ...given.options
  })
  await app.register(consent, { brand: { name: 'Acme Notes' }, ...given.consent })
  await given.after?.(app)
  await app.register(login, { clock })
  await app.ready()
  return { app, origin, resource, server: app.authorizationServer, clock, teams, log }
}

/** The cookie says who and since when; a real app keeps that on the server. */
function currentUser(request: FastifyRequest): { user: string; authTime: number } | null {
  const [, user, authTime] = /(?:^|; )session=([a-z]+)\.(\d+)/.exec(request.headers.cookie ?? '') ?? []
  return user === undefined ? null : { user, authTime: Number(authTime) }
}

async function login(app: FastifyInstance, { clock }: { clock: SettableClock }): Promise<void> {
  await app.register(formbody)
  app.get<{ Querystring: { returnTo?: string } }>('/login', async (request, reply) =>
    reply.type('text/html').send(`<!doctype html><title>Sign in</title><form method="post">
      <label>Name <input name="username"></label><label>Password <input type="password" name="password"></label>
      <input type="hidden" name="returnTo" value="${encodeURI(request.query.returnTo ?? '/')}"><button>Sign in</button></form>`)
  )
  app.post<{ Body: { username: string; returnTo: string } }>('/login', async (request, reply) =>
    reply
      .header('set-cookie', `session=${request.body.username}.${clock.now()}; Path=/; HttpOnly; SameSite=Lax`)
      .redirect(request.body.returnTo, 303)
  )
  app.get('/logout', async (_request, reply) =>
    reply.header('set-cookie', 'session=; Path=/; Max-Age=0').type('text/html').send('<h1>Signed out of Acme</h1>')
  )
}
