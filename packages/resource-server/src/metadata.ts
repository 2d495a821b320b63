/**
 * Protected resource metadata: where clients learn which authorization server to ask. Public, cacheable, never behind the guard.
 *
 * @see RFC 9728 sections 2 and 3
 */
import { ConfigurationError, type ProtectedResourceMetadata, systemClock } from '@fastify-mcp-auth/core'
import type { FastifyContextConfig, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ResourceServer } from './context.ts'
import type { SignMetadata } from './metadata-options.ts'
import type { Options } from './options.ts'

const ROOT = '/.well-known/oauth-protected-resource'
const ALLOW_HEADERS = 'Accept, Authorization, Content-Type, MCP-Protocol-Version'

/**
 * Config of routes that set CORS headers themselves. @fastify/cors, wherever it is registered, would answer their preflights with the host's
 * origins, and write over theirs; this is how a route tells it not to.
 */
export const WITHOUT_FOREIGN_CORS: object = Object.freeze({ cors: false })

const OF_PLUGIN = Symbol('mcp-auth.of-plugin')

declare module 'fastify' {
  interface FastifyContextConfig {
    [OF_PLUGIN]?: boolean
  }
}

/** Config of the routes that the plugin adds: who asks there does not have a token yet. */
export const PUBLIC_ROUTE: FastifyContextConfig = Object.freeze({
  ...WITHOUT_FOREIGN_CORS,
  mcpAuth: false,
  [OF_PLUGIN]: true
})

/** Whether the route is one of the plugin itself, which must be open whatever hooks the app puts before everything. */
export function isPublicRoute(request: FastifyRequest): boolean {
  return request.routeOptions.config?.[OF_PLUGIN] === true
}

/** Documents of one HTTP server by their path. */
const published = new WeakMap<object, Map<string, string>>()

/**
 * Everything in it comes from options. `offline_access` is expected to be filtered out already.
 *
 * @throws ConfigurationError when the key cannot sign
 */
export async function createMetadata(
  options: Pick<Options, 'resource' | 'resourceName' | 'verify' | 'metadata' | 'signMetadata'>,
  advertisedScopes: readonly string[]
): Promise<Readonly<ProtectedResourceMetadata>> {
  const { issuers } = options.verify
  const metadata: ProtectedResourceMetadata = {
    resource: options.resource,
    ...(issuers.length > 0 ? { authorization_servers: [...issuers] } : {}),
    ...(advertisedScopes.length > 0 ? { scopes_supported: [...advertisedScopes] } : {}),
    bearer_methods_supported: ['header'],
    ...(options.resourceName === undefined ? {} : { resource_name: options.resourceName }),
    ...options.metadata
  }
  if (!options.signMetadata) return Object.freeze(metadata)
  return Object.freeze({ ...metadata, signed_metadata: await signMetadata(metadata, options.signMetadata) })
}

// RFC 9728 section 2.2: the signed members are claims, and `iss` says who vouches for them.
async function signMetadata(metadata: ProtectedResourceMetadata, { key, issuer }: SignMetadata): Promise<string> {
  const { alg = '', kid } = key
  const { SignJWT } = await import('jose/jwt/sign')
  try {
    return await new SignJWT({ ...metadata })
      .setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }) })
      .setIssuer(issuer ?? metadata.resource)
      .setIssuedAt(systemClock.now())
      .sign({ ...key })
  } catch {
    // Without the cause: what a library says about a key may have the key in it.
    throw new ConfigurationError(
      'FST_OAUTH_OPTION',
      'resource-server: option "signMetadata.key" is not a private key that can sign with its "alg"'
    )
  }
}

/**
 * Serves the document at the place that belongs to the resource, and at the root as long as it is the only one: with several, a
 * client that asks there would be told about a resource that it did not ask for.
 *
 * @throws ConfigurationError when another resource has the same place
 */
export function publishMetadata(app: FastifyInstance, server: ResourceServer): void {
  const documents = published.get(app.server) ?? new Map<string, string>()
  published.set(app.server, documents)
  const { pathname } = new URL(server.metadataUrl)
  // Clients on the MCP SDKs leave a slash at the end out, RFC 9728 section 3.1 does not.
  const bare = pathname.replace(/(?<=[^/])\/$/, '')
  for (const path of [pathname, bare])
    if (documents.has(path))
      throw new ConfigurationError(
        'FST_OAUTH_OPTION',
        `resource-server: option "resource": another resource of this app has its metadata at ${path}`
      )
  const first = documents.size === 0
  const document = JSON.stringify(server.metadata)
  documents.set(pathname, document).set(bare, document)
  const root = outermost(app)
  if (pathname !== ROOT) addRoutes(root, pathname, () => document)
  // To a router that ignores such slashes both are one.
  if (bare !== pathname && !root.hasRoute({ method: 'GET', url: routeOf(bare) })) addRoutes(root, bare, () => document)
  if (first) addRoutes(root, ROOT, () => documents.get(ROOT) ?? soleDocument(documents))
}

function soleDocument(documents: ReadonlyMap<string, string>): string | undefined {
  const [document, ...others] = new Set(documents.values())
  return others.length === 0 ? document : undefined
}

/** The instance without prefix and encapsulation: well-known places are places of the host, wherever the plugin is registered. */
export function outermost(app: FastifyInstance): FastifyInstance {
  let instance = app
  for (;;) {
    // Fastify makes the instance of a plugin by inheriting from the one it is registered in.
    const parent = Object.getPrototypeOf(instance) as FastifyInstance
    if (!('addHook' in parent)) return instance
    instance = parent
  }
}

// The router decodes before it compares, and takes a colon for a parameter unless it is doubled.
function routeOf(path: string): string {
  return decodeURI(path).replaceAll(':', '::')
}

function addRoutes(root: FastifyInstance, path: string, document: () => string | undefined): void {
  const url = routeOf(path)
  root.route({
    method: 'GET',
    url,
    config: PUBLIC_ROUTE,
    exposeHeadRoute: true,
    handler: async (_request, reply) => {
      const body = document()
      if (body === undefined) return reply.callNotFound()
      return allowAnyOrigin(reply)
        .header('cache-control', 'public, max-age=3600')
        .type('application/json; charset=utf-8')
        .send(body)
    }
  })
  root.route({
    method: 'OPTIONS',
    url,
    config: PUBLIC_ROUTE,
    handler: async (_request, reply) =>
      allowAnyOrigin(reply)
        .header('access-control-allow-methods', 'GET, HEAD')
        .header('access-control-allow-headers', ALLOW_HEADERS)
        .header('access-control-max-age', '600')
        .code(204)
        .send()
  })
}

function allowAnyOrigin(reply: FastifyReply): FastifyReply {
  return reply.header('access-control-allow-origin', '*')
}
