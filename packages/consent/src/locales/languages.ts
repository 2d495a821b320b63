/** The languages of the pages. A catalogue more is one file and one line here. */
import { createLanguages, type Languages, type Locale, type PartialTranslation } from '@fastify-mcp-auth/core/pages'
import { en } from './en.ts'

/** Every message of the pages, by key. */
export type Words = typeof en

/** Words of the pages in one language. */
export type PageLocale = Locale<Words>

/** @param changes what a team says differently, or in a language of its own, by language tag */
export function pageLanguages(
  changes: { readonly [languageTag: string]: PartialTranslation<Words> } = {}
): Languages<Words> {
  return createLanguages(en, { catalogues: {}, changes })
}
