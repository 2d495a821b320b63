/**
 * How words reach a page. A catalogue is plain data; values that people or apps chose are never spliced into its text but
 * kept apart as {@link Isolated} parts, so that a template can fence them off with `<bdi>`.
 */
import { chooseLanguage, directionOf, inLanguage, type LocalizedText, type WantedLanguages } from './language.ts'
import type { Message, Messages, Parameters, PartialTranslation } from './messages.ts'

/** A value inside a sentence that somebody else wrote: a name, a host. Show it inside `<bdi>`. */
export interface Isolated {
  readonly value: string
}

/** Text in reading order. Plain strings are ours, {@link Isolated} parts are not. */
export type Sentence = readonly (string | Isolated)[]

/** One language, with all words of a package in it. */
export interface Locale<M extends Messages> {
  /** For the attribute `lang`. */
  readonly lang: string
  readonly dir: 'ltr' | 'rtl'
  /** A message whose values stay apart. Numbers are written as in the language; `count` chooses the plural form. */
  say<K extends keyof M & string>(key: K, parameters: Parameters<M[K]>): Sentence
  /** A message without values. */
  word(key: keyof M & string): string
  /** "Notes", "Notes and Calendar": values that others chose, kept apart from the words between them. */
  list(values: readonly string[]): Sentence
  /** "list notes, search, open": the same as short as it can be said. */
  enumerate(values: readonly string[]): Sentence
  /** The text in this language, or the nearest there is. */
  text(text: LocalizedText): string
  /** "27 Nov 2026", in UTC: nobody told us where the reader is. @param seconds epoch seconds */
  day(seconds: number): string
  /** "3 days ago", "today". @param seconds epoch seconds @param now epoch seconds */
  ago(seconds: number, now: number): string
}

/**
 * @param messages a value for every key; see {@link createLanguages} for catalogues that lack some
 * @param lang language tag
 */
export function createLocale<M extends Messages>(
  lang: string,
  messages: { readonly [K in keyof M]: Message }
): Locale<M> {
  const plural = new Intl.PluralRules(lang)
  const numbers = new Intl.NumberFormat(lang)
  const and = new Intl.ListFormat(lang)
  const comma = new Intl.ListFormat(lang, { type: 'conjunction', style: 'narrow' })
  const days = new Intl.DateTimeFormat(lang, { dateStyle: 'medium', timeZone: 'UTC' })
  const relative = new Intl.RelativeTimeFormat(lang, { numeric: 'auto' })
  const choose = (message: Message, count: unknown): string => {
    if (typeof message === 'string') return message
    return (typeof count === 'number' ? message[plural.select(count)] : undefined) ?? message.other
  }
  const isolate = (list: Intl.ListFormat, values: readonly string[]): Sentence =>
    list.formatToParts(values).map(({ type, value }) => (type === 'element' ? { value } : value))
  return Object.freeze<Locale<M>>({
    lang,
    dir: directionOf(lang),
    say: (key, parameters) => {
      const values: Values = parameters
      return fill(choose(messages[key], values['count']), values, number => numbers.format(number))
    },
    word: key => choose(messages[key], undefined),
    list: values => isolate(and, values),
    enumerate: values => isolate(comma, values),
    text: text => inLanguage(text, lang),
    day: seconds => days.format(seconds * 1000),
    ago: (seconds, now) => {
      const past = Math.min(0, Math.floor(seconds / 86_400) - Math.floor(now / 86_400))
      if (past > -31) return relative.format(past, 'day')
      return past > -366
        ? relative.format(Math.ceil(past / 30.4), 'month')
        : relative.format(Math.ceil(past / 365), 'year')
    }
  })
}

/** All languages of a package. */
export interface Languages<M extends Messages> {
  /** Language tags; the first is the one that speaks when no other is wanted. */
  readonly available: readonly string[]
  /** What was not translated and is said in another language, by language tag. */
  readonly missing: ReadonlyMap<string, readonly string[]>
  choose(wanted: WantedLanguages): Locale<M>
}

/**
 * Lays catalogues over each other: the team's over ours, ours over English. So a missing key is said in the next best language, and
 * is known here, not first when a page needs it.
 *
 * @param base the catalogue of {@link LanguageSources.baseLang}, complete
 */
export function createLanguages<M extends Messages>(base: M, sources: LanguageSources<M>): Languages<M> {
  const { baseLang = 'en', catalogues = {}, changes = {} } = sources
  const tags = [...new Set([baseLang, ...Object.keys(catalogues), ...Object.keys(changes)])]
  const missing = new Map<string, readonly string[]>()
  const locales = new Map(
    tags.map(tag => {
      // What a team says in a tag of its own, `de-AT`, lies over our `de`.
      const ours = tag === baseLang ? base : catalogues[inherited(catalogues, tag)]
      const own = { ...ours, ...changes[tag] }
      const absent = Object.keys(base).filter(key => !Object.hasOwn(own, key))
      if (absent.length > 0) missing.set(tag, absent)
      return [tag, createLocale<M>(tag, { ...base, ...own })] as const
    })
  )
  const fallback = locales.get(baseLang)
  if (fallback === undefined) throw new TypeError(`no catalogue for ${baseLang}`)
  return Object.freeze<Languages<M>>({
    available: tags,
    missing,
    choose: wanted => locales.get(chooseLanguage(tags, wanted) ?? baseLang) ?? fallback
  })
}

/** What {@link createLanguages} is made of, by language tag. */
export interface LanguageSources<M extends Messages> {
  /** `en` when left out. */
  readonly baseLang?: string
  readonly catalogues?: { readonly [languageTag: string]: PartialTranslation<M> }
  /** What a team says differently, or in a language of its own. */
  readonly changes?: { readonly [languageTag: string]: PartialTranslation<M> }
}

function inherited(catalogues: object, tag: string): string {
  return chooseLanguage(Object.keys(catalogues), { uiLocales: [tag] }) ?? tag
}

/** A sentence as plain text, for places without markup such as `<title>`. Values are fenced off by Unicode isolates. */
export function plainText(sentence: Sentence): string {
  return sentence.map(part => (typeof part === 'string' ? part : `\u2068${part.value}\u2069`)).join('')
}

type Values = Record<string, string | number | Sentence>

function fill(text: string, values: Values, format: (number: number) => string): Sentence {
  // The capturing group keeps the names: even places are text, odd places are placeholders.
  return text.split(/\{(\w+)\}/).flatMap((part, index): Sentence => {
    if (index % 2 === 0) return part === '' ? [] : [part]
    const value = values[part]
    if (Array.isArray(value)) return value
    return [typeof value === 'number' ? format(value) : String(value ?? '')]
  })
}
