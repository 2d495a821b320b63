/** Options of the plugin, besides those of `createConnections()`: who is asking, and what the app lets us do with it. */
import { AdapterThat, ConfigurationError, resolveOptions } from '@fastify-mcp-auth/core'
import { BrandOptions, type PartialTranslation } from '@fastify-mcp-auth/core/pages'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import type { Words } from './locales/languages.ts'
import { type ConnectionsOptions, Options, type ResolvedOptions } from './options.ts'
import type { RenderPage } from './pages/pages.ts'
import type { Owner } from './types.ts'

/**
 * Who is signed in, in the app's own words; null when nobody is.
 *
 * @param context `agent`: the agent on whose page the person is, from the request. It is what a stranger could have typed: check that
 *   this person may act for it, and put it into the owner only then.
 */
export type OwnerResolver = (
  request: FastifyRequest,
  context: { readonly agent: string | null }
) => Owner | null | Promise<Owner | null>

/** Lets an administrator pass, throws, or answers itself and returns the reply, as every asynchronous `preHandler` does. */
export type AdminGuard = (request: FastifyRequest, reply: FastifyReply) => unknown

/** Path or URL of the app's own sign-in, which comes back to `returnTo`, a path on this origin. */
export type LoginUrl = (context: { readonly returnTo: string }) => string

const fnOrObject = <T>(): ReturnType<typeof AdapterThat<T>> =>
  AdapterThat<T>(value => typeof value === 'object' && value !== null, 'must be an object')

const fn = <T>(): ReturnType<typeof AdapterThat<T>> =>
  AdapterThat<T>(value => typeof value === 'function', 'must be a function')

/** How our pages look and what they say. */
export const UiOptions = Type.Object(
  {
    /** Whose pages these are. */
    brand: Type.Optional(BrandOptions),
    /** Folder whose files replace ours by name: `index.eta`, `connect.eta`, `layout.eta`, `theme.css`, ... */
    templates: Type.Optional(Type.String({ minLength: 1 })),
    /** Words that you say differently, or a language of your own, by language tag. */
    locales: Type.Optional(fnOrObject<{ readonly [languageTag: string]: PartialTranslation<Words> }>()),
    /** Draws pages in place of templates: `(model, reply) => html`, undefined for those that it leaves to them. */
    render: Type.Optional(fn<RenderPage>())
  },
  { additionalProperties: false }
)

/** The timer of the plugin. */
export const BackgroundOptions = Type.Object(
  {
    /** Seconds between two looks. */
    every: Type.Integer({ default: 60, minimum: 5 }),
    /** Tokens that end within so many seconds are refreshed. */
    within: Type.Integer({ default: 3600, minimum: 60 })
  },
  { additionalProperties: false }
)

/** What can be called with a dot. */
const NAME = '^[A-Za-z_$][A-Za-z0-9_$]*$'

/** Paths of routes, and whether they are in this process. */
export const RouteOptions = Type.Object(
  {
    ...Options.properties.routes.properties,
    /** Whether they are in this process. */
    serve: Type.Boolean({ default: true })
  },
  { additionalProperties: false }
)

/** Options of the plugin alone. */
export const PluginOptions = Type.Object(
  {
    /** Who is asking: `request => ({ type: 'user', id, tenant })`, or null. Asked for every request to our routes. */
    owner: fn<OwnerResolver>(),
    /** Where people sign in; without it whoever is not signed in is told so with 401. */
    loginUrl: Type.Optional(fn<LoginUrl>()),
    /**
     * Whether this process has our routes. `false` for one that only uses connections (`require`, `request.mcp`), of an app whose pages
     * and callback are another process. Other paths for some of them: `{ callback: '/oauth/callback' }`, with `serve: false` where they are
     * those of another process.
     */
    routes: Type.Union([RouteOptions, Type.Boolean()], { default: true }),
    /** Name of `app.mcpConnections`, where a second registration needs another one. */
    decoratorName: Type.String({ default: 'mcpConnections', pattern: NAME }),
    /** The same for `request.mcp`. */
    requestDecoratorName: Type.String({ default: 'mcp', pattern: NAME }),
    /**
     * Pages for people. `false` leaves them to the app, whose front end speaks JSON to the same routes.
     */
    ui: Type.Union([UiOptions, Type.Literal(false)], { default: {} }),
    /**
     * Guard of the routes below `/admin`, which do not exist without it, and of changing on the pages what everybody shares, which nobody may
     * without it.
     */
    admin: Type.Optional(fn<AdminGuard>()),
    /**
     * How a browser is sent to another site. `page` answers with a small page that leads on by itself, for front ends whose `fetch`
     * swallows redirects (Turbo, htmx). Whoever asks for JSON is given the URL.
     */
    redirectMode: Type.Union([Type.Literal('see_other'), Type.Literal('page')], { default: 'see_other' }),
    /** Refresh ahead of expiry, and what is owed, by a timer in this process. `false` leaves it to workers. */
    background: Type.Union([BackgroundOptions, Type.Literal(false)], { default: false })
  },
  { additionalProperties: false }
)

/** {@link PluginOptions} with their defaults filled in. Where the routes are, is an option of the core. */
export type ResolvedPluginOptions = Omit<Static<typeof PluginOptions>, 'routes'> & { readonly routes: boolean }

/** What the plugin takes: its own options and those of `createConnections()` in one object. */
export type McpConnectionsOptions = Omit<ConnectionsOptions, 'routes'> &
  Pick<ResolvedPluginOptions, 'owner'> &
  Partial<Omit<ResolvedPluginOptions, 'owner' | 'routes' | 'background'>> & {
    readonly routes?: boolean | (ResolvedOptions['routes'] & { readonly serve?: boolean })
    readonly background?: Partial<Exclude<ResolvedPluginOptions['background'], false>> | false
  }

/**
 * Tells the two groups of options apart, and checks ours.
 *
 * @throws ConfigurationError naming the option
 */
export function splitOptions(input: unknown): { plugin: ResolvedPluginOptions; core: ConnectionsOptions } {
  if (typeof input !== 'object' || input === null)
    throw new ConfigurationError('FST_OAUTH_OPTION', 'connections: the options must be a plain object')
  const isOurs = (name: string): boolean => Object.hasOwn(PluginOptions.properties, name)
  const entries = Object.entries(input)
  const ours = entries.filter(([name]) => isOurs(name))
  const { routes, ...plugin } = resolveOptions(PluginOptions, Object.fromEntries(ours), 'connections')
  const { serve, ...paths } = typeof routes === 'boolean' ? { serve: routes } : routes
  const idle = ours.find(([name]) => ['ui', 'admin', 'redirectMode'].includes(name))
  if (!serve && idle)
    throw new ConfigurationError(
      'FST_OAUTH_OPTION',
      `connections: option "${idle[0]}" is for routes, and this process has none: "routes" says so`
    )
  // Whether the rest is one, the core finds out.
  const rest = Object.fromEntries(entries.filter(([name]) => !isOurs(name)))
  return { plugin: { ...plugin, routes: serve }, core: { ...rest, routes: paths } as unknown as ConnectionsOptions }
}
