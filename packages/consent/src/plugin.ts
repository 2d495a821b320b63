import { type AuthorizationServer, ConfigurationError, createSafeFetch } from '@fastify-mcp-auth/core'
import {
  buildStylesheet,
  type Languages,
  poorContrasts,
  type Stylesheet,
  unreadableIn
} from '@fastify-mcp-auth/core/pages'
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { assertTemplates } from './check-templates.ts'
import { createDraw } from './drawing.ts'
import { pageLanguages, type Words } from './locales/languages.ts'
import { createLogos, MAX_LOGO_BYTES } from './logos.ts'
import { type ConsentOptions, resolveConsentOptions } from './options.ts'
import { createPages } from './pages.ts'
import { connectedAppsRoutes } from './routes/connected-apps.ts'
import { deviceRoute } from './routes/device.ts'
import { interactionRoute } from './routes/interaction.ts'
import { jsonRoutes } from './routes/json.ts'
import { logoRoute } from './routes/logo.ts'
import { signOutRoute } from './routes/sign-out.ts'
import { signedOutRoute } from './routes/signed-out.ts'
import { stylesheetRoute } from './routes/stylesheet.ts'
import { loadTemplates } from './templates.ts'
import { createToolCatalogue, scopesOfToolIn } from './tools.ts'

declare module 'fastify' {
  interface FastifyInstance {
    // By its module: in what is published the compiler leaves out an import that is used nowhere else.
    authorizationServer: AuthorizationServer<FastifyRequest, import('fastify').FastifyReply>
  }
}

/**
 * The pages that a person sees: the consent page at `GET {prefix}/interaction/:handle`, the page for codes of devices and that of a
 * sign-out where the authorization server has them, and every error page of it. Register it after that one, in the same scope.
 *
 * Works without script. Leaves the `reply.view`, cookies and security headers of the host app alone: everything lives in a scope
 * of its own.
 *
 * Does not sign people in, and does not take the decision: the form goes to the authorization server.
 *
 * @throws ConfigurationError `FST_OAUTH_MISSING_PLUGIN` without an authorization server, `FST_OAUTH_OPTION` for a wrong option
 */
const consent: FastifyPluginAsync<ConsentOptions> = async (app, input) => {
  const options = resolveConsentOptions(input)
  if (!app.hasDecorator('authorizationServer'))
    throw new ConfigurationError(
      'FST_OAUTH_MISSING_PLUGIN',
      '@fastify-mcp-auth/consent needs an authorization server: register @fastify-mcp-auth/authorization-server before it'
    )
  const stylesheet = stylesheetOf(options)
  const languages = pageLanguages(options.locales)
  warnAboutColours(app, stylesheet, options)
  warnAboutWords(app, languages)
  await assertTemplates(options)

  const { issuer, prefix } = app.authorizationServer
  const interactions = `${prefix}/interaction`
  await app.register(async scope => {
    const path = withoutPrefix(interactions, scope.prefix)
    const manageUrl = options.connectedApps === undefined ? null : `${scope.prefix}${options.connectedApps}`
    const logos = createLogos(options.fetch ?? createSafeFetch({ maxBytes: MAX_LOGO_BYTES }), (url, error) =>
      app.log.info({ url, err: error }, 'the logo of a client could not be fetched')
    )
    const pages = createPages({
      draw: await createDraw(scope, options),
      languages,
      brand: options.brand ?? {},
      stylesheetUrl: `${interactions}/assets/${stylesheet.fileName}`,
      manageUrl,
      logos,
      tools: createToolCatalogue(options.tools, scopesOfToolIn(app), (resource, error) =>
        app.log.warn({ resource, err: error }, 'option "tools": the consent page goes without the list of tools')
      ),
      issuer,
      options
    })
    interactionRoute(scope, path, pages)
    // Two segments after `interaction`: a handle has one, so it cannot be mistaken for a file.
    stylesheetRoute(scope, `${path}/assets`, stylesheet)
    logoRoute(scope, path, logos)
    const { devices, signOuts } = app.authorizationServer
    const at = (other: string | undefined): string | null =>
      other === undefined ? null : withoutPrefix(other, scope.prefix)
    const paths = { interaction: path, device: at(devices?.path), signOut: at(signOuts?.path) }
    if (paths.device !== null) await deviceRoute(scope, paths.device, { pages, manageUrl })
    if (paths.signOut !== null) await signOutRoute(scope, paths.signOut, pages)
    if (options.json) {
      // Their errors are JSON, so they have a scope of their own.
      const { origin } = new URL(issuer)
      await scope.register(async json => jsonRoutes(json, paths, { pages, origin, manageUrl }))
    }
    if (options.connectedApps !== undefined) await connectedAppsRoutes(scope, options.connectedApps, pages)
    if (options.signedOut !== undefined) await signedOutRoute(scope, options.signedOut, { pages, manageUrl })
    const signedOutUrl = options.signedOut === undefined ? undefined : `${scope.prefix}${options.signedOut}`
    app.authorizationServer.present({ error: pages.error, signedOutUrl })
  })
}

function stylesheetOf({ templates, brand }: ConsentOptions): Stylesheet {
  const { files } = loadTemplates(templates)
  const theme = files.paths.has('theme.css') ? files.read('theme.css') : ''
  return buildStylesheet({ rules: files.read('pages.css'), theme, accent: brand?.accent })
}

/** @throws ConfigurationError when the routes cannot be where the authorization server says they are */
function withoutPrefix(path: string, prefix: string): string {
  if (path.startsWith(`${prefix}/`)) return path.slice(prefix.length)
  throw new ConfigurationError(
    'FST_OAUTH_MISSING_PLUGIN',
    `@fastify-mcp-auth/consent is registered under "${prefix}", but its page belongs at "${path}": register it beside the authorization server`
  )
}

function warnAboutColours(app: FastifyInstance, stylesheet: Stylesheet, { brand }: ConsentOptions): void {
  const accent = brand?.accent
  for (const scheme of accent === undefined ? [] : unreadableIn(stylesheet, accent))
    app.log.warn(
      { accent, scheme },
      'brand.accent is too close to the ground of the page; links and edges get a shade that can be seen'
    )
  for (const poor of poorContrasts(stylesheet))
    app.log.warn(poor, 'theme.css has colours that people cannot read: text needs 4.5 to 1 against its ground')
}

function warnAboutWords(app: FastifyInstance, { missing }: Languages<Words>): void {
  for (const [language, keys] of missing)
    app.log.warn({ language, keys }, 'option "locales": what is missing in a language is said in English')
}

/**
 * The pages that a person sees, for the authorization server of the same app: consent and errors, without script.
 *
 * Register it after the authorization server, in the same scope.
 *
 * @throws ConfigurationError naming the option that is wrong
 */
export default fp(consent, { fastify: '>=5.8.3 <6', name: '@fastify-mcp-auth/consent' })
