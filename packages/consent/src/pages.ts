/** Draws pages: model in, document and headers out. The only place that knows template names. */
import type { ConsentRequest, ErrorPage } from '@fastify-mcp-auth/core'
import { describeConsent } from './consent-page.ts'
import { cleanName, initialOf } from './display-name.ts'
import { describeFailure } from './error-page.ts'
import type { Locale } from './locales/locale.ts'
import type { Brand, Page } from './model.ts'
import type { ConsentOptions } from './options.ts'
import { consentFormAction, pageHeaders } from './page-headers.ts'

export interface RenderedPage {
  readonly html: string
  readonly headers: Record<string, string>
}

export interface Pages {
  consent(request: ConsentRequest): Promise<RenderedPage>
  error(failure: ErrorPage): Promise<RenderedPage>
}

export interface PagesContext {
  readonly render: (template: string, model: Page) => Promise<string>
  readonly brand: NonNullable<ConsentOptions['brand']>
  readonly issuer: string
  readonly stylesheetUrl: string
  readonly locale: Locale
}

export function createPages(context: PagesContext): Pages {
  const { brand, issuer, locale, render } = context
  const ownHost = new URL(issuer).host
  const imageUrl = brand.logoUrl === undefined ? null : new URL(brand.logoUrl, issuer).href
  const page = (name: string): Omit<Page, 'title'> => ({
    lang: locale.lang,
    dir: locale.dir,
    stylesheetUrl: context.stylesheetUrl,
    brand: describeBrand(brand.name ?? name, brand.logoUrl)
  })
  return {
    consent: async request => ({
      html: await render(
        'consent',
        describeConsent(request, page(request.resources[0]?.name ?? ownHost), { locale, ownHost })
      ),
      headers: pageHeaders({ formAction: consentFormAction(request.redirect), imageUrl })
    }),
    error: async failure => ({
      html: await render('error', describeFailure(failure, page(ownHost), locale)),
      headers: pageHeaders({ formAction: "'none'", imageUrl })
    })
  }
}

function describeBrand(name: string, logoUrl: string | undefined): Brand {
  const clean = cleanName(name)
  return { name: clean, initial: initialOf(clean), logoUrl: logoUrl ?? null }
}
