/** What can only be seen when the whole app is put together. A promise that could not be kept stops the boot, with the way to mend it. */
import {
  ConfigurationError,
  type ConfigurationErrorCode,
  canonicalResource,
  isHttpLoopback,
  randomSecret
} from '@fastify-mcp-auth/core'
import type { FastifyInstance } from 'fastify'
import { devicePage, endpointPath, interactionPath, type ServerContext } from './context.ts'
import { endsSessions } from './openid/sign-out.ts'

/** Looks at what comes after the plugin, and judges it when the app is ready. @throws ConfigurationError then */
export function checkWhenReady(app: FastifyInstance, server: ServerContext): void {
  const scopes = [app]
  const seen = new Set<string>()
  app.addHook('onRegister', scope => void scopes.push(scope))
  app.addHook('onRoute', ({ method, url }) => {
    if ([method].flat().includes('GET')) seen.add(url)
  })
  app.addHook('onReady', async () => {
    const isServed = (url: string): boolean => seen.has(url) || app.hasRoute({ method: 'GET', url })
    assertPageIsServed(server, isServed)
    assertDevicePageIsServed(server, isServed)
    assertSignOutPageIsServed(server, isServed)
    server.pages.isServed = true
    assertPageIsOurs(server)
    assertAddressesAreKnown(app, server)
    for (const metadata of new Set(scopes.flatMap(protectedResourceOf))) assertSameWords(server, metadata)
  })
}

function refused(why: string, code: ConfigurationErrorCode = 'FST_OAUTH_OPTION'): ConfigurationError {
  return new ConfigurationError(code, `authorization-server: ${why}`)
}

/** Without a page a person could never say yes. */
function assertPageIsServed(server: ServerContext, isServed: (url: string) => boolean): void {
  if (server.options.interactionUrl || isServed(interactionPath(server, ':handle'))) return
  throw refused(
    'nobody serves the consent page; register @fastify-mcp-auth/consent or give the option "interactionUrl"',
    'FST_OAUTH_MISSING_PLUGIN'
  )
}

/** And nobody could enter the code of a device. */
function assertDevicePageIsServed(server: ServerContext, isServed: (url: string) => boolean): void {
  const { deviceAuthorization } = server.options
  if (!deviceAuthorization || deviceAuthorization.pageUrl !== undefined || isServed(devicePage(server))) return
  throw refused(
    'nobody serves the page for the codes of devices; register @fastify-mcp-auth/consent or give the option "deviceAuthorization.pageUrl"',
    'FST_OAUTH_MISSING_PLUGIN'
  )
}

/** And nobody could be asked whether they want to be signed out. */
function assertSignOutPageIsServed(server: ServerContext, isServed: (url: string) => boolean): void {
  const path = endpointPath(server, 'end_session/confirm')
  if (!endsSessions(server) || isServed(path)) return
  throw refused(
    `nobody serves the page that asks before a sign-out; register @fastify-mcp-auth/consent, serve ${path}, or leave "users.signOut" out`,
    'FST_OAUTH_MISSING_PLUGIN'
  )
}

/** The cookie that binds an interaction to its browser reaches the host of the issuer only. */
function assertPageIsOurs({ issuer, options }: ServerContext): void {
  if (!options.interactionUrl) return
  const handle = randomSecret()
  const page = URL.parse(options.interactionUrl(handle), issuer)
  if (page?.origin !== new URL(issuer).origin)
    throw refused(
      `option "interactionUrl" must lead to a page of ${new URL(issuer).origin}: its cookie goes nowhere else`
    )
  if (!page.href.includes(handle))
    throw refused('option "interactionUrl" must have the handle that it is given in its URL')
}

/**
 * Behind a proxy that is not trusted, everybody has the address of the proxy, and one who asks too often locks out all.
 *
 * Fastify tells nobody what its option is; the requests that it makes have `ips` only when it trusts a proxy.
 */
function assertAddressesAreKnown(app: FastifyInstance, { issuer, limits }: ServerContext): void {
  if (limits === null || isHttpLoopback(issuer) || app.initialConfig.https) return
  const symbol = Object.getOwnPropertySymbols(outermost(app)).find(
    ({ description }) => description === 'fastify.Request'
  )
  const requests: unknown = symbol === undefined ? undefined : Reflect.get(app, symbol)
  if (typeof requests !== 'function' || 'ips' in (requests.prototype as object)) return
  throw refused(
    'option "rateLimit" counts by address, but behind the proxy that ends TLS for option "issuer" all requests seem to come from the proxy: tell Fastify whom to believe with its option "trustProxy", or give "rateLimit: false"'
  )
}

function outermost(app: FastifyInstance): FastifyInstance {
  const parent: unknown = Object.getPrototypeOf(app)
  return typeof parent === 'object' && parent !== null && 'initialConfig' in parent
    ? outermost(parent as FastifyInstance)
    : app
}

interface ProtectedResource {
  readonly resource: string
  readonly authorization_servers?: readonly string[]
}

/** The metadata of a resource server in this scope, which only its shape tells: it is a plugin that we do not know. */
function protectedResourceOf(scope: FastifyInstance): ProtectedResource[] {
  const face: unknown = scope.hasDecorator('mcpAuth') ? Reflect.get(scope, 'mcpAuth') : null
  const metadata: unknown = typeof face === 'object' && face !== null ? Reflect.get(face, 'metadata') : null
  const isMetadata = typeof metadata === 'object' && metadata !== null && 'resource' in metadata
  return isMetadata ? [metadata as ProtectedResource] : []
}

/** Clients compare issuers character by character, and ask for the very resource that the metadata names. */
function assertSameWords({ issuer, options }: ServerContext, metadata: ProtectedResource): void {
  const { resource, authorization_servers: issuers = [] } = metadata
  const almost = issuers.find(other => other !== issuer && URL.parse(other)?.href === new URL(issuer).href)
  if (almost !== undefined)
    throw refused(
      `option "issuer" is ${issuer}, but the resource server for ${resource} names ${almost}: clients compare them character by character, write both alike`
    )
  const isKnown = Object.keys(options.resources).some(uri => canonicalResource(uri) === resource)
  if (issuers.includes(issuer) && !isKnown)
    throw refused(
      `option "resources" lacks ${resource}, which a resource server of this app protects with tokens of this issuer: add it, or write both alike`
    )
}
