import fastifyView from '@fastify/view'
import { type AuthorizationServer, ConfigurationError } from '@fastify-mcp-auth/core'
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { english } from './locales/locale.ts'
import { type ConsentOptions, resolveConsentOptions } from './options.ts'
import { createPages, type PagesContext } from './pages.ts'
import { interactionRoute } from './routes/interaction.ts'
import { stylesheetRoute } from './routes/stylesheet.ts'
import { loadTemplates, type Templates } from './templates.ts'
import { buildStylesheet, unreadableIn } from './theme.ts'

declare module 'fastify' {
  interface FastifyInstance {
    authorizationServer: AuthorizationServer<FastifyRequest>
  }
}

// Decorators of a scope reach every scope below, and the host may already have a `view` of its own.
const VIEW = 'mcpAuthPage'

/**
 * The pages that a person sees: the consent page at `GET {prefix}/interaction/:handle`, and every error page of the
 * authorization server. Register it after that one, in the same scope.
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
  const templates = loadTemplates(options.templates)
  const stylesheet = buildStylesheet(templates.theme, options.brand?.accent)
  warnAboutAccent(app, options.brand?.accent)

  const { issuer, prefix } = app.authorizationServer
  const interactions = `${prefix}/interaction`
  await app.register(async scope => {
    const pages = createPages({
      render: await createRender(scope, templates),
      brand: options.brand ?? {},
      issuer,
      stylesheetUrl: `${interactions}/assets/${stylesheet.fileName}`,
      locale: english
    })
    const path = withoutPrefix(interactions, scope.prefix)
    interactionRoute(scope, path, pages)
    // Two segments after `interaction`: a handle has one, so it cannot be mistaken for a file.
    stylesheetRoute(scope, `${path}/assets`, stylesheet)
    app.authorizationServer.present({ error: pages.error })
  })
}

async function createRender(scope: FastifyInstance, templates: Templates): Promise<PagesContext['render']> {
  // A host with a view of its own would share its cache of names with us, and then we would open each other's files.
  scope.decorate(fastifyView.fastifyViewCache as unknown as symbol, new Map())
  await scope.register(fastifyView, {
    engine: { eta: templates.engine },
    root: templates.root,
    propertyName: VIEW,
    asyncPropertyName: `${VIEW}Async`
  })
  const view: FastifyInstance['view'] = Reflect.get(scope, VIEW)
  return (template, model) => view(template, model)
}

/** @throws ConfigurationError when the routes cannot be where the authorization server says they are */
function withoutPrefix(path: string, prefix: string): string {
  if (path.startsWith(`${prefix}/`)) return path.slice(prefix.length)
  throw new ConfigurationError(
    'FST_OAUTH_MISSING_PLUGIN',
    `@fastify-mcp-auth/consent is registered under "${prefix}", but its page belongs at "${path}": register it beside the authorization server`
  )
}

function warnAboutAccent(app: FastifyInstance, accent: string | undefined): void {
  if (accent === undefined) return
  for (const scheme of unreadableIn(accent))
    app.log.warn(
      { accent, scheme },
      'brand.accent is too close to the ground of the page; links and edges get a shade that can be seen'
    )
}

/**
 * The pages that a person sees, for the authorization server of the same app: consent and errors, without script.
 *
 * Register it after the authorization server, in the same scope.
 *
 * @throws ConfigurationError naming the option that is wrong
 */
export default fp(consent, { fastify: '>=5.8.3 <6', name: '@fastify-mcp-auth/consent' })
