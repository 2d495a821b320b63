import { AdapterThat, resolveOptions, type SafeFetch } from '@fastify-mcp-auth/core'
import { BrandOptions, type PartialTranslation } from '@fastify-mcp-auth/core/pages'
import type { FastifyReply } from 'fastify'
import Type, { type Static } from 'typebox'
import type { Words } from './locales/languages.ts'
import type { PageModel } from './model.ts'
import type { ListTools } from './tools.ts'

/** A template engine as @fastify/view takes it: `{ handlebars }`, `{ nunjucks }`, `{ ejs }`... */
export type TemplateEngine = { readonly [name: string]: unknown }

/** Messages by language tag, then by key. */
export type LocaleChanges = { readonly [languageTag: string]: PartialTranslation<Words> }

/** A page between the frame of an app. All of it is markup that is safe to print. */
export interface PageParts {
  /** Elements for `<head>`: title, style sheet, viewport. */
  readonly head: string
  /** One `<div class="mcp-auth">` for `<body>`. */
  readonly body: string
  readonly model: PageModel
}

/** Puts a page into the frame of the app. @returns a whole HTML document */
export type Layout = (parts: PageParts, reply: FastifyReply) => string | Promise<string>

/**
 * Draws a page in its own way.
 *
 * @returns a whole HTML document; undefined for a page that it leaves to the templates
 */
export type Render = (model: PageModel, reply: FastifyReply) => string | undefined | Promise<string | undefined>

/** A path without parameters, wildcards and empty or relative segments. */
const PATH = '^(/[A-Za-z0-9_~-]+(\\.[A-Za-z0-9_~-]+)*)+$'

/** Options of the plugin: check, type, default and documentation. */
export const ConsentOptions = Type.Object(
  {
    /** Whose pages these are. */
    brand: Type.Optional(BrandOptions),
    /**
     * Path of the page on which people see what they have connected and take it back, for example `/connected-apps`. There is none
     * without it.
     */
    connectedApps: Type.Optional(Type.String({ pattern: PATH, maxLength: 200 })),
    /** Path of the page where a sign-out ends that leads nowhere else, for example `/signed-out`. Your own logout may lead there, too. */
    signedOut: Type.Optional(Type.String({ pattern: PATH, maxLength: 200 })),
    /**
     * Folder whose files replace ours by name: `layout.eta`, `consent.eta`, `scope.eta`, `device.eta`, `error.eta` and the others in `src/templates`;
     * its `theme.css` comes after our style sheet. Other `.eta` files in it can be included. A missing folder, a template with a
     * syntax error, or one that keeps from people who asks, where the answer goes or what it may do, stops the boot.
     */
    templates: Type.Optional(Type.String({ minLength: 1 })),
    /** Draws the files of `templates` that have its extension, as @fastify/view takes it: `{ handlebars }`, `{ nunjucks }`... */
    engine: Type.Optional(AdapterThat<TemplateEngine>(isEngine, 'must be an object with one template engine')),
    /** Extension of the engine's templates, without the dot; the name of the engine when left out. */
    extension: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9.]+$' })),
    /** Options of the engine, which @fastify/view hands on. */
    engineOptions: Type.Optional(AdapterThat<object>(value => typeof value === 'object', 'must be an object')),
    /** Puts every page into the frame of your app. Templates then draw what is inside. */
    layout: Type.Optional(Type.Unsafe<Layout>(Type.Function([], Type.Unknown()))),
    /** Draws pages in its own way; see `layout` and `templates` first. */
    render: Type.Optional(Type.Unsafe<Render>(Type.Function([], Type.Unknown()))),
    /** What else the pages may load from this origin, for a layout of yours: `images`, `fonts`, `scripts`. */
    sameOrigin: Type.Optional(
      Type.Array(Type.Union([Type.Literal('images'), Type.Literal('fonts'), Type.Literal('scripts')]))
    ),
    /**
     * Lists the MCP tools of a resource as `tools/list` does. The consent page then says which of them each permission unlocks and which
     * cannot be undone (`destructiveHint`). Which scope lets in which tool is read from the resource server of this app (`operations`), or
     * from a member `scopes` of each tool. Asked once a minute at most; without an answer the page goes without.
     */
    tools: Type.Optional(Type.Unsafe<ListTools>(Type.Function([], Type.Unknown()))),
    /** Adds the question as JSON and an endpoint for the answer, for a front end that draws the page by script. */
    json: Type.Optional(Type.Boolean()),
    /** Fetches logos of clients. The default reaches public addresses only and follows no redirect. */
    fetch: Type.Optional(Type.Unsafe<SafeFetch>(Type.Function([], Type.Unknown()))),
    /** Words of yours, by language tag and key: others than ours, or a language that we do not speak. What is missing is said in English. */
    locales: Type.Optional(
      Type.Unsafe<LocaleChanges>(
        Type.Record(Type.String({ pattern: '^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$' }), Type.Object({}), {
          additionalProperties: false
        })
      )
    )
  },
  { additionalProperties: false }
)

export type ConsentOptions = Static<typeof ConsentOptions>

/** @throws ConfigurationError naming the option */
export function resolveConsentOptions(input: unknown): ConsentOptions {
  return resolveOptions(ConsentOptions, input, '@fastify-mcp-auth/consent')
}

function isEngine(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 1
}
