/** Draws pages: what happened in, document and headers out. */
import type { ConsentRequest, ErrorPage } from '@fastify-mcp-auth/core'
import { type LocalizedText, pageHeaders } from '@fastify-mcp-auth/core/pages'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { describeConsent } from './consent-page.ts'
import type { Draw } from './drawing.ts'
import { describeFailure } from './error-page.ts'
import { consentFormAction } from './form-action.ts'
import { type Frame, type FrameContext, frameFor, localeFor } from './frame.ts'
import type { PageLocale } from './locales/languages.ts'
import { type Logos, logoUrlOf } from './logos.ts'
import type { ConsentPage, FailurePage, PageModel } from './model.ts'
import type { ConsentOptions } from './options.ts'
import type { ToolCatalogue } from './tools.ts'

export interface RenderedPage {
  readonly html: string
  readonly headers: Record<string, string>
}

/** Who looks at a page. */
export interface Reader {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** What a page is made with: the words and the frame of its reader. */
export interface Surroundings {
  readonly locale: PageLocale
  readonly frame: Frame
}

/** What a page needs besides its model. */
export interface DrawNeeds {
  /** Where its forms may lead; `'none'` when left out. */
  readonly formAction?: string
  /** Paths of images on this origin. */
  readonly images?: readonly string[]
}

export interface Pages {
  /** For a page of one's own. @param about `name` of the app, where the brand has none; the host of the issuer when left out */
  surroundings(request: FastifyRequest, about?: { uiLocales?: readonly string[]; name?: LocalizedText }): Surroundings
  consentModel(question: ConsentRequest, request: FastifyRequest): Promise<ConsentPage>
  errorModel(failure: ErrorPage, request: FastifyRequest): FailurePage
  consent(question: ConsentRequest, reader: Reader): Promise<RenderedPage>
  error(failure: ErrorPage, reader: Reader): Promise<RenderedPage>
  /** Any page, with the headers that protect it; the team's function may have changed them. */
  draw(model: PageModel, reader: Reader, needs?: DrawNeeds): Promise<RenderedPage>
}

export interface PagesContext extends FrameContext {
  readonly draw: Draw
  readonly issuer: string
  readonly options: ConsentOptions
  readonly logos: Logos
  readonly tools: ToolCatalogue
  /** Path of the page where access can be taken back; null when there is none. */
  readonly manageUrl: string | null
}

export function createPages(context: PagesContext): Pages {
  const { brand, issuer, logos, manageUrl, options } = context
  const ownHost = new URL(issuer).host
  const absolute = (path: string): string => new URL(path, issuer).href
  const brandImages = brand.logoUrl === undefined ? [] : [brand.logoUrl]

  const surroundings: Pages['surroundings'] = (request, { uiLocales, name = ownHost } = {}) => {
    const locale = localeFor(context, request, uiLocales)
    return { locale, frame: frameFor(context, locale, locale.text(name)) }
  }

  const draw: Pages['draw'] = async (model, { reply }, { formAction = "'none'", images = [] } = {}) => {
    const { sameOrigin } = options
    const headers = pageHeaders({ formAction, images: [...brandImages, ...images].map(absolute), sameOrigin })
    // Before the page is drawn: what the team's function sets has the last word.
    reply.headers(headers)
    const html = await context.draw(model, reply)
    return {
      html,
      headers: Object.fromEntries(Object.keys(headers).map(name => [name, String(reply.getHeader(name))]))
    }
  }

  const consentModel: Pages['consentModel'] = async (question, request) => {
    const { decisionUrl, resources, uiLocales } = question
    const { locale, frame } = surroundings(request, { uiLocales, name: resources[0]?.name ?? ownHost })
    const logo = logoUrlOf(question.client)
    const [tools, hasLogo] = await Promise.all([
      context.tools.of(resources.map(({ resource }) => resource)),
      logo !== null && logos.isReady(logo)
    ])
    const logoUrl = hasLogo ? `${decisionUrl}/logo` : null
    return describeConsent(question, frame, { locale, ownHost, logoUrl, manageUrl, tools })
  }

  const errorModel: Pages['errorModel'] = (failure, request) => {
    const { frame, locale } = surroundings(request)
    return describeFailure(failure, frame, locale)
  }

  return {
    surroundings,
    consentModel,
    errorModel,
    draw,
    consent: async (question, reader) => {
      const model = await consentModel(question, reader.request)
      const { logoUrl } = model.client
      const images = logoUrl === null ? [] : [logoUrl]
      return draw(model, reader, { formAction: consentFormAction(question.redirect), images })
    },
    error: (failure, reader) => draw(errorModel(failure, reader.request), reader)
  }
}
