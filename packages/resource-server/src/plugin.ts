/** The plugin: options in, decorators, hooks and metadata out. What happens on a request is in `authenticate.ts`. */
import { ConfigurationError } from '@fastify-mcp-auth/core'
import type { FastifyInstance, RouteOptions } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { createAuthHook } from './auth-hook.ts'
import { guard, guardBody, noteRefusal, policyOf, preflight, verifyToken } from './authenticate.ts'
import { type Awaitable, isPromise } from './awaitable.ts'
import { writeDenial } from './challenge-reply.ts'
import { createResourceServer, createVisit, type ResourceServer, VISIT } from './context.ts'
import { describeRoute, hasAuthHook } from './describe-routes.ts'
import { outermost, PUBLIC_ROUTE, publishMetadata, WITHOUT_FOREIGN_CORS } from './metadata.ts'
import { needsOf } from './operations.ts'
import { assertScopesKnown, type ResourceServerOptions, resolveResourceServerOptions } from './options.ts'
import { decideRoute, optionAboutBodies, placeRoute } from './protected-routes.ts'
import { watchStrayRoutes } from './stray-routes.ts'
import type { Health, McpAuth } from './types.ts'

const NAME = '@fastify-mcp-auth/resource-server'

async function resourceServer(app: FastifyInstance, input: ResourceServerOptions): Promise<void> {
  assertAlone(app)
  const server = await createResourceServer(resolveResourceServerOptions(input))
  watchRoutes(app, server, decorate(app, server))
  publishMetadata(app, server)
  addGuards(app, server)
  const { verify } = server.options
  verify.observe?.(event => server.events.tellOfVerifier(app.log, event))
  const stopObserving = server.telemetry?.observe({ verifier: verify, streams: () => server.streams.size })
  app.addHook('onClose', async () => {
    server.streams.close()
    stopObserving?.()
  })
  // Not before the app listens: its issuer may be another plugin of the same app.
  if (verify.prepare) app.addHook('onListen', async () => verify.prepare?.())
  app.addHook('onSend', (request, reply, payload, done) => {
    const visit = request[VISIT]
    if (!visit) return done()
    visit.isSending = true
    if (!visit.denial) return done()
    done(null, writeDenial(visit.denial, reply, payload))
  })
}

// With callbacks, because a request whose token is known should not have to wait for a promise, nor one to any other route of the app.
function addGuards(app: FastifyInstance, server: ResourceServer): void {
  app.addHook('onRequest', (request, reply, done) => {
    // Decorators do not reach the requests of scopes that were opened before this plugin came; hooks do.
    request.auth ??= null
    const policy = policyOf(server, request)
    if (!policy) return done()
    request[VISIT] = createVisit(reply, policy)
    const refuse = (error: unknown): void => done(noteRefusal(server, reply, error) as Error)
    let goesOn: Awaitable<boolean>
    try {
      goesOn = guard(server, request, reply, policy)
    } catch (error) {
      return refuse(error)
    }
    // Outside of the `try`: what a later hook throws is not ours to catch.
    if (isPromise(goesOn)) goesOn.then(go => go && done(), refuse)
    else if (goesOn) done()
  })
  app.addHook('preHandler', (request, reply, done) => {
    const visit = request[VISIT]
    if (!visit) {
      request[VISIT] = false
      return done()
    }
    try {
      guardBody(server, visit)
    } catch (error) {
      return done(noteRefusal(server, reply, error) as Error)
    }
    done()
  })
}

function assertAlone(app: FastifyInstance): void {
  if (!app.hasDecorator('mcpAuth') && !app.hasRequestDecorator('auth')) return
  const what = app.hasDecorator('mcpAuth')
    ? 'a resource server is registered here already; register each resource in a scope of its own'
    : 'another plugin has decorated request.auth'
  throw new ConfigurationError('FST_OAUTH_OPTION', `resource-server: ${what}`)
}

// Keys that were fetched before go on working while their source is down; what keeps nothing does not.
function healthOf({ options }: ResourceServer): Health {
  const dependencies = options.verify.health?.() ?? []
  return { ok: dependencies.every(({ state, age }) => state !== 'down' || age !== null), dependencies }
}

/** @returns whether anybody has asked for a hook: it may protect routes in a composition, where it is not seen */
function decorate(app: FastifyInstance, server: ResourceServer): () => boolean {
  const { resource, metadata, metadataUrl } = server
  const mcpAuth: McpAuth = {
    resource,
    metadata,
    metadataUrl,
    verify: async token => verifyToken(server, token, null),
    scopesFor: operation => needsOf(server.operations, [operation]),
    on: (type, listener) => server.events.on(type, listener),
    health: () => healthOf(server)
  }
  app.decorate('mcpAuth', Object.freeze(mcpAuth))
  const authenticate = createAuthHook(server, [])
  let isAskedFor = false
  app.decorate('authenticate', {
    getter() {
      isAskedFor = true
      return authenticate
    }
  })
  app.decorate('requireScopes', (...scopes: string[]) => {
    assertScopesKnown(server.options, 'requireScopes', scopes)
    isAskedFor = true
    return createAuthHook(server, scopes)
  })
  app.decorateRequest('auth', null)
  app.decorateRequest(VISIT, null)
  return () => isAskedFor
}

/** Looks at every route as it is declared: wrong wiring stops the boot instead of leaving a door open. */
function watchRoutes(app: FastifyInstance, server: ResourceServer, hasHooks: () => boolean): void {
  const mayBeThere = outermost(app) === app
  const wasThere = (prefix: string): boolean => mayBeThere && hasRouteUnder(app, prefix)
  const unseen = new Set(server.options.protect.filter(prefix => !wasThere(prefix)))
  const aboutBodies = optionAboutBodies(server.options)
  let hasBodies = aboutBodies === null || server.options.protect.some(wasThere)
  const preflights = new Set<string>()
  const claim = watchStrayRoutes(app)
  app.addHook('onRoute', route => {
    claim(route)
    const decision = decideRoute(server.options, { url: route.url, mcpAuth: route.config?.mcpAuth })
    const methods = methodsOf(route)
    if (decision === 'depends' || (decision !== 'open' && decision.operations)) hasBodies = true
    const { openapiScheme } = server.options
    if (openapiScheme !== undefined) describeRoute(openapiScheme, route, typeof decision === 'object' ? decision : null)
    // An open route does not show that the prefix is right, nor does the wildcard of a CORS plugin.
    if (decision !== 'open' && methods.some(method => method !== 'OPTIONS'))
      for (const prefix of unseen) if (placeRoute(route.url, prefix) !== 'outside') unseen.delete(prefix)
    if (!server.options.cors || (typeof decision !== 'object' && !hasAuthHook(route))) return
    route.config = { ...WITHOUT_FOREIGN_CORS, ...route.config }
    if (preflights.has(route.url) || methods.includes('OPTIONS')) return
    preflights.add(route.url)
    addPreflight(app, server, route.url)
  })
  app.addHook('onReady', async () => {
    for (const prefix of unseen)
      throw new ConfigurationError(
        'FST_OAUTH_OPTION',
        `resource-server: option "protect": no route lies under ${prefix} (paths are whole, with the prefixes of plugins; register this plugin, with await, before the routes)`
      )
    if (!hasBodies && !hasHooks())
      throw new ConfigurationError(
        'FST_OAUTH_OPTION',
        `resource-server: option "${aboutBodies}": there is no protected route to which it applies (register this plugin, with await, before the routes)`
      )
  })
}

// Routes that were declared before the plugin are not announced, but they can be asked for: whether they are there, not in which scope.
function hasRouteUnder(app: FastifyInstance, prefix: string): boolean {
  const urls = [prefix, `${prefix.replace(/\/$/, '')}/*`]
  return urls.some(url => (['GET', 'POST', 'PUT', 'DELETE'] as const).some(method => app.hasRoute({ method, url })))
}

function methodsOf(route: RouteOptions): string[] {
  return [route.method].flat().map(method => method.toUpperCase())
}

// On the outermost instance, where its URL is what it says. A browser asks before it sends a token, so nothing here is guarded.
function addPreflight(app: FastifyInstance, server: ResourceServer, url: string): void {
  const root = outermost(app)
  if (root.hasRoute({ method: 'OPTIONS', url })) return
  root.route({
    method: 'OPTIONS',
    url,
    config: PUBLIC_ROUTE,
    schema: { hide: true } as object,
    handler: (request, reply) => preflight(server, request, reply)
  })
}

/**
 * Protects routes with OAuth 2.1 access tokens and tells clients how to get one.
 *
 * Protects only routes that say so (`config.mcpAuth`) or that lie under `protect`, in the scope where it is registered and below.
 * Several resources in one app: one registration each, in sibling scopes.
 *
 * Register it with `await`, before the routes: routes that were there before are protected too, but their wiring is checked only when
 * they are called, and their preflights are not answered. A route that wants to answer OPTIONS itself declares it together with its other
 * methods.
 */
export default fastifyPlugin(resourceServer, { name: NAME, fastify: '>=5.8.3 <6' })
