/** What all pages share: language, brand, style sheet. Worked out for each request. */
import { type BrandOptions, describeBrand, type Languages, type Page } from '@fastify-mcp-auth/core/pages'
import type { FastifyRequest } from 'fastify'
import type { PageLocale, Words } from './locales/languages.ts'

/** A page without what only it can know. */
export type Frame = Omit<Page, 'title'>

export interface FrameContext {
  readonly brand: BrandOptions
  readonly languages: Languages<Words>
  readonly stylesheetUrl: string
}

/**
 * The language of the reader: what the client asked for, then what the browser says.
 *
 * @param uiLocales what the interaction knows; else the parameter `ui_locales` of the request counts
 */
export function localeFor(
  { languages }: Pick<FrameContext, 'languages'>,
  request: FastifyRequest,
  uiLocales?: readonly string[]
): PageLocale {
  return languages.choose({
    uiLocales: uiLocales?.length ? uiLocales : askedInQuery(request),
    acceptLanguage: request.headers['accept-language']
  })
}

/** @param name of the app, where the brand has none */
export function frameFor({ brand, stylesheetUrl }: FrameContext, locale: PageLocale, name: string): Frame {
  const { lang, dir } = locale
  return { version: 1, lang, dir, stylesheetUrl, brand: describeBrand(brand, name, lang) }
}

function askedInQuery({ query }: FastifyRequest): string[] {
  const asked: unknown = typeof query === 'object' && query !== null ? Reflect.get(query, 'ui_locales') : undefined
  return typeof asked === 'string' ? asked.split(' ', 20) : []
}
