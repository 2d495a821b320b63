/**
 * The encapsulated scopes in which endpoints live: what they need is registered there and never reaches the host's routes.
 */
import cookie from '@fastify/cookie'
import cors, { type FastifyCorsOptions } from '@fastify/cors'
import formbody from '@fastify/formbody'
import type { FastifyInstance } from 'fastify'
import type { ServerContext } from './context.ts'
import { replyWithErrorPage, replyWithOAuthError } from './error-handler.ts'
import { limited, registerRateLimit } from './rate-limit.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Read by @fastify/cors: the policy of one route, or none. */
    cors?: FastifyCorsOptions | false
  }
}

export interface MachineEndpoint {
  readonly path: string
  readonly methods: readonly ('GET' | 'HEAD' | 'POST')[]
  readonly endpoint: (scope: FastifyInstance, server: ServerContext) => void
  readonly limit?: 'register' | 'token'
  /** Takes `application/x-www-form-urlencoded` and nothing else. */
  readonly form?: boolean
  /** Code for a body that cannot be read; `invalid_request` when left out. */
  readonly malformed?: 'invalid_client_metadata'
}

/** An endpoint for programs: JSON errors, CORS for everybody and without credentials, limits. */
export function machineEndpoint(
  app: FastifyInstance,
  server: ServerContext,
  { path, methods, endpoint, limit, form, malformed }: MachineEndpoint
): void {
  app.register(
    async scope => {
      const policy = corsPolicy(methods)
      // A host that registered @fastify/cors before us runs its hook here too; the route's own policy wins in it.
      scope.addHook('onRoute', route => {
        route.config = {
          ...route.config,
          cors: policy,
          ...(limit && route.method === 'POST' ? limited(server, limit) : {})
        }
      })
      if (!scope.hasRequestDecorator('corsPreflightEnabled')) await scope.register(cors, policy)
      if (limit) await registerRateLimit(scope, server)
      if (form) await acceptForms(scope)
      scope.setErrorHandler((error, request, reply) => replyWithOAuthError(error, { request, reply, malformed }))
      endpoint(scope, server)
      scope.options('', async (_request, reply) => reply.code(204).send())
    },
    { prefix: path }
  )
}

/** Headers that MCP clients in browsers send to these endpoints. */
const ALLOWED_HEADERS = ['authorization', 'content-type', 'accept', 'mcp-protocol-version']

function corsPolicy(methods: readonly string[]): FastifyCorsOptions {
  return {
    origin: '*',
    credentials: false,
    methods: [...methods],
    allowedHeaders: ALLOWED_HEADERS,
    exposedHeaders: ['WWW-Authenticate', 'Retry-After'],
    maxAge: 600,
    strictPreflight: false
  }
}

async function acceptForms(scope: FastifyInstance): Promise<void> {
  scope.removeAllContentTypeParsers()
  await scope.register(formbody)
}

/** Endpoints for people: error pages, the browser's cookie, no CORS. */
export function browserScope(
  app: FastifyInstance,
  server: ServerContext,
  endpoints: readonly ((scope: FastifyInstance, server: ServerContext) => void)[]
): void {
  app.register(async scope => {
    if (!scope.hasReplyDecorator('setCookie')) await scope.register(cookie)
    await registerRateLimit(scope, server)
    await acceptForms(scope)
    scope.setErrorHandler((error, request, reply) => replyWithErrorPage(server, error, { request, reply }))
    for (const endpoint of endpoints) endpoint(scope, server)
  })
}
