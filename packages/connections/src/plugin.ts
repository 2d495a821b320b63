/**
 * The plugin: what `createConnections()` can do, with routes for people and for the app's front end.
 *
 * The routes stand in the order in which a person meets them.
 */
import { ConfigurationError, systemClock } from '@fastify-mcp-auth/core'
import { buildStylesheet, poorContrasts, type Stylesheet } from '@fastify-mcp-auth/core/pages'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { createConnections } from './connections.ts'
import { gateOf, type McpConnectionsDecorator } from './decorators.ts'
import { createAnswers } from './http/answer.ts'
import { bindingCookie } from './http/binding-cookie.ts'
import type { FailureBody } from './http/failure.ts'
import { prepareScope, proxyWatch, type RouteContext } from './http/scope.ts'
import { pageLanguages } from './locales/languages.ts'
import type { ConnectionsOptions } from './options.ts'
import { createPages, type Pages } from './pages/pages.ts'
import type { FailureData } from './pages/person-pages.ts'
import { loadTemplates } from './pages/templates.ts'
import { type McpConnectionsOptions, type ResolvedPluginOptions, splitOptions } from './plugin-options.ts'
import { routePathsOf } from './route-paths.ts'
import { adminRoutes } from './routes/admin.ts'
import { callbackRoute, connectRoutes, linkRoutes } from './routes/connect.ts'
import { connectionRoutes } from './routes/connections.ts'
import { documentRoutes } from './routes/documents.ts'
import { mirrorRoute } from './routes/mirror.ts'
import { stylesheetRoute } from './routes/stylesheet.ts'
import type { Connections } from './types.ts'

async function mcpConnections(app: FastifyInstance, input: McpConnectionsOptions): Promise<void> {
  const { plugin, core } = splitOptions(input)
  if (app.prefix !== '')
    throw new ConfigurationError(
      'FST_OAUTH_OPTION',
      `connections: is registered below the prefix "${app.prefix}", where its routes are not what "baseUrl" and "prefix" say: put that path into the option "prefix"`
    )
  assertFree(app, plugin)
  const connections = await createConnections({ log: app.log, ...core })
  app.addHook('onClose', () => connections.close())
  const { require, clientOf } = gateOf(connections, { options: plugin, defaultServer: core.defaultServer })
  const decorator: McpConnectionsDecorator = Object.freeze({ ...connections, require })
  app.decorate(plugin.decoratorName, decorator)
  app.decorateRequest(plugin.requestDecoratorName, clientOf)
  if (plugin.background) keepFresh(app, connections, plugin.background)
  if (plugin.routes) await addRoutes(app, decorator, { plugin, core })
}

/** @throws ConfigurationError for a name that is taken, by Fastify, by another plugin, or by us in another registration */
function assertFree(app: FastifyInstance, { decoratorName, requestDecoratorName }: ResolvedPluginOptions): void {
  const taken = app.hasDecorator(decoratorName)
    ? `"decoratorName": the app has a "${decoratorName}"`
    : app.hasRequestDecorator(requestDecoratorName)
      ? `"requestDecoratorName": requests have a "${requestDecoratorName}"`
      : null
  if (taken !== null)
    throw new ConfigurationError('FST_OAUTH_OPTION', `connections: option ${taken} already, so it needs another one`)
}

async function addRoutes(
  app: FastifyInstance,
  connections: McpConnectionsDecorator,
  { plugin, core }: ReturnType<typeof splitOptions>
): Promise<void> {
  const { origin: baseUrl, pathname: path } = new URL(connections.urls.index)
  const paths = routePathsOf({ prefix: path, routes: core.routes ?? {} })
  assertUnused(app, paths)
  const { clock = systemClock } = core
  const ui =
    plugin.ui === false
      ? null
      : prepareUi(app, plugin.ui, { core, baseUrl, path, paths, hasAdmins: plugin.admin !== undefined })
  const context: RouteContext = {
    connections,
    options: plugin,
    answers: createAnswers({
      pages: ui?.pages ?? null,
      redirectMode: plugin.redirectMode,
      explain: (failure, request) => explain(failure, request, { connections, plugin, paths })
    }),
    binding: bindingCookie(baseUrl),
    baseUrl,
    path,
    paths,
    lookAtProxy: proxyWatch(),
    now: () => clock.now()
  }
  const serve = (prefix: string, add: (scope: FastifyInstance) => void) =>
    app.register(
      async scope => {
        await prepareScope(scope, context)
        add(scope)
      },
      { prefix }
    )
  await serve(path, scope => {
    documentRoutes(scope, context)
    mirrorRoute(scope, context)
    if (ui) stylesheetRoute(scope, ui.stylesheet)
    linkRoutes(scope, context)
    connectionRoutes(scope, context)
    if (plugin.admin) adminRoutes(scope, context, plugin.admin)
  })
  await serve(paths.connect, scope => connectRoutes(scope, context))
  await serve(paths.callback, scope => callbackRoute(scope, context))
}

/** @throws ConfigurationError for a path where the app has a route of its own already */
function assertUnused(app: FastifyInstance, { callback, connect }: ReturnType<typeof routePathsOf>): void {
  const routes = { callback: { GET: callback }, connect: { GET: `${connect}/:server`, POST: `${connect}/:server` } }
  for (const [name, methods] of Object.entries(routes))
    for (const [method, url] of Object.entries(methods))
      if (app.hasRoute({ method: method as 'GET', url }))
        throw new ConfigurationError(
          'FST_OAUTH_OPTION',
          `connections: option "routes.${name}": the app has a route ${method} ${url} already`
        )
}

function prepareUi(
  app: FastifyInstance,
  { brand = {}, templates: folder, locales, render }: Exclude<ResolvedPluginOptions['ui'], false>,
  surroundings: {
    readonly core: ConnectionsOptions
    readonly baseUrl: string
    readonly path: string
    readonly paths: ReturnType<typeof routePathsOf>
    readonly hasAdmins: boolean
  }
): { pages: Pages; stylesheet: Stylesheet } {
  const { core, baseUrl, path, paths, hasAdmins } = surroundings
  const templates = loadTemplates(folder)
  const { files } = templates
  const theme = files.paths.has('theme.css') ? files.read('theme.css') : ''
  const stylesheet = buildStylesheet({ rules: files.read('pages.css'), theme, accent: brand.accent })
  for (const poor of poorContrasts(stylesheet))
    app.log.warn(poor, 'theme.css has colours that people cannot read: text needs 4.5 to 1 against its ground')
  const { client, clock = systemClock } = core
  const pages = createPages({
    templates,
    render,
    languages: pageLanguages(locales),
    brand,
    stylesheet,
    baseUrl,
    path,
    connectPath: paths.connect,
    appName: client.name,
    now: () => clock.now(),
    hasAdmins
  })
  return { pages, stylesheet }
}

/** The name of the server and the way to sign in, for the page that tells of a failure. */
async function explain(
  failure: FailureBody,
  request: FastifyRequest,
  {
    connections,
    plugin,
    paths
  }: {
    readonly connections: Connections
    readonly plugin: ResolvedPluginOptions
    readonly paths: ReturnType<typeof routePathsOf>
  }
): Promise<FailureData> {
  const { server } = failure
  // Whatever is wrong with the registry must not hide what went wrong first.
  const known = server === undefined ? null : await connections.registry.get(server).catch(() => null)
  // Not the URL of a callback: it has a code in it.
  const returnTo = request.method === 'GET' && request.routeOptions.url !== paths.callback ? request.url : undefined
  return {
    ...failure,
    serverName: known?.definition.name ?? known?.id,
    loginUrl: plugin.loginUrl?.({ returnTo: returnTo ?? new URL(connections.urls.index).pathname })
  }
}

/** Every process may do this: a lease lets one of them refresh, and what is owed is done once. */
function keepFresh(
  app: FastifyInstance,
  connections: Connections,
  { every, within }: Exclude<ResolvedPluginOptions['background'], false>
): void {
  let isBusy = false
  const run = async (): Promise<void> => {
    if (isBusy) return
    isBusy = true
    // Neither is the other's condition.
    for (const work of [() => connections.refreshDue({ within }), () => connections.sweep()])
      await work().catch((err: unknown) => app.log.error({ err }, 'mcp-auth: connections could not be kept fresh'))
    isBusy = false
  }
  const timer = setInterval(run, every * 1000)
  timer.unref()
  app.addHook('onClose', async () => clearInterval(timer))
}

/**
 * Lets the app's users and agents connect to MCP servers: routes below `prefix`, `app.mcpConnections`, `request.mcp()`.
 *
 * `baseUrl` and `prefix` say where its routes are, for other sites too, so it is not registered below a prefix of Fastify. Two of them stand in
 * two scopes, each with its own `prefix` and storage. Does not sign people in.
 *
 * @throws ConfigurationError while booting, naming the option
 */
export default fp(mcpConnections, { name: '@fastify-mcp-auth/connections', fastify: '>=5.8.3 <6' })
