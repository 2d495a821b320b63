/** The app that most tests look at: a few protected routes behind a test issuer. */
import { isOAuthError } from '@fastify-mcp-auth/core'
import { createTestIssuer, type MintOptions, settableClock, type TestIssuer } from '@fastify-mcp-auth/testing'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import resourceServer, { jwt, type ResourceServerOptions } from '../src/index.ts'

export const RESOURCE = 'http://127.0.0.1:3000/mcp'
export const METADATA_URL = 'http://127.0.0.1:3000/.well-known/oauth-protected-resource/mcp'

export interface TestApp {
  app: FastifyInstance
  issuer: TestIssuer
  clock: ReturnType<typeof settableClock>
  /** An `Authorization` header with a good token, but for what the options change. */
  bearer(options?: Partial<MintOptions>): Promise<{ authorization: string }>
}

interface TestAppOptions {
  options?: Partial<ResourceServerOptions>
  fastify?: FastifyServerOptions
  /** Routes of the test; by default POST, GET and DELETE /mcp that answer with the subject. */
  routes?: (app: FastifyInstance) => void | Promise<void>
  /** Plugins of the host, before ours. */
  before?: (app: FastifyInstance) => void | Promise<void>
}

interface Teardown {
  teardown(done: () => Promise<unknown>): void
}

export async function createApp(t: Teardown, setup: TestAppOptions = {}): Promise<TestApp> {
  const clock = settableClock(1_800_000_000)
  const issuer = await createTestIssuer({ clock })
  const app = Fastify(setup.fastify ?? {})
  t.teardown(() => app.close())
  await setup.before?.(app)
  await app.register(resourceServer, {
    resource: RESOURCE,
    clock,
    verify: jwt({ issuer: issuer.issuer, clock, fetch: issuer.fetch }),
    ...setup.options
  })
  await (setup.routes ?? defaultRoutes)(app)
  await app.ready()
  return {
    app,
    issuer,
    clock,
    async bearer(options = {}) {
      return { authorization: `Bearer ${await issuer.mint({ resource: RESOURCE, ...options })}` }
    }
  }
}

function defaultRoutes(app: FastifyInstance): void {
  app.route({
    method: ['GET', 'POST', 'DELETE'],
    url: '/mcp',
    config: { mcpAuth: { scopes: ['mcp:tools'] } },
    handler: async request => ({ subject: request.auth?.subject ?? null })
  })
}

/** Headers of an MCP client. */
export const MCP_HEADERS = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' }

/** A JSON-RPC request for a tool. */
export function toolCall(name: unknown, id = 1): object {
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name } }
}

/** Why a token was refused; undefined when it was not. */
export async function reasonOf(attempt: () => unknown): Promise<string | undefined> {
  try {
    await attempt()
    return undefined
  } catch (error) {
    return isOAuthError(error) ? error.reason : String(error)
  }
}
