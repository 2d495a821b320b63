/** What every page has, whichever package draws it. */
import type { Static } from 'typebox'
import { Type } from '../type.ts'
import { cleanName, initialOf } from './display-name.ts'
import { inLanguage, type LocalizedText } from './language.ts'

/** Text in one language, or by language tag. */
export const LocalizedTextSchema = Type.Unsafe<LocalizedText>(
  Type.Union([
    Type.String({ minLength: 1 }),
    Type.Record(Type.String({ pattern: '^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$' }), Type.String({ minLength: 1 }), {
      minProperties: 1,
      additionalProperties: false
    })
  ])
)

const LINK = '^(/(?![/\\\\])|https://)[!-~]+$'

const BrandLink = Type.Object(
  {
    /** What it is called, or that by language tag. */
    text: LocalizedTextSchema,
    /** A path on this origin or an https URL. */
    url: Type.String({ pattern: LINK, maxLength: 2048 })
  },
  { additionalProperties: false }
)

/** The option `brand` of every plugin with pages. */
export const BrandOptions = Type.Object(
  {
    /**
     * Name of your app, above every page. Without it the consent page uses the name of the resource, and error pages
     * the host of the issuer.
     */
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 80 })),
    /**
     * Your logo: a path on this origin (`/logo.svg`) or an https URL. The page loads this one image and no other;
     * an https URL on another host tells that host who opens the page.
     */
    logoUrl: Type.Optional(Type.String({ pattern: LINK, maxLength: 2048 })),
    /**
     * Colour of the Allow button, `#rgb` or `#rrggbb`. A readable text colour is worked out, and for links, checks and
     * edges a shade that stands out from the ground, in light and in dark; the boot says where that was necessary.
     */
    accent: Type.Optional(Type.String({ pattern: '^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$' })),
    /** Links below every page: help, privacy, imprint. */
    links: Type.Optional(Type.Array(BrandLink, { maxItems: 8 }))
  },
  { additionalProperties: false }
)

/** The option `brand` of every plugin with pages. */
export type BrandOptions = Static<typeof BrandOptions>

/** Whose page this is: the app's own name, never ours. */
export interface Brand {
  readonly name: string
  /** First letter, for the mark that stands in for a missing logo. */
  readonly initial: string
  readonly logoUrl: string | null
  readonly links: readonly { readonly text: string; readonly url: string }[]
}

/** What every page has; a layout needs nothing else. */
export interface Page {
  /** Changes when a member of any model goes away or changes its meaning. New members may come at any time. */
  readonly version: 1
  /** Language of the words, for `<html lang>`. */
  readonly lang: string
  readonly dir: 'ltr' | 'rtl'
  /** Plain text for `<title>`. */
  readonly title: string
  /** Path of the style sheet; the only place that the page may load styles from. */
  readonly stylesheetUrl: string
  readonly brand: Brand
}

/** @param name stands in for a brand without one */
export function describeBrand(options: BrandOptions, name: string, lang: string): Brand {
  const clean = cleanName(options.name ?? name)
  return {
    name: clean,
    initial: initialOf(clean),
    logoUrl: options.logoUrl ?? null,
    links: (options.links ?? []).map(({ text, url }) => ({ text: inLanguage(text, lang), url }))
  }
}
