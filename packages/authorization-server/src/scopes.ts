/**
 * The encapsulated scopes in which endpoints live: what they need is registered there and never reaches the host's routes, and
 * what the host registered for its own routes (parsers, CORS, error handler) does not reach them.
 */
import cors, { type FastifyCorsOptions } from '@fastify/cors'
import formbody from '@fastify/formbody'
import type { FastifyContextConfig, FastifyInstance } from 'fastify'
import { claimedCaller } from './claimed-caller.ts'
import type { ServerContext } from './context.ts'
import { replyWithErrorPage, replyWithOAuthError } from './error-handler.ts'
import type { Limited } from './rate-limit.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Read by @fastify/cors: the policy of one route, or none. */
    cors?: FastifyCorsOptions | false
  }
}

/** What an endpoint gives to each route that it adds. */
export interface RouteSettings {
  /**
   * Stands on the route itself, where also the host's own CORS and rate limit plugins find it: their hooks run before any hook
   * of this scope.
   */
  readonly config: FastifyContextConfig
  /** Bytes. */
  readonly bodyLimit: number
}

export interface MachineEndpoint {
  readonly path: string
  /** Where it answers too. It is counted as one. */
  readonly aliases?: readonly string[]
  /** What follows the path, when it has a parameter: the prefix of a scope must not have one. */
  readonly url?: string
  readonly methods: readonly ('GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE')[]
  readonly endpoint: (scope: FastifyInstance, server: ServerContext, route: RouteSettings) => void
  /** Which number of the option `rateLimit` counts; each endpoint has counters of its own. */
  readonly limit?: Limited['limit']
  /** The one content type that it reads. */
  readonly body?: 'application/x-www-form-urlencoded' | 'application/json'
  /** Code for a body that cannot be read; `invalid_request` when left out. */
  readonly malformed?: 'invalid_client_metadata'
}

/** The largest real request is a registration with many redirect URIs; a token request has a few kilobytes. */
const BODY_LIMIT = 64 * 1024

/** An endpoint for programs: JSON errors, CORS for everybody and without credentials, limits. */
export function machineEndpoint(
  app: FastifyInstance,
  server: ServerContext,
  { path, aliases = [], url = '', methods, endpoint, limit, body, malformed }: MachineEndpoint
): void {
  for (const prefix of [path, ...aliases])
    app.register(
      async scope => {
        const policy = corsPolicy(methods)
        // A host that registered @fastify/cors before us runs its hook here too; the route's own policy wins in it.
        if (!scope.hasRequestDecorator('corsPreflightEnabled')) await scope.register(cors, policy)
        if (body) await acceptOnly(scope, body)
        scope.setErrorHandler((error, request, reply) => replyWithOAuthError(error, { request, reply, malformed }))
        if (limit) countRequests(scope, server, { endpoint: path, limit })
        endpoint(scope, server, {
          config: { cors: policy, ...(limit ? withoutHostLimit(server) : {}) },
          bodyLimit: BODY_LIMIT
        })
        scope.options(url, { config: { cors: policy } }, async (_request, reply) => reply.code(204).send())
      },
      { prefix }
    )
}

// After the body was read, which says who asks and for what.
function countRequests(
  scope: FastifyInstance,
  { limits, grants }: ServerContext,
  by: Pick<Limited, 'endpoint' | 'limit'>
): void {
  if (!limits) return
  scope.addHook('preHandler', async request => {
    // Who registers has no name yet, and whatever stands in its place is made up.
    const claimed = by.limit === 'register' ? {} : claimedCaller(request, grants)
    await limits.count(request, { ...by, ...claimed })
  })
}

// A limit of the host for all its routes knows neither our clients nor our errors.
const withoutHostLimit = ({ limits }: ServerContext): { rateLimit?: false } => (limits ? { rateLimit: false } : {})

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

// The host may have parsers of its own, for example one that keeps JSON as bytes to check a signature.
async function acceptOnly(scope: FastifyInstance, type: NonNullable<MachineEndpoint['body']>): Promise<void> {
  scope.removeAllContentTypeParsers()
  if (type === 'application/json')
    scope.addContentTypeParser(type, { parseAs: 'string' }, scope.getDefaultJsonParser('error', 'error'))
  else await scope.register(formbody)
}

export interface BrowserEndpoint {
  readonly path: string
  /** Where it answers too. It is counted as one. */
  readonly aliases?: readonly string[]
  readonly endpoint: (scope: FastifyInstance, server: ServerContext, route: RouteSettings) => void
}

/** Endpoints for people: error pages, no CORS. Limits count them like authorization requests. */
export function browserScope(app: FastifyInstance, server: ServerContext, endpoints: readonly BrowserEndpoint[]): void {
  app.register(async scope => {
    await acceptOnly(scope, 'application/x-www-form-urlencoded')
    scope.setErrorHandler((error, request, reply) => replyWithErrorPage(server, error, { request, reply }))
    for (const { path, aliases = [], endpoint } of endpoints) {
      for (const prefix of [path, ...aliases])
        await scope.register(
          async inner => {
            countRequests(inner, server, { endpoint: path, limit: 'authorize' })
            endpoint(inner, server, {
              config: { cors: false, ...withoutHostLimit(server) },
              bodyLimit: BODY_LIMIT
            })
            // Else a preflight would be answered by the host's own `OPTIONS *`.
            inner.options('', { config: { cors: false } }, (_request, reply) => reply.callNotFound())
          },
          { prefix }
        )
    }
  })
}
