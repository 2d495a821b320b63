/** An app with the plugin, whose person is whoever the header `x-user` names; fake servers to connect to. */
import {
  createFakeAuthorizationServer,
  createFakeMcpServer,
  type FakeAuthorizationServer,
  type FakeMcpServer
} from '@fastify-mcp-auth/testing/servers'
import Fastify, { type FastifyInstance, type InjectOptions, type LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import mcpConnections, { type McpConnectionsOptions } from '../src/index.ts'

export const BASE = 'http://127.0.0.1:3000'
export const PREFIX = '/mcp/connections'

export interface World {
  readonly app: FastifyInstance
  readonly authorizationServer: FakeAuthorizationServer
  readonly mcp: FakeMcpServer
  readonly keyed: FakeMcpServer
  readonly log: string[]
}

/** Servers: `notes` by sign-in, `keyed` by a bearer key, `agents` the same for agents, `free` for nothing. */
export async function buildWorld(
  t: Test,
  options: Partial<McpConnectionsOptions> = {},
  prepare: (app: FastifyInstance) => unknown = () => undefined,
  { trustProxy = false }: { readonly trustProxy?: boolean } = {}
): Promise<World> {
  const authorizationServer = await createFakeAuthorizationServer()
  const mcp = await createFakeMcpServer({ authorizationServer })
  const keyed = await createFakeMcpServer({
    verify: token =>
      token.startsWith('key-of-') ? { token, subject: token.slice('key-of-'.length), scopes: [] } : null
  })
  const log: string[] = []
  const app = Fastify({
    trustProxy,
    logger: { level: 'trace', stream: { write: (line: string) => void log.push(line) } }
  })
  await prepare(app)
  await app.register(mcpConnections, {
    baseUrl: BASE,
    client: { name: 'Acme' },
    network: { allowLoopback: true },
    owner: (request, { agent }) => {
      const user = request.headers['x-user']
      if (typeof user !== 'string') return null
      // Everybody here has one agent, which is called after them.
      return { type: 'user', id: user, ...(agent === `${user}-bot` ? { agent } : {}) }
    },
    servers: {
      notes: { url: mcp.resource, name: 'Notes' },
      keyed: { url: keyed.resource, name: 'Keyed', auth: 'bearer' },
      agents: { url: keyed.resource, name: 'Agents', auth: 'bearer', mode: 'per-user-agent' }
    },
    ...options
  })
  t.teardown(async () => {
    await app.close()
    await Promise.all([authorizationServer.close(), mcp.close(), keyed.close()])
  })
  return { app, authorizationServer, mcp, keyed, log }
}

/** A person with a browser: keeps cookies, says where it comes from as browsers do. */
export function personOf(app: FastifyInstance, user: string | null, accept = 'text/html') {
  const cookies = new Map<string, string>()
  const send = async (options: InjectOptions & { url: string }): Promise<LightMyRequestResponse> => {
    const isWrite = options.method === 'POST'
    const response = await app.inject({
      ...options,
      url: options.url.startsWith('/') || options.url.startsWith('http') ? options.url : `${PREFIX}/${options.url}`,
      headers: {
        accept,
        ...(user === null ? {} : { 'x-user': user }),
        ...(cookies.size > 0 ? { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') } : {}),
        ...(isWrite ? { origin: BASE, 'sec-fetch-site': 'same-origin' } : {}),
        ...(isWrite && typeof options.payload === 'string'
          ? { 'content-type': 'application/x-www-form-urlencoded' }
          : {}),
        ...options.headers
      }
    })
    for (const { name, value } of response.cookies) cookies.set(name, value)
    return response
  }
  return {
    cookies,
    get: (url: string, headers: Record<string, string> = {}) => send({ url, headers }),
    post: (url: string, form: Record<string, string> = {}, headers: Record<string, string> = {}) =>
      send({ method: 'POST', url, payload: new URLSearchParams(form).toString(), headers })
  }
}
