/**
 * Which language a person reads: what the app that asks says (`ui_locales`), then what the browser says (`Accept-Language`).
 *
 * @see RFC 4647 section 3.4, RFC 9110 section 12.5.4, OpenID Connect Core section 3.1.2.1 (`ui_locales`)
 */

/** Text for people in one language, or in several by language tag: `{ en: 'Read your notes', de: 'Notizen lesen' }`. */
export type LocalizedText = string | { readonly [languageTag: string]: string }

/** What is known about the wishes of a reader. */
export interface WantedLanguages {
  /** Language tags in the order of preference; they count first. */
  readonly uiLocales?: readonly string[] | undefined
  /** The header of the request. */
  readonly acceptLanguage?: string | undefined
}

// Both come from strangers: nobody reads more languages than this, and nobody needs to send more.
const MAX_LANGUAGES = 20
const MAX_HEADER_LENGTH = 1000

/**
 * The first of the wanted languages that there is, its region or script left out where there is no better one (`de-AT` is served by
 * `de`, `zh-CN` by `zh-Hans`, and `zh-TW` is not).
 *
 * @param available language tags
 * @returns one of them; null when none is wanted
 */
export function chooseLanguage(available: readonly string[], wanted: WantedLanguages): string | null {
  const tags = [...(wanted.uiLocales ?? []).slice(0, MAX_LANGUAGES), ...readAcceptLanguage(wanted.acceptLanguage)]
  for (const tag of tags) {
    const found = lookUp(available, tag)
    if (found !== null) return found
  }
  return null
}

/** The language tags of the header, the most wanted first. What cannot be read is left out. */
export function readAcceptLanguage(header = ''): string[] {
  return header
    .slice(0, MAX_HEADER_LENGTH)
    .split(',')
    .slice(0, MAX_LANGUAGES)
    .map(range => {
      const [, tag = '', quality = '1'] = /^\s*([A-Za-z0-9-]+)\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?$/.exec(range) ?? []
      return { tag, quality: Number(quality) }
    })
    .filter(({ tag, quality }) => tag !== '' && quality > 0)
    .toSorted((a, b) => b.quality - a.quality)
    .map(({ tag }) => tag)
}

/** Text in a language: the same one, else one of another region, else English, else the first there is. */
export function inLanguage(text: LocalizedText, lang: string): string {
  if (typeof text === 'string') return text
  const tags = Object.keys(text)
  const tag = lookUp(tags, lang) ?? lookUp(tags, 'en') ?? tags[0]
  return tag === undefined ? '' : (text[tag] ?? '')
}

/** Text in every language that it has. */
export function inEveryLanguage(text: LocalizedText): string[] {
  return typeof text === 'string' ? [text] : Object.values(text)
}

/** Several texts as one, each once: "Read notes · Read tasks", in every language that one of them has. */
export function joinTexts(texts: readonly LocalizedText[]): LocalizedText {
  const tags = [...new Set(texts.flatMap(text => (typeof text === 'string' ? [] : Object.keys(text))))]
  const joined = (lang: string): string => [...new Set(texts.map(text => inLanguage(text, lang)))].join(' · ')
  return tags.length === 0 ? joined('en') : Object.fromEntries(tags.map(tag => [tag, joined(tag)]))
}

/** Each once, in the order of their English words. */
export function sortTexts(texts: readonly LocalizedText[]): LocalizedText[] {
  const byWords = new Map(texts.map(text => [JSON.stringify(text), text]))
  return [...byWords.values()].toSorted((a, b) => (inLanguage(a, 'en') < inLanguage(b, 'en') ? -1 : 1))
}

const RIGHT_TO_LEFT = new Set(['Adlm', 'Arab', 'Hebr', 'Mand', 'Mend', 'Nkoo', 'Rohg', 'Samr', 'Syrc', 'Thaa'])

/** Reading direction of a language, by the script that it is written in. */
export function directionOf(lang: string): 'ltr' | 'rtl' {
  return RIGHT_TO_LEFT.has(likely(lang)?.script ?? '') ? 'rtl' : 'ltr'
}

/** @returns the member of `available` that serves the tag, or null */
export function lookUp(available: readonly string[], tag: string): string | null {
  const parts = tag.toLowerCase().split('-')
  for (let length = parts.length; length > 0; length--) {
    const shorter = parts.slice(0, length).join('-')
    const found = available.find(one => one.toLowerCase() === shorter)
    if (found !== undefined) return found
  }
  const wanted = likely(tag)
  if (wanted === null) return null
  // `zh-CN` does not begin like `zh-Hans`, but means it.
  const sameScript = available.find(one => {
    const other = likely(one)
    return other !== null && other.language === wanted.language && other.script === wanted.script
  })
  return sameScript ?? null
}

/** With the script and the region that are most likely; null for what is no language tag. */
function likely(tag: string): Intl.Locale | null {
  try {
    return new Intl.Locale(tag).maximize()
  } catch {
    return null
  }
}
