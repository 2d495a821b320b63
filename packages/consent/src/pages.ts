/** Draws pages: what happened in, document and headers out. */
import type { ConsentRequest, ErrorPage } from '@fastify-mcp-auth/core'
import { pageHeaders } from '@fastify-mcp-auth/core/pages'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { describeConsent } from './consent-page.ts'
import type { Draw } from './drawing.ts'
import { describeFailure } from './error-page.ts'
import { consentFormAction } from './form-action.ts'
import { type Frame, type FrameContext, frameFor, localeFor } from './frame.ts'
import type { PageLocale } from './locales/languages.ts'
import type { ConsentPage, PageModel } from './model.ts'
import type { ConsentOptions } from './options.ts'

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

export interface Pages {
  /** For a page of one's own. @param name of the app, where the brand has none; the host of the issuer when left out */
  surroundings(request: FastifyRequest, about?: { uiLocales?: readonly string[]; name?: string }): Surroundings
  consentModel(question: ConsentRequest, request: FastifyRequest): ConsentPage
  consent(question: ConsentRequest, reader: Reader): Promise<RenderedPage>
  error(failure: ErrorPage, reader: Reader): Promise<RenderedPage>
  /** Any page, with the headers that protect it. @param formAction where its forms may lead, `'none'` when left out */
  draw(
    model: PageModel,
    reader: Reader,
    needs?: { formAction?: string; images?: readonly string[] }
  ): Promise<RenderedPage>
}

export interface PagesContext extends FrameContext {
  readonly draw: Draw
  readonly issuer: string
  readonly options: ConsentOptions
}

export function createPages(context: PagesContext): Pages {
  const { brand, issuer, options } = context
  const ownHost = new URL(issuer).host
  const brandImages = brand.logoUrl === undefined ? [] : [new URL(brand.logoUrl, issuer).href]
  const surroundings: Pages['surroundings'] = (request, { uiLocales, name = ownHost } = {}) => {
    const locale = localeFor(context, request, uiLocales)
    return { locale, frame: frameFor(context, locale, name) }
  }
  const draw: Pages['draw'] = async (model, { reply }, { formAction = "'none'", images = [] } = {}) => ({
    html: await context.draw(model, reply),
    headers: pageHeaders({ formAction, images: [...brandImages, ...images], sameOrigin: options.sameOrigin })
  })
  const consentModel: Pages['consentModel'] = (question, request) => {
    const { uiLocales, resources } = question
    const { locale, frame } = surroundings(request, { uiLocales, name: resources[0]?.name ?? ownHost })
    return describeConsent(question, frame, { locale, ownHost })
  }
  return {
    surroundings,
    draw,
    consentModel,
    consent: (question, reader) =>
      draw(consentModel(question, reader.request), reader, { formAction: consentFormAction(question.redirect) }),
    error: (failure, reader) => {
      const { frame, locale } = surroundings(reader.request)
      return draw(describeFailure(failure, frame, locale), reader)
    }
  }
}
