/** Draws pages: what a route has to show in, document and headers out. The only place that knows which model belongs to which view. */
import {
  type BrandOptions,
  describeBrand,
  type Languages,
  pageHeaders,
  type Stylesheet
} from '@fastify-mcp-auth/core/pages'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { agentOf } from '../http/asker.ts'
import type { Words } from '../locales/languages.ts'
import { describeDashboard, describeServer, describeServers } from './admin-pages.ts'
import { describeDoctor, describeIssuers, describePreview } from './admin-review-pages.ts'
import type { Surroundings } from './frame.ts'
import type { ConnectionsPageModel } from './model.ts'
import {
  describeBadge,
  describeConnect,
  describeConnection,
  describeFailure,
  describeIndex,
  describeLeaving
} from './person-pages.ts'
import type { Templates } from './templates.ts'
import type { PageView } from './view.ts'

/** Draws in place of a template: the whole document, or undefined to leave it to the template. */
export type RenderPage = (
  model: ConnectionsPageModel,
  reply: FastifyReply
) => string | undefined | Promise<string | undefined>

export interface PagesContext {
  readonly templates: Templates
  readonly render: RenderPage | undefined
  readonly languages: Languages<Words>
  readonly brand: BrandOptions
  readonly stylesheet: Stylesheet
  readonly baseUrl: string
  readonly path: string
  readonly connectPath: string
  /** Name of the app where the brand has none. */
  readonly appName: string
  readonly now: () => number
  readonly hasAdmins: boolean
}

export interface Pages {
  draw(
    view: PageView,
    reader: { readonly request: FastifyRequest; readonly reply: FastifyReply }
  ): Promise<{ readonly html: string; readonly headers: Record<string, string> }>
}

export function createPages(context: PagesContext): Pages {
  const { brand, baseUrl, templates } = context
  const images = brand.logoUrl === undefined ? [] : [new URL(brand.logoUrl, baseUrl).href]
  return Object.freeze<Pages>({
    async draw(view, { request, reply }) {
      const model = describe(surroundingsOf(context, request), view)
      const headers = pageHeaders({ formAction: formActionOf(view, baseUrl), images })
      // The page that leads on by itself does so without script.
      if (view.page === 'leave') headers['refresh'] = `0; url=${view.data.url}`
      return { html: (await context.render?.(model, reply)) ?? templates.render(model.page, model), headers }
    }
  })
}

function surroundingsOf(context: PagesContext, request: FastifyRequest): Surroundings {
  const { languages, stylesheet, path, connectPath, appName, now, hasAdmins } = context
  const asked: unknown = (request.query as { ui_locales?: unknown } | undefined)?.ui_locales
  const locale = languages.choose({
    uiLocales: typeof asked === 'string' ? asked.split(' ', 20) : [],
    acceptLanguage: request.headers['accept-language']
  })
  const { lang, dir } = locale
  const frame = {
    version: 1,
    lang,
    dir,
    stylesheetUrl: `${path}/assets/${stylesheet.fileName}`,
    brand: describeBrand(context.brand, appName, lang)
  } as const
  return { locale, frame, path, connectPath, agent: readAgent(request), now: now(), hasAdmins }
}

// A page that tells of a bad parameter must not stumble over it again.
function readAgent(request: FastifyRequest): string | null {
  try {
    return agentOf(request)
  } catch {
    return null
  }
}

function describe(around: Surroundings, view: PageView): ConnectionsPageModel {
  switch (view.page) {
    case 'index':
      return describeIndex(around, view.data)
    case 'badge':
      return describeBadge(around, view.data)
    case 'connect':
      return describeConnect(around, view.data)
    case 'connection':
      return describeConnection(around, view.data)
    case 'leave':
      return describeLeaving(around, view.data)
    case 'error':
      return describeFailure(around, view.data)
    case 'dashboard':
      return describeDashboard(around, view.data)
    case 'servers':
      return describeServers(around, view.data)
    case 'server':
      return describeServer(around, view.data)
    case 'doctor':
      return describeDoctor(around, view.data)
    case 'preview':
      return describePreview(around, view.data)
    case 'issuers':
      return describeIssuers(around, view.data)
  }
}

/**
 * A form that begins a sign-in leads to another site, and browsers hold that redirect, and every later one, against this list. Which site
 * it is, is known only after the form was sent.
 */
function formActionOf({ page }: PageView, baseUrl: string): string {
  if (page !== 'index' && page !== 'connect' && page !== 'connection') return "'self'"
  return baseUrl.startsWith('https:') ? "'self' https:" : "'self' https: http://127.0.0.1:* http://localhost:*"
}
