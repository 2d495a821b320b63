/** The languages of the pages. A catalogue more is one file and one line here. */
import { createLanguages, type Languages, type Locale, type PartialTranslation } from '@fastify-mcp-auth/core/pages'
import { ar } from './ar.ts'
import { de } from './de.ts'
import { en } from './en.ts'
import { es } from './es.ts'
import { fr } from './fr.ts'
import { ja } from './ja.ts'
import { zhHans } from './zh-hans.ts'

/** Every message of the pages, by key. */
export type Words = typeof en

/** Words of the pages in one language. */
export type PageLocale = Locale<Words>

/** Translations that we ship, by language tag. */
export const CATALOGUES: { readonly [languageTag: string]: PartialTranslation<Words> } = {
  de,
  fr,
  es,
  ja,
  ar,
  'zh-Hans': zhHans
}

/** @param changes what a team says differently, or in a language of its own, by language tag */
export function pageLanguages(
  changes: { readonly [languageTag: string]: PartialTranslation<Words> } = {}
): Languages<Words> {
  return createLanguages(en, { catalogues: CATALOGUES, changes })
}
